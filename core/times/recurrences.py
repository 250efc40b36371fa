"""The clauses of phrases that repeat: "every …", "weekly", days, "first … of the month", windows.

Each function reads one clause into the `Reading` and says whether there was one; where not, the place
in the words is as before.
"""

from __future__ import annotations

import re

from core.errors import Invalid
from core.times.clocks import read_clock
from core.times.hints import ordinal, quoted
from core.times.lists import (
    RANGE_WORDS,
    read_months,
    read_ordinal_list,
    read_plain_days,
    read_weekdays,
)
from core.times.reading import Reading
from core.times.vocabulary import UNITS, WEEKDAY_NAMES
from core.times.words import Words

_CADENCES = {
    "hourly": "hour",
    "daily": "day",
    "nightly": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annually": "year",
}
_PARTS_OF_AN_HOUR = {
    "half an hour": 30,
    "half hour": 30,
    "half-hour": 30,
    "quarter of an hour": 15,
    "quarter hour": 15,
    "quarter-hour": 15,
}
_UNCLEAR = (
    "biweekly",
    "bi-weekly",
    "fortnightly",
    "fortnight",
    "bimonthly",
    "bi-monthly",
    "semiweekly",
    "semimonthly",
)
_PARTS = ("morning", "afternoon", "evening", "night")


def read_every(words: Words, reading: Reading) -> bool:
    """ "every 15 minutes", "each day", "every monday", "every 3rd friday", "once a week"."""
    start = words.position
    once = words.accept("once")
    if not words.accept("every", "each") and not (once and words.accept("a", "an", "per")):
        words.position = start
        return once and read_cadence(words, reading)
    if reading.every:
        raise words.refuse(start)
    reading.every = True
    if words.accept("other"):
        raise _needs_anchor(f"every other {words.peek() or '…'}")
    if words.peek() in _UNCLEAR:
        raise _needs_anchor(words.peek())
    if words.peek() in _PARTS:
        reading.cadence, reading.part = "day", words.take()
        return True
    if _read_interval(words, reading):
        return True
    if read_days(words, reading) or read_ordinals(words, reading) or read_calendar_day(words, reading):
        return True
    if months := read_months(words):
        reading.months = months
        return True
    raise words.refuse()


def read_cadence(words: Words, reading: Reading) -> bool:
    """ "daily", "weekly", "hourly"."""
    word = words.peek()
    if word in _UNCLEAR:
        raise _needs_anchor(word)
    if word not in _CADENCES:
        return False
    if reading.every:
        raise words.refuse()
    words.take()
    reading.every, reading.cadence = True, _CADENCES[word]
    if word == "nightly":
        reading.part = "night"
    return True


def read_days(words: Words, reading: Reading) -> bool:
    """ "on monday and thursday", "weekdays", "mon-fri", "every weekday (monday to friday)"."""
    start = words.position
    words.accept("on")
    words.accept("the")
    if words.peek() in ("business", "working") and words.peek(1) in ("day", "days"):
        words.take()
        reading.plural |= words.take() == "days"
        reading.business = 0
        return True
    found = read_weekdays(words)
    if found is None:
        words.position = start
        return False
    days, plural = found
    if words.accept("("):
        again = read_weekdays(words)
        if again is None or again[0] != days or not words.accept(")"):
            raise words.refuse()
    if reading.weekdays:
        raise words.refuse(start)
    reading.weekdays, reading.plural = days, reading.plural or plural
    return True


def read_ordinals(words: Words, reading: Reading) -> bool:
    """ "on the 1st and 15th", "last friday", "first business day", "last day"."""
    start = words.position
    words.accept("on")
    words.accept("the")
    numbers = read_ordinal_list(words)
    if not numbers:
        words.position = start
        return False
    if reading.ordinals or reading.monthdays or reading.business is not None or reading.weekdays:
        raise words.refuse(start)
    if words.peek() in ("business", "working") and words.peek(1) in ("day", "days"):
        words.position += 2
        reading.business = _single_business_day(numbers)
    elif words.accept("workday", "weekday"):
        reading.business = _single_business_day(numbers)
    elif words.peek() == "day" and reading.every and not reading.cadence and words.peek(1) != "of":
        raise _needs_anchor(f"every {ordinal(numbers[0]) if numbers[0] > 0 else 'last'} day")
    elif words.accept("day", "days"):
        reading.monthdays = numbers
    elif found := read_weekdays(words):
        reading.ordinals, reading.weekdays = numbers, found[0]
    elif words.peek() in UNITS:
        raise _needs_anchor(f"every {ordinal(numbers[0]) if numbers[0] > 0 else 'last'} {words.peek()}")
    else:
        reading.monthdays = numbers
        if months := read_months(words):
            reading.months = months
            read_year(words, reading)
    _check_ordinals(reading)
    return True


def read_calendar_day(words: Words, reading: Reading) -> bool:
    """ "december 25", "25 december 2026", "1 of jan, april", "day 15"."""
    start = words.position
    words.accept("on")
    words.accept("the")
    months: tuple[int, ...] = ()
    if words.accept("day"):
        days = read_plain_days(words)
    elif months := read_months(words):
        words.accept("the")
        days = read_ordinal_list(words) or read_plain_days(words)
    else:
        days = read_plain_days(words)
        words.accept("of")
        months = read_months(words) if days else ()
        if not months:
            days = ()
    if not days:
        words.position = start
        return False
    if reading.monthdays or reading.months:
        raise words.refuse(start)
    reading.monthdays, reading.months = days, months
    if months:
        read_year(words, reading)
    _check_ordinals(reading)
    return True


def read_of(words: Words, reading: Reading) -> bool:
    """ "of the month", "of every quarter", "of march", "of next month"."""
    start = words.position
    if not words.accept("of"):
        return False
    if not (reading.monthdays or reading.ordinals or reading.business is not None):
        words.position = start
        return False
    if words.follow("next", "month"):
        reading.relative = "next month"
        return True
    words.accept("the", "every", "each", "a", "any")
    if words.peek() in ("month", "quarter", "year") and not reading.of:
        reading.of = words.take()
        return True
    if not reading.months and (months := read_months(words)):
        reading.months = months
        read_year(words, reading)
        return True
    raise words.refuse()


def read_in_months(words: Words, reading: Reading) -> bool:
    """ "in december", "during july and august", "from june to august"."""
    start = words.position
    if words.accept("in", "during", "from") and not reading.months and (months := read_months(words)):
        reading.months = months
        return True
    words.position = start
    return False


def read_except(words: Words, reading: Reading) -> bool:
    """ "except sunday", "but not on fridays"."""
    start = words.position
    if not (words.accept("except", "excluding") or words.follow("but", "not")):
        return False
    words.accept("on", "for")
    found = read_weekdays(words)
    if found is None:
        raise words.refuse()
    if reading.excluded:
        raise words.refuse(start)
    reading.excluded = found[0]
    return True


def read_window(words: Words, reading: Reading) -> bool:
    """ "between 9:00 and 17:00", "from 8am to 6pm", "9-17"."""
    start = words.position
    opening = words.take() if words.peek() in ("between", "from") else ""
    if not opening and "-" not in (words.peek(1), words.peek(2)):
        return False
    first = read_clock(words)
    joined = (
        words.accept("and") if opening == "between" else words.accept(*(RANGE_WORDS if opening else ("-",)))
    )
    last = read_clock(words) if first and joined else None
    if first is None or last is None:
        words.position = start
        return False
    if reading.window:
        raise words.refuse(start)
    reading.window = (first, last)
    return True


def read_year(words: Words, reading: Reading) -> None:
    """Read a year behind a date, with or without a comma."""
    start = words.position
    words.accept(",")
    if re.fullmatch(r"[12]\d{3}", words.peek()):
        reading.year = int(words.take())
    else:
        words.position = start


def _read_interval(words: Words, reading: Reading) -> bool:
    start = words.position
    for spelling, minutes in _PARTS_OF_AN_HOUR.items():
        if words.follow(*spelling.split()):
            reading.cadence, reading.count = "minute", minutes
            return True
    number = words.number()
    unit = UNITS.get(words.peek(), "")
    if number is None and words.peek() == "second" and words.peek(1) not in ("", "at", "on"):
        unit = ""  # "every second monday"
    if not unit or (number is None and (len(words.peek()) < 3 or words.peek().endswith("s"))):
        words.position = start
        return False
    said = f"every {'' if number is None else f'{number} '}{words.take()}"
    numbered = unit == "day" and words.peek().isdecimal() and words.peek(1) == "of"
    if words.peek() == "of" or numbered:  # "every second of june", "every day 15 of the month"
        words.position = start
        return False
    number = 1 if number is None else number
    _check_interval(number, unit, said)
    reading.cadence, reading.count = unit, number
    return True


def _check_interval(number: int, unit: str, said: str) -> None:
    if number == 0:
        raise Invalid(f"{quoted(said)} is no interval.", hint='The least is "every minute".')
    fits = {
        "minute": 60 % number == 0 or (number % 60 == 0 and 1_440 % number == 0),
        "hour": 24 % number == 0,
        "month": 12 % number == 0,
    }
    if fits.get(unit, number == 1 and unit != "second"):
        return
    if unit in ("month", "quarter", "year"):
        raise Invalid(
            f"{quoted(said)} does not fit evenly into a year.",
            hint='Name the months: "on the 1st of january, june and november at 9".',
        )
    raise _needs_anchor(said, f"{number}{unit[0]}")


def _needs_anchor(said: str, length: str = "") -> Invalid:
    """The refusal of an interval that a calendar does not have; `length` is how it would be written."""
    length = length or ("2w" if "day" not in said.split() else "2d")
    return Invalid(
        f"{quoted(said)} does not fit evenly into the calendar, so it needs a moment to count from.",
        hint=f"Give the schedule an interval with an anchor: every: {length}, anchor: 2026-01-05 "
        f'(in one line "every {length} from 2026-01-05").',
    )


def _single_business_day(numbers: tuple[int, ...]) -> int:
    if len(numbers) > 1:
        raise Invalid(
            "Only one business day of the month fits a schedule.", hint="Give each its own schedule."
        )
    return numbers[0]


def _check_ordinals(reading: Reading) -> None:
    for day in reading.monthdays:
        if day != -1 and not 1 <= day <= 31:
            raise Invalid(
                f"No month has a {ordinal(day)}.", hint="Days of the month go from the 1st to the 31st."
            )
    for number in reading.ordinals:
        if number != -1 and not 1 <= number <= 5:
            name = WEEKDAY_NAMES[min(reading.weekdays)]
            raise Invalid(f"No month has a {ordinal(number)} {name}.", hint=f'Write "last {name.lower()}".')
