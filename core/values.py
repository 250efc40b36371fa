"""One value of a parameter: read from what was typed, checked, written back.

A mistake is a `ValueError` whose text continues the parameter's name: "wants a whole number, not 10:30".
It never repeats the value of a secret. A relative date (`-7d`, `today`) is checked and stays text:
`settle` makes it a date when the run starts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from core import patterns, times
from core.definitions import Parameter, Scalar
from core.errors import Refusal
from core.nearest import nearest

Value = int | float | str | bool | date | datetime

NUMBER_LIMIT = 40  # characters of a number
WHOLE_LIMIT = 2**63 - 1  # what a database's integer holds
ECHO_LIMIT = 40  # characters of a value that a sentence repeats

WANTED = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "date": "a date such as 2026-01-31, today or -7d",
    "datetime": "a time such as 2026-01-31T08:00, now or -6h",
}
BOOLEANS = {"yes": True, "true": True, "on": True, "1": True}
BOOLEANS |= {"no": False, "false": False, "off": False, "0": False}

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_ABSOLUTE = re.compile(r"[0-9]{4}-")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OFFSET = re.compile(r"(?:[zZ]|[+-][0-9]{2}:?[0-9]{2})")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)\s*(\S*)"
)
_UNFIT = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL stores no NUL, UTF-8 no lone surrogate
_UTC = ZoneInfo("UTC")
_ANY_TIME = datetime(2026, 1, 15, 12, tzinfo=UTC)  # only tells whether a relative date can be read


@dataclass(frozen=True, slots=True)
class Clock:
    """When and where relative dates are meant. Without `now` they are read but not held against bounds."""

    now: datetime | None = None
    zone: ZoneInfo = _UTC

    @property
    def moment(self) -> datetime:
        """`now`, or some instant where only the form matters."""
        return self.now or _ANY_TIME


def read(parameter: Parameter, given: Scalar, clock: Clock) -> Value:
    """The typed value, held against every rule of the parameter.

    Raises:
        ValueError: it does not fit; the text says what is wanted.
    """
    value = convert(parameter, given, clock)
    if parameter.choices:
        return _choose(parameter, given, value, clock)
    if isinstance(value, str) and parameter.type == "string":
        _check_text(parameter, value)
    else:
        _check_bounds(parameter, given, value, clock)
    return value


def convert(parameter: Parameter, given: Scalar, clock: Clock) -> Value:
    """The value in the parameter's type, its rules not looked at yet. Raises ValueError."""
    if isinstance(given, str) and _UNFIT.search(given):
        raise ValueError("holds a character that no text may hold")
    try:
        return _CONVERT[parameter.type](given, clock)
    except _Unread as unread:
        wanted = WANTED[parameter.type]
        said = "" if parameter.secret else f", not {echo(given)}"
        raise ValueError(f"wants {wanted}{said}{unread.why}") from None


def settle(parameter: Parameter, value: Value, clock: Clock) -> Value:
    """A relative date made a date, and held against the bounds again; any other value as it is."""
    if not relative(parameter, value):
        return value
    settled = _resolve(parameter, value, clock)
    _check_bounds(parameter, str(value), settled, clock)
    return settled


def relative(parameter: Parameter, value: Value) -> bool:
    """It is a date that depends on when the run starts."""
    return parameter.type in ("date", "datetime") and isinstance(value, str)


def show(value: Value | None) -> str:
    """The value as people read it and as it can be typed again: `read(show(x)) == x`."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def orders(value: Value) -> float:
    """A number that orders values of one type. Raises TypeError for texts, which have no bounds."""
    match value:
        case datetime():
            return value.timestamp()
        case date():
            return value.toordinal()
        case int() | float():
            return value
        case _:
            raise TypeError("texts have no order here")


def echo(given: Scalar) -> str:
    """What was given, short and on one line, for a sentence."""
    if given is None or given == "":
        return "nothing"
    text = " ".join(show(given)[: ECHO_LIMIT * 8].split())
    text = "".join(letter if letter.isprintable() else "�" for letter in text)
    return text if len(text) <= ECHO_LIMIT else f"{text[: ECHO_LIMIT - 1]}…"


class _Unread(Exception):
    """The text is not of the type; `why` may say more."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


def _text(given: Scalar, _: Clock) -> str:
    if isinstance(given, bool | float) or given is None:
        raise _Unread
    return str(given)


def _whole(given: Scalar, _: Clock) -> int:
    match given:
        case bool() | None:
            raise _Unread
        case int():
            value = given
        case float():
            if not given.is_integer():
                raise _Unread
            value = int(given)
        case str():
            text = given.strip()
            if len(text) > NUMBER_LIMIT:
                raise _Unread(": that is too long")
            if not _WHOLE.fullmatch(text):
                raise _Unread
            value = int(text)
    if abs(value) > WHOLE_LIMIT:
        raise _Unread(": that is too large")
    return value


def _number(given: Scalar, _: Clock) -> float:
    if isinstance(given, bool) or given is None:
        raise _Unread
    if isinstance(given, str):
        text = given.strip()
        if len(text) > NUMBER_LIMIT or not _NUMBER.fullmatch(text):
            raise _Unread
        vanished = float(text) == 0 and re.search("[1-9]", text.lower().partition("e")[0])
        if vanished:
            raise _Unread(": that is too small")
    try:
        value = float(given)
    except OverflowError:
        raise _Unread(": that is too large") from None
    if not math.isfinite(value):
        raise _Unread(": that is too large" if not math.isnan(value) else "")
    return value


def _boolean(given: Scalar, _: Clock) -> bool:
    if isinstance(given, bool):
        return given
    found = BOOLEANS.get(str(given).strip().lower()) if isinstance(given, str | int) else None
    if found is None:
        raise _Unread
    return found


def _date(given: Scalar, clock: Clock) -> date | str:
    if not isinstance(given, str) or not given.strip():
        raise _Unread
    text = given.strip()
    if not _ABSOLUTE.match(text):
        _ask_times(times.resolve_date, text, clock)
        return text
    if not _DATE.fullmatch(text):
        raise _Unread
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _Unread(": the calendar has no such day") from None


def _datetime(given: Scalar, clock: Clock) -> datetime | str:
    if not isinstance(given, str) or not given.strip():
        raise _Unread
    text = given.strip()
    if not _ABSOLUTE.match(text):
        _ask_times(times.resolve_datetime, text, clock)
        return text
    if _DATE.fullmatch(text):
        text += "T00:00"
    found = _MOMENT.fullmatch(text)
    if not found or (found[3] and not _OFFSET.fullmatch(found[3])):
        raise _Unread
    try:
        if not found[3]:  # a local time: the first instant after a gap, the first of two
            return times.resolve_datetime(f"{found[1]}T{found[2]}", clock.moment, clock.zone).astimezone(UTC)
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3].upper()}").astimezone(UTC)
    except (Refusal, ValueError, OverflowError):
        raise _Unread(": the calendar has no such time") from None


def _ask_times(resolve: Callable[[str, datetime, ZoneInfo], object], text: str, clock: Clock) -> None:
    try:
        resolve(text, clock.moment, clock.zone)
    except (Refusal, ValueError, OverflowError):
        raise _Unread from None


_CONVERT: dict[str, Callable[[Scalar, Clock], Value]] = {
    "string": _text,
    "integer": _whole,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}


def _choose(parameter: Parameter, given: Scalar, value: Value, clock: Clock) -> Value:
    """The choice that was meant: as written, else the only one that differs in case alone."""
    choices = [(text, convert(parameter, text, clock)) for text in parameter.choices]
    for _, choice in choices:
        if choice == value:
            return choice
    folded = [choice for text, choice in choices if text.casefold() == str(given).strip().casefold()]
    if len(folded) == 1:
        return folded[0]
    shown = ", ".join(parameter.choices[:20]) + (" …" if len(parameter.choices) > 20 else "")
    if parameter.secret:
        raise ValueError("is none of its choices")
    near = nearest(str(given), parameter.choices, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"is one of {shown}, not {echo(given)}{meant}")


def _check_text(parameter: Parameter, value: str) -> None:
    if len(value) > parameter.max_length:
        raise ValueError(f"has {len(value):,} characters; at most {parameter.max_length:,} are read")
    if parameter.pattern and not patterns.fits(parameter.pattern, value):
        said = "" if parameter.secret else f", which {echo(value)} does not"
        raise ValueError(f"has to look like {parameter.pattern}{said}")


def _check_bounds(parameter: Parameter, given: Scalar, value: Value, clock: Clock) -> None:
    said = "" if parameter.secret else f", not {echo(given)}"
    compared = _comparable(parameter, value, clock)
    least, most = (_bound(parameter, bound, clock) for bound in (parameter.min, parameter.max))
    if compared is None:
        return
    if least is not None and compared < least:
        raise ValueError(f"is at least {echo(parameter.min)}{said}")
    if most is not None and compared > most:
        raise ValueError(f"is at most {echo(parameter.max)}{said}")


def _bound(parameter: Parameter, bound: Scalar, clock: Clock) -> float | None:
    return None if bound is None else _comparable(parameter, convert(parameter, bound, clock), clock)


def _comparable(parameter: Parameter, value: Value, clock: Clock) -> float | None:
    """What orders the value; None where that depends on a `now` that is not known."""
    if relative(parameter, value):
        if clock.now is None:
            return None
        value = _resolve(parameter, value, clock)
    return None if isinstance(value, str) else orders(value)


def _resolve(parameter: Parameter, value: Value, clock: Clock) -> date | datetime:
    if parameter.type == "date":
        return times.resolve_date(str(value), clock.moment, clock.zone)
    return times.resolve_datetime(str(value), clock.moment, clock.zone).astimezone(UTC)
