"""An expression that was understood: its canonical text and the instants at which it is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.times.cautions import cautions
from core.times.describing import describe
from core.times.effects import ClockChange, clock_changes
from core.times.intervals import Interval
from core.times.moments import instant_of, seconds_of
from core.times.rules import Once, Rule
from core.times.timeline import CalendarLabels, DayIntervalLabels, Fold, Gap, next_instant
from core.times.zones import EARLIEST, LATEST

_AFTERMATH = timedelta(hours=3)  # a run in the first of two passes is before the change that made it so


@dataclass(frozen=True, slots=True)
class Expression:
    """When something is due. Equal ones are due at the same instants.

    `text` is canonical: stored with the zone, the policies, the calendar and the days off, it is read
    back by `restore`. `notes` say how a phrase was read where it was not plain.
    """

    text: str
    zone: ZoneInfo
    gap: Gap
    fold: Fold
    calendar: str
    days_off: tuple[date, ...]
    rule: Rule = field(compare=False, repr=False)
    labels: CalendarLabels | DayIntervalLabels | None = field(compare=False, repr=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def once(self) -> datetime | None:
        """The instant of a one-off, nothing for what repeats."""
        return instant_of(self.rule.at) if isinstance(self.rule, Once) else None

    def describe(self) -> str:
        """When it is due in plain words, in the zone's wall-clock time, beginning in lower case."""
        return describe(self.rule, self.zone)

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Sentences on what of it is often not what was meant: OR, short months, hours that are changed."""
        return cautions(self.text, self.rule, self.zone, seconds_of(now))

    def clock_changes(self, after: datetime, until: datetime) -> list[ClockChange]:
        """The changes of the clocks in `after < change <= until` that move, drop or repeat a run of it."""
        if self.labels is None:
            return []
        start, end = seconds_of(after), min(seconds_of(until), LATEST)
        return clock_changes(self.labels, self.zone, self.gap, self.fold, start, end)

    def preview(self, after: datetime, count: int) -> tuple[list[datetime], list[ClockChange]]:
        """The next `count` due instants, and the changes of the clocks that touch them."""
        instants = self.upcoming(after, count)
        if not instants:
            return [], []
        return instants, self.clock_changes(after, instants[-1] + _AFTERMATH)

    def next_after(self, instant: datetime) -> datetime | None:
        """The first due instant strictly after an aware instant, in UTC.

        Nothing where a one-off is past, or where no such day comes within a hundred years.
        """
        found = self.next_second(min(max(seconds_of(instant), EARLIEST), LATEST))
        return None if found is None else instant_of(found)

    def next_second(self, after: int) -> int | None:
        """The same in seconds since 1970."""
        if self.labels is not None:
            return next_instant(self.labels, self.zone, self.gap, self.fold, after)
        if isinstance(self.rule, Interval):
            found = self.rule.next_instant(after)
            return found if found < LATEST else None
        return self.rule.at if isinstance(self.rule, Once) and self.rule.at > after else None

    def upcoming(self, instant: datetime, count: int) -> list[datetime]:
        """The next `count` due instants strictly after an aware instant; fewer where it ends."""
        return list(self.between(instant, instant_of(LATEST), limit=count))

    def between(self, after: datetime, until: datetime, *, limit: int) -> Iterator[datetime]:
        """The due instants in `after < instant <= until`, in order, at most `limit` of them.

        For a backfill that includes its first instant, begin a second earlier.
        """
        second: int | None = min(max(seconds_of(after), EARLIEST), LATEST)
        last = seconds_of(until)
        for _ in range(limit):
            second = None if second is None else self.next_second(second)
            if second is None or second > last:
                return
            yield instant_of(second)
