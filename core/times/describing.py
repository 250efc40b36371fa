"""An expression in plain English words, written so that a misreading of it shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never
from zoneinfo import ZoneInfo

from core.times.composing import ranges
from core.times.cron import Cron
from core.times.hints import listed, ordinal
from core.times.intervals import Interval
from core.times.moments import instant_of
from core.times.rules import Business, Once, Rule
from core.times.vocabulary import MONTH_NAMES, WEEKDAY_NAMES

_MOST_TIMES = 8  # more are told as minutes and hours
_WORKDAYS = 0b0111110
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_NTH = ("last", "first", "second", "third", "fourth", "fifth")


def describe(rule: Rule, zone: ZoneInfo) -> str:
    """The words, beginning in lower case; times are those of the zone, which is not named."""
    match rule:
        case Cron():
            return _cron(rule)
        case Business():
            return _business(rule)
        case Interval():
            return f"every {length_words(rule.step)}, counted from {rule.anchor.replace('T', ' ')}"
        case Once():
            return f"once, on {instant_of(rule.at).astimezone(zone):%Y-%m-%d at %H:%M}"
        case _:
            assert_never(rule)


def length_words(seconds: int) -> str:
    """Write 2700 as `45 minutes`, 3600 as `hour`: what stands behind "every"."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    count = seconds // size
    return unit if count == 1 else f"{count} {unit}s"


def values(bits: int) -> list[int]:
    """The numbers in a bit set, in order."""
    return [value for value in range(bits.bit_length()) if bits >> value & 1]


def _cron(cron: Cron) -> str:
    times, clock = _times(cron)
    days = _days(cron)
    named = all(cron.days_restricted) or not _of_month(cron)
    months = _months(values(cron.months)) if cron.fields[3] != "*" and named else ""
    if clock:
        return " ".join(filter(None, (days or "every day", months, times)))
    return ", ".join(filter(None, (times, " ".join(filter(None, (days, months))))))


def _times(cron: Cron) -> tuple[str, bool]:
    """The times of a day in words, and whether they are times of the clock."""
    minutes, hours = values(cron.minutes), values(cron.hours)
    if len(hours) == 24:
        return _minutes(cron, minutes, "every hour"), False
    step = cron.fields[1].removeprefix("*/")
    if cron.fields[1].startswith("*/") and len(minutes) == 1 and 24 % int(step) == 0:
        past = f" at {minutes[0]} minutes past the hour" if minutes[0] else ""
        return f"every {step} hours{past}, from midnight", False
    if len(hours) * len(minutes) <= _MOST_TIMES:
        return f"at {listed(f'{hour:02}:{minute:02}' for hour in hours for minute in minutes)}", True
    if len(minutes) == 1:
        past = f"at {minutes[0]} minutes past" if minutes[0] else "on"
        return f"{past} the hours {_hours(hours)}", True
    return f"{_minutes(cron, minutes, 'the hour')} in the hours {_hours(hours)}", False


def _minutes(cron: Cron, minutes: list[int], hour: str) -> str:
    text = cron.fields[0]
    if len(minutes) == 60:
        return "every minute"
    if text.startswith("*/") and 60 % int(text[2:]) == 0:
        return f"every {text[2:]} minutes"
    if len(minutes) == 1:
        if minutes == [0]:
            return hour if hour == "every hour" else f"on {hour}"
        return f"at {minutes[0]} minute{'' if minutes[0] == 1 else 's'} past {hour}"
    shown = listed(ranges(minutes).replace("-", " to ").split(","))
    return f"at the minutes {shown} of {hour}"


def _hours(hours: list[int]) -> str:
    return listed(ranges(hours).replace("-", " to ").split(","))


def _days(cron: Cron) -> str:
    by_month, by_week = cron.days_restricted
    if not by_month and not by_week:
        return ""
    if not by_month:
        return _weekdays(cron)
    if not by_week:
        return f"on {_monthdays(cron)}"
    if cron.both_days:
        return f"on {_monthdays(cron)} and only if that is {_weekdays(cron, alone=False)} (both must fit)"
    return f"on {_monthdays(cron)} or {_weekdays(cron)} (either is enough)"


def _monthdays(cron: Cron) -> str:
    month = _month_words(cron)
    text = cron.fields[2]
    if text.startswith("*/"):
        return f"every {ordinal(int(text[2:]))} day of {month} (counted from the 1st)"
    words = [f"the {_ordinals(part)}" for part in ranges(values(cron.monthdays)).split(",") if part]
    words += [f"the Monday to Friday nearest to the {ordinal(day)}" for day in cron.nearest]
    words += ["the last day"] if cron.last_day else []
    words += ["the last weekday (Monday to Friday)"] if cron.last_weekday else []
    return f"{listed(words)} of {month}"


def _of_month(cron: Cron) -> bool:
    """The days are told as days of a month, which can name the months."""
    by_month, by_week = cron.days_restricted
    return (by_month and not by_week) or (by_week and not by_month and not cron.weekdays)


def _month_words(cron: Cron) -> str:
    if cron.fields[3] == "*":
        return "every month"
    if all(cron.days_restricted) or not _of_month(cron):
        return "the month"
    return listed(MONTH_NAMES[month - 1] for month in values(cron.months))


def _ordinals(item: str) -> str:
    first, _, last = item.partition("-")
    return f"{ordinal(int(first))} to the {ordinal(int(last))}" if last else ordinal(int(first))


def _weekdays(cron: Cron, *, alone: bool = True) -> str:
    plain = sorted(values(cron.weekdays), key=lambda day: day or 7)
    lead = "every " if alone else "a "
    words = []
    if cron.weekdays == _WORKDAYS:
        words.append(f"{lead}weekday (Monday to Friday)")
    elif plain:
        words.append(lead + listed((WEEKDAY_NAMES[day] for day in plain), last="and" if alone else "or"))
    month = _month_words(cron)
    nth = [f"the {_NTH[number]} {WEEKDAY_NAMES[day]}" for day, number in cron.nth]
    if nth:
        words.append(f"{'on ' if alone else ''}{listed(nth, last='and' if alone else 'or')} of {month}")
    return listed(words, last="and" if alone else "or")


def _months(months: Iterable[int]) -> str:
    return f"in {listed(MONTH_NAMES[month - 1] for month in months)}"


def _business(rule: Business) -> str:
    days = rule.days
    clock = f"at {rule.minute // 60:02}:{rule.minute % 60:02}"
    months = values(days.months)
    month = "every month" if len(months) == 12 else "the month"
    number = {-1: "last", 1: "first"}.get(days.number, ordinal(days.number))
    which = "every business day" if days.number == 0 else f"on the {number} business day of {month}"
    within = "" if len(months) == 12 else _months(months)
    free = f"without the public holidays of {days.calendar}" if days.calendar else ""
    extra = len(days.days_off)
    off = f"without {extra} extra day{'s' if extra > 1 else ''} off" if extra else ""
    meaning = ", ".join(filter(None, ("Monday to Friday", free, off)))
    return " ".join(filter(None, (which, within, clock, f"({meaning})")))
