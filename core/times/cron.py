"""Five-field cron read into bit sets, by the rules that the README calls those of Debian and Quartz.

`*`, lists, ranges, steps and names in every field; `7` is Sunday; `L`, `LW`, `nW` among the days of the
month; `nL` and `d#n` among the days of the week. The two day fields are ANDed where one of them starts
with `*`, else ORed. An expression is *wild* where its minute or hour starts with `*`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass

from core.errors import Invalid
from core.times.hints import quoted
from core.times.vocabulary import CRON_MONTHS, CRON_WEEKDAYS

LENGTH_LIMIT = 100  # characters

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_PART = re.compile(r"(?P<low>\*|[0-9]+|[A-Z]{3})(?:-(?P<high>[0-9]+|[A-Z]{3}))?(?:/(?P<step>[0-9]+))?")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_LAST = re.compile(r"([0-7]|[A-Z]{3})L")
_NTH = re.compile(r"([0-7]|[A-Z]{3})#([0-9]+)")


@dataclass(frozen=True, slots=True)
class Field:
    """What one of the five fields may hold."""

    name: str
    low: int
    high: int
    names: dict[str, int]


MINUTE = Field("minute", 0, 59, {})
HOUR = Field("hour", 0, 23, {})
MONTHDAY = Field("day of the month", 1, 31, {})
MONTH = Field("month", 1, 12, CRON_MONTHS)
WEEKDAY = Field("day of the week", 0, 7, CRON_WEEKDAYS)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression as bit sets; bit n of a set is the value n, Sunday is 0.

    `fields` are the five texts. `nearest` are the n of `nW`, `nth` the pairs of `d#n`, with 0 for `dL`.
    """

    fields: tuple[str, str, str, str, str]
    minutes: int
    hours: int
    months: int
    monthdays: int
    last_day: bool
    last_weekday: bool
    nearest: tuple[int, ...]
    weekdays: int
    nth: tuple[tuple[int, int], ...]

    @property
    def wild(self) -> bool:
        """It follows real time through both passes of a repeated hour."""
        return self.fields[0][0] == "*" or self.fields[1][0] == "*"

    @property
    def both_days(self) -> bool:
        """Both day fields must fit; otherwise either is enough."""
        return self.fields[2][0] == "*" or self.fields[4][0] == "*"

    @property
    def days_restricted(self) -> tuple[bool, bool]:
        """Whether the day of the month and the day of the week leave any day out."""
        full_month, full_week = (1 << 32) - 2, (1 << 7) - 1
        return self.monthdays != full_month, self.weekdays != full_week

    @property
    def times(self) -> int:
        """The minutes of a day on which it is due, as one bit set (bit 0 is 00:00)."""
        return sum(self.minutes << hour * 60 for hour in range(24) if self.hours >> hour & 1)

    def days(self, year: int, month: int) -> int:
        """The days of a month on which it is due, as a bit set (bit 1 is the first)."""
        if not self.months >> month & 1:
            return 0
        first, length = monthrange(year, month)
        return self.days_of((first + 1) % 7, length)

    def days_of(self, first: int, length: int) -> int:
        """The same for any month of `length` days whose first is the weekday `first` (0 is Sunday)."""
        by_month, by_week = self._by_month(first, length), self._by_week(first, length)
        return by_month & by_week if self.both_days else by_month | by_week

    def is_ever_due(self) -> bool:
        """Whether any year has such a day: every month begins with every weekday at some time."""
        lengths = {month: (28, 29) if month == 2 else (monthrange(2026, month)[1],) for month in range(1, 13)}
        return any(
            self.days_of(first, length)
            for month in range(1, 13)
            if self.months >> month & 1
            for length in lengths[month]
            for first in range(7)
        )

    def _by_month(self, first: int, length: int) -> int:
        days = self.monthdays & ((1 << length + 1) - 2)
        if self.last_day:
            days |= 1 << length
        if self.last_weekday:
            days |= 1 << _nearest_weekday(length, first, length)
        for day in self.nearest:
            if day <= length:
                days |= 1 << _nearest_weekday(day, first, length)
        return days

    def _by_week(self, first: int, length: int) -> int:
        days = 0
        for weekday in range(7):
            if self.weekdays >> weekday & 1:
                days |= sum(1 << day for day in range(1 + (weekday - first) % 7, length + 1, 7))
        for weekday, number in self.nth:
            of_month = range(1 + (weekday - first) % 7, length + 1, 7)
            if number <= len(of_month):
                days |= 1 << of_month[number - 1]  # 0 is the last
        return days


def read_cron(text: str) -> Cron:
    """Read five fields.

    Raises:
        Invalid: they do not follow the rules, or are never due.
    """
    texts = text.upper().split()
    if len(texts) != 5:
        raise _wrong_count(len(texts))
    minute, hour, monthday, month, weekday = texts
    days, plain = _monthday_parts(monthday)
    nth, week_parts = _weekday_parts(weekday)
    cron = Cron(
        fields=(minute, hour, monthday, month, weekday),
        minutes=_bits(minute.split(","), MINUTE),
        hours=_bits(hour.split(","), HOUR),
        months=_bits(month.split(","), MONTH),
        monthdays=_bits(plain, MONTHDAY),
        last_day="L" in days,
        last_weekday="LW" in days,
        nearest=tuple(int(day[:-1]) for day in days if day[0] != "L"),
        weekdays=_sunday_is_zero(_bits(week_parts, WEEKDAY)),
        nth=nth,
    )
    if not cron.is_ever_due():
        raise Invalid(
            f"{quoted(text)} is never due: no year has such a day.",
            hint="For the last day of each month, write L as the day of the month.",
        )
    return cron


def _wrong_count(count: int) -> Invalid:
    if count in (6, 7):
        return Invalid(
            f"A cron expression has five fields, this one has {count}.",
            hint="Seconds and years are not supported: write minute, hour, day of the month, month, "
            "day of the week.",
        )
    return Invalid(
        f"A cron expression has five fields, this one has {count}.",
        hint="Write minute, hour, day of the month, month, day of the week: 0 8 * * 1.",
    )


def _bits(parts: list[str], field: Field) -> int:
    bits = 0
    for part in parts:
        for value in _values(part, field):
            bits |= 1 << value
    return bits


def _values(part: str, field: Field) -> range:
    found = _PART.fullmatch(part)
    if not found:
        raise _unreadable(part, field)
    step = int(found["step"] or 1)
    if step == 0:
        raise Invalid(f"The {field.name} {quoted(part)} has a step of zero.", hint="The least step is 1.")
    if found["low"] == "*":
        if found["high"]:
            raise _unreadable(part, field)
        high = 6 if field is WEEKDAY else field.high
        return range(field.low, high + 1, step)
    low = _value(found["low"], field)
    if found["high"]:
        return range(low, _range_end(low, found["high"], field) + 1, step)
    if not found["step"]:
        return range(low, low + 1)
    if field is WEEKDAY:
        raise Invalid(
            f"The day of the week {quoted(part)} has a step but no end.",
            hint=f"Write the range, such as {part.split('/')[0]}-7/{step}, or list the days.",
        )
    return range(low, field.high + 1, step)


def _range_end(low: int, text: str, field: Field) -> int:
    high = _value(text, field)
    if text == "SUN" and low > 0:
        high = 7
    if high < low:
        raise Invalid(
            f"The {field.name} has a range that ends before it begins.",
            hint="Write two ranges, joined by a comma: "
            + ("FRI-SUN,MON." if field is WEEKDAY else f"{low}-{field.high},{field.low}-{high}."),
        )
    return high


def _value(text: str, field: Field) -> int:
    if text in field.names:
        return field.names[text]
    if not text.isdigit():
        raise _unreadable(text, field)
    value = int(text)
    if not field.low <= value <= field.high:
        raise Invalid(
            f"{quoted(text)} is out of range: there is no such {field.name}.",
            hint=f"It goes from {field.low} to {field.high}.",
        )
    return value


def _unreadable(part: str, field: Field) -> Invalid:
    if not part:
        return Invalid(f"The {field.name} has an empty place in its list.", hint="Remove the extra comma.")
    if part == "?":
        return Invalid(f'The {field.name} cannot be "?".', hint="Write * for every one.")
    named = " or names such as MON" if field is WEEKDAY else " or names such as JAN" if field is MONTH else ""
    return Invalid(
        f"The {field.name} {quoted(part)} is not understood.",
        hint=f"Write numbers from {field.low} to {field.high}{named}, as in {field.low}, "
        f"{field.low}-{field.low + 2}, {field.low},{field.low + 3} or */2.",
    )


def _monthday_parts(text: str) -> tuple[list[str], list[str]]:
    """Split a day of the month into what depends on the month (`L`, `LW`, `15W`) and the rest."""
    special: list[str] = []
    plain: list[str] = []
    for part in text.split(","):
        near = _NEAREST.fullmatch(part)
        if near:
            _value(near[1], MONTHDAY)
        (special if near or part in ("L", "LW") else plain).append(part)
    return special, plain


def _weekday_parts(text: str) -> tuple[tuple[tuple[int, int], ...], list[str]]:
    """Split a day of the week into its `d#n` and `dL` (n is 0) and the rest."""
    nth: list[tuple[int, int]] = []
    plain: list[str] = []
    for part in text.split(","):
        if part == "L":
            raise Invalid(
                'The day of the week "L" does not say which day.', hint="The last Friday is 5L or FRIL."
            )
        if last := _LAST.fullmatch(part):
            nth.append((_value(last[1], WEEKDAY) % 7, 0))
        elif found := _NTH.fullmatch(part):
            number = int(found[2])
            if not 1 <= number <= 5:
                raise Invalid(
                    f"No month has a {quoted(part)}: the number after # goes from 1 to 5.",
                    hint="The first Monday is 1#1.",
                )
            nth.append((_value(found[1], WEEKDAY) % 7, number))
        else:
            plain.append(part)
    return tuple(nth), plain


def _sunday_is_zero(bits: int) -> int:
    return (bits | bits >> 7) & 0x7F


def _nearest_weekday(day: int, first: int, length: int) -> int:
    """The Monday to Friday of the same month that is nearest to `day`."""
    weekday = (first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
