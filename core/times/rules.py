"""What an expression can be, once it is read."""

from __future__ import annotations

from dataclasses import dataclass

from core.times.calendars import BusinessDays
from core.times.cron import Cron
from core.times.intervals import Interval


@dataclass(frozen=True, slots=True)
class Business:
    """A time of day on business days: `@first-weekday 07:30`. `timed`: the time was written."""

    days: BusinessDays
    minute: int
    """of the day"""
    timed: bool


@dataclass(frozen=True, slots=True)
class Once:
    """One instant, in seconds since 1970."""

    at: int


Rule = Cron | Business | Interval | Once
