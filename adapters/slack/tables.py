"""Tables for Slack: the `table` block where it is allowed, aligned text elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.render import excerpts
from adapters.render.cells import NOTHING
from adapters.slack import limits
from adapters.slack.text import cut, one_line, width
from core.messages import Table

ROOMY = 30  # characters of a row that a phone shows side by side
NARROW = 10  # characters of a column of text that never runs over several lines
CELL = 300  # characters of a cell that is shown: the file has all of it
TEXT_CELL = 60  # characters of a cell of a table that is shown as text
PHONE = 36  # columns of a fixed font that a phone shows side by side


@dataclass(frozen=True, slots=True)
class Grid:
    """What of a table is shown: titles and rows as text, columns that stand right, and what was left out.

    `squeezed`: Slack's limits took more away than the message asked for.
    """

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    note: str
    squeezed: bool

    @property
    def chars(self) -> int:
        """Characters over all cells."""
        return sum(map(len, self.titles)) + sum(len(cell) for row in self.rows for cell in row)


def grid(table: Table, room: int, *, cell: int = CELL) -> Grid:
    """As much of the table as it asks for, and as fits into `room` characters."""
    columns = table.columns[: min(table.shown_columns, limits.TABLE_COLUMNS)]
    titles = tuple(cut(one_line(one.title), cell) or NOTHING for one in columns)
    wanted = table.rows[: table.shown_rows]
    left = min(room, limits.TABLE_CHARS) - sum(map(len, titles))
    rows: list[tuple[str, ...]] = []
    shortened = False
    for row in wanted[: limits.TABLE_ROWS - 1]:
        whole = excerpts.cells(row, columns)
        shown = tuple(cut(one, cell) or NOTHING for one in whole)
        left -= sum(map(len, shown))
        if left < 0:
            break
        shortened = shortened or any(len(one) > cell for one in whole)
        rows.append(shown)
    squeezed = (
        shortened or len(rows) < len(wanted) or len(columns) < min(table.shown_columns, len(table.columns))
    )
    note = excerpts.note(table, len(rows), len(columns), shortened=shortened)
    return Grid(titles, tuple(rows), excerpts.right(table, columns), note, squeezed)


def block(shown: Grid) -> dict[str, Any]:
    """The grid as a `table` block; its texts are literal."""
    widths = [
        max(width(row[place]) for row in (shown.titles, *shown.rows)) for place in range(len(shown.right))
    ]
    settings: list[dict[str, Any]] = []
    for right, wide in zip(shown.right, widths, strict=True):
        wrapped = not right and wide > NARROW and sum(widths) > ROOMY
        settings.append({"align": "right" if right else "left"} | ({"is_wrapped": True} if wrapped else {}))
    return {
        "type": "table",
        "column_settings": settings,
        "rows": [[{"type": "raw_text", "text": cell} for cell in row] for row in (shown.titles, *shown.rows)],
    }


def text(shown: Grid) -> str:
    """The grid as lines of a fixed font; empty where a phone would break them."""
    lines = [shown.titles, *shown.rows]
    widths = [max(width(line[place]) for line in lines) for place in range(len(shown.titles))]
    if sum(widths) + 2 * (len(widths) - 1) > PHONE:
        return ""
    return "\n".join(_line(line, widths, shown.right) for line in lines)


def records(shown: Grid) -> list[tuple[str, str]]:
    """Each row as what it is called (its first cell) and what is said of it; words need no title."""
    names = [
        "" if place == 0 and not shown.right[1] else f"{title} "
        for place, title in enumerate(shown.titles[1:])
    ]
    made = []
    for first, *others in shown.rows:
        said = [f"{name}{cell}" for name, cell in zip(names, others, strict=True) if cell != NOTHING]
        made.append((first, " · ".join(said)))
    return made


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, wide, numeric in zip(cells, widths, right, strict=True):
        blank = " " * (wide - width(cell))
        padded.append(blank + cell if numeric else cell + blank)
    return "  ".join(padded).rstrip()
