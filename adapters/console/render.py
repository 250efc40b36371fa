"""Messages as text for a terminal. Pure: the same message and look give the same characters."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import assert_never

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table as Grid
from rich.text import Text

from adapters.console.charts import draw
from adapters.console.forms import render_form
from adapters.console.look import Look
from adapters.console.safe import one_line, safe
from adapters.console.tables import render_table
from core.messages import (
    Block,
    Button,
    Code,
    Facts,
    File,
    Headline,
    Headlines,
    Image,
    Message,
    Paragraph,
    Table,
    Tone,
    spans,
)

CODE_LIMIT = 40  # lines of one code block; the middle is left out of longer ones
CODE_HEAD = 8  # lines kept of its beginning

_COLOURS = {
    Tone.NEUTRAL: "blue",
    Tone.PROGRESS: "cyan",
    Tone.SUCCESS: "green",
    Tone.WARNING: "yellow",
    Tone.FAILURE: "red",
}
_SIGNS = {Tone.NEUTRAL: "", Tone.PROGRESS: "● ", Tone.SUCCESS: "✓ ", Tone.WARNING: "! ", Tone.FAILURE: "✗ "}
_WORDS = {
    Tone.PROGRESS: ("running", "started", "waiting", "queued", "progress", "attempt", " of "),
    Tone.SUCCESS: ("succe", "done", "recovered", "ready", "applied"),
    Tone.WARNING: ("warning", "refused", "not ", "fail", "cancelled", "skipped", "paused", "missed", "?"),
    Tone.FAILURE: ("fail", "error", "timed out", "lost", "interrupted"),
}
"""Words that say the mood already, so that the tone's own need not be added."""


def write(message: Message, look: Look) -> str:
    """The message as text, ending with a newline; escape sequences only where the look has colours."""
    return written(render(message, look), look)


def written(renderable: RenderableType, look: Look) -> str:
    """Any renderable as text of this look, without blanks at line ends."""
    console = Console(
        file=io.StringIO(),
        width=look.width,
        force_terminal=look.colour,
        color_system="standard" if look.colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as captured:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in captured.get().split("\n"))


def render(message: Message, look: Look) -> RenderableType:
    """The message as something that rich prints."""
    inner = look.width - 2 if look.bar else look.width
    parts: list[RenderableType] = [_heading(message)]
    for block in message.blocks:
        parts += [Text(""), _block(block, look, inner)]
    if message.form is not None:
        parts += [Text(""), render_form(message.form)]
    if message.buttons:
        parts += [Text(""), _buttons(message.buttons)]
    if named := [look.names[one] for one in message.mentions if one in look.names]:
        parts += [Text(""), Text("for " + ", ".join(f"@{one_line(name)}" for name in named), style="dim")]
    body = Group(*parts)
    return _Barred(body, _COLOURS[message.tone]) if look.bar else body


def compact(message: Message, look: Look) -> str:
    """The message on one line, no wider than the look: for the live line of what is under way."""
    text = Text(_SIGNS[message.tone] + one_line(message.text or message.title))
    text.truncate(look.width, overflow="ellipsis")
    return text.plain


def _heading(message: Message) -> Text:
    title = one_line(message.title)
    heading = Text(_SIGNS[message.tone], style=f"bold {_COLOURS[message.tone]}")
    if title:
        heading.append(title, style="bold default")
        words = _WORDS.get(message.tone, ())
        if words and not any(word in title.casefold() for word in words):
            heading.append(f" · {message.tone}", style=_COLOURS[message.tone])
        if not message.blocks and message.text and message.text != message.title:
            heading.append("\n" + safe(message.text), style="not bold default")
        return heading
    first, _, rest = safe(message.text).strip().partition("\n")
    heading.append(first, style="bold default" if rest or message.blocks else "not bold default")
    if rest:
        heading.append("\n" + rest, style="not bold default")
    return heading


def _block(block: Block, look: Look, width: int) -> RenderableType:
    match block:
        case Paragraph():
            return _paragraph(block, look)
        case Facts():
            return _facts(block.items)
        case Headlines():
            return _headlines(block.items, width)
        case Table():
            return render_table(block, width)
        case Code():
            return _code(block)
        case Image():
            return _image(block, look, width)
        case File():
            return _file(block, look)
        case _:
            assert_never(block)


def _paragraph(block: Paragraph, look: Look) -> Text:
    if not block.marked:
        return Text(safe(block.text))
    text = Text()
    for span in spans(block.text):
        piece = safe(span.text)
        match span.style:
            case "plain":
                text.append(piece)
            case "bold":
                text.append(piece, style="bold")
            case "code":
                text.append(piece if look.colour else f"`{piece}`", style="cyan")
            case _:
                assert_never(span.style)
    return text


def _facts(items: Iterable[tuple[str, str]]) -> RenderableType:
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, overflow="ellipsis", max_width=24)
    grid.add_column(overflow="fold")
    for label, value in items:
        grid.add_row(Text(one_line(label)), Text(safe(value)))
    return grid


def _headlines(items: tuple[Headline, ...], width: int) -> RenderableType:
    """Side by side with the label above its number where they fit, else one under the other."""
    shown = [(one_line(one.label), one_line(one.value), one_line(one.change), one.tone) for one in items]
    widths = [max(map(len, (label, value, change))) for label, value, change, _ in shown]
    if sum(widths) + 4 * len(widths) <= width:
        grid = Grid.grid(padding=(0, 4, 0, 0))
        for _ in shown:
            grid.add_column(no_wrap=True)
        grid.add_row(*(Text(label, style="dim") for label, _, _, _ in shown))
        grid.add_row(*(Text(value, style=f"bold {_value_colour(tone)}") for _, value, _, tone in shown))
        if any(change for _, _, change, _ in shown):
            grid.add_row(*(Text(change, style=_COLOURS[tone]) for _, _, change, tone in shown))
        return grid
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    for label, value, change, tone in shown:
        grid.add_row(
            Text(label),
            Text(value, style=f"bold {_value_colour(tone)}"),
            Text(change, style=_COLOURS[tone]),
        )
    return grid


def _value_colour(tone: Tone) -> str:
    return "default" if tone is Tone.NEUTRAL else _COLOURS[tone]


def _code(block: Code) -> RenderableType:
    lines = safe(block.text).rstrip("\n").split("\n")
    if len(lines) > CODE_LIMIT:
        left_out = len(lines) - CODE_LIMIT
        tail = lines[-(CODE_LIMIT - CODE_HEAD) :]
        lines = [*lines[:CODE_HEAD], f"… {left_out:,} lines left out …", *tail]
    text = Text("\n".join(lines), style="cyan", overflow="fold")
    return Padding(text, (0, 0, 0, 2))


def _image(block: Image, look: Look, width: int) -> RenderableType:
    parts: list[RenderableType] = []
    if title := block.title or block.chart.title:
        parts.append(Text(one_line(title), style="bold"))
    drawn = draw(block.chart, width)
    parts.append(drawn if drawn is not None else Text(one_line(block.alt), style="italic"))
    link = look.image_link(block) if look.image_link else ""
    if link:
        parts.append(_link("Picture", link))
    return Group(*parts)


def _file(block: File, look: Look) -> RenderableType:
    total = (block.table.total_rows or len(block.table.rows)) if block.table else None
    size = f" ({total:,} row{'' if total == 1 else 's'})" if total is not None else ""
    text = Text("File  ", style="dim").append(one_line(block.name) + size, style="not dim")
    link = look.file_link(block) if look.file_link else ""
    return Group(text, _link("at", link)) if link else text


def _link(label: str, address: str) -> Text:
    shown = one_line(address)
    text = Text(f"{label}  ", style="dim", overflow="fold")
    return text.append(shown, style="not dim underline blue")


def _buttons(buttons: tuple[Button, ...]) -> RenderableType:
    grid = Grid.grid(padding=(0, 3, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold", style="dim")
    for number, button in enumerate(buttons, start=1):
        style = {"primary": "bold green", "danger": "bold red", "default": "bold default"}[button.style]
        label, command = one_line(button.label), f"/job {one_line(button.command)}"
        if button.label == button.command:
            label, command = command, ""
        line = Text(f"[{number}]".ljust(len(str(len(buttons))) + 3), style="bold cyan")
        grid.add_row(
            line.append(label, style=style),
            Text(f"{command} (asks first)" if button.confirm else command),
        )
    return grid


class _Barred:
    """Something with a bar in the message's colour at its side."""

    def __init__(self, inner: RenderableType, colour: str) -> None:
        self.inner = inner
        self.colour = colour

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bar = Segment("┃ ", Style.parse(self.colour))
        lines = console.render_lines(self.inner, options.update_width(options.max_width - 2), pad=False)
        for line in lines:
            yield bar
            yield from line
            yield Segment.line()
