"""What a digest says, and what is said of digests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from core.commands import Command, Name, spell
from core.digests import USUAL, Digest
from core.editions import SHOWN, Absent, Coming, Edition, Lost, Moved, Ran, Slow, Trouble
from core.messages import Block, Button, Cell, Column, Message, Paragraph, Table, Tone
from core.outcomes import Outcome
from core.wording import words

VIEWS = 4  # buttons


def post(digest: Digest, edition: Edition) -> Message:
    """A digest, as far as it fits into one message."""
    return _message(digest.name, digest.place, edition, 0, SHOWN)


def rest(digest: Digest, edition: Edition) -> Message:
    """What did not fit, for the thread of the digest."""
    blocks = tuple(_blocks(edition, SHOWN, None))
    text = f"The rest of the digest {digest.name}"
    return Message(text=text, blocks=blocks or (Paragraph("There is no more by now."),))


def now(name: str, place: str, edition: Edition) -> Message:
    """What a digest would say now, all of it."""
    return _message(name, place, edition, 0, None)


def saved(digest: Digest, edition: Edition, now: datetime, reader: ZoneInfo) -> Message:
    """It is posted here from now on."""
    zone = digest.table.zone
    described = digest.table.expression.describe()
    called = "A digest" if digest.name == USUAL else f"The digest {digest.name}"
    text = f"{called} is posted here {described} ({zone.key}), about {_chosen(digest)}."
    at = digest.next_at
    following = ""
    if at is not None:
        elsewhere = "" if zone.key == reader.key else f", {words.instant(at, reader)} {reader.key}"
        following = f"Next on {words.instant(at, zone)}{elsewhere}, in {words.lasted(at - now)}."
    blocks = [Paragraph(text), *([Paragraph(following)] if following else [])]
    blocks += [
        Paragraph(one) for one in (*digest.table.expression.notes, *digest.table.expression.warnings(now))
    ]
    if not edition.jobs:
        blocks.append(Paragraph(_NO_JOB))
    return Message(
        text=text,
        title="Digest saved",
        tone=Tone.SUCCESS,
        blocks=tuple(blocks),
        buttons=(_now(digest.name), _off(digest.name)),
    )


def off(found: Sequence[Digest]) -> Message:
    """They are not posted any more."""
    names = words.listing([one.name for one in found])
    text = f"The digests {names} are off: nothing more is posted here."
    if len(found) == 1:
        name = "" if names == USUAL else f" {names}"
        text = f"The digest{name} is off: it is not posted here any more."
    return Message(text=text, title="Digest off", tone=Tone.SUCCESS, blocks=(Paragraph(text),))


def listing(found: Sequence[Digest], reader: ZoneInfo, *, here: bool) -> Message:
    """Digests with their channels and next instants."""
    where = "in this channel" if here else "yet"
    if not found:
        text = f"There is no digest {where}."
        return Message(
            text=text, blocks=(Paragraph(text), Paragraph("Make one with: digest every weekday at 9"))
        )
    rows: list[tuple[Cell, ...]] = [
        (
            one.name,
            one.place,
            f"{one.table.expression.describe()} ({one.table.zone.key})",
            _chosen(one),
            words.instant(one.next_at, reader) if one.next_at else "over",
        )
        for one in found
    ]
    text = words.count(len(found), "digest")
    columns = tuple(Column(title) for title in ("digest", "channel", "when", "about", f"next ({reader.key})"))
    buttons = (_now(found[0].name), _off(found[0].name)) if here and len(found) == 1 else ()
    table = Table(columns, tuple(rows), total_rows=len(rows), shown_rows=50, shown_columns=len(columns))
    return Message(text=text, title=text, blocks=(table,), buttons=buttons)


def gone() -> Message:
    """The digest that was to be posted is no more."""
    text = "This digest was removed before it was posted."
    return Message(text=text, blocks=(Paragraph(text),))


_NO_JOB = (
    "No job belongs to this channel so far: none has its schedule here, and nothing was posted here lately. "
    "Say which jobs it is about: digest every weekday at 9 jobs=weekly-report, or tag=marketing, or jobs=*"
)


def _message(name: str, place: str, edition: Edition, first: int, last: int | None) -> Message:
    span = edition.span
    since = words.moment(span.since, span.zone, now=span.until)
    until = words.moment(span.until, span.zone)
    ran, failed = sum(one.batches for one in edition.ran), sum(one.failed for one in edition.ran)
    failing = [one for one in edition.troubles if one.open]
    batches = f"{ran:,} {'batch' if ran == 1 else 'batches'}"
    if failed:
        outcome = f"{failed:,} of {batches} failed"
    elif failing:
        outcome = f"{words.count(len({one.job.pk for one in failing}), 'job')} still failing; {batches} ran"
    elif ran:
        outcome = f"All went well: {batches} of {words.count(len(edition.ran), 'job')}"
    else:
        outcome = "Nothing ran"
    text = f"{outcome} since {since}"
    blocks: list[Block] = [Paragraph(f"{since[:1].upper()}{since[1:]} to {until} ({span.zone.key})")]
    if not edition.jobs:
        blocks.append(Paragraph(_NO_JOB))
    elif edition.nothing:
        blocks.append(Paragraph("Nothing ran, failed, was skipped or missed."))
    blocks += _blocks(edition, first, last)
    if last is not None and edition.long:
        blocks.append(Paragraph("The rest is in the thread."))
    title = f"{outcome} · {name} of {place}"
    bad = bool(failed or failing or edition.lost)
    tone = Tone.WARNING if bad else Tone.SUCCESS if ran else Tone.NEUTRAL
    return Message(text=text, title=title, tone=tone, blocks=tuple(blocks), buttons=_views(edition))


def _blocks(edition: Edition, first: int, last: int | None) -> list[Block]:
    """The parts in their order, each from its line `first` on and before `last`."""
    span = edition.span
    made: list[Block] = []

    def part(title: str, lines: list[str]) -> None:
        if lines:
            made.append(Paragraph("\n".join([title, *(f"• {line}" for line in lines)])))

    part("Failing or recovered", [_trouble(one, edition) for one in edition.troubles[first:last]])
    part("Did not start", [_absent(one) for one in edition.absent[first:last]])
    if shown := edition.ran[first:last]:
        made.append(_table(shown, len(edition.ran)))
    part("Notable changes", [_moved(one) for one in edition.moved[first:last]])
    part("Slower than usual", [_slow(one) for one in edition.slow[first:last]])
    part("Not delivered for certain", [_lost(one) for one in edition.lost[first:last]])
    part("Next", [_coming(one, span.until, span.zone) for one in edition.coming[first:last]])
    return made


def _table(ran: Sequence[Ran], total: int) -> Table:
    titles = ["job", "ran", "failed", "quiet", "cancelled", "newest"]
    rows = [
        (one.job.label, one.batches, one.failed, one.quiet, one.cancelled, f"#{one.newest}") for one in ran
    ]
    kept = [place for place in range(len(titles)) if place not in (3, 4) or any(row[place] for row in rows)]
    numbers = {"ran", "failed", "quiet", "cancelled"}
    return Table(
        columns=tuple(Column(titles[at], "integer" if titles[at] in numbers else "text") for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in rows),
        total_rows=len(rows) if len(rows) < SHOWN else total,
        shown_rows=max(len(rows), 1),
        shown_columns=len(kept),
    )


def _trouble(one: Trouble, edition: Edition) -> str:
    span, incident = edition.span, one.incident
    failures = words.count(incident.failures, "failure")
    since = words.moment(incident.opened_at, span.zone, now=span.until)
    if not one.open:
        length = words.lasted((incident.ended_at or span.until) - incident.opened_at)
        return f"{one.job.label}: recovered with #{incident.ended_by} after {failures}, {length}"
    said = f"{one.job.label}: {failures} since {since}, the newest is #{incident.last_batch}"
    if incident.acked_by is not None:
        note = f" ({incident.ack_note})" if incident.ack_note else ""
        said += f"; {edition.names.get(incident.acked_by, 'somebody')} looks after it{note}"
    if incident.paused_at is not None and one.job.paused_at is not None:
        said += "; it is paused"
    return said


def _absent(one: Absent) -> str:
    verb = "missed" if one.outcome == Outcome.MISSED else "skipped"
    reason = f": {one.reason}" if one.reason else ""
    return f"{one.job.label} ({one.schedule}): {words.count(one.number, 'start')} {verb}{reason}"


def _moved(one: Moved) -> str:
    change = one.change
    before, after = (
        words.number(value, change.format, change.unit) for value in (change.before, change.after)
    )
    name = change.label.replace("_", " ")
    return f"{one.job.label}: {name} {before} → {after} ({words.change(change.relative)}), #{one.batch}"


def _slow(one: Slow) -> str:
    return f"{one.job.label}: #{one.batch} took {words.lasted(one.took)}, usually {words.lasted(one.usually)}"


def _lost(one: Lost) -> str:
    messages = words.count(one.number, "message")
    return f"{one.job.label}: {messages} to {one.place}{f': {one.why}' if one.why else ''}"


def _coming(one: Coming, now: datetime, zone: ZoneInfo) -> str:
    at = words.moment(one.at, zone, now=now)
    return f"{at}: {one.job.label} ({one.schedule}){', paused: it will be skipped' if one.paused else ''}"


def _views(edition: Edition) -> tuple[Button, ...]:
    """What failed first, then the newest of what ran."""
    failing = [one.incident.last_batch for one in edition.troubles if one.open]
    numbers = dict.fromkeys([*failing, *(one.newest for one in edition.ran)])
    return tuple(
        Button(f"View #{number}", spell(Command(Name.SHOW, (f"#{number}",))))
        for number in list(numbers)[:VIEWS]
    )


def _chosen(digest: Digest) -> str:
    chosen = digest.chosen
    if chosen.everything:
        return "every job"
    parts = [words.count(len(chosen.jobs), "chosen job")] if chosen.jobs else []
    parts += [f"the tag {tag}" for tag in chosen.tags]
    return words.listing(parts) if parts else "the jobs of this channel"


def _now(name: str) -> Button:
    return Button("Show it now", spell(Command(Name.DIGEST, text="now", options={"name": name})))


def _off(name: str) -> Button:
    line = spell(Command(Name.DIGEST, text="off", options={"name": name}))
    return Button("Off", line, style="danger", confirm=f"Post the digest {name} no more?")
