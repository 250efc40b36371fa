"""What is said of schedules: before one is saved, after it, in a list; of pauses and backfills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core import times
from core.backfills import Backfill
from core.commands import Command, Name, spell
from core.jobs import Job
from core.messages import Block, Button, Cell, Column, Facts, Message, Paragraph, Table, Tone
from core.pauses import Resumed
from core.scheduled import Schedule
from core.timetables import Timetable
from core.wording import words

PAGE = 15  # schedules of one list
SHOWN = 5  # instants of a preview


def preview(
    job: Job,
    name: str,
    table: Timetable,
    given: Mapping[str, str],
    now: datetime,
    reader: ZoneInfo,
    line: str,
) -> Message:
    """What would be saved: in words, with the next instants and what clocks do to them."""
    text = f"{job.name} would run {table.expression.describe()} ({table.zone.key})."
    blocks: list[Block] = [Paragraph(text), *upcoming_blocks(table, now, reader)]
    blocks += [Paragraph(one) for one in (*table.expression.notes, *table.expression.warnings(now))]
    if given:
        blocks.append(Facts(tuple(given.items())))
    buttons = (Button("Save", line, style="primary"),) if line else ()
    if not line:
        blocks.append(Paragraph("Say it again with --yes to save it."))
    called = f" as {name}" if name else ""
    return Message(text=text, title=f"Save this schedule{called}?", blocks=tuple(blocks), buttons=buttons)


def saved(job: Job, schedule: Schedule, now: datetime, reader: ZoneInfo) -> Message:
    """It runs by itself from now on."""
    table = schedule.timetable
    text = f"{job.name} runs {table.expression.describe()} ({table.zone.key}), as {schedule.name}."
    return Message(
        text=text,
        title="Scheduled",
        tone=Tone.SUCCESS,
        blocks=(Paragraph(text), *upcoming_blocks(table, now, reader)),
        buttons=(
            Button("Remove", spell(Command(Name.UNSCHEDULE, (job.name, schedule.name))), style="danger"),
            Button("Schedules", spell(Command(Name.SCHEDULES, (job.name,)))),
        ),
    )


def removed(job: Job, gone: Sequence[Schedule]) -> Message:
    """They are off."""
    names = words.listing([one.name for one in gone])
    text = f"{job.name} has no schedule {names} any more."
    if len(gone) > 1:
        text = f"{job.name} does not run by itself any more: {names} are removed."
    return _done(text, "Removed")


def listing(
    found: Sequence[tuple[Job, Schedule]], reader: ZoneInfo, page: int, job: Job | None, paused: str
) -> Message:
    """Schedules with their next instants, what is due first first."""
    of = f" of {job.name}" if job else ""
    if not found:
        hint = f"schedule {job.name if job else 'NAME'} every weekday at 8"
        text = f"There are no schedules{of}."
        return Message(text=text, blocks=(Paragraph(text), Paragraph(f"Make one with: {hint}")))
    shown = found[(page - 1) * PAGE : page * PAGE]
    rows: list[tuple[Cell, ...]] = [
        (job.name, one.name, _words(one), _state(job, one, reader)) for job, one in shown
    ]
    text = f"{words.count(len(found), 'schedule')}{of}"
    blocks: list[Block] = [Paragraph(paused)] if paused else []
    titles = ("job", "schedule", "when", "next")
    blocks.append(
        Table(tuple(Column(one) for one in titles), tuple(rows), total_rows=len(found), shown_rows=PAGE)
    )
    buttons: tuple[Button, ...] = ()
    if page * PAGE < len(found):
        words_ = (job.name,) if job else ()
        more = Command(Name.SCHEDULES, words_, options={"page": str(page + 1)})
        buttons = (Button("More", spell(more)),)
    return Message(text=text, title=text, blocks=tuple(blocks), buttons=buttons)


def upcoming(table: Timetable, now: datetime, count: int, reader: ZoneInfo) -> Message:
    """An expression in words, with its next instants."""
    described = table.expression.describe()
    text = f"{described[:1].upper()}{described[1:]} ({table.zone.key})"
    blocks: list[Block] = [Paragraph(text), *upcoming_blocks(table, now, reader, count)]
    blocks += [Paragraph(one) for one in (*table.expression.notes, *table.expression.warnings(now))]
    return Message(text=text, title="Next", blocks=tuple(blocks))


def next_of(
    job: Job, found: Sequence[Schedule], now: datetime, count: int, reader: ZoneInfo, paused: str
) -> Message:
    """When a job is due next, schedule by schedule."""
    if not found:
        text = f"{job.name} has no schedule."
        return Message(
            text=text,
            blocks=(Paragraph(text), Paragraph(f"Make one: schedule {job.name} every weekday at 8")),
        )
    first = min((at for one in found if (at := one.next_at) is not None), default=None)
    text = f"{job.name} is not due any more."
    if first is not None:
        zone = next(one.timetable.zone for one in found if one.next_at == first)
        text = f"{job.name} is due next on {words.due(first, zone, reader)}."
    if paused:
        text = f"{text} {paused}"
    blocks: list[Block] = [Paragraph(text)]
    for one in found:
        blocks.append(Paragraph(f"{one.name}: {_words(one)}"))
        blocks += upcoming_blocks(one.timetable, max(now, one.settled_until), reader, count)
    return Message(text=text, title=f"Next of {job.name}", blocks=tuple(blocks))


def paused(job: Job, schedule: Schedule | None, why: str) -> Message:
    """It does nothing by itself for now."""
    what = f"The schedule {schedule.name} of {job.name}" if schedule else f"What {job.name} does by itself"
    text = f"{what} is paused{f': {why}' if why else ''}. It can still be run by hand."
    command = Command(Name.RESUME, (job.name, schedule.name) if schedule else (job.name,))
    return Message(
        text=text,
        title="Paused",
        tone=Tone.WARNING,
        blocks=(Paragraph(text),),
        buttons=(Button("Resume", spell(command), style="primary"),),
    )


def resumed(job: Job, schedule: Schedule | None, done: Resumed, next_at: str, *, catch_up: bool) -> Message:
    """It goes on, and what became of the instants of the pause."""
    text = f"{job.name} goes on{f' with {schedule.name}' if schedule else ''}. {next_at}".strip()
    blocks: list[Block] = [Paragraph(text)]
    target = (job.name, schedule.name) if schedule else (job.name,)
    buttons: tuple[Button, ...] = ()
    if done.batches:
        numbers = words.listing([f"#{number}" for number in done.batches])
        blocks.append(Paragraph(f"Caught up with {numbers}."))
    elif done.refused:
        blocks.append(Paragraph(f"Nothing was caught up: {'; '.join(done.refused)}."))
    elif done.skipped and not catch_up:
        skipped = f"{words.count(done.skipped, 'start')} {'was' if done.skipped == 1 else 'were'} skipped"
        blocks.append(Paragraph(f"{skipped} in the pause, and will not be run unless you ask for it."))
        line = spell(Command(Name.RESUME, target, flags=frozenset({"catch-up"})))
        buttons = (Button("Catch up", line),)
    return Message(text=text, title="Resumed", tone=Tone.SUCCESS, blocks=tuple(blocks), buttons=buttons)


def everything_paused(why: str) -> Message:
    """Nothing new starts."""
    text = (
        f"Everything is paused{f': {why}' if why else ''}. Nothing new starts; what runs goes on to its end."
    )
    button = Button("Resume everything", "resume --everything", style="primary")
    return Message(text=text, title="Paused", tone=Tone.WARNING, blocks=(Paragraph(text),), buttons=(button,))


def everything_resumed() -> Message:
    """Everything goes on."""
    return _done("Everything goes on. What was due in the pause was skipped.", "Resumed")


def backfill(job: Job, planned: Backfill, zone: ZoneInfo, line: str) -> Message:
    """What a backfill would run; `line` starts it, empty where it was only asked what it would be."""
    first, last = (words.instant(at, zone) for at in (planned.instants[0], planned.instants[-1]))
    runs, instants = words.count(planned.runs, "run"), words.count(len(planned.instants), "instant")
    text = f"{job.name} would run for {instants} of {planned.schedule.name}: {runs}, {first} to {last}."
    blocks: list[Block] = [Paragraph(text)]
    if planned.left_out:
        blocks.append(Paragraph(f"{planned.left_out} more are on holidays or days off, and left out."))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (words.instant(at, zone), f"{at:%Y-%m-%d %H:%M}Z") for at in planned.instants
    )
    blocks.append(Table((Column(zone.key), Column("UTC")), rows, total_rows=len(rows), shown_rows=10))
    at_once = min(planned.wish.cap, planned.runs)
    if at_once > 1:
        blocks.append(Paragraph(f"At most {at_once} of them at once."))
    buttons = (Button(f"Start {runs}", line, style="primary"),) if line else ()
    return Message(
        text=text, title=f"Backfill {job.name}?" if line else "Dry run", blocks=tuple(blocks), buttons=buttons
    )


def upcoming_blocks(
    table: Timetable, after: datetime, reader: ZoneInfo, count: int = SHOWN
) -> tuple[Block, ...]:
    """The next instants, in the schedule's zone and, where it differs, in the reader's; and clock changes."""
    instants = list(table.between(after, None, limit=count))
    if not instants:
        return (Paragraph("It is not due any more."),)
    differs = any(
        at.astimezone(reader).utcoffset() != at.astimezone(table.zone).utcoffset() for at in instants
    )
    other = reader if differs else ZoneInfo("UTC")
    rows: list[tuple[Cell, ...]] = []
    off = [table.left_out(at) for at in instants]
    for at, why in zip(instants, off, strict=True):
        row: tuple[Cell, ...] = (words.instant(at, table.zone), words.instant(at, other))
        rows.append((*row, f"skipped: {why}" if why else "") if any(off) else row)
    titles = [table.zone.key, other.key, *(["note"] if any(off) else [])]
    if table.zone.key == other.key:
        titles, rows = [titles[0], *titles[2:]], [(row[0], *row[2:]) for row in rows]
    changes = table.expression.clock_changes(after, instants[-1] + timedelta(hours=3))
    shift = [f"Each start is {words.lasted(table.jitter)} later, as its jitter says."] if table.jitter else []
    return (
        Table(tuple(Column(title) for title in titles), tuple(rows), shown_rows=20),
        *(Paragraph(change.sentence) for change in changes),
        *(Paragraph(one) for one in shift),
    )


def _words(schedule: Schedule) -> str:
    """When it is due, with the zone."""
    return f"{schedule.timetable.expression.describe()} ({times.zone(schedule.zone).key})"


def _state(job: Job, schedule: Schedule, reader: ZoneInfo) -> str:
    if not job.enabled:
        return "the job is disabled"
    if job.paused_at is not None or schedule.paused_at is not None:
        return "paused"
    at = schedule.next_at
    if at is None:
        return "over"
    zone = schedule.timetable.zone
    return f"{words.instant(at, zone)}{words.elsewhere(at, zone, reader)}"


def _done(text: str, title: str) -> Message:
    return Message(text=text, title=title, tone=Tone.SUCCESS, blocks=(Paragraph(text),))
