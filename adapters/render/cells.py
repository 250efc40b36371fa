"""How a cell is written for people: the same digits on every platform."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from adapters.render import numbers
from core.messages import Cell, ColumnFormat

NOTHING = "–"  # what stands where there is no value
NUMERIC: frozenset[ColumnFormat] = frozenset({"number", "integer", "percent", "currency", "duration"})

_EXACT = 2**53  # above, a float would not hold the digits
_PRINTABLE = 512  # bits: more digits tell nobody anything, and Python refuses to print them
_MIDNIGHT = re.compile(r"[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?$")


def write_cell(cell: Cell, kind: ColumnFormat = "text") -> str:
    """Write a cell as its column says; what does not fit the format is written as it is."""
    match cell:
        case None:
            return NOTHING
        case bool():
            return "yes" if cell else "no"
        case str():
            return _MIDNIGHT.sub("", cell) if kind == "date" else cell
        case int() | float():
            return _number(cell, kind)


def is_right_aligned(kind: ColumnFormat, cells: Iterable[Cell]) -> bool:
    """Whether a column's cells are numbers: by its format, or because all of them are."""
    if kind in NUMERIC:
        return True
    given = [cell for cell in cells if cell is not None]
    return bool(given) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in given)


def _number(value: float, kind: ColumnFormat) -> str:
    if isinstance(value, int) and value.bit_length() > _PRINTABLE:
        return f"about {'-' if value < 0 else ''}10^{int(value.bit_length() * math.log10(2))}"
    if isinstance(value, int) and (kind == "integer" or abs(value) >= _EXACT):
        return f"{value:,}"
    if not math.isfinite(value):
        return NOTHING
    match kind:
        case "integer":
            return numbers.number(value, 0)
        case "percent":
            return numbers.percent(value)
        case "currency":
            return numbers.number(value, 2)
        case "duration":
            return _duration(value)
        case "number":
            return numbers.number(value)
        case "text" | "date":
            return str(value) if isinstance(value, int) else f"{value:.15g}"


def _duration(seconds: float) -> str:
    """The two largest units that say something: `2.3 s`, `1 min 33 s`, `3 d 4 h`."""
    if abs(seconds) < 60:
        return f"{numbers.number(round(seconds, 1))} s"
    sign, whole = ("-" if seconds < 0 else ""), abs(round(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    shown = [f"{count:,} {unit}" for count, unit in parts if count][:2]
    return sign + " ".join(shown)
