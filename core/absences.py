"""Starts that were due and did not come: skipped or missed, or late without anybody knowing why.

Of what is skipped or missed (`firings`) a rule may want to hear: one message for a schedule and day,
edited as more is added. What is late beyond reason is an alert like a failure: once for a batch, once a
day for a schedule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core import deliveries, notices, versions
from core.definitions import JobDefinition
from core.deliveries import Kind
from core.jobs import current
from core.notices import Occasion, Told, Topic
from core.outcomes import Outcome
from core.scheduled import Schedule, read
from core.store import absences as rows
from core.store import batches as batch_rows
from core.store import runs as run_rows
from core.store import schedules as schedule_rows
from core.store.dialects import Row
from core.turns import Turn
from core.wishes import Trigger

LATE = timedelta(minutes=15)  # after its start nothing of a batch has begun; a schedule is past its instant
LONG_IN_LINE = timedelta(hours=1)  # a batch waits behind others
AT_ONCE = 100  # told of in one pass

_DAY = timedelta(days=1)
_TOPICS = {Outcome.SKIPPED: (Topic.SKIPPED, "info"), Outcome.MISSED: (Topic.MISSED, "warning")}
_ABSENCE, _LATE_BATCH, _LATE_SCHEDULE = "absence:", "late:batch:", "late:schedule:"


@dataclass(frozen=True, slots=True)
class Absence:
    """What did not start of a schedule on a day (of UTC), by its firings, the oldest first."""

    schedule: Schedule
    outcome: Outcome
    day: date
    firings: Sequence[Row]


async def told(
    turn: Turn,
    schedules: Collection[Schedule],
    definitions: Mapping[int, JobDefinition],
    written: Sequence[Mapping[str, Any]],
) -> None:
    """Tell of these firings what rules want to hear. `definitions` are the jobs' by number."""
    by_pk = {one.pk: one for one in schedules}
    seen = sorted({(row["schedule"], Outcome(row["outcome"])) for row in written})
    absent = [(by_pk[pk], outcome) for pk, outcome in seen if outcome in _TOPICS]
    if not absent:
        return
    occasions = [_occasion(one, definitions[one.job]) for one, _ in absent]
    book = await notices.book(turn, occasions)
    subjects = []
    for (one, outcome), occasion in zip(absent, occasions, strict=True):
        topic, level = _TOPICS[outcome]
        subject = f"{_ABSENCE}{one.id}:{outcome}:{turn.now.astimezone(UTC):%Y-%m-%d}"
        if book.fitting(occasion, topic):
            subjects.append(subject)
            await notices.owe(turn, occasion, [Told(topic, Kind.ABSENCE, subject, level)], book)
    await deliveries.edit(turn, subjects, Kind.ABSENCE, urgent=False)


async def absence(turn: Turn, subject: str) -> Absence | None:
    """What a message tells of; nothing where its schedule is gone."""
    public_id, outcome, day = subject.removeprefix(_ABSENCE).split(":")
    row = await rows.schedule(turn.connection, public_id)
    if row is None:
        return None
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    found = await rows.of_day(turn.connection, row.pk, outcome, start, start + _DAY)
    return Absence(read(row), Outcome(outcome), start.date(), found)


async def warn(turn: Turn) -> int:
    """Alert of what is late beyond reason; returns of how many. Safe to repeat and to race.

    A schedule is late where a scheduler was at work since and did not settle it: while none is at work,
    the schedules are caught up when it is back.
    """
    count = 0
    waiting, active = turn.now - LONG_IN_LINE, turn.now - LATE
    late = await rows.late_batches(turn.connection, Kind.LATE, _LATE_BATCH, waiting, active, AT_ONCE)
    for row in await batch_rows.get(turn.connection, late):
        version = await run_rows.version(turn.connection, row.version)
        occasion = Occasion(
            organization=row.organization,
            job=row.job,
            definition=versions.read(version.id, version.definition).job,
            origin=row.channel,
            batch=row.pk,
            in_hand=Trigger(row.trigger).by_hand and row.channel is not None,
        )
        await _alert(turn, occasion, f"{_LATE_BATCH}{row.id}")
        count += 1
    seen_at = await schedule_rows.seen_at(turn.connection)
    if seen_at is None:
        return count
    today = f":{turn.now.astimezone(UTC):%Y-%m-%d}"
    before = min(seen_at, turn.now) - LATE
    behind = await rows.late_schedules(turn.connection, Kind.LATE, _LATE_SCHEDULE, today, before, AT_ONCE)
    found = await schedule_rows.jobs_of(turn.connection, {row.job for row in behind})
    made = await current(turn, found)
    for schedule in map(read, behind):
        await _alert(
            turn, _occasion(schedule, made[schedule.job].job), f"{_LATE_SCHEDULE}{schedule.id}{today}"
        )
        count += 1
    return count


async def late_schedule(turn: Turn, subject: str) -> Schedule | None:
    """The schedule that a message says is late; nothing where it tells of a batch, or it is gone."""
    if not subject.startswith(_LATE_SCHEDULE):
        return None
    public_id, _, _ = subject.removeprefix(_LATE_SCHEDULE).partition(":")
    row = await rows.schedule(turn.connection, public_id)
    return None if row is None else read(row)


async def _alert(turn: Turn, occasion: Occasion, subject: str) -> None:
    told = Told(Topic.FAILED, Kind.LATE, subject, "error")
    await notices.owe(turn, occasion, [told], await notices.book(turn, [occasion]))


def _occasion(schedule: Schedule, definition: JobDefinition) -> Occasion:
    return Occasion(schedule.organization, schedule.job, definition, schedule.channel)
