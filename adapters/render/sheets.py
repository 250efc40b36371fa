"""How a table goes on paper: its letters, its widths, and its columns in parts where they are many. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.render import cells, letters
from core.messages import Column, Table

ROWS = 500  # of one table
CELLS = 6_000  # of one table: setting more takes seconds
COLUMNS = 120  # of one table
CELL_LIMIT = 400  # characters of one cell
UPRIGHT, LYING = 493.0, 740.0  # points between the margins of an A4 page
SIZES = (9.0, 8.0, 7.0)  # points of the letters, the first that fits
LETTER = 0.53  # of the size of letters: how wide one is, about
AIR = 1.1  # of the size of letters: around a cell
SHOWN = 34  # characters of a cell that should stand on one line
SAMPLE = 200  # rows that widths are measured by


@dataclass(frozen=True, slots=True)
class Part:
    """Some columns of a table: `size` of the letters in points, `widths` as shares, None as wide as it is."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    widths: tuple[int | None, ...]
    size: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A table as text: its rows and columns as far as they go on paper, and what was left out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    lengths: tuple[int, ...]  # characters of a column that should stand on one line
    note: str

    def width(self, size: float) -> float:
        """Points that it takes with letters of this size."""
        return sum(_points(length, size) for length in self.lengths)


def write(table: Table) -> Written:
    """The text of a table's cells."""
    columns = table.columns[:COLUMNS]
    count = min(ROWS, max(1, CELLS // max(1, len(columns))))
    shown = table.rows[:count]
    rows = tuple(
        tuple(
            letters.cut(letters.one_line(cells.write_cell(cell, column.format)), CELL_LIMIT)
            for cell, column in zip(row, columns, strict=False)
        )
        for row in shown
    )
    right = tuple(
        cells.is_right_aligned(column.format, (row[index] for row in shown))
        for index, column in enumerate(columns)
    )
    lengths = tuple(
        min(
            SHOWN,
            max([letters.width(column.title), *(letters.width(row[index]) for row in rows[:SAMPLE])]),
        )
        for index, column in enumerate(columns)
    )
    return Written(columns, rows, right, lengths, _left_out(table, len(shown), len(columns)))


def is_wide(written: Written) -> bool:
    """Whether it needs a page that lies."""
    return written.width(SIZES[1]) > UPRIGHT


def parts(written: Written, *, lying: bool) -> list[Part]:
    """Its columns on one page beside each other, or the first with some of the others at a time."""
    room = LYING if lying else UPRIGHT
    size = next((one for one in SIZES if written.width(one) <= room), None)
    if size is not None:
        return [_part(written, range(len(written.columns)), size, room)]
    groups = _groups(written, room)
    last = len(written.columns)
    return [
        _part(
            written,
            group,
            SIZES[-1],
            room,
            note=f"Columns {group[min(1, len(group) - 1)] + 1} to {group[-1] + 1} of {last}",
        )
        for group in groups
    ]


def _groups(written: Written, room: float) -> list[list[int]]:
    """Columns that fit beside each other, the first at the head of each group."""
    widths = [_points(length, SIZES[-1]) for length in written.lengths]
    groups, group, left = [], [0], room - widths[0]
    for index in range(1, len(widths)):
        if widths[index] > left and len(group) > 1:
            groups.append(group)
            group, left = [0], room - widths[0]
        group.append(index)
        left -= widths[index]
    return [*groups, group]


def _part(written: Written, chosen: Sequence[int], size: float, room: float, *, note: str = "") -> Part:
    right = tuple(written.right[index] for index in chosen)
    lengths = [written.lengths[index] for index in chosen]
    # A narrow table stays as narrow as it is; else its texts share what its numbers leave.
    narrow = sum(_points(length, size) for length in lengths) < room * 0.55 or all(right)
    widths = tuple(
        None if narrow or number else max(4, length) for number, length in zip(right, lengths, strict=True)
    )
    return Part(
        columns=tuple(letters.one_line(written.columns[index].title) for index in chosen),
        rows=tuple(tuple(row[index] for index in chosen) for row in written.rows),
        right=right,
        widths=widths,
        size=size,
        note=note,
    )


def _left_out(table: Table, rows: int, columns: int) -> str:
    told = []
    if rows < len(table.rows):
        told.append(f"the first {rows:,} of {table.total_rows or len(table.rows):,} rows")
    if columns < len(table.columns):
        told.append(f"the first {columns} of {len(table.columns):,} columns")
    return f"These are {' and '.join(told)}; the CSV file has all of it." if told else ""


def _points(length: int, size: float) -> float:
    return (length * LETTER + AIR) * size
