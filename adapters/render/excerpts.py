"""What of a long table or text is shown in a message, and the words for what is not. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.render.cells import is_right_aligned, write_cell
from adapters.render.letters import cut, one_line
from core.messages import Cell, Column, Table

CODE_LINES = 40  # lines of one code block; the middle is left out of longer ones
NAMED = 5  # columns that are named among those that are left out


def cells(row: Sequence[Cell], columns: Sequence[Column]) -> list[str]:
    """A row as it is written under these columns, each cell on one line; missing ones are empty."""
    written = [one_line(write_cell(one, kind.format)) for one, kind in zip(row, columns, strict=False)]
    return written + [""] * (len(columns) - len(written))


def right(table: Table, columns: Sequence[Column]) -> tuple[bool, ...]:
    """Which of the table's first columns stand at the right: those of numbers."""
    return tuple(
        is_right_aligned(column.format, (row[place] for row in table.rows if place < len(row)))
        for place, column in enumerate(columns)
    )


def note(table: Table, rows: int, columns: int, *, shortened: bool) -> str:
    """What is left out where so many rows and columns are shown, empty where nothing is.

    `shortened`: cells were cut.
    """
    total = max(table.total_rows or 0, len(table.rows))
    said = []
    if rows < total:
        said.append(f"first {rows:,} of {total:,} rows")
    if columns < len(table.columns):
        names = [cut(one_line(one.title), 40) for one in table.columns[columns:]]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        said.append(f"{columns} of {len(table.columns)} columns (without {', '.join(names[:NAMED])}{more})")
    if shortened:
        said.append("long cells cut")
    return " · ".join(said)


def code(text: str, limit: int) -> str:
    """Code of at most `CODE_LINES` lines and `limit` characters; a line says what its middle lacks."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) > CODE_LINES:
        head = CODE_LINES // 5
        gap = f"… {len(lines) - CODE_LINES:,} lines left out …"
        lines = [*lines[:head], gap, *lines[-(CODE_LINES - head) :]]
    return middle("\n".join(lines), limit)


def middle(text: str, limit: int) -> str:
    """At most `limit` characters: the beginning and, more of it, the end, where errors stand."""
    if len(text) <= limit:
        return text
    gap = f"\n… {len(text) - limit:,} characters left out …\n"
    room = limit - len(gap) - 1
    if room < 100:
        return cut(text, limit)
    head = room // 5
    return cut(text, head + 1).removesuffix("…") + gap + text[len(text) - (room - head) :]
