"""A phrase as words, and a place in it: what the grammar reads from."""

from __future__ import annotations

import re

from core.errors import Misunderstood
from core.times.hints import did_you_mean, listed, nearest, quoted
from core.times.vocabulary import (
    MONTHS,
    NUMBERS,
    ORDINALS,
    PLURAL_WEEKDAYS,
    UNITS,
    WEEKDAYS,
)

PHRASE_LIMIT = 200  # characters

FORMS = (
    "every weekday at 8",
    "every day at 9am",
    "every monday and thursday at 9am",
    "every 15 minutes",
    "every 2 hours",
    "every 15 minutes between 9:00 and 17:00 on weekdays",
    "on the 1st of every month at 8",
    "last day of the month at 18:00",
    "first business day of the month at 7:30",
    "last friday of the month at 17:00",
    "every 3 months on the 2nd at 8",
    "every year on december 25 at 8",
    "tomorrow at 9",
    "friday at 14:00",
    "in 2 hours",
    "2026-12-24T18:00",
    "0 8 * * 1",
)
"""Forms that are understood; refusals name the nearest of them."""

_KEYWORDS = (
    *("every", "each", "daily", "nightly", "weekly", "monthly", "quarterly", "yearly", "annually", "hourly"),
    *("weekday", "weekdays", "weekend", "business", "working", "workday", "except", "between", "through"),
    *("until", "noon", "midnight", "morning", "afternoon", "evening", "night"),
    *("tonight", "today", "tomorrow", "next"),
)
_KNOWN = (
    *WEEKDAYS,
    *PLURAL_WEEKDAYS,
    *MONTHS,
    *NUMBERS,
    *ORDINALS,
    *(word for word in UNITS if len(word) > 2),
    *_KEYWORDS,
)

_TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "‒": "-", "−": "-"})
_TOKEN = re.compile(r"[(),]|[^\s(),]+")
_AMOUNT = re.compile(r"(\d+)(s|secs?|m|mins?|h|hrs?|hours?|minutes?|d|days?|w|weeks?)")
_HOURS = re.compile(r"(\d{1,2}(?:[:.]\d{2})?(?:am|pm)?)-(\d{1,2}(?:[:.]\d{2})?(?:am|pm)?)")
_AMOUNTS = re.compile(r"(?:\d+[a-z]+){2,}")


class Words:
    """The words of a phrase in lower case, read from left to right; `position` may be set back."""

    def __init__(self, text: str) -> None:
        """Split the text.

        Raises:
            Misunderstood: it is empty, too long, or has characters that the grammar does not read.
        """
        self.text = text
        _check(text)
        self._tokens = [part for token in _TOKEN.findall(_plain(text)) for part in _split(token)]
        self.position = 0
        self._furthest = 0

    def peek(self, ahead: int = 0) -> str:
        """The word `ahead` of the place, empty behind the last."""
        index = self.position + ahead
        return self._tokens[index] if index < len(self._tokens) else ""

    def take(self) -> str:
        """Read a word."""
        word = self.peek()
        self._advance(1)
        return word

    def accept(self, *words: str) -> bool:
        """Read the word if it is one of these."""
        if self.peek() not in words or not self.peek():
            return False
        self._advance(1)
        return True

    def follow(self, *words: str) -> bool:
        """Read all of these words, or none."""
        if any(self.peek(index) != word for index, word in enumerate(words)):
            return False
        self._advance(len(words))
        return True

    def number(self) -> int | None:
        """Read a whole number, in digits or as a word ("a" and "an" are one)."""
        word = self.peek()
        if word.isdecimal() and len(word) <= 6:
            self._advance(1)
            return int(word)
        if word in NUMBERS or word in ("a", "an"):
            self._advance(1)
            return NUMBERS.get(word, 1)
        return None

    def separator(self) -> bool:
        """Read what stands between the items of a list: a comma, "and", or both."""
        comma = self.accept(",")
        return self.accept("and", "&", "or") or comma

    def original(self, word: str) -> str:
        """The word as it was written, in its own case."""
        start = self.text.lower().find(word)
        return self.text[start : start + len(word)] if start >= 0 else word

    def refuse(self, place: int | None = None) -> Misunderstood:
        """The refusal that names the word at `place`, else the first that no reading could use."""
        self.position = max(self.position, self._furthest) if place is None else place
        word = self.peek()
        if not word:
            last = self._tokens[-1] if self._tokens else self.text
            return Misunderstood(
                f"{quoted(self.text)} ends too early, after {quoted(last)}.", hint=self._forms()
            )
        if self._begins_another():
            return Misunderstood(
                f"{quoted(self.text)} holds more than one schedule, from {quoted(word)} on.",
                hint="A job may have several schedules: give each its own.",
            )
        guess = nearest(word, _KNOWN) if len(word) > 3 and word not in _KNOWN else ""
        return Misunderstood(
            f"The word {quoted(self.original(word))} is not understood here.",
            hint=" ".join(filter(None, (did_you_mean(guess and f'"{guess}"'), self._forms()))),
        )

    def _advance(self, count: int) -> None:
        self.position += count
        self._furthest = max(self._furthest, self.position)

    def _begins_another(self) -> bool:
        ahead = any(self.peek(ahead) in ("every", "each") for ahead in range(3))
        return ahead and any(word in ("every", "each") for word in self._tokens[: self.position])

    def _forms(self) -> str:
        return nearest_forms(self.text)


def nearest_forms(text: str) -> str:
    """A hint with the three forms that share most with the text."""
    words = set(text.lower().split()[:40])
    ranked = sorted(FORMS, key=lambda form: -len(words & set(form.split())))
    return f"Understood are, for example, {listed((quoted(form) for form in ranked[:3]), last='or')}."


def _check(text: str) -> None:
    if len(text) > PHRASE_LIMIT:
        raise Misunderstood(
            f"A schedule in words has at most {PHRASE_LIMIT} characters, this one has {len(text)}.",
            hint=nearest_forms(text[:PHRASE_LIMIT]),
        )
    if not text.strip():
        raise Misunderstood("There is no schedule in an empty text.", hint=nearest_forms(""))
    for character in _plain(text):
        if not " " <= character <= "~" and character != "\t":
            word = next(word for word in _plain(text).split(" ") if character in word)
            raise Misunderstood(
                f"The word {quoted(word)} has a character that is not read here: U+{ord(character):04X}.",
                hint=nearest_forms(text),
            )


def _plain(text: str) -> str:
    return text.translate(_TYPOGRAPHY).lower()


def _split(token: str) -> list[str]:
    """Take `mon-fri`, `mon/wed`, `5min` apart; times, dates and zones stay whole."""
    if token[-1] in ".!" and len(token) > 1 and not re.fullmatch(r"[ap]\.m\.", token[-4:]):
        token = token.rstrip(".!") or token
    if amount := _AMOUNT.fullmatch(token):
        return [amount[1], amount[2]]
    if _AMOUNTS.fullmatch(token):
        return [part for pair in re.findall(r"(\d+)([a-z]+)", token) for part in pair]
    if hours := _HOURS.fullmatch(token):
        return [hours[1], "-", hours[2]]
    for mark in ("-", "/"):
        parts = token.split(mark)
        if len(parts) > 1 and all(
            part in WEEKDAYS or part in PLURAL_WEEKDAYS or part in MONTHS for part in parts
        ):
            joined = "-" if mark == "-" else ","
            return [word for part in parts for word in (joined, part)][1:]
    return [token]
