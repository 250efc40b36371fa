"""Times of day as people write them: `9`, `09:30`, `9.30`, `0900`, `9h30`, `5pm`, `noon`, `half past nine`.

Bare numbers are hours of the 24-hour clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from core.errors import Invalid
from core.times.hints import quoted
from core.times.vocabulary import NUMBERS
from core.times.words import Words

_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?::(?P<second>\d{2}))?)?(?P<half>am|pm|a\.m\.?|p\.m\.?)?"
)
_MILITARY = re.compile(r"(?P<hour>\d{2})(?P<minute>\d{2})")
_HALVES = {"am": "am", "a.m": "am", "a.m.": "am", "pm": "pm", "p.m": "pm", "p.m.": "pm"}

# The hours of the 24-hour clock in a part of the day, and those of the 12-hour clock that mean it.
_PARTS = {
    "morning": (range(12), range(0)),
    "afternoon": (range(12, 19), range(1, 7)),
    "evening": (range(16, 24), range(4, 12)),
    "night": ((*range(6), *range(18, 24)), range(6, 12)),
}
PART_TIMES = {"morning": 9, "afternoon": 12, "evening": 19, "night": 22}
"""The hour that "every evening" and "tomorrow morning" mean without a time (Todoist's, but for 9)."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day; `said` is how it was written where that is read as something else."""

    hour: int
    minute: int
    said: str = ""
    half: bool = False

    @property
    def text(self) -> str:
        """`08:05`."""
        return f"{self.hour:02}:{self.minute:02}"


def read_clock(words: Words, *, bare: bool = True) -> Clock | None:
    """Read a time of day, or nothing where the next word is none.

    With `bare=False` a number alone is not a time. Raises:
        Invalid: it looks like a time of day, but there is none such.
    """
    if words.accept("noon", "midday"):
        return Clock(12, 0, half=True)
    if words.accept("midnight"):
        return Clock(0, 0, half=True)
    start = words.position
    found = _spoken(words, bare=bare) or _written(words, bare=bare)
    if found is None:
        words.position = start
    return found


def of_part(clock: Clock, part: str) -> Clock:
    """The time as it is meant in a part of the day: 8 in the evening is 20:00.

    Raises:
        Invalid: the time is not in that part of the day.
    """
    if not part:
        return clock
    hours, twelve = _PARTS[part]
    if clock.hour in hours:
        return clock
    if not clock.half and clock.hour in twelve:
        return replace(clock, hour=clock.hour + 12, said=f"{clock.hour} in the {part}")
    raise Invalid(
        f"{clock.text} is not in the {part}.", hint="Write the time on the 24-hour clock, without the part."
    )


def _written(words: Words, *, bare: bool) -> Clock | None:
    word = words.peek()
    found = _CLOCK.fullmatch(word) or (_MILITARY.fullmatch(word) if bare else None)
    if not found:
        return None
    parts = found.groupdict()
    following = words.peek(1)
    half = parts.get("half") or (following if following in _HALVES else "")
    o_clock = following in ("o'clock", "oclock")
    if not bare and not (parts["minute"] or half or o_clock):
        return None
    words.position += 2 if o_clock or (half and not parts.get("half")) else 1
    if parts.get("second") not in (None, "00"):
        raise Invalid(f"{quoted(word)} has seconds; schedules run on whole minutes.", hint="Leave them out.")
    return _clock(int(parts["hour"]), int(parts["minute"] or 0), _HALVES.get(half, ""), word)


def _spoken(words: Words, *, bare: bool) -> Clock | None:
    """Read "half past nine", "quarter to nine", "nine thirty", "nine am"."""
    for name, shift in (("half", 30), ("quarter", 15)):
        start = words.position
        if words.accept("a") and words.peek() != name:
            words.position = start
        if words.accept(name) and words.peek() in ("past", "to") and (name, words.peek()) != ("half", "to"):
            sign = 1 if words.take() == "past" else -1
            hour = _hour(words)
            if hour is not None:
                total = hour * 60 + sign * shift
                return _clock(total // 60 % 24, total % 60, _half(words), words.text)
        words.position = start
    if words.peek() not in NUMBERS:
        return None
    hour = NUMBERS[words.take()]
    minute = 0
    if words.peek() in ("fifteen", "thirty", "forty-five"):
        minute = NUMBERS[words.take()]
    half = _half(words)
    o_clock = words.accept("o'clock", "oclock")
    if not bare and not (minute or half or o_clock):
        return None
    return _clock(hour, minute, half, str(hour))


def _hour(words: Words) -> int | None:
    hour = words.number()
    return hour if hour is not None and hour < 24 else None


def _half(words: Words) -> str:
    return _HALVES[words.take()] if words.peek() in _HALVES else ""


def _clock(hour: int, minute: int, half: str, said: str) -> Clock:
    if minute > 59 or hour > 23:
        raise Invalid(
            f"There is no time of day {quoted(said)}.", hint="Hours go from 0 to 23, minutes from 0 to 59."
        )
    if not half:
        return Clock(hour, minute)
    if not 1 <= hour <= 12:
        raise Invalid(
            f"There is no {hour}{half}: the 12-hour clock goes from 1 to 12.",
            hint=f"Write {hour:02}:{minute:02}." if hour != 0 else "Midnight is 12am or 00:00.",
        )
    shown = f"{hour}:{minute:02}{half}" if minute else f"{hour}{half}"
    return Clock(hour % 12 + (12 if half == "pm" else 0), minute, said=shown, half=True)
