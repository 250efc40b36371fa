"""Lists in phrases: "monday, wednesday and friday", "june to august", "1st and 15th"."""

from __future__ import annotations

import re

from core.times.vocabulary import MONTHS, ORDINALS, PLURAL_WEEKDAYS, WEEKDAYS
from core.times.words import Words

RANGE_WORDS = ("-", "to", "through", "thru", "till", "until")
"""What joins the ends of a range."""

_ORDINAL = re.compile(r"(\d{1,3})(?:st|nd|rd|th)")
_WORKDAYS = frozenset(range(1, 6))
_WEEKEND = frozenset((0, 6))


def read_weekdays(words: Words) -> tuple[frozenset[int], bool] | None:
    """A list of days and whether it was said in the plural, or nothing."""
    found = _weekday_item(words)
    if found is None:
        return None
    days, plural = found
    while True:
        start = words.position
        if len(found[0]) == 1 and words.accept(*RANGE_WORDS):
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


def read_ordinal_list(words: Words) -> tuple[int, ...]:
    """A list of ordinals ("1st and last"), empty where there is none; -1 is the last."""
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


def read_plain_days(words: Words) -> tuple[int, ...]:
    """A list of numbers that may be days of a month, empty where there is none."""
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
