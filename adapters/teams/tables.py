"""Tables as the `Table` of Adaptive Cards 1.5; what is cut is told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.render import excerpts
from adapters.render.cells import NOTHING
from adapters.teams import limits
from adapters.teams.parts import NO_BREAK, Part, rich, run
from adapters.teams.text import cut, one_line, width
from core.messages import Table

PHONE = 42  # letters that a card shows beside each other on a phone, borders and all
UNBROKEN = 10  # letters of a number that stays on one line
_PADDING = 2.3  # letters that a cell needs beside its own
_MOST = 24  # letters of a cell that a column is measured by
_ADVANCE = (  # how wide letters are beside a digit, in the fonts that hosts use
    dict.fromkeys("ijl|'", 0.4)
    | dict.fromkeys(".,:;!/ ft", 0.5)
    | dict.fromkeys("r()-", 0.6)
    | dict.fromkeys("cksvxyz", 0.9)
    | dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 1.2)
    | dict.fromkeys("mwMW%", 1.5)
)
_BOLD = 1.1  # of a title
_BREAKS = re.compile(r" |(?<=[^\W\d])-")  # a date stays whole


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
    right = excerpts.right(table, columns)
    left = room - limits.size([_cell(one, header=True) for one in titles])
    rows: list[tuple[str, ...]] = []
    shortened = False
    for row in table.rows[: min(table.shown_rows, limits.TABLE_ROWS)]:
        whole = excerpts.cells(row, columns)
        shown = tuple(
            _unbroken(one) if numeric else cut(one, limits.CELL) or NOTHING
            for one, numeric in zip(whole, right, strict=True)
        )
        left -= limits.size(_row(shown)) + 2
        if left < 0:
            break
        shortened = shortened or any(len(one) > limits.CELL for one in whole)
        rows.append(shown)
    note = excerpts.note(table, len(rows), len(columns), shortened=shortened)
    return Grid(titles, tuple(rows), right, note)


def element(shown: Grid) -> Part:
    """The grid as an element; its texts are literal."""
    settings = [
        {"width": wide, "horizontalCellContentAlignment": "Right" if right else "Left"}
        for wide, right in zip(_widths(shown), shown.right, strict=True)
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


def _widths(shown: Grid) -> list[int]:
    """Weights of the columns: room for the longest word of each, the rest by how much they have to say."""
    words, whole = [], []
    for place, title in enumerate(shown.titles):
        cells = [row[place] for row in shown.rows]
        heading = [_BOLD * _length(word) for word in _BREAKS.split(title)]
        longest = max([*heading, *(_length(word) for cell in cells for word in _BREAKS.split(cell))])
        words.append(min(_MOST, longest) + _PADDING)
        whole.append(min(_MOST, max([_BOLD * _length(title), *map(_length, cells)])) + _PADDING)
    left, wanted = PHONE - sum(words), sum(whole) - sum(words)
    share = min(1.0, max(0.0, left / wanted)) if wanted > 0 else 0.0
    return [round(10 * (word + share * (all_ - word))) for word, all_ in zip(words, whole, strict=True)]


def _length(text: str) -> float:
    """About how many digits wide a text is."""
    return sum(_ADVANCE.get(one) or width(one) for one in text)


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


def _unbroken(text: str) -> str:
    """A number with its unit, on one line where it is short: `2.3 s`."""
    return text.replace(" ", NO_BREAK) if len(text) <= UNBROKEN else cut(text, limits.CELL)


def _row(cells: tuple[str, ...]) -> Part:
    return {"type": "TableRow", "cells": [_cell(one) for one in cells]}


def _cell(text: str, *, header: bool = False) -> Part:
    return _plain(run(text, weight="Bolder") if header else run(text))


def _plain(shown: Part) -> Part:
    return {"type": "TableCell", "items": [rich(shown)]}
