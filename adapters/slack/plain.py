"""A whole message as plain text: the file beside one that was cut, and what stands in for refused blocks."""

from __future__ import annotations

from typing import assert_never

from adapters.render.cells import write_cell
from adapters.slack.buttons import describe
from adapters.slack.text import clean, one_line, width
from core.messages import (
    Block,
    Code,
    Facts,
    File,
    Form,
    Headlines,
    Image,
    Message,
    Paragraph,
    Table,
    unmarked,
)


def write(message: Message) -> str:
    """Everything that the message says, nothing cut; ends with a newline."""
    parts = [one_line(message.title)] if message.title else []
    if message.text and message.text != message.title:
        parts.append(clean(message.text))
    parts += [_block(block) for block in message.blocks]
    if message.form is not None:
        parts.append(_form(message.form))
    if message.buttons:
        parts.append(
            "\n".join(f"{one_line(one.label)}: /job {one_line(one.command)}" for one in message.buttons)
        )
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return clean(unmarked(block.text) if block.marked else block.text)
        case Facts():
            return "\n".join(f"{one_line(label)}: {clean(value)}" for label, value in block.items)
        case Headlines():
            return "\n".join(
                " ".join(
                    filter(None, [f"{one_line(one.label)}: {one_line(one.value)}", one_line(one.change)])
                )
                for one in block.items
            )
        case Table():
            return _table(block)
        case Code():
            return clean(block.text)
        case Image():
            return "\n".join(filter(None, [one_line(block.title), one_line(block.alt)]))
        case File():
            return f"File: {one_line(block.name)}"
        case _:
            assert_never(block)


def _table(table: Table) -> str:
    titles = [one_line(column.title) for column in table.columns]
    rows = [
        [one_line(write_cell(cell, column.format)) for cell, column in zip(row, table.columns, strict=False)]
        for row in table.rows
    ]
    lines = [titles, *rows]
    widths = [
        max((width(line[place]) for line in lines if place < len(line)), default=0)
        for place in range(len(titles))
    ]
    shown = [
        "  ".join(
            cell + " " * (wide - width(cell)) for cell, wide in zip(line, widths, strict=False)
        ).rstrip()
        for line in lines
    ]
    more = (table.total_rows or 0) - len(rows)
    shown += [f"… {more:,} more rows"] if more > 0 else []
    return "\n".join(filter(None, [one_line(table.title), *shown]))


def _form(form: Form) -> str:
    lines = [one_line(form.title)]
    for one in form.fields:
        wrong = f" ({one_line(one.error)})" if one.error else ""
        lines.append(f"{one_line(one.name)}: {describe(one)}{wrong}")
    return "\n".join([*lines, f"Type: /job {one_line(form.command)} name=value …"])
