"""The clauses of phrases that repeat: "every …", "weekly", days, "first … of the month", windows.

Each function reads one clause into the `Reading` and says whether there was one; where not, the place
in the words is as before.
"""

from __future__ import annotations

import re

from core.errors import Invalid
from core.times.clocks import read_clock
from core.times.hints import ordinal, quoted
from core.times.reading import Reading
from core.times.vocabulary import MONTHS, ORDINALS, PLURAL_WEEKDAYS, UNITS, WEEKDAY_NAMES, WEEKDAYS
from core.times.words import Words

_ORDINAL = re.compile(r"(\d{1,3})(?:st|nd|rd|th)")
_WORKDAYS = frozenset(range(1, 6))
_WEEKEND = frozenset((0, 6))
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
_RANGE = ("-", "to", "through", "thru", "till", "until")


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
    numbers = _ordinal_list(words)
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
        days = _plain_days(words)
    elif months := read_months(words):
        words.accept("the")
        days = _ordinal_list(words) or _plain_days(words)
    else:
        days = _plain_days(words)
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
    joined = words.accept("and") if opening == "between" else words.accept(*(_RANGE if opening else ("-",)))
    last = read_clock(words) if first and joined else None
    if first is None or last is None or reading.window:
        words.position = start
        return False
    reading.window = (first, last)
    return True


def read_weekdays(words: Words) -> tuple[frozenset[int], bool] | None:
    """A list of days and whether it was said in the plural, or nothing."""
    found = _weekday_item(words)
    if found is None:
        return None
    days, plural = found
    while True:
        start = words.position
        if len(found[0]) == 1 and words.accept(*_RANGE):
            last = _weekday_item(words)
            if last and len(last[0]) == 1:
                days |= _weekday_range(min(found[0]), min(last[0]))
                plural = True
                found = (frozenset(range(7)), True)
                continue
        elif words.separator():
            following = _weekday_item(words)
            if following:
                days, plural, found = days | following[0], plural or following[1], following
                continue
        words.position = start
        return days, plural


def read_months(words: Words) -> tuple[int, ...]:
    """A list of months, empty where there is none."""
    found: list[int] = []
    while True:
        start = words.position
        if found and words.accept("-", "to", "through"):
            last = MONTHS.get(words.peek())
            if last is not None and last > found[-1]:
                words.take()
                found.extend(range(found[-1] + 1, last + 1))
                continue
        elif not found or words.separator():
            month = MONTHS.get(words.peek())
            if month is not None:
                words.take()
                found.append(month)
                continue
        words.position = start
        return tuple(sorted(set(found)))


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
    if words.peek() == "of" or (unit == "day" and words.peek().isdecimal() and len(words.peek()) < 3):
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


def _weekday_item(words: Words) -> tuple[frozenset[int], bool] | None:
    word = words.peek()
    if word in WEEKDAYS or word in PLURAL_WEEKDAYS:
        words.take()
        return frozenset((WEEKDAYS.get(word, PLURAL_WEEKDAYS.get(word, 0)),)), word in PLURAL_WEEKDAYS
    if word in ("weekday", "weekdays", "workday", "workdays"):
        words.take()
        return _WORKDAYS, word.endswith("s")
    if word in ("weekend", "weekends"):
        words.take()
        days = words.accept("day", "days")
        return _WEEKEND, word == "weekends" or days
    return None


def _weekday_range(first: int, last: int) -> frozenset[int]:
    return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))


def _ordinal_list(words: Words) -> tuple[int, ...]:
    found: list[int] = []
    while True:
        start = words.position
        if found and not words.separator():
            break
        words.accept("the")
        word = words.peek()
        digits = _ORDINAL.fullmatch(word)
        if not digits and word not in ORDINALS:
            words.position = start
            break
        words.take()
        found.append(int(digits[1]) if digits else ORDINALS[word])
    return tuple(dict.fromkeys(found))


def _plain_days(words: Words) -> tuple[int, ...]:
    found: list[int] = []
    while True:
        start = words.position
        if found and not words.separator():
            break
        if not re.fullmatch(r"\d{1,2}", words.peek()):
            words.position = start
            break
        found.append(int(words.take()))
    return tuple(dict.fromkeys(found))


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
