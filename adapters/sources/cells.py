"""What a driver returned, as cells that are kept for good: JSON scalars of bounded size."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from core.messages import Cell

CELL_LIMIT = 4_000  # characters of text kept of one cell
DIGITS_LIMIT = 300  # digits of a number: more is no number to anybody, and no float either
SCALAR_SIZE = 8  # what a number, a truth value or nothing counts as, in bytes


def cell(value: Any) -> Cell:
    """One value as a cell: dates are ISO text, decimals numbers, binary and huge text a marked stub."""
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int():
            return value if value.bit_length() < DIGITS_LIMIT * 3 else _text(_digits(value))
        case float():
            return value if math.isfinite(value) else _not_finite(value)
        case Decimal():
            return _decimal(value)
        case bytes() | bytearray() | memoryview():
            return f"(binary, {len(bytes(value)):,} bytes)"
        case datetime() | date() | time():
            return value.isoformat()
        case dict() | list() | tuple():
            return _text(json.dumps(value, default=str, ensure_ascii=False))
        case _:
            return _text(str(value))


def size(row: Iterable[Cell]) -> int:
    """How many bytes a row of cells takes, roughly: what the limit of a result counts."""
    return sum(len(one.encode()) if isinstance(one, str) else SCALAR_SIZE for one in row)


def column_names(given: Sequence[str | None]) -> tuple[str, ...]:
    """The columns' names, each of them there and unique: `total`, `total_2`, `column_3`."""
    taken: set[str] = set()
    named = []
    for position, name in enumerate(given, 1):
        wanted = (name or "").strip()
        wanted = f"column_{position}" if wanted in ("", "?column?") else _text(wanted)
        unique, count = wanted, 1
        while unique in taken:
            count += 1
            unique = f"{wanted}_{count}"
        taken.add(unique)
        named.append(unique)
    return tuple(named)


def near_miss(name: str, known: Sequence[str], *, list_all: bool = True) -> str:
    """A hint for a name that is not there: the nearest one that is, else the names there are."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    return f"There are: {', '.join(sorted(known)[:10])}." if known and list_all else ""


def _text(value: str) -> str:
    # NUL and halves of surrogate pairs are text to a driver, but neither JSON columns nor channels take them.
    clean = value.replace("\x00", "\N{SYMBOL FOR NULL}")
    if len(clean) > CELL_LIMIT:
        clean = f"{clean[:CELL_LIMIT]}… (cut, {len(value):,} characters)"
    return clean.encode("utf-8", "replace").decode()


def _decimal(value: Decimal) -> Cell:
    if not value.is_finite():
        return _not_finite(float(value) if not value.is_snan() else math.nan)
    if abs(value.adjusted()) > DIGITS_LIMIT:
        return _text(f"{value:.15e}")
    return int(value) if value == value.to_integral_value() else float(value)


def _digits(value: int) -> str:
    exponent = int(value.bit_length() * math.log10(2))
    return f"(a number of about {exponent:,} digits)"


def _not_finite(value: float) -> str:
    # JSON has no word for these; as text they are seen, and no check mistakes them for a number.
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


class Kept:
    """The rows that are kept of a result: at most so many, and at most so many bytes."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self.rows: list[tuple[Cell, ...]] = []
        self.is_full = False  # there was more than what is kept
        self.bytes = 0
        self._max_rows = max_rows
        self._max_bytes = max_bytes

    def add(self, rows: Iterable[Iterable[Any]]) -> None:
        """Keep as many of the rows as there is room for; after the first that is not kept, none."""
        for row in rows:
            made = tuple(map(cell, row))
            grown = self.bytes + size(made)
            if self.is_full or len(self.rows) >= self._max_rows or grown > self._max_bytes:
                self.is_full = True
                return
            self.rows.append(made)
            self.bytes = grown
