"""What is said of due instants: what became of them, and why; what will become of the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core.absences import Absence
from core.commands import Command, Name, spell
from core.jobs import Job
from core.lifecycles import BatchState
from core.messages import Block, Button, Message, Paragraph, Tone
from core.outcomes import Cause, Outcome
from core.scheduled import Schedule
from core.store.dialects import Row
from core.timetables import COUNTED
from core.views import BatchView
from core.wording import words

REASONS = 3  # that one message tells


@dataclass(frozen=True, slots=True)
class History:
    """A schedule with its newest firings, newest first."""

    schedule: Schedule
    firings: Sequence[Row]


def drift(view: BatchView) -> Message:
    """A schedule is due more often than its job can keep up with: one warning a day."""
    name = view.job.name
    text = f"{view.job.label} is due more often than it can keep up with: starts are being skipped."
    detail = (
        f"Several of its last starts were skipped because it was still running ({view.batch.reason}). "
        "Let it run less often, make it faster, or let starts wait in line (overlap: queue)."
    )
    return Message(
        text=text,
        title=f"{view.job.label} cannot keep up",
        tone=Tone.WARNING,
        blocks=(Paragraph(text), Paragraph(detail)),
        buttons=(
            Button("Why", spell(Command(Name.WHY, (name,)))),
            Button("Schedules", spell(Command(Name.SCHEDULES, (name,)))),
        ),
    )


def late(view: BatchView, zone: ZoneInfo) -> Message:
    """Nothing of a batch has begun, long after it should have."""
    batch = view.batch
    due = batch.due_at or batch.created_at
    waits = f"it is {words.STATES[batch.state]} now"
    if batch.state is BatchState.WAITING:
        waits = f"it waits {batch.reason}"
    elif batch.state is BatchState.ACTIVE and not any(run.attempt for run in view.runs):
        waits = "no worker has taken it"
    text = (
        f"Not begun in time: {view.job.label} · #{batch.number}, due {words.moment(due, zone, now=view.now)}"
    )
    number = f"#{batch.number}"
    cancel = Button(
        "Cancel", spell(Command(Name.CANCEL, (number,))), style="danger", confirm=f"Cancel {number}?"
    )
    return Message(
        text=f"{text}: {waits}.",
        title=text,
        tone=Tone.WARNING,
        blocks=(Paragraph(f"After {words.lasted(view.now - due)} {waits}."),),
        buttons=(
            Button("Why", spell(Command(Name.WHY, (number,)))),
            *((cancel,) if not batch.state.ended else ()),
        ),
    )


def late_schedule(job: Job, schedule: Schedule, now: datetime) -> Message:
    """A schedule is due and its scheduler passes it over."""
    table = schedule.timetable
    due = words.moment(schedule.due_at or now, table.zone, now=now)
    text = f"Not started in time: {job.label}, due {due} by its schedule {schedule.name}"
    detail = "The scheduler could not settle it and tries again every minute; the log of the bot says why."
    if schedule.due_at is None or schedule.due_at > now:
        detail = "By now it is settled."
    return Message(
        text=f"{text}.",
        title=text,
        tone=Tone.WARNING,
        blocks=(Paragraph(detail),),
        buttons=(Button("Why", spell(Command(Name.WHY, (job.name,)))),),
    )


def gone() -> Message:
    """The schedule that was to be told of is no more."""
    text = "A schedule did not start in time, and was removed since."
    return Message(text=text, blocks=(Paragraph(text),))


def absence(job: Job, found: Absence) -> Message:
    """What did not start of a schedule on a day, and why: one line, however often."""
    number = sum(row.instants for row in found.firings)
    verb = "missed" if found.outcome is Outcome.MISSED else "skipped"
    starts = f"{words.count(number, 'start')} {'was' if number == 1 else 'were'} {verb}"
    text = f"{job.label}: {starts} on {found.day:%a %d %b %Y} ({found.schedule.name})"
    reasons = list(dict.fromkeys(row.reason for row in found.firings if row.reason))
    told = "; ".join(reasons[-REASONS:]) + ("; …" if len(reasons) > REASONS else "")
    return Message(
        text=f"{text}: {told}." if told else f"{text}.",
        title=text,
        tone=Tone.WARNING if found.outcome is Outcome.MISSED else Tone.NEUTRAL,
        blocks=(Paragraph(f"{told[:1].upper()}{told[1:]}."),) if told else (),
        buttons=(Button("Why", spell(Command(Name.WHY, (job.name,)))),),
    )


def why_job(
    job: Job,
    histories: Sequence[History],
    views: Mapping[int, BatchView],
    going: BatchView | None,
    paused: str,
    now: datetime,
    reader: ZoneInfo,
) -> Message:
    """What happened at the last due instants of a job, and what will at the next."""
    if not histories:
        text = f"{job.name} does not run by itself: it has no schedule."
        return Message(
            text=text,
            title=f"Why {job.name}",
            blocks=(Paragraph(text), Paragraph(f"Make one: schedule {job.name} every weekday at 8")),
        )
    blocks: list[Block] = []
    for one in histories:
        zone = one.schedule.timetable.zone
        described = one.schedule.timetable.expression.describe()
        lines = [f"{one.schedule.name}: {described} ({zone.key})"]
        lines += [f"• {_fired(row, views, zone)}" for row in one.firings] or ["• It has not been due yet."]
        lines.append(f"• {_next(job, one.schedule, going, paused, now, reader)}")
        blocks.append(Paragraph("\n".join(lines)))
    newest = max((row for one in histories for row in one.firings), key=lambda row: row.due_at, default=None)
    text = f"{job.name} has not been due yet."
    if newest is not None:
        schedule = next(one.schedule for one in histories if newest in one.firings)
        text = f"{job.name}: {_fired(newest, views, schedule.timetable.zone)}"
    return Message(text=text, title=f"Why {job.name}", blocks=tuple(blocks))


def why_batch(view: BatchView, firing: Row | None, zone: ZoneInfo, reader: ZoneInfo) -> Message:
    """What started a batch, and what became of it."""
    batch = view.batch
    label = f"{view.job.label} · #{batch.number}"
    started = words.moment(batch.created_at, zone)
    if firing is not None:
        due = words.due(firing.due_at, zone, reader)
        said = f"{label} was started by its schedule {firing.schedule_name}, due on {due}."
        if firing.cause == Cause.CAUGHT_UP:
            said += f" It came late, on {started}: {firing.reason}."
        elif firing.cause == Cause.ASKED:
            said += f" It was skipped in a pause ({firing.reason}) and asked for on {started}."
    elif batch.state is BatchState.SKIPPED:
        said = f"{label} was asked for by {view.starter} on {started}."
    else:
        said = f"{label} was started by {view.starter} on {started} ({zone.key})."
    if batch.state is BatchState.SKIPPED:
        end = f"It was skipped: {batch.reason}."
    elif batch.state is BatchState.WAITING:
        end = f"It waits {batch.reason}."
    elif view.lacks and view.version.job.runs_on:
        end = f"It waits for a worker tagged {view.version.job.runs_on}: none is running."
    else:
        reasons = [run.reason for run in view.unsuccessful if run.reason]
        end = f"It is {words.STATES[batch.state]}." if not batch.state.ended else _ended(view, reasons)
    return Message(text=said, title=f"Why #{batch.number}", blocks=(Paragraph(said), Paragraph(end)))


def _ended(view: BatchView, reasons: Sequence[str]) -> str:
    told = f": {reasons[0]}" if reasons else f" ({view.batch.reason})" if view.batch.reason else ""
    return f"It {_became(view)}{told}." if not told.endswith(".") else f"It {_became(view)}{told}"


def _became(view: BatchView) -> str:
    match view.batch.state:
        case BatchState.CANCELLED:
            return "was cancelled"
        case BatchState.PARTLY_FAILED:
            return f"failed in {len(view.unsuccessful)} of {view.batch.total} runs"
        case BatchState.SKIPPED:
            return "was skipped"
        case BatchState.PROPOSED | BatchState.WAITING | BatchState.ACTIVE:
            return f"is {words.STATES[view.batch.state]}"
        case BatchState.SUCCEEDED | BatchState.FAILED:
            return words.STATES[view.batch.state]


def _fired(row: Row, views: Mapping[int, BatchView], zone: ZoneInfo) -> str:
    """One due instant, or several alike, in a sentence."""
    at = words.instant(row.due_at, zone)
    view = views.get(row.batch)
    if row.outcome == Outcome.STARTED:
        became = f" and {_became(view)}" if view is not None else ""
        late = ""
        if row.cause == Cause.CAUGHT_UP:
            late = f", late: {row.reason}"
        elif row.cause == Cause.ASKED:
            late = f", later: {row.reason}, and it was asked for when that ended"
        return f"{at} ran as #{row.batch}{became}{late}."
    verb = "missed" if row.outcome == Outcome.MISSED else "skipped"
    if row.instants > 1:
        number = f"more than {COUNTED:,}" if row.instants >= COUNTED else f"{row.instants:,}"
        return f"{at} to {words.instant(row.until_at, zone)}: {number} starts were {verb}: {row.reason}."
    if row.cause == Cause.OVERLAP and row.holder in views:
        holder = views[row.holder]
        since = words.moment(holder.batch.started_at or holder.batch.created_at, zone)
        return (
            f"{at} was skipped because #{row.holder} was still running, "
            f"started by {holder.starter} on {since}."
        )
    return f"{at} was {verb}: {row.reason}."


def _next(
    job: Job, schedule: Schedule, going: BatchView | None, paused: str, now: datetime, reader: ZoneInfo
) -> str:
    """What will happen at the next due instant, as things are now."""
    table = schedule.timetable
    at = schedule.next_at
    if at is None:
        return "It is not due any more."
    shown = f"Next on {words.instant(at, table.zone)}{words.elsewhere(at, table.zone, reader)}"
    if paused:
        return f"{shown}: it will be skipped, {paused[:1].lower()}{paused[1:]}"
    if job.paused_at is not None or schedule.paused_at is not None:
        return f"{shown}: it will be skipped while it is paused. Say: {_resume(job, schedule)}"
    if not job.enabled:
        return f"{shown}: it will be skipped, because the job is disabled."
    if off := table.left_out(at):
        return f"{shown}: it will be skipped, because {off}."
    ahead = f"in {words.lasted(at - now)}" if at > now else "any moment"
    if going is not None:
        policy = job.job.overlap.policy
        then = {
            "skip": "be skipped",
            "queue": "wait in line",
            "replace": "replace it",
            "allow": "start beside it",
        }[policy]
        since = words.ago(going.batch.started_at or going.batch.created_at, now)
        return (
            f"{shown}, {ahead}. #{going.batch.number} runs now, started {since} by {going.starter}: "
            f"if it still does, the next will {then}."
        )
    return f"{shown}, {ahead}."


def _resume(job: Job, schedule: Schedule) -> str:
    words_ = (job.name,) if job.paused_at is not None else (job.name, schedule.name)
    return spell(Command(Name.RESUME, words_))
