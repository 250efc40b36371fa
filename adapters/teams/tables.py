"""Tables as the `Table` of Adaptive Cards 1.5; what is cut is told."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.render.cells import NOTHING, is_right_aligned, write_cell
from adapters.teams import limits
from adapters.teams.parts import Part, rich, run
from adapters.teams.text import cut, one_line, width
from core.messages import Table

_LEAST, _MOST = 5, 24  # weights of a column: letters of its widest cell, within these


@dataclass(frozen=True, slots=True)
class Grid:
    """What of a table is shown: titles and rows as text, columns that stand right, and what was left out."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    note: str


def grid(table: Table, room: int) -> Grid:
    """As much of the table as it asks for, and as fits into `room` bytes of a card."""
    columns = table.columns[: min(table.shown_columns, limits.TABLE_COLUMNS)]
    titles = tuple(cut(one_line(one.title), limits.CELL) or NOTHING for one in columns)
    left = room - limits.size([_cell(one, header=True) for one in titles])
    rows: list[tuple[str, ...]] = []
    shortened = False
    for row in table.rows[: min(table.shown_rows, limits.TABLE_ROWS)]:
        whole = [one_line(write_cell(one, kind.format)) for one, kind in zip(row, columns, strict=False)]
        whole += [""] * (len(columns) - len(whole))
        shown = tuple(cut(one, limits.CELL) or NOTHING for one in whole)
        left -= limits.size(_row(shown)) + 2
        if left < 0:
            break
        shortened = shortened or any(len(one) > limits.CELL for one in whole)
        rows.append(shown)
    right = tuple(
        is_right_aligned(column.format, (row[place] for row in table.rows if place < len(row)))
        for place, column in enumerate(columns)
    )
    return Grid(titles, tuple(rows), right, _note(table, len(rows), len(columns), shortened=shortened))


def element(shown: Grid) -> Part:
    """The grid as an element; its texts are literal."""
    widths = [
        min(_MOST, max(_LEAST, *(width(row[place]) for row in (shown.titles, *shown.rows))))
        for place in range(len(shown.right))
    ]
    settings = [
        {"width": wide, "horizontalCellContentAlignment": "Right" if right else "Left"}
        for wide, right in zip(widths, shown.right, strict=True)
    ]
    heads = [_cell(one, header=True) for one in shown.titles]
    return {
        "type": "Table",
        "firstRowAsHeaders": True,
        "showGridLines": True,
        "gridStyle": "default",
        "columns": settings,
        "rows": [{"type": "TableRow", "style": "emphasis", "cells": heads}, *map(_row, shown.rows)],
    }


def pairs(items: list[tuple[str, str]]) -> Part:
    """Labels with their values, side by side and without lines."""
    rows = [
        {"type": "TableRow", "cells": [_plain(run(label, weight="Bolder")), _plain(run(value))]}
        for label, value in items
    ]
    return {
        "type": "Table",
        "firstRowAsHeaders": False,
        "showGridLines": False,
        "columns": [{"width": 2}, {"width": 3}],
        "rows": rows,
    }


def _row(cells: tuple[str, ...]) -> Part:
    return {"type": "TableRow", "cells": [_cell(one) for one in cells]}


def _cell(text: str, *, header: bool = False) -> Part:
    return _plain(run(text, weight="Bolder") if header else run(text))


def _plain(shown: Part) -> Part:
    return {"type": "TableCell", "items": [rich(shown)]}


def _note(table: Table, rows: int, columns: int, *, shortened: bool) -> str:
    """What is left out, empty where nothing is."""
    total = max(table.total_rows or 0, len(table.rows))
    said = []
    if rows < total:
        said.append(f"first {rows:,} of {total:,} rows")
    if columns < len(table.columns):
        names = [cut(one_line(one.title), 40) for one in table.columns[columns:]]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        said.append(f"{columns} of {len(table.columns)} columns (without {', '.join(names[:5])}{more})")
    if shortened:
        said.append("long cells cut")
    return " · ".join(said)
