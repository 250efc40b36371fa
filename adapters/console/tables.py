"""Tables in a terminal: aligned while they fit, one record under the other where they do not."""

from __future__ import annotations

from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from adapters.console.safe import one_line
from adapters.render.cells import is_right_aligned, write_cell
from core.messages import Table

CELL_LIMIT = 48  # columns of one text cell; what is longer ends in …
TEXT_LEAST = 10  # columns below which a text column is not squeezed
_GAP = 3  # columns between two columns


def render_table(table: Table, width: int) -> RenderableType:
    """The table with its title, and a line that says what was cut."""
    columns = table.columns[: table.shown_columns]
    rows = [
        [one_line(write_cell(cell, column.format)) for cell, column in zip(row, columns, strict=False)]
        for row in table.rows[: table.shown_rows]
    ]
    titles = [one_line(column.title) for column in columns]
    right = [
        is_right_aligned(column.format, (row[place] for row in table.rows if place < len(row)))
        for place, column in enumerate(columns)
    ]
    parts: list[RenderableType] = [Text(one_line(table.title), style="bold")] if table.title else []
    if not rows or not columns:
        parts.append(Text("No rows.", style="dim italic"))
    elif widths := _widths(titles, rows, right, width):
        parts.append(_aligned(titles, rows, right, widths))
    else:
        parts.append(_records(titles, rows))
    if cut := cut_line(table):
        parts.append(Text(cut, style="dim italic"))
    return Group(*parts)


def cut_line(table: Table) -> str:
    """What of the table is not shown, empty where all of it is."""
    total = max(table.total_rows or 0, len(table.rows))
    shown = min(len(table.rows), table.shown_rows)
    columns = min(len(table.columns), table.shown_columns)
    said = []
    if shown < total:
        said.append(f"first {shown:,} of {total:,} rows")
    if columns < len(table.columns):
        left_out = ", ".join(one_line(column.title) for column in table.columns[columns:][:5])
        more = len(table.columns) - columns - 5
        said.append(
            f"{columns} of {len(table.columns)} columns (without {left_out}{', …' if more > 0 else ''})"
        )
    return " · ".join(said)


def _widths(titles: list[str], rows: list[list[str]], right: list[bool], room: int) -> list[int]:
    """A width for each column so that all fit; text is squeezed, numbers never. Empty where it cannot be."""
    wanted, least = [], []
    for place, title in enumerate(titles):
        widest = max(cell_len(row[place]) if place < len(row) else 0 for row in rows)
        head = cell_len(title)
        wanted.append(max(widest, head) if right[place] else min(CELL_LIMIT, max(widest, head)))
        least.append(max(widest, min(head, TEXT_LEAST)) if right[place] else min(TEXT_LEAST, wanted[-1]))
    room -= _GAP * (len(titles) - 1)
    if sum(least) > room:
        return []
    while sum(wanted) > room:
        squeezable = (place for place in range(len(titles)) if wanted[place] > least[place])
        widest_place = max(squeezable, key=lambda place: (not right[place], wanted[place]))
        wanted[widest_place] -= 1
    return wanted


def _aligned(
    titles: list[str], rows: list[list[str]], right: list[bool], widths: list[int]
) -> RenderableType:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1))
    for title, numeric, width in zip(titles, right, widths, strict=True):
        justify: Literal["left", "right"] = "right" if numeric else "left"
        grid.add_column(Text(title), justify=justify, no_wrap=True, overflow="ellipsis", width=width)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _records(titles: list[str], rows: list[list[str]]) -> RenderableType:
    label = max(cell_len(title) for title in titles)
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True, overflow="ellipsis", max_width=min(label, 16))
    grid.add_column(overflow="fold")
    for number, row in enumerate(rows):
        if number:
            grid.add_row(Text(""), Text(""))
        for title, cell in zip(titles, row, strict=False):
            grid.add_row(Text(title), Text(cell))
    return grid
