"""Tables as CSV that a spreadsheet opens as it was meant: RFC 4180, UTF-8 with its mark, no formulas.

A cell of text that a spreadsheet would compute (`=`, `+`, `-`, `@`, a tab in front) gets an apostrophe in
front; what is a plain number stays one. Made piece by piece: memory does not grow with the rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from core.entries import Returned
from core.messages import Cell, File, Table

MARK = b"\xef\xbb\xbf"  # Excel reads UTF-8 only with it
PIECE = 64 * 1024  # characters of one piece, about

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?%?", re.ASCII)
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def of_table(table: Table) -> Iterator[bytes]:
    """A table's title row and rows. Notes of a renderer (what it cut) are no part of it."""
    return pieces([column.title for column in table.columns], table.rows)


def of_file(file: File) -> bytes:
    """The bytes of a file: at hand, or made from its table or its text; never empty, no chat takes that."""
    if file.data:
        return file.data
    if file.table is not None:
        return b"".join(of_table(file.table))
    return file.text.encode("utf-8", "replace") or b"\n"


def of_result(result: Returned) -> Iterator[bytes]:
    """A result as it is kept, all of its rows."""
    return pieces(result.columns, result.rows)


def pieces(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The file in pieces; joined they are the whole of it."""
    yield MARK
    held: list[str] = [_line(columns)]
    size = len(held[0])
    for row in rows:
        line = _line(row)
        held.append(line)
        size += len(line)
        if size >= PIECE:
            yield _encoded(held)
            held, size = [], 0
    if held:
        yield _encoded(held)


def _encoded(lines: list[str]) -> bytes:
    return "".join(lines).encode("utf-8", "replace")


def _line(cells: Iterable[Cell]) -> str:
    return ",".join(map(_field, cells)) + "\r\n"


def _field(cell: Cell) -> str:
    match cell:
        case str():
            return _text(cell)
        case bool():
            return "true" if cell else "false"
        case None:
            return ""
        case float() if not math.isfinite(cell):
            return ""
        case float() if cell.is_integer() and abs(cell) < 2**53:
            return str(int(cell))
        case _:
            return str(cell)


def _text(text: str) -> str:
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    if _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text
