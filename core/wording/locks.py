"""What is said of a job's lock: who holds it, since when, who waits, and that it was broken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.commands import Command, Name, spell
from core.holding import Held, Seat
from core.jobs import Job
from core.messages import Block, Button, Facts, Message, Paragraph, Tone
from core.views import BatchView
from core.wording import words


def held(
    job: Job, found: Sequence[Held], views: Sequence[BatchView], line: Sequence[int], now: datetime
) -> Message:
    """Holders and their age, and who waits behind them."""
    if not found:
        text = f"Nobody holds the lock of {job.name}."
        if job.job.overlap.policy == "allow":
            text = f"{job.name} has no lock: its runs may overlap."
        return Message(text=text, blocks=(Paragraph(text),))
    text = _holder(job, found, now)
    blocks: list[Block] = [Paragraph(text), *(_facts(one, view, now) for one, view in _pairs(found, views))]
    if line:
        numbers = [f"#{number}" for number in line[:10]]
        more = f" and {len(line) - 10} more" if len(line) > 10 else ""
        waits = "waits" if len(line) == 1 else "wait"
        blocks.append(Paragraph(f"{', '.join(numbers)}{more} {waits} for it."))
    first = f"#{found[0].batch.number}"
    buttons = (_button("View", Name.SHOW, first), _cancel(job, first))
    return Message(text=text, title=f"Lock of {job.name}", blocks=tuple(blocks), buttons=buttons)


def unlocking(job: Job, found: Sequence[Held], views: Sequence[BatchView], now: datetime) -> Message:
    """Whether it is really to be broken."""
    if not found:
        text = f"Nobody holds the lock of {job.name}: there is nothing to break."
        return Message(text=text, blocks=(Paragraph(text),))
    text = f"{_holder(job, found, now)} Break it?"
    warning = (
        "Its runs are ended here, and what they still report is refused. What they do outside may go on for "
        "a moment: cancel is gentler, and is enough where the holder can be reached."
    )
    facts = [_facts(one, view, now) for one, view in _pairs(found, views)]
    first = f"#{found[0].batch.number}"
    line = spell(Command(Name.UNLOCK, (job.name,), flags=frozenset({"yes"})))
    return Message(
        text=text,
        title=f"Break the lock of {job.name}?",
        tone=Tone.WARNING,
        blocks=(Paragraph(text), *facts, Paragraph(warning)),
        buttons=(Button("Break the lock", line, style="danger"), _cancel(job, first)),
    )


def broken(job: Job, found: Sequence[Held], now: datetime) -> Message:
    """It was."""
    numbers = words.listing([f"#{one.batch.number}" for one in found])
    age = words.lasted(now - min(one.since for one in found))
    ended = "is ended" if len(found) == 1 else "are ended"
    text = f"The lock of {job.name} is broken: {numbers} held it for {age}, and {ended}."
    first = _button("View", Name.SHOW, f"#{found[0].batch.number}")
    return Message(text=text, tone=Tone.WARNING, blocks=(Paragraph(text),), buttons=(first,))


def _holder(job: Job, found: Sequence[Held], now: datetime) -> str:
    first = found[0]
    age = words.lasted(now - first.since)
    if len(found) == 1:
        return f"#{first.batch.number} has held the lock of {job.name} for {age}."
    numbers = words.listing([f"#{one.batch.number}" for one in found])
    return f"{numbers} hold parts of the lock of {job.name}, the oldest for {age}."


def _facts(one: Held, view: BatchView, now: datetime) -> Facts:
    items = [
        ("batch", f"#{one.batch.number}"),
        ("started by", view.starter),
        ("held for", words.lasted(now - one.since)),
        ("done", f"{one.batch.done} of {one.batch.total}"),
    ]
    items += [("runs on", _seat(seat, now)) for seat in one.seats]
    return Facts(tuple(items))


def _seat(seat: Seat, now: datetime) -> str:
    runs = words.count(seat.runs, "run")
    if seat.alive_until < now:
        return f"{seat.worker} ({runs}), which has been silent for {words.lasted(now - seat.alive_until)}"
    return f"{seat.worker} ({runs})"


def _pairs(found: Sequence[Held], views: Sequence[BatchView]) -> list[tuple[Held, BatchView]]:
    by_number = {view.batch.number: view for view in views}
    return [(one, by_number[one.batch.number]) for one in found]


def _cancel(job: Job, target: str) -> Button:
    return _button("Cancel", Name.CANCEL, target, confirm=f"Cancel {job.name} {target}?")


def _button(label: str, name: Name, target: str, *, confirm: str = "") -> Button:
    return Button(label, spell(Command(name, (target,))), confirm=confirm)
