"""Schedules in plain words: a small strict grammar in which every word must be used.

A phrase is a row of clauses in any order. Each clause may be said once; a word that no clause reads is
named in the refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core.times.clocks import Clock, read_clock
from core.times.dates import read_day_word, read_iso_date, read_relative_day, read_shift
from core.times.reading import Reading
from core.times.recurrences import (
    read_cadence,
    read_calendar_day,
    read_days,
    read_every,
    read_except,
    read_in_months,
    read_of,
    read_ordinals,
    read_window,
)
from core.times.words import Words
from core.times.zones import is_abbreviation, names, zone, zone_of_place

_PARTS = ("morning", "afternoon", "evening")


def read_phrase(text: str) -> Reading:
    """Read a phrase into its clauses.

    Raises:
        Refusal: a word is not understood, a value is impossible, or a clause is said twice.
    """
    words = Words(text)
    reading = Reading()
    while words.peek():
        between = words.position > 0 and words.peek(1) != ""
        if not any(clause(words, reading) for clause in _CLAUSES) and not (between and words.accept(",")):
            raise words.refuse()
    return reading


def read_time(words: Words, reading: Reading) -> bool:
    """ "at 9 and 17", "9am", "at noon", "17:00"; a bare number needs "at" or comes after a day."""
    start = words.position
    bare = words.accept("at", "@")
    clocks = _clock_list(words, bare=bare)
    if not clocks and not bare and _takes_a_bare_hour(reading) and re.fullmatch(r"\d{1,2}", words.peek()):
        clocks = _clock_list(words, bare=True)
    if not clocks or reading.clocks:
        words.position = start
        if clocks:
            raise words.refuse(start)
        return False
    reading.clocks = clocks
    return True


def _takes_a_bare_hour(reading: Reading) -> bool:
    """A number alone can be nothing but the hour: "weekdays 9", but not "friday 2" or "march 3"."""
    days = reading.every or reading.plural or len(reading.weekdays) > 1 or reading.day is not None
    return days and not (reading.monthdays or reading.months)


def read_minutes_past(words: Words, reading: Reading) -> bool:
    """ "at :15", "at 15 past", "at 30 minutes past every hour", "at minute 15", "on the hour"."""
    start = words.position
    if words.follow("on", "the", "hour"):
        minutes = [0]
    else:
        words.accept("at")
        minutes = _minute_list(words)
    if not minutes or reading.past:
        words.position = start
        return False
    reading.past = minutes
    before = words.position
    words.accept("past", "after")
    if words.accept("every", "each"):
        reading.every = True
    else:
        words.accept("the")
    if words.accept("hour"):
        reading.cadence = reading.cadence or "hour"
    else:
        words.position = before
        words.accept("past", "after")
    return True


def read_part(words: Words, reading: Reading) -> bool:
    """ "in the morning", "at night", and behind a day "mornings"."""
    start = words.position
    if words.follow("at", "night"):
        part = "night"
    elif words.follow("in", "the") and words.peek() in _PARTS:
        part = words.take()
    elif (reading.weekdays or reading.business == 0) and words.peek().removesuffix("s") in (*_PARTS, "night"):
        reading.plural |= words.peek().endswith("s")
        part = words.take().removesuffix("s")
    else:
        words.position = start
        return False
    if reading.part and reading.part != part:
        raise words.refuse(start)
    reading.part = part
    return True


def read_zone(words: Words, reading: Reading) -> bool:
    """ "in Asia/Kathmandu", "CET", "New York time"."""
    start = words.position
    bracket = words.accept("(")
    inside = words.accept("in")
    name = _zone_name(words, inside=inside)
    if not name:
        words.position = start
        return False
    words.accept("time")
    if reading.zone is not None or (bracket and not words.accept(")")):
        raise words.refuse()
    reading.zone = zone(words.original(name))
    return True


def _zone_name(words: Words, *, inside: bool) -> str:
    word = words.peek()
    if word in names() or is_abbreviation(word) or re.fullmatch(r"[a-z_]+(/[a-z0-9_+-]+)+", word):
        return words.take()
    for length in (3, 2, 1):
        place = " ".join(filter(None, (words.peek(ahead) for ahead in range(length))))
        found = zone_of_place(place) if place else ""
        if found and (inside or words.peek(length) == "time"):
            words.position += length
            return found
    return ""


def _clock_list(words: Words, *, bare: bool) -> list[Clock]:
    found: list[Clock] = []
    while True:
        start = words.position
        if found and not words.separator():
            return found
        if found:
            words.accept("at")
        clock = read_clock(words, bare=bare or bool(found))
        if clock is None:
            words.position = start
            return found
        found.append(clock)


def _minute_list(words: Words) -> list[int]:
    """Minutes as `:15`, "minute 15", or numbers that "past" follows."""
    found: list[int] = []
    marked = False
    while True:
        start = words.position
        if found and not words.separator():
            break
        named = words.accept("minute", "minutes")
        digits = re.fullmatch(r"(:?)([0-5]?\d)", words.peek())
        if not digits:
            words.position = start
            break
        marked = marked or named or bool(digits[1])
        found.append(int(digits[2]))
        words.take()
    before = words.position
    words.accept("minutes", "minute", "min", "mins")
    if words.peek() in ("past", "after"):
        return found
    words.position = before
    return found if marked else []


_CLAUSES: tuple[Callable[[Words, Reading], bool], ...] = (
    read_minutes_past,
    read_every,
    read_cadence,
    read_day_word,
    read_relative_day,
    read_shift,
    read_iso_date,
    read_part,
    read_window,
    read_except,
    read_of,
    read_days,
    read_ordinals,
    read_calendar_day,
    read_in_months,
    read_time,
    read_zone,
)
