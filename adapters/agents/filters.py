"""The filters of a report's summary: all that a template can do to a value. None of them waits or repeats.

Nothing (a question without a row) stays nothing through every filter of numbers, and is written `–`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from typing import Any

from jinja2 import Undefined

from adapters.agents.results import Result, Row
from adapters.render import numbers

NOTHING = "–"
DATE_FORMAT_LIMIT = 40  # characters
JOIN_LIMIT = 100_000  # characters


def text(value: Any) -> str:
    """A value as it stands in a summary where no filter says otherwise."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}" if math.isfinite(value) else NOTHING
        case str():
            return value
        case Undefined():
            return str(value)  # raises, and says what is not there
        case dt.datetime():
            return value.isoformat(" ", "minutes")
        case Result() | Row():
            raise ValueError("this is a whole result: name one of its columns, or loop over its rows")
        case list() | tuple():
            return ", ".join(text(one) for one in value)
        case _:
            return str(value)


def number(value: Any, decimals: int | None = None) -> str | None:
    """12345.678 is `12,345.68`."""
    return _with(value, lambda one: numbers.number(one, decimals))


def compact(value: Any) -> str | None:
    """1234567 is `1.23M`."""
    return _with(value, numbers.compact)


def money(value: Any, currency: str = "", decimals: int | None = None) -> str | None:
    """1234.5 is `€1,234.50` with `money("EUR")`."""
    return _with(value, lambda one: numbers.money(one, str(currency), decimals))


def percent(value: Any, decimals: int = 1) -> str | None:
    """A share: 0.125 is `12.5%`."""
    return _with(value, lambda one: numbers.percent(one, decimals))


def signed(value: Any, decimals: int | None = None) -> str | None:
    """With its sign: `+12`, `-3`."""
    return _with(value, lambda one: ("+" if one > 0 else "") + numbers.number(one, decimals))


def rounded(value: Any, decimals: int = 0) -> float | int | None:
    """Rounded half to even, as a number."""
    found = _number(value)
    if found is None or not math.isfinite(found):
        return None
    made = round(found, max(-15, min(int(decimals), numbers.DECIMALS_LIMIT)))
    return int(made) if decimals <= 0 else made


def whole(value: Any, default: int = 0) -> int:
    """The number without its fraction."""
    try:
        return int(_number(value) or 0)
    except (ValueError, OverflowError):
        return default


def decimal(value: Any, default: float = 0.0) -> float:
    """Text as a number."""
    try:
        return float(_number(value) or 0)
    except ValueError:
        return default


def magnitude(value: Any) -> float | None:
    """Without its sign."""
    found = _number(value)
    return None if found is None else abs(found)


def date(value: Any, form: str = "%d %b %Y") -> str | None:
    """A date or time, or its ISO text, in the given form (as `strftime`): `02 Mar 2026`."""
    if value is None:
        return None
    if len(form) > DATE_FORMAT_LIMIT or any(one.isdigit() for one in form):
        raise ValueError("a form of dates is short and holds no digits")
    if not isinstance(value, dt.date):
        try:
            value = dt.datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"“{str(value)[:40]}” is no date") from None
    return str(value.strftime(form))


def default(value: Any, instead: Any = "", also_empty: bool = True) -> Any:
    """What stands there instead of nothing."""
    if isinstance(value, Undefined) or value is None or (also_empty and value == ""):
        return instead
    return value


def first(items: Any) -> Any:
    """The first of a list, nothing where it is empty."""
    return next(iter(_items(items)), None)


def last(items: Any) -> Any:
    """The last of a list, nothing where it is empty."""
    return next(reversed(_items(items)), None)


def length(items: Any) -> int:
    """How many."""
    return len(items) if isinstance(items, str) else len(_items(items))


def total(items: Any, attribute: str = "") -> float:
    """The sum of a list, or of one column of its rows. Nothing counts as 0."""
    return sum(_numbers(items, attribute))


def mean(items: Any, attribute: str = "") -> float | None:
    """The average of a list, or of one column of its rows."""
    found = _numbers(items, attribute)
    return sum(found) / len(found) if found else None


def least(items: Any, attribute: str = "") -> float | None:
    """The smallest number."""
    return min(_numbers(items, attribute), default=None)


def most(items: Any, attribute: str = "") -> float | None:
    """The largest number."""
    return max(_numbers(items, attribute), default=None)


def column(items: Any, attribute: str) -> list[Any]:
    """One column of rows as a list: `rows | map(attribute="channel")`."""
    return [_of(item, attribute) for item in _items(items)]


def ordered(items: Any, attribute: str = "", reverse: bool = False) -> list[Any]:
    """In order, nothing first: numbers by size, everything else as text."""
    return sorted(_items(items), key=lambda item: _rank(_of(item, attribute)), reverse=bool(reverse))


def where(items: Any, attribute: str, value: Any = True) -> list[Any]:
    """The rows whose column is that value."""
    return [item for item in _items(items) if _of(item, attribute) == value]


def unique(items: Any) -> list[Any]:
    """Each once, in their order."""
    return list(dict.fromkeys(_items(items)))


def backwards(items: Any) -> Any:
    """In the opposite order."""
    return list(reversed(_items(items)))


def join(items: Any, between: str = ", ", attribute: str = "") -> str:
    """A list as text."""
    parts = [text(_of(item, attribute)) for item in _items(items)]
    if sum(map(len, parts)) + len(between) * len(parts) > JOIN_LIMIT:
        raise ValueError("the list is too long to be joined")
    return str(between).join(parts)


def shortened(value: Any, characters: int = 80) -> str:
    """At most so many characters, with a mark where it was cut."""
    written = text(value)
    return written if len(written) <= characters else written[: max(0, int(characters) - 1)].rstrip() + "…"


def _with(value: Any, write: Callable[[float], str]) -> str | None:
    found = _number(value)
    return None if found is None else write(found)


def _number(value: Any) -> float | None:
    match value:
        case None | "":
            return None
        case bool():
            return int(value)
        case int() | float():
            return value
        case str() if len(value) <= 40:
            try:
                made = float(value)
            except ValueError:
                raise ValueError(f"“{value}” is no number") from None
            return int(made) if made.is_integer() and abs(made) < 2**53 else made
        case _:
            raise ValueError("this is no number")


def _numbers(items: Any, attribute: str) -> list[float]:
    found = (_number(_of(item, attribute)) for item in _items(items))
    return [one for one in found if one is not None]


def _items(items: Any) -> Sequence[Any]:
    match items:
        case Result():
            return list(items)
        case list() | tuple() | range():
            return items
        case _:
            raise ValueError("this is no list and no rows")


def _of(item: Any, attribute: str) -> Any:
    if not attribute:
        return item
    if isinstance(item, Row | dict):
        try:
            return item[attribute]
        except KeyError:
            raise ValueError(f"the rows have no column “{str(attribute)[:60]}”") from None
    raise ValueError("these are no rows")


def _rank(value: Any) -> tuple[int, float, str]:
    match value:
        case None:
            return (0, 0, "")
        case int() | float():
            return (1, value, "")
        case _:
            return (2, 0, str(value).casefold())


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number, "compact": compact, "money": money, "currency": money, "percent": percent,
    "signed": signed, "round": rounded, "int": whole, "float": decimal, "abs": magnitude, "date": date,
    "default": default, "d": default, "first": first, "last": last, "length": length, "count": length,
    "sum": total, "average": mean, "min": least, "max": most, "map": column, "sort": ordered,
    "where": where, "unique": unique, "reverse": backwards, "join": join, "truncate": shortened,
    "upper": lambda value: text(value).upper(), "lower": lambda value: text(value).lower(),
    "title": lambda value: text(value).title(), "capitalize": lambda value: text(value).capitalize(),
    "trim": lambda value: text(value).strip(), "string": text,
}  # fmt: skip
"""Every filter by its name in a template."""
