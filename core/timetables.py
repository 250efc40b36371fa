"""When a schedule is due, its bounds, its jitter and its days off included. Pure.

A schedule is *due* at instants of its expression; it is *started* a jitter later, the same for all of its
instants. Instants on a public holiday of its calendar, or on a day off, are due and then left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

from core import times
from core.definitions import Schedule
from core.times.calendars import public_holidays
from core.times.moments import locate

COUNTED = 1_000  # instants that are counted one by one; beyond it there are "more than"
_SECOND = timedelta(seconds=1)
_DAY_LENGTH = 10  # characters of a date without a time


@dataclass(frozen=True, slots=True)
class Earlier:
    """The due instants before those that are looked at one by one. `count` stops at `COUNTED`."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due in a stretch of time: the newest instants in order, and what was before them."""

    instants: tuple[datetime, ...]
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True)
class Timetable:
    """An expression with what bounds and shifts it; `end` is the last instant that counts."""

    expression: times.Expression
    start: datetime | None = None
    end: datetime | None = None
    jitter: timedelta = timedelta(0)

    @property
    def zone(self) -> ZoneInfo:
        """Whose wall clock it follows."""
        return self.expression.zone

    def first_after(self, instant: datetime) -> datetime | None:
        """The first due instant strictly after that one; nothing where it is over."""
        return next(self.between(instant, None, limit=1), None)

    def wake_after(self, instant: datetime) -> datetime | None:
        """When to start what is due first after that instant: the jitter is in it."""
        found = self.first_after(instant)
        return None if found is None else found + self.jitter

    def between(self, after: datetime, until: datetime | None, *, limit: int) -> Iterator[datetime]:
        """The due instants in `after < instant <= until`, in order, at most `limit`."""
        if self.start is not None:
            after = max(after, self.start - _SECOND)
        ends = [one for one in (until, self.end) if one is not None]
        if ends:
            return self.expression.between(after, min(ends), limit=limit)
        return iter(self.expression.upcoming(after, limit))

    def due(self, after: datetime, now: datetime, most: int) -> Due:
        """What is to be started by now, and was not before: the newest `most` instants and the rest."""
        until = now - self.jitter
        found = list(self.between(after, until, limit=most + 1))
        if len(found) <= most:
            return Due(tuple(found))
        newest = self._newest(after, until, most + 1)
        last, shown = newest[0], newest[1:]
        count = sum(1 for _ in self.between(after, last, limit=COUNTED))
        return Due(tuple(shown), Earlier(found[0], last, count))

    def left_out(self, instant: datetime) -> str:
        """Why nothing is started at that due instant: a holiday or a day off; empty where it is."""
        day = instant.astimezone(self.zone).date()
        if day in self.expression.days_off:
            return f"{day:%d %b %Y} is a day off"
        calendar = self.expression.calendar
        if calendar and day in public_holidays(calendar, day.year):
            return f"{day:%d %b %Y} is a public holiday ({calendar})"
        return ""

    def _newest(self, after: datetime, until: datetime, number: int) -> list[datetime]:
        """The last `number` instants, looked for from the end in steps that grow."""
        step = timedelta(minutes=1)
        while True:
            start = max(after, until - step)
            found = list(self.between(start, until, limit=number + 20 * COUNTED))
            if len(found) >= number or start == after:
                return found[-number:]
            step *= 4


def read(
    schedule: Schedule, zone: str, now: datetime, job_zone: str = ""
) -> tuple[times.Expression, tuple[str, ...]]:
    """The expression that a schedule means, and how it was read; `zone` is for one that names none.

    Raises:
        Refusal: it is not understood, past or never due.
    """
    where = times.zone(schedule.timezone or job_zone or zone)
    if schedule.every is not None:
        made = times.every(schedule.every, schedule.anchor, zone=where, gap=schedule.gap, fold=schedule.fold)
        return restored(made.text, schedule, made.zone.key), ()
    made = times.parse(
        schedule.when,
        zone=where,
        now=now,
        calendar=schedule.calendar,
        days_off=schedule.days_off,
        gap=schedule.gap,
        fold=schedule.fold,
    )
    return made, made.notes


def restored(text: str, schedule: Schedule, zone: str) -> times.Expression:
    """The expression of a stored canonical text."""
    return _restored(text, zone, schedule.calendar, schedule.days_off, schedule.gap, schedule.fold)


def timetable(text: str, schedule: Schedule, zone: str, key: str) -> Timetable:
    """The timetable of a stored schedule; `key` is its id, which decides its jitter."""
    expression = restored(text, schedule, zone)
    return Timetable(
        expression,
        start=_bound(schedule.start_at, expression.zone),
        end=_bound(schedule.end_at, expression.zone, whole_day=True),
        jitter=shift(key, schedule.jitter),
    )


def shift(key: str, jitter: timedelta) -> timedelta:
    """A length below `jitter` that is always the same for this key, in whole seconds."""
    seconds = int(jitter.total_seconds())
    if seconds < 1:
        return timedelta(0)
    digest = hashlib.sha256(key.encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8], "big") % seconds)


def rules(schedule: Schedule, zone: str) -> str:
    """What instants were computed with: they are computed again where this text has changed.

    `zone` is the organization's, empty where the schedule has its own.
    """
    parts = [times.tzdata_version(), zone, _holidays_version() if schedule.calendar else ""]
    return " ".join(part for part in parts if part)


def known_rules(zone: str) -> list[str]:
    """Every text that `rules` gives today in an organization of this zone."""
    plain, dated = Schedule(), Schedule(calendar="NL")
    return [rules(one, where) for one in (plain, dated) for where in ("", zone)]


@lru_cache(maxsize=1)
def _holidays_version() -> str:
    return f"holidays-{version('holidays')}"


@lru_cache(maxsize=4_096)
def _restored(
    text: str, zone: str, calendar: str, days_off: tuple[str, ...], gap: str, fold: str
) -> times.Expression:
    return times.restore(text, zone=zone, calendar=calendar, days_off=days_off, gap=gap, fold=fold)


def _bound(text: str, zone: ZoneInfo, *, whole_day: bool = False) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    if whole_day and len(text) <= _DAY_LENGTH:
        following = datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time())
        return locate(following, zone).at - _SECOND
    return locate(found, zone).at
