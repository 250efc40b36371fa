"""What becomes of due instants: started, skipped or missed, each with its reason. Pure.

An instant is on time for a minute. Those that are later were missed while the bot was down (or too busy):
`catch_up` decides which of them are started after all. What is not started is told one by one up to
`TOLD`; older ones are one record with their number, however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.definitions import Schedule, write_duration
from core.timetables import Due, Earlier, Timetable
from core.wording import words

ON_TIME = timedelta(seconds=60)  # later than this it was missed
AWAY = timedelta(seconds=150)  # a scheduler that was not seen for so long was down
TOLD = 25  # instants that get a record each


class Outcome(StrEnum):
    """What became of a due instant."""

    STARTED = "started"
    """It has a batch, which ran or waits."""
    SKIPPED = "skipped"
    """Nothing was started, on purpose: overlap, pause, a day off, the job is disabled."""
    MISSED = "missed"
    """The bot was not there in time, and the schedule says not to catch up."""


class Cause(StrEnum):
    """Why it was not simply started on time."""

    NONE = ""
    OVERLAP = "overlap"
    PAUSED = "paused"
    CALENDAR = "calendar"
    INACTIVE = "inactive"
    UNFIT = "unfit"  # its parameters do not fit the job any more, or it needs a yes that nobody can give
    DOWN = "down"
    CAUGHT_UP = "caught_up"  # started, but late
    ASKED = "asked"  # skipped by a pause, started when it was resumed


@dataclass(frozen=True, slots=True)
class Record:
    """What is written of a due instant, or of `count` of them from `due_at` to `until_at`."""

    due_at: datetime
    outcome: Outcome
    cause: Cause = Cause.NONE
    reason: str = ""
    count: int = 1
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a schedule starts nothing at all now."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to start, in order, and what to write of everything else. All up to `settled_until` is in it."""

    start: tuple[Record, ...]
    rest: tuple[Record, ...]
    settled_until: datetime


def judge(
    definition: Schedule,
    table: Timetable,
    settled_until: datetime,
    now: datetime,
    *,
    hindrance: Hindrance | None = None,
    seen_at: datetime | None = None,
) -> Verdict:
    """Decide about everything that is due by now and has no outcome yet.

    `seen_at`: when a scheduler was last at work, where it is known.
    """
    due = table.due(settled_until, now, max(TOLD, definition.cap))
    if not due.instants:
        return Verdict((), (), settled_until)
    first = due.instants[0]
    on_time = len(due.instants) == 1 and now - first - table.jitter <= ON_TIME
    if (
        on_time and hindrance is None and not table.left_out(first)
    ):  # nearly always so: in every policy it starts
        return Verdict((Record(first, Outcome.STARTED),), (), first)
    if hindrance is not None:
        start: list[Record] = []
        rest = [Record(at, Outcome.SKIPPED, hindrance.cause, hindrance.reason) for at in due.instants]
        before = rest[0]
    else:
        absence = _absence(table, now, seen_at)
        start, rest = _by_policy(definition, table, due, now, absence)
        why = _why_missed(definition, now - (due.earlier.last if due.earlier else now), late=True)
        before = Record(due.instants[0], Outcome.MISSED, Cause.DOWN, f"{absence}; {why}")
    return Verdict(tuple(start), tuple(_folded(rest, due.earlier, before)), due.instants[-1])


def _by_policy(
    definition: Schedule, table: Timetable, due: Due, now: datetime, absence: str
) -> tuple[list[Record], list[Record]]:
    start: list[Record] = []
    rest = [
        Record(at, Outcome.SKIPPED, Cause.CALENDAR, why) for at in due.instants if (why := table.left_out(at))
    ]
    off = {one.due_at for one in rest}
    fit = [at for at in due.instants if at not in off]
    chosen = _chosen(definition, table, fit, now)
    for at in fit:
        late = now - at - table.jitter > ON_TIME
        if at in chosen:
            cause = Cause.CAUGHT_UP if late else Cause.NONE
            start.append(Record(at, Outcome.STARTED, cause, absence if late else ""))
        else:
            why = _why_missed(definition, now - at - table.jitter, late=late)
            rest.append(Record(at, Outcome.MISSED, Cause.DOWN, f"{absence}; {why}"))
    return start, sorted(rest, key=lambda one: one.due_at)


def _chosen(definition: Schedule, table: Timetable, fit: Sequence[datetime], now: datetime) -> set[datetime]:
    if not fit:
        return set()
    window = max(definition.window, ON_TIME)
    recent = [at for at in fit if now - at - table.jitter <= window]
    match definition.catch_up:
        case "none":
            return {at for at in fit[-1:] if now - at - table.jitter <= ON_TIME}
        case "latest":
            return set(recent[-1:])
        case "all":
            return set(recent[-definition.cap :])


def _why_missed(definition: Schedule, age: timedelta, *, late: bool) -> str:
    if not late or (definition.catch_up == "latest" and age <= definition.window):
        return "only the latest is caught up"
    if definition.catch_up == "none":
        return "nothing is caught up (catch_up: none)"
    if age > definition.window:
        return f"it was older than the {write_duration(definition.window)} that are caught up"
    return f"at most {definition.cap} are caught up"


def _absence(table: Timetable, now: datetime, seen_at: datetime | None) -> str:
    if seen_at is None or seen_at > now:
        return "the bot did not see to it in time"
    if now - seen_at < AWAY:
        return "the bot was busy or cut off from its database"
    start, end = (words.moment(one, table.zone) for one in (seen_at, now))
    return f"the bot was down from {start} to {end} ({table.zone.key})"


def _folded(rest: list[Record], earlier: Earlier | None, before: Record) -> list[Record]:
    """The newest one by one; everything before them as one record, which says what `before` says."""
    old, shown = rest[:-TOLD], rest[-TOLD:]
    count = len(old) + (earlier.count if earlier else 0)
    if not count:
        return shown
    first = earlier.first if earlier else old[0].due_at
    last = old[-1].due_at if old else (earlier.last if earlier else first)
    return [replace(before, due_at=first, count=count, until_at=last if count > 1 else None), *shown]
