"""From wall-clock labels to instants: the policies for times that do not exist or happen twice.

A *wild* rule is due whenever the wall clock matches. A fixed one is due once for each label: a label
that happens twice is taken by `fold`, one in a gap is caught up at the first instant after the gap
(`gap: next`) unless the gap is 3 h or more; in an overlap of more than 3 h both passes count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from core.times.zones import DAY, LATEST, Segment, segment_at

Gap = Literal["next", "skip"]
Fold = Literal["first", "second", "both"]

JUMP = 3 * 3_600  # seconds: changes of this size are clock jumps, not daylight saving (crontab in Debian)
_HORIZON = 100 * 366 * DAY  # 29 February on a given weekday comes at least every 40 years
_EPOCH = date(1970, 1, 1).toordinal()


class Labels(Protocol):
    """A rule in wall-clock time."""

    @property
    def wild(self) -> bool:
        """It follows real time through a repeated hour, and nothing is made up for a missing one."""

    def next_label(self, low: int) -> int | None:
        """The first label at `low` or later."""


class CalendarLabels:
    """Times of day on some days of each month.

    `times` is a bit set of minutes of the day; `days(year, month)` gives a bit set of days.
    """

    __slots__ = ("_days", "_first", "_month", "_times", "wild")

    def __init__(self, times: int, days: Callable[[int, int], int], *, wild: bool) -> None:
        self.wild = wild
        self._times = times
        self._first = _lowest(times) * 60
        self._days = days
        self._month = (0, 0)  # the last month that was asked for, and its days

    def next_label(self, low: int) -> int | None:
        """The first label at `low` or later, within a hundred years."""
        day, minute = divmod(-(-low // 60), 1_440)
        current = date.fromordinal(day + _EPOCH)
        days = self._days_in(current.year, current.month) >> current.day
        if days & 1:
            rest = self._times >> minute
            if rest:
                return (day * 1_440 + minute + _lowest(rest)) * 60
        days >>= 1
        if days:
            return (day + 1 + _lowest(days)) * DAY + self._first
        return self._in_a_later_month(current.year, current.month)

    def _in_a_later_month(self, year: int, month: int) -> int | None:
        for number in range(year * 12 + month, min(year + 100, 9_999) * 12 + month):
            year, month = number // 12, number % 12 + 1
            days = self._days_in(year, month)
            if days:
                return (date(year, month, _lowest(days)).toordinal() - _EPOCH) * DAY + self._first
        return None

    def _days_in(self, year: int, month: int) -> int:
        key = year * 16 + month
        known, days = self._month
        if known != key:
            days = self._days(year, month)
            self._month = (key, days)
        return days


class DayIntervalLabels:
    """The same time of day every so many days (`step` seconds) from the label `anchor` on."""

    __slots__ = ("_anchor", "_step", "wild")

    def __init__(self, anchor: int, step: int) -> None:
        self.wild = False
        self._anchor = anchor
        self._step = step

    def next_label(self, low: int) -> int | None:
        """The first label at `low` or later."""
        return self._anchor + max(0, -(-(low - self._anchor) // self._step)) * self._step


@lru_cache(maxsize=4_096)  # many schedules are due at the same instants: eight o'clock is asked for often
def next_instant(labels: Labels, zone: ZoneInfo, gap: Gap, fold: Fold, after: int) -> int | None:
    """The first instant strictly after `after`; nothing where none comes within a hundred years."""
    low = after + 1
    horizon = min(low + _HORIZON, LATEST)
    while low < horizon:
        segment = segment_at(zone, low)
        start, end, offset, before, following = segment
        if low == start and before < offset and _catches_up(labels, segment, gap):
            return start
        bottom = low + offset
        if before > offset and fold == "first" and not labels.wild and before - offset <= JUMP:
            bottom = max(bottom, start + before)  # the second pass brings nothing new
        label = labels.next_label(bottom)
        if label is None:
            return None
        if label < _top(labels, segment, fold):
            return label - offset
        # Between here and the label nothing is due, except in the second pass of an overlap.
        low = end if following < offset else max(end, label - offset - 2 * DAY)
    return None


def is_repeated(segment: Segment) -> bool:
    """The clocks go back at the segment's end, by no more than daylight saving would."""
    return 0 < segment.offset - segment.after <= JUMP


def _top(labels: Labels, segment: Segment, fold: Fold) -> int:
    """The label at which what is due in this segment ends."""
    if fold == "second" and is_repeated(segment) and not labels.wild:
        return segment.end + segment.after
    return segment.end + segment.offset


def _catches_up(labels: Labels, segment: Segment, gap: Gap) -> bool:
    """A label in the gap before the segment is due when the segment starts."""
    if labels.wild or gap == "skip" or segment.offset - segment.before >= JUMP:
        return False
    label = labels.next_label(segment.start + segment.before)
    return label is not None and label < segment.start + segment.offset


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1
