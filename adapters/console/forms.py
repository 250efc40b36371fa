"""A form in a terminal: what is missing, and a line that can be typed instead."""

from __future__ import annotations

from typing import assert_never

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from adapters.console.safe import one_line
from core import commands
from core.messages import Field, Form

CHOICES_LIMIT = 8  # choices named; the rest is counted

_KINDS = {
    "text": "text",
    "lines": "lines of text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "date": "a date",
    "datetime": "a date and time",
    "choice": "a choice",
    "secret": "a secret",
}


def render_form(form: Form) -> RenderableType:
    """The fields with what each takes, then the line to type."""
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=32)
    grid.add_column(overflow="fold")
    for one in form.fields:
        mark = ("! " if one.error else "• ") if one.required or one.error else "  "
        grid.add_row(
            Text(mark + one_line(one.name), style="bold red" if one.error else "bold"), _description(one)
        )
    line = Text("Type  ", style="dim").append(f"/job {example(form)}", style="bold cyan")
    line.overflow = "fold"
    return Group(grid, Text(""), line)


def example(form: Form) -> str:
    """A line that gives every required field: its own value where that was right, else one that fits."""
    wanted = [one for one in form.fields if one.required or one.value]
    values = [_sample(one) if one.error or not one.value else one.value for one in wanted]
    pairs = [f"{one.name}={commands.spell_value(value)}" for one, value in zip(wanted, values, strict=True)]
    return " ".join([one_line(form.command), *pairs])


def _description(field: Field) -> Text:
    words = Text()
    if field.error:
        words.append(one_line(field.error), style="red")
        words.append("  ")
    parts = [one_line(field.label)] if field.label.lower() != field.name.lower() else []
    parts.append(_kind(field))
    if not field.required:
        parts.append("may be left out")
    if field.value and field.kind != "secret":
        parts.append(f"now {one_line(field.value)}")
    words.append(" · ".join(parts))
    if field.hint:
        words.append(f" · {one_line(field.hint)}", style="dim")
    return words


def _kind(field: Field) -> str:
    if not field.options:
        return _KINDS[field.kind]
    named = ", ".join(one_line(option.value) for option in field.options[:CHOICES_LIMIT])
    more = len(field.options) - CHOICES_LIMIT
    return f"one of {named}" + (f" and {more:,} more" if more > 0 else "")


def _sample(field: Field) -> str:
    if field.options:
        return field.options[0].value
    match field.kind:
        case "integer":
            return "42"
        case "number":
            return "1.5"
        case "boolean":
            return "yes"
        case "date":
            return "2026-01-31"
        case "datetime":
            return "2026-01-31T09:00"
        case "text" | "lines" | "choice" | "secret":
            return "…"
        case _:
            assert_never(field.kind)
