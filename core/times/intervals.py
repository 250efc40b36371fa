"""Anchored intervals: every 45 minutes from a first instant on.

Whole days keep the wall clock of the anchor through clock changes; anything else is elapsed time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import Invalid
from core.times.dates import read_iso
from core.times.hints import quoted
from core.times.moments import label_of, locate, seconds_of
from core.times.timeline import DayIntervalLabels
from core.times.zones import DAY

DEFAULT_ANCHOR = "1970-01-05"
"""A Monday: without an anchor, weeks are counted from it."""
LEAST = timedelta(seconds=1)
LONGEST = timedelta(days=36_600)  # a hundred years

_TEXT = re.compile(r"every +([0-9]{1,9}) *(s|m|h|d|w) +from +(\S+)", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": DAY, "w": 7 * DAY}


@dataclass(frozen=True, slots=True)
class Interval:
    """Every `step` seconds from the label or instant `anchor` on; `first` is its instant."""

    step: int
    anchor: str
    first: int
    labels: DayIntervalLabels | None

    @property
    def text(self) -> str:
        """The canonical text: `every 45m from 2026-01-05`."""
        return f"every {length_text(self.step)} from {self.anchor}"

    def next_instant(self, after: int) -> int:
        """The first instant strictly after `after`, of an interval of elapsed time."""
        return self.first + max(0, (after - self.first) // self.step + 1) * self.step


def read_interval(text: str, zone: ZoneInfo) -> Interval | None:
    """Read `every 45m from 2026-01-05T08:00`; nothing where the text is not of this form.

    Raises:
        Invalid: the length or the anchor is impossible.
    """
    found = _TEXT.fullmatch(text)
    if not found:
        return None
    seconds = int(found[1]) * _UNITS[found[2].lower()]
    if seconds > LONGEST.total_seconds():
        raise _too_long()
    return interval(timedelta(seconds=seconds), found[3], zone)


def interval(length: timedelta, anchor: str, zone: ZoneInfo) -> Interval:
    """An interval that is counted from `anchor`, an ISO date or time in the zone (empty: a Monday in 1970).

    Raises:
        Invalid: it is shorter than a second or not of whole seconds, or the anchor is none.
    """
    if length < LEAST or length.microseconds:
        raise Invalid(
            "An interval has whole seconds, and at least one.",
            hint="Write it with a unit: 30s, 45m, 2h or 3d.",
        )
    if length > LONGEST:
        raise _too_long()
    start = read_iso(anchor or DEFAULT_ANCHOR)
    if start is None:
        raise Invalid(
            f"The anchor {quoted(anchor)} is no day and no time.",
            hint="Write it as 2026-01-05 or 2026-01-05T08:00.",
        )
    local = start if isinstance(start, datetime) else datetime.combine(start, datetime.min.time())
    first = seconds_of(locate(local, zone).at)
    step = length.days * DAY + length.seconds
    labels = None
    if step % DAY == 0:
        naive = local if local.tzinfo is None else local.astimezone(zone)
        labels = DayIntervalLabels(label_of(naive), step)
    return Interval(step, _anchor_text(local), first, labels)


def length_text(seconds: int) -> str:
    """The shortest exact spelling: `90s`, `45m`, `2w`."""
    unit = next(unit for unit in ("w", "d", "h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _anchor_text(local: datetime) -> str:
    if local.tzinfo is not None:
        return f"{local.isoformat(timespec='seconds')}".replace("+00:00", "Z")
    if not (local.hour or local.minute or local.second):
        return f"{local:%Y-%m-%d}"
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _too_long() -> Invalid:
    return Invalid("An interval of more than a hundred years is never due.", hint="Write a shorter one.")
