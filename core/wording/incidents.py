"""What is said of what keeps failing: its alert, edited as it goes on; reminders, pauses, the recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from core.commands import Command, Name, spell
from core.incidents import Incident
from core.jobs import Job
from core.messages import Block, Button, Facts, Message, Paragraph, Tone
from core.views import BatchView
from core.wording import batches, words


@dataclass(frozen=True, slots=True)
class Around:
    """What an alert needs beside its batch and its incident: whose clock, and the people by name.

    `owner` is the number of the job's owner, where they are known here.
    """

    zone: ZoneInfo
    names: dict[int, str]
    owner: int | None = None


def alert(view: BatchView, incident: Incident, around: Around) -> Message:
    """F: the newest failure of an incident with how it goes on, until it is over."""
    if incident.ended_at is not None:
        return _over(view, incident, around)
    made = batches.alert(view)
    blocks: list[Block] = [*made.blocks]
    title, text = made.title, made.text
    if incident.failures > 1:
        times = f"Failed {incident.failures:,} times since {_since(view, incident, around)}"
        title = f"{times}: {view.job.label} · #{view.batch.number}"
        text = f"{times}: {made.text}"
    if facts := _course(view, incident, around):
        blocks.append(Facts(tuple(facts)))
    if _holds_up(view, incident):
        blocks.append(Paragraph(_paused(view.job, incident)))
    return replace(
        made,
        title=title,
        text=text,
        blocks=tuple(blocks),
        buttons=(*made.buttons, *_buttons(view, incident)),
        mentions=_mentions(view, around),
    )


def of_batch(view: BatchView, incident: Incident | None, around: Around) -> Message:
    """The alert at the message of a batch that somebody started: it stays about that batch, and says how
    what it belongs to goes on."""
    made = batches.alert(view)
    if incident is None:
        return made
    blocks: list[Block] = [*made.blocks]
    if incident.ended_at is not None:
        blocks.append(Paragraph(f"It works again since #{incident.ended_by}."))
    elif incident.failures > 1:
        since = _since(view, incident, around)
        newest = f"; the newest is #{incident.last_batch}" if incident.last_batch != view.batch.number else ""
        blocks.append(Paragraph(f"Failed {incident.failures:,} times since {since}{newest}."))
    if incident.acked_by is not None:
        blocks.append(Facts((_acked(incident, around),)))
    if _holds_up(view, incident):
        blocks.append(Paragraph(_paused(view.job, incident)))
    return replace(made, blocks=tuple(blocks), buttons=(*made.buttons, *_buttons(view, incident)))


def reminder(view: BatchView, incident: Incident, around: Around) -> Message:
    """It still fails, and nobody has said that they look after it."""
    lasted = words.lasted(view.now - incident.opened_at)
    failures = words.count(incident.failures, "failure")
    who = "Nobody looks after it yet." if incident.acked_by is None else f"{_who(incident, around)} is on it."
    text = f"Still failing: {view.job.label}, {failures} in {lasted}. {who}"
    if incident.ended_at is not None:
        text = f"Over by now: {view.job.label}, after {failures} in {_lasted(incident)}."
    return Message(
        text=text,
        tone=Tone.FAILURE if incident.ended_at is None else Tone.NEUTRAL,
        buttons=(_view(view.batch.number), *_buttons(view, incident)),
        mentions=_mentions(view, around),
    )


def paused(view: BatchView, incident: Incident, around: Around) -> Message:
    """Too many failures in a row: it does nothing by itself until somebody lets it go on."""
    text = _paused(view.job, incident)
    return Message(
        text=text,
        title=f"Paused: {view.job.label}",
        tone=Tone.WARNING,
        blocks=(Paragraph(text),),
        buttons=(_resume(view.job), _view(view.batch.number)),
        mentions=_mentions(view, around),
    )


def recovered(view: BatchView, ended: Sequence[Incident]) -> Message:
    """It works again; `view` is what succeeded, `ended` what is over with it."""
    failures = words.count(sum(one.failures for one in ended), "failure")
    lasted = _length(min(one.opened_at for one in ended), max(one.ended_at or view.now for one in ended))
    number = view.batch.number
    text = f"Recovered: {view.job.label} · #{number} succeeded after {failures}, {lasted}."
    blocks: list[Block] = []
    buttons: tuple[Button, ...] = (_view(number),)
    if view.job.paused_at is not None:
        blocks.append(Paragraph(f"What it does by itself is still paused: {view.job.paused_why}."))
        buttons = (_resume(view.job), *buttons)
    return Message(
        text=text,
        tone=Tone.SUCCESS,
        blocks=tuple(blocks),
        buttons=buttons,
        mentions=tuple(
            str(one) for one in sorted({one.acked_by for one in ended if one.acked_by is not None})
        ),
    )


def retrying(view: BatchView, run_id: str, attempt: int) -> Message:
    """An attempt failed and another follows: told where the job wants to hear of each."""
    run = next(one for one in view.runs if one.id == run_id)
    label = f"#{view.batch.number}" if view.single else run.label
    most = view.version.job.retry.attempts
    why = view.failure(run, attempt=attempt)
    text = f"Attempt {attempt} of {most} failed: {view.job.label} · {label}."
    text += f" {why.sentence}" if why else ""
    return Message(
        text=text,
        tone=Tone.WARNING,
        blocks=(Paragraph("Another attempt follows."),),
        buttons=(_view(view.batch.number),),
    )


def acked(job: Job, found: Sequence[Incident], name: str, note: str) -> Message:
    """The answer to `ack`."""
    failures = words.count(sum(one.failures for one in found), "failure")
    text = f"{name} looks after {job.name}, which has {failures} since it last worked"
    text += f": {note}." if note else "."
    return Message(
        text=text,
        title="Looked after",
        blocks=(Paragraph(text), Paragraph("You are not reminded of it any more; its recovery is told.")),
        buttons=(_view(found[-1].last_batch),),
    )


def _over(view: BatchView, incident: Incident, around: Around) -> Message:
    failures = words.count(incident.failures, "failure")
    text = f"Recovered: {view.job.label} · after {failures}, {_lasted(incident)}"
    facts = [*_course(view, incident, around), ("last failure", f"#{incident.last_batch}")]
    if incident.ended_by is not None:
        facts.append(("succeeded", f"#{incident.ended_by}"))
    return Message(
        text=text,
        title=text,
        tone=Tone.SUCCESS,
        blocks=(Facts(tuple(facts)),),
        buttons=(_view(incident.ended_by or incident.last_batch),),
    )


def _course(view: BatchView, incident: Incident, around: Around) -> list[tuple[str, str]]:
    facts = []
    if incident.failures > 1:
        facts.append(("first failure", f"#{incident.first_batch}, {_since(view, incident, around)}"))
    if incident.acked_by is not None:
        facts.append(_acked(incident, around))
    return facts


def _acked(incident: Incident, around: Around) -> tuple[str, str]:
    note = f": {incident.ack_note}" if incident.ack_note else ""
    return "looked after by", f"{_who(incident, around)}{note}"


def _holds_up(view: BatchView, incident: Incident) -> bool:
    """Its failures paused the job, which nobody has resumed yet."""
    return incident.paused_at is not None and view.job.paused_at is not None


def _since(view: BatchView, incident: Incident, around: Around) -> str:
    """`08:00` where that was today, else with its date."""
    at = incident.opened_at.astimezone(around.zone)
    same_day = at.date() == view.now.astimezone(around.zone).date()
    return f"{at:%H:%M}" if same_day else words.moment(incident.opened_at, around.zone)


def _lasted(incident: Incident) -> str:
    return _length(incident.opened_at, incident.ended_at or incident.last_at)


def _length(start: datetime, end: datetime) -> str:
    return words.lasted(end - start)


def _paused(job: Job, incident: Incident) -> str:
    why = job.paused_why or f"{incident.failures} failures in a row"
    return f"{job.label} is paused: {why}. It can still be run by hand; Resume lets it go on by itself."


def _who(incident: Incident, around: Around) -> str:
    return around.names.get(incident.acked_by or 0, "Somebody")


def _mentions(view: BatchView, around: Around) -> tuple[str, ...]:
    """Who is notified: the requester; of what runs by itself, its owner."""
    who = view.batch.member if view.batch.member is not None else around.owner
    return (str(who),) if who is not None else ()


def _buttons(view: BatchView, incident: Incident) -> tuple[Button, ...]:
    made = []
    if incident.ended_at is None and incident.acked_by is None:
        made.append(Button("I look after it", spell(Command(Name.ACK, (f"#{incident.last_batch}",)))))
    if _holds_up(view, incident):
        made.append(_resume(view.job))
    return tuple(made)


def _resume(job: Job) -> Button:
    return Button("Resume", spell(Command(Name.RESUME, (job.name,))), style="primary")


def _view(number: int) -> Button:
    return Button("View", spell(Command(Name.SHOW, (f"#{number}",))))
