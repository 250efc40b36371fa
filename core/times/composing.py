"""From what a phrase said to the cron text or shortcut that means the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time

from core.errors import Invalid, Misunderstood, Refusal
from core.times.clocks import PART_TIMES, Clock, of_part
from core.times.reading import Reading
from core.times.vocabulary import CRON_MONTHS

_FIRST_MONTHS = {"quarter": (1, 4, 7, 10), "year": (1,)}
_LAST_MONTHS = {"quarter": (3, 6, 9, 12), "year": (12,)}


@dataclass(frozen=True, slots=True)
class Composed:
    """The canonical text of a phrase, and how it was read where that is not plain."""

    text: str
    notes: tuple[str, ...]


def compose(reading: Reading, default_time: time, *, holidays: bool) -> Composed:
    """Write a repeating phrase as cron, or as a shortcut where it counts business days.

    `holidays` says that business days are not simply Monday to Friday. Raises:
        Refusal: the clauses do not go together.
    """
    day = reading.day is not None
    if any((reading.shift, day, reading.date, reading.at, reading.relative, reading.year)):
        raise Misunderstood(
            "That says both a repeating schedule and a single day.",
            hint='Write either "every friday at 9" or "next friday at 9".',
        )
    notes: list[str] = []
    if reading.business is not None and (reading.business != 0 or holidays):
        return Composed(_shortcut(reading, default_time, notes), tuple(notes))
    _note_month(reading, notes)
    month, monthday, weekday = _month(reading), _monthday(reading, notes), _weekday(reading, notes)
    if reading.cadence in ("minute", "hour"):
        minute, hour = _interval(reading)
    else:
        minute, hour = _clock_fields(time_of_day(reading, default_time, notes))
    return Composed(f"{minute} {hour} {monthday} {month} {weekday}", tuple(notes))


def time_of_day(reading: Reading, default_time: time, notes: list[str]) -> list[Clock]:
    """The times of a phrase, or the default; what was not plain is added to `notes`."""
    if reading.past or reading.window:
        raise Misunderstood(
            "Minutes past the hour and windows of time need an interval.",
            hint='Write "every hour at :15" or "every 15 minutes between 9:00 and 17:00".',
        )
    if not reading.clocks:
        clock = Clock(PART_TIMES[reading.part], 0) if reading.part else _clock_of(default_time)
        if reading.part == "morning":
            clock = _clock_of(default_time) if default_time.hour < 12 else clock
        notes.append(f"No time was given, so it is {clock.text}.")
        return [clock]
    clocks = [_midnight_or_part(clock, reading.part) for clock in reading.clocks]
    notes.extend(f"{clock.said} is read as {clock.text}." for clock in clocks if clock.said)
    return clocks


def _midnight_or_part(clock: Clock, part: str) -> Clock:
    if part == "night" and clock.hour == 12 and not clock.half:
        return Clock(0, clock.minute, said="12 at night")
    return of_part(clock, part)


def _note_month(reading: Reading, notes: list[str]) -> None:
    """Without "of every month", a day is taken as one of every month; "last friday" may be the past one."""
    if reading.of or reading.cadence or reading.months or not (reading.ordinals or reading.monthdays):
        return
    if -1 in reading.monthdays or (-1 in reading.ordinals and not reading.every):
        raise Misunderstood(
            "It is not said of which month the last day is.",
            hint='Write "last friday of the month at 17:00".',
        )
    notes.append("It repeats every month.")


def _clock_of(value: time) -> Clock:
    return Clock(value.hour, value.minute)


def _shortcut(reading: Reading, default_time: time, notes: list[str]) -> str:
    if reading.weekdays or reading.monthdays or reading.excluded or reading.ordinals:
        raise _clash("business days and other days")
    if reading.cadence in ("minute", "hour", "week"):
        raise _clash("business days and this interval")
    clocks = time_of_day(reading, default_time, notes)
    if len(clocks) > 1:
        raise Misunderstood(
            "A schedule that counts business days has one time of day.",
            hint="Give each time its own schedule.",
        )
    name = {0: "@business-days", 1: "@first-weekday", -1: "@last-weekday"}.get(
        reading.business or 0, f"@nth-weekday({reading.business})"
    )
    months = _months_of_part(reading, last=reading.business == -1)
    within = f" in {months_text(months)}" if months else ""
    return f"{name} {clocks[0].text}{within}"


def _months_of_part(reading: Reading, *, last: bool) -> tuple[int, ...]:
    """The months that are meant by "of the quarter", "every 3 months", "in march"."""
    part = reading.of if reading.of != "month" else ""
    part = part or (reading.cadence if reading.cadence in ("quarter", "year") else "")
    if part == "year" and reading.months:
        return reading.months
    if part and reading.months:
        raise _clash(f"months and the {part}")
    if part:
        return _LAST_MONTHS[part] if last and reading.of == part else _FIRST_MONTHS[part]
    if reading.cadence == "month" and reading.count > 1:
        if reading.months:
            raise _clash("months and every so many months")
        return tuple(range(1, 13, reading.count))
    return reading.months


def _month(reading: Reading) -> str:
    if reading.of in ("quarter", "year"):
        _check_edge(reading)
    numbers = reading.ordinals or reading.monthdays
    months = _months_of_part(reading, last=numbers == (-1,))
    if reading.cadence == "month" and reading.count > 1:
        return f"*/{reading.count}" if reading.count < 12 else "1"
    return ranges(months) if months else "*"


def _check_edge(reading: Reading) -> None:
    """ "The 15th of the quarter" is not said by anybody who could tell which month it means."""
    numbers = reading.ordinals or reading.monthdays
    if numbers not in ((1,), (-1,)):
        raise Misunderstood(
            f"Only the first or the last day of the {reading.of} is clear.",
            hint='Name the months: "on the 15th of january, april, july and october".',
        )


def _monthday(reading: Reading, notes: list[str]) -> str:
    if reading.monthdays and (reading.weekdays or reading.cadence in ("minute", "hour", "day", "week")):
        raise _clash("days of the month and " + ("weekdays" if reading.weekdays else "this interval"))
    if reading.monthdays:
        if reading.cadence == "year" and not (reading.months or reading.of):
            raise Misunderstood("A yearly schedule needs a month.", hint='Write "every year on december 25".')
        days = [day for day in reading.monthdays if day > 0]
        return ",".join(filter(None, (ranges(days), "L" if -1 in reading.monthdays else "")))
    if reading.weekdays or reading.cadence not in ("month", "quarter", "year", ""):
        return "*"
    if reading.cadence == "" and reading.business == 0:
        return "*"
    if reading.months and reading.cadence != "month":
        raise Misunderstood(
            "It is not said on which day of the month.", hint='Write "every january on the 1st".'
        )
    if reading.cadence == "":
        raise Misunderstood(
            "It is not said on which days.", hint='Write "every day at 9" or "every monday at 9".'
        )
    notes.append("No day was given, so it is the 1st.")
    return "1"


def _weekday(reading: Reading, notes: list[str]) -> str:
    days = reading.weekdays
    if reading.business == 0:
        if days or reading.ordinals:
            raise _clash("business days and other days")
        days = frozenset(range(1, 6))
    if reading.ordinals:
        if reading.excluded or reading.cadence in ("minute", "hour", "day", "week"):
            raise _clash("a weekday of the month and this interval")
        if reading.cadence == "year" and not (reading.months or reading.of):
            raise Misunderstood("A yearly schedule needs a month.", hint='Write "first monday of september".')
        return ",".join(
            f"{day}L" if number == -1 else f"{day}#{number}"
            for day in sorted(days)
            for number in sorted(reading.ordinals)
        )
    if days and reading.cadence in ("month", "quarter", "year"):
        raise _clash(f"weekdays and every {reading.cadence}")
    if reading.excluded:
        if reading.monthdays or reading.cadence in ("week", "month", "quarter", "year"):
            raise _clash("exceptions and this interval")
        days = (days or frozenset(range(7))) - reading.excluded
        if not days:
            raise Invalid("These exceptions leave no day.", hint="Leave one of them away.")
    if not days and reading.cadence == "week":
        notes.append("No day was given, so it is Monday.")
        return "1"
    return ranges(days) if days and len(days) < 7 else "*"


def _interval(reading: Reading) -> tuple[str, str]:
    """The minute and hour of "every 15 minutes" and "every 2 hours", within a window or not."""
    if reading.clocks or reading.part:
        raise Misunderstood(
            "An interval of minutes or hours has no time of day.",
            hint='Write "every hour at :15", or "every 2 hours between 8:00 and 18:00".',
        )
    count = reading.count
    if reading.cadence == "minute" and count < 60:
        if reading.past:
            raise _clash("minutes past the hour and every so many minutes")
        return "*" if count == 1 else f"*/{count}", _hours_of_minutes(reading) if reading.window else "*"
    count = count // 60 if reading.cadence == "minute" else count
    if reading.window:
        return _hours_of_window(reading, count)
    minute = ranges(reading.past or [0])
    return minute, "*" if count == 1 else f"*/{count}" if count < 24 else "0"


def _hours_of_minutes(reading: Reading) -> str:
    """The hours of a window in which minutes are counted; its end is exclusive."""
    if reading.window is None or reading.window[0].minute or reading.window[1].minute not in (0, 59):
        raise Misunderstood(
            "A window for minutes begins and ends on a full hour.",
            hint='Write "every 15 minutes between 9:00 and 17:00".',
        )
    first, last = reading.window
    end = last.hour + (1 if last.minute else 0)
    return _hour_text(reading, first.hour, (end - 1) % 24, 1, empty=first.hour == end)


def _hours_of_window(reading: Reading, count: int) -> tuple[str, str]:
    """The minute and hours of a window in which hours are counted from its beginning; its end counts."""
    if reading.window is None:
        return "0", "*"
    first, last = reading.window
    minutes = reading.past or [first.minute]
    if first.minute and reading.past:
        raise _clash("minutes past the hour and a window that begins within one")
    end = last.hour if last.minute >= max(minutes) else (last.hour - 1) % 24
    return ranges(minutes), _hour_text(reading, first.hour, end, count, empty=first.hour == last.hour)


def _hour_text(reading: Reading, first: int, last: int, count: int, *, empty: bool) -> str:
    if empty:
        raise Misunderstood("The window ends where it begins.", hint='Write "between 9:00 and 17:00".')
    step = f"/{count}" if count > 1 else ""
    if first <= last:
        return f"{first}-{last}{step}" if first < last else str(first)
    if reading.weekdays or reading.monthdays or reading.months:
        raise Misunderstood(
            "The window passes midnight, so it is not clear to which day its end belongs.",
            hint="Give each of the two days its own schedule.",
        )
    return ranges({hour % 24 for hour in range(first, last + 25, count)})


def _clock_fields(clocks: Sequence[Clock]) -> tuple[str, str]:
    wanted = {(clock.hour, clock.minute) for clock in clocks}
    hours, minutes = {hour for hour, _ in wanted}, {minute for _, minute in wanted}
    if len(wanted) != len(hours) * len(minutes):
        raise Misunderstood(
            "These times do not fit into one schedule.",
            hint="Give each time its own schedule: a job may have several.",
        )
    return ranges(minutes), ranges(hours)


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers as cron does, with ranges where three or more follow each other."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(
        f"{part[0]}-{part[-1]}" if len(part) > 2 else ",".join(str(number) for number in part)
        for part in parts
    )


def months_text(months: Iterable[int]) -> str:
    """Write months as `JAN,APR`."""
    return ",".join(name for name, number in CRON_MONTHS.items() if number in set(months))


def _clash(what: str) -> Refusal:
    return Misunderstood(
        f"{what[0].upper()}{what[1:]} do not go together in one phrase.",
        hint='Write one of them, such as "every monday at 9" or "on the 1st of every month at 9".',
    )
