"""The clauses of phrases that mean one instant: "tomorrow", "in 2 hours", "next friday", ISO dates."""

from __future__ import annotations

import re
from datetime import date, datetime

from core.errors import Invalid, Misunderstood
from core.times.hints import quoted
from core.times.reading import Reading, Shift
from core.times.vocabulary import UNITS, WEEKDAYS
from core.times.words import Words

_ISO = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[t ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?(?P<offset>z|[+-]\d{2}:?\d{2})?)?"
)
_NUMERIC_DATE = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}")
_LONGEST = 100 * 366 * 86_400  # seconds: nobody means more than a hundred years
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SIZES = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600}


def read_iso(text: str) -> date | datetime | None:
    """Read an ISO date or instant (naive where it has no offset); nothing where the text is none.

    Raises:
        Invalid: it is written so, but there is no such day or time.
    """
    found = _ISO.fullmatch(text.strip().lower())
    if not found:
        return None
    try:
        if not found["time"]:
            return date.fromisoformat(found["date"])
        offset = (found["offset"] or "").replace("z", "+00:00")
        return datetime.fromisoformat(f"{found['date']}T{found['time']}{offset}")
    except ValueError:
        raise Invalid(
            f"There is no {quoted(text)} in the calendar.", hint="Write it as 2026-12-24T18:00."
        ) from None


def read_iso_date(words: Words, reading: Reading) -> bool:
    """ "2026-12-24", "on 2026-12-24", "2026-12-24T18:00+01:00", "at(2026-12-01T09:00:00)"."""
    start = words.position
    words.accept("on", "at")
    bracket = words.accept("(")
    found = read_iso(words.peek())
    if found is None:
        if _NUMERIC_DATE.fullmatch(words.peek()):
            raise Invalid(
                f"It is not clear which day {quoted(words.peek())} is.",
                hint="Write dates as year-month-day, such as 2026-12-24.",
            )
        words.position = start
        return False
    words.take()
    if (bracket and not words.accept(")")) or reading.date or reading.at:
        raise words.refuse()
    if isinstance(found, datetime):
        reading.at = found
    else:
        reading.date = (found.year, found.month, found.day)
    return True


def read_day_word(words: Words, reading: Reading) -> bool:
    """ "today", "tomorrow evening", "tonight", "the day after tomorrow"."""
    start = words.position
    words.accept("the")
    if words.follow("day", "after", "tomorrow"):
        day, part = 2, ""
    elif words.accept("tomorrow"):
        day, part = 1, ""
    elif words.accept("today"):
        day, part = 0, ""
    elif words.accept("tonight"):
        day, part = 0, "night"
    elif words.peek() == "this" and words.peek(1) in ("morning", "afternoon", "evening"):
        words.take()
        day, part = 0, words.take()
    elif words.accept("yesterday"):
        raise Invalid("Yesterday is already past.", hint='Write "today" or "tomorrow" with a time.')
    else:
        words.position = start
        return False
    if reading.day is not None:
        raise words.refuse(start)
    reading.day = day
    reading.part = part or reading.part
    if not part and words.peek() in ("morning", "afternoon", "evening", "night"):
        reading.part = words.take()
    return True


def read_relative_day(words: Words, reading: Reading) -> bool:
    """ "this friday", "next friday", "next week", "next month"."""
    start = words.position
    words.accept("on")
    word = words.take() if words.peek() in ("this", "next", "coming") else ""
    unit = words.peek()
    fits = unit in WEEKDAYS or (word == "next" and unit in ("week", "month"))
    if not word or reading.relative or not fits:
        words.position = start
        return False
    words.take()
    if unit in WEEKDAYS:
        if reading.weekdays:
            raise words.refuse()
        reading.weekdays = frozenset((WEEKDAYS[unit],))
        reading.relative = "" if word == "coming" else word
    else:
        reading.relative = f"next {unit}"
    return True


def read_shift(words: Words, reading: Reading) -> bool:
    """ "in 2 hours", "in half an hour", "in 1 hour and 30 minutes", "2 days from now", "5m"."""
    start = words.position
    opening = words.accept("in")
    amounts = _amounts(words)
    if amounts and not opening and start == 0 and not words.peek() and " " in words.text.strip():
        said = words.text.strip()
        raise Misunderstood(
            f"{quoted(said)} may be a time from now or an interval.",
            hint=f'Write "in {said}" or "every {said}".',
        )
    if not amounts or not (opening or words.follow("from", "now") or " " not in words.text.strip()):
        words.position = start
        return False
    if reading.shift:
        raise words.refuse(start)
    reading.shift = _shift(amounts)
    return True


def _amounts(words: Words) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    while True:
        start = words.position
        if found:
            words.separator()
        if words.follow("half", "an", "hour") or words.follow("half", "hour"):
            found.append((30, "minute"))
            continue
        if words.follow("quarter", "of", "an", "hour") or words.follow("a", "quarter", "of", "an", "hour"):
            found.append((15, "minute"))
            continue
        if found and found[-1][1] == "hour" and words.follow("a", "half"):
            found.append((30, "minute"))
            continue
        number = words.number()
        unit = UNITS.get(words.peek(), "")
        if number is None or not unit or (found and _SIZES.index(unit) >= _SIZES.index(found[-1][1])):
            words.position = start
            return found
        words.take()
        found.append((number, unit))


def _shift(amounts: list[tuple[int, str]]) -> Shift:
    shift = Shift(
        months=sum(number * _MONTHS.get(unit, 0) for number, unit in amounts),
        days=sum(number * _DAYS.get(unit, 0) for number, unit in amounts),
        seconds=sum(number * _SECONDS.get(unit, 0) for number, unit in amounts),
    )
    total = (shift.months * 31 + shift.days) * 86_400 + shift.seconds
    if total == 0:
        raise Invalid("That is now.", hint='Leave the schedule away to run it now, or write "in 5 minutes".')
    if total > _LONGEST:
        raise Invalid(
            "That is more than a hundred years ahead.", hint='Write a nearer day, such as "in 2 weeks".'
        )
    return shift
