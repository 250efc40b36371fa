"""What a phrase said, clause by clause, before it is decided what that means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from core.times.clocks import Clock


@dataclass(frozen=True, slots=True)
class Shift:
    """A length from now: months and days keep the wall clock, seconds are elapsed time."""

    months: int = 0
    days: int = 0
    seconds: int = 0


@dataclass(slots=True)
class Reading:
    """The clauses of a phrase; each is set at most once.

    Days of the month and ordinals count from 1, -1 is the last; Sunday is 0.
    """

    zone: ZoneInfo | None = None
    clocks: list[Clock] = field(default_factory=list)
    past: list[int] = field(default_factory=list)
    """minutes past each hour"""
    part: str = ""
    """morning, afternoon, evening, night"""

    every: bool = False
    """said to repeat: every, each, daily …"""
    cadence: str = ""
    """minute, hour, day, week, month, quarter, year"""
    count: int = 1
    """every so many of the cadence"""
    weekdays: frozenset[int] = frozenset()
    plural: bool = False
    """weekdays, mondays …"""
    excluded: frozenset[int] = frozenset()
    ordinals: tuple[int, ...] = ()
    """of the weekdays in the month"""
    business: int | None = None
    """the number of a business day, 0 for every one"""
    monthdays: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    of: str = ""
    """month, quarter or year, after "of the" """
    window: tuple[Clock, Clock] | None = None

    shift: Shift | None = None
    day: int | None = None
    """days from today"""
    relative: str = ""
    """this, next, next week, next month"""
    date: tuple[int, int, int] | None = None
    year: int | None = None
    at: datetime | None = None

    @property
    def repeats(self) -> bool:
        """It is a schedule, not a single instant."""
        return bool(
            self.every
            or self.plural
            or self.ordinals
            or self.business is not None
            or self.excluded
            or self.past
            or self.of
            or self.window
            or len(self.weekdays) > 1
            or len(self.months) > 1
            or (self.monthdays and not self.months and not self.relative)
            or len(self.monthdays) > 1
        )
