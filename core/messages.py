"""What the bot says, before a platform decides how it looks.

Text is plain: a renderer escapes all of it. A `Paragraph` may be `marked`: then `*bold*` and
`` `code` `` are marks, and a backslash before one of them makes it literal (`escape` writes that).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

Cell = str | int | float | bool | None
ColumnFormat = Literal["text", "number", "integer", "percent", "currency", "date", "duration"]


class Tone(StrEnum):
    """The mood of a message; its word stands in the text too, so colour is never the only sign."""

    NEUTRAL = "neutral"
    PROGRESS = "progress"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; newlines are kept."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Short label and value pairs, in order."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One headline number: `value` is already formatted, `change` is empty where there is none."""

    label: str
    value: str
    change: str = ""
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True)
class Headlines:
    """The numbers that a phone shows first."""

    items: tuple[Headline, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its title and how its cells are written and aligned."""

    title: str
    format: ColumnFormat = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells. `total_rows` may be larger than what is shown: renderers say so.

    Renderers show at most `shown_rows` rows and `shown_columns` columns and say what they cut.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    total_rows: int | None = None
    shown_rows: int = 10
    shown_columns: int = 4


@dataclass(frozen=True, slots=True)
class Code:
    """Text shown as it is, in a fixed font."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Which entry of a run's record something shows: the run's id, the entry's number in it."""

    run: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Image:
    """A chart: the neutral chart that `adapters/render` draws, with the text for who cannot see it.

    `recorded` is where it is kept, None where it is not.
    """

    chart: ChartData
    alt: str
    title: str = ""
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file to attach: its bytes are `data`, or made from `table`, or `text`, or lie at `path`.

    `document` is there until the desk has had it set on pages (`data`): no platform sees it. `path` is
    a content-hash name below the data folder, as in `entries.Attached`. `recorded` is where it is kept, None
    where it is not.
    """

    name: str
    media_type: str
    table: Table | None = None
    text: str = ""
    path: str = ""
    recorded: Recorded | None = None
    data: bytes = b""
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A message to be set on pages: `foot` stands below each of them, `at` is when it was true."""

    message: Message
    foot: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChartData:
    """A chart with its data. `rows` hold cells in the order of `columns`; x, y, series name columns."""

    type: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    x: str = ""
    y: str = ""
    series: str = ""
    title: str = ""
    unit: str = ""


Block = Paragraph | Facts | Headlines | Table | Code | Image | File


Style = Literal["default", "primary", "danger"]


@dataclass(frozen=True, slots=True)
class Button:
    """A button carries a command line without `/job`, made by `commands.spell`."""

    label: str
    command: str
    style: Style = "default"
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a field."""

    value: str
    label: str


FieldKind = Literal["text", "lines", "integer", "number", "boolean", "date", "datetime", "choice", "secret"]


@dataclass(frozen=True, slots=True)
class Field:
    """One typed input of a form; `value` prefills it, `error` is shown at it. `lines` is a larger text."""

    name: str
    label: str
    kind: FieldKind = "text"
    required: bool = True
    value: str = ""
    options: tuple[Option, ...] = ()
    hint: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """Typed inputs that complete a command: what is filled in is added to `command` as name=value.

    `again` is the line that asks for the form once more; where it is empty, `command` with what is filled
    in does.
    """

    title: str
    command: str
    fields: tuple[Field, ...]
    submit: str = "Run"
    again: str = ""
    note: str = ""  # stands above the inputs
    spares: bool = False  # the command takes keep=NAME,… : fields that are left out stay as they are


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `text` begins with the outcome: it is the fallback for notifications and readers."""

    text: str
    title: str = ""
    tone: Tone = Tone.NEUTRAL
    blocks: tuple[Block, ...] = ()
    buttons: tuple[Button, ...] = ()
    form: Form | None = None
    mentions: tuple[str, ...] = field(default=())
    """ids of the members that are to be notified"""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of marked text in one style."""

    text: str
    style: Literal["plain", "bold", "code"] = "plain"


_MARK = re.compile(
    r"\\(?P<literal>[\\*`])|\*(?P<bold>(?:\\[\\*`]|[^*\\\n])+)\*|`(?P<code>(?:\\[\\*`]|[^`\\\n])+)`"
)
_ESCAPED = re.compile(r"\\([\\*`])")


def spans(text: str) -> tuple[Span, ...]:
    """Read marked text into pieces, joined in order they are the text without its marks."""
    pieces: list[Span] = []
    plain: list[str] = []
    position = 0

    def flush() -> None:
        if plain:
            pieces.append(Span("".join(plain)))
            plain.clear()

    for found in _MARK.finditer(text):
        plain.append(text[position : found.start()])
        position = found.end()
        if found["literal"] is not None:
            plain.append(found["literal"])
            continue
        plain[:] = [part for part in plain if part]
        flush()
        if found["bold"] is not None:
            pieces.append(Span(_ESCAPED.sub(r"\1", found["bold"]), "bold"))
        else:
            pieces.append(Span(_ESCAPED.sub(r"\1", found["code"]), "code"))
    plain.append(text[position:])
    plain[:] = [part for part in plain if part]
    flush()
    return tuple(pieces)


def escape(text: str) -> str:
    """Write text so that `spans` reads it back as one plain piece."""
    return re.sub(r"([\\*`])", r"\\\1", text)


def literal(text: str) -> str:
    """The marked text as it was written: its marks stay, backslashes before literal ones go."""
    return _ESCAPED.sub(r"\1", text)


def unmarked(text: str) -> str:
    """The marked text without its marks."""
    return "".join(span.text for span in spans(text))
