"""A message as the text part of a mail: everything it says, in lines that any reader shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from adapters.render.cells import is_right_aligned, write_cell
from adapters.render.letters import clean, cut, one_line, width
from core.messages import (
    Block,
    Code,
    Facts,
    File,
    Headlines,
    Image,
    Message,
    Paragraph,
    Table,
    unmarked,
)

CELL = 60  # characters of a cell
CALL = "/job "


def write(message: Message, *, footer: str = "", notes: Sequence[str] = (), whole: bool = False) -> str:
    """The text, ending in a newline. `whole`: every row and column, for the file beside a cut mail."""
    title = one_line(message.title or message.text)
    parts = [title]
    if message.text and one_line(message.text) != title and not message.blocks:
        parts.append(clean(message.text))
    parts += [_block(block, whole=whole) for block in message.blocks]
    parts += notes
    if message.buttons:
        said = [f"{one_line(one.label)}: {CALL}{one_line(one.command)}" for one in message.buttons]
        parts.append("\n".join(said))
    if footer:
        parts.append(f"-- \n{footer}")
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def _block(block: Block, *, whole: bool) -> str:
    match block:
        case Paragraph():
            return clean(unmarked(block.text) if block.marked else block.text)
        case Facts():
            return "\n".join(f"{one_line(label)}: {clean(value)}" for label, value in block.items)
        case Headlines():
            lines = [
                (f"{one_line(one.label)}: {one_line(one.value)}", one_line(one.change)) for one in block.items
            ]
            return "\n".join(f"{said} ({change})" if change else said for said, change in lines)
        case Table():
            return _table(block, whole=whole)
        case Code():
            return clean(block.text).rstrip("\n")
        case Image():
            return "\n".join(filter(None, [one_line(block.title or block.chart.title), one_line(block.alt)]))
        case File():
            return f"Attached: {one_line(block.name)}"
        case _:
            assert_never(block)


def _table(table: Table, *, whole: bool) -> str:
    columns = table.columns if whole else table.columns[: table.shown_columns]
    shown = table.rows if whole else table.rows[: table.shown_rows]
    rows = [
        [
            cut(one_line(write_cell(cell, column.format)), CELL)
            for cell, column in zip(row, columns, strict=False)
        ]
        for row in shown
    ]
    lines = [[cut(one_line(column.title), CELL) for column in columns], *rows]
    right = [
        is_right_aligned(column.format, (row[place] for row in shown if place < len(row)))
        for place, column in enumerate(columns)
    ]
    widths = [max(width(line[place]) for line in lines if place < len(line)) for place in range(len(columns))]
    written = [
        "  ".join(
            _padded(cell, wide, right=to) for cell, wide, to in zip(line, widths, right, strict=False)
        ).rstrip()
        for line in lines
    ]
    return "\n".join(
        filter(None, [one_line(table.title), *written, left_out(table, len(rows), len(columns))])
    )


def left_out(table: Table, rows: int, columns: int) -> str:
    """What of a table is not shown, empty where all of it is."""
    if not table.rows:
        return "No rows."
    total = max(table.total_rows or 0, len(table.rows))
    said = [f"first {rows:,} of {total:,} rows"] if rows < total else []
    if columns < len(table.columns):
        names = ", ".join(cut(one_line(one.title), 40) for one in table.columns[columns:][:5])
        said.append(f"{columns} of {len(table.columns)} columns (without {names})")
    return " · ".join(said)


def _padded(cell: str, wide: int, *, right: bool) -> str:
    blank = " " * (wide - width(cell))
    return blank + cell if right else cell + blank
