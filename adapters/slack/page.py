"""A page of blocks that fills up: it keeps count of what Slack still takes, and knows what was cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, assert_never

from adapters.render import excerpts
from adapters.slack import limits, tables
from adapters.slack.buttons import describe
from adapters.slack.text import clean, cut, cut_escaped, escape, one_line
from core.messages import Block, Code, Facts, File, Form, Headlines, Image, Paragraph, Table, spans

Surface = Literal["message", "modal", "home"]

CODE_CHARS = 2_500  # characters of one code block
SHORT = 28  # characters of a label or value that stands in a field beside others: half of a phone
HEADING = 500  # characters of a title

_PLACE = 400  # characters kept back for the lines that say what was cut
_MARKS = frozenset("*_~`&<>")
_ELEMENT = dict[str, Any]


class Page:
    """Blocks in order. `cut` is whether something is missing, `files` what comes beside them."""

    def __init__(self, *, surface: Surface, attach: bool, picture: Callable[[Image], str]) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.files: list[File] = []
        self.cut = False
        self._surface = surface
        self._attach = attach
        self._picture = picture
        self._left = limits.MESSAGE_CHARS - _PLACE
        self._blocks_left = (limits.MESSAGE_BLOCKS if surface == "message" else limits.VIEW_BLOCKS) - 2
        self._tables_left = limits.TABLES if surface == "message" else 0

    def reserve(self, blocks: list[dict[str, Any]]) -> None:
        """Keep room for blocks that come at the end."""
        self._blocks_left -= len(blocks)
        self._left -= sum(_chars(block) for block in blocks)

    def heading(self, title: str, sign: str, rest: str) -> None:
        """The first line, in bold, and running text below it."""
        shown = self._fit(title, HEADING)
        elements: list[_ELEMENT] = [{"type": "emoji", "name": sign}, _text(" ")] if sign else []
        self._rich(_section([*elements, _text(shown, "bold")]))
        if rest.strip():
            self._paragraph(Paragraph(rest))

    def add(self, block: Block) -> None:
        """One block of a message; nothing where there is no room, and then `cut` says so."""
        if self._blocks_left < 3 or self._left < 50:
            self.cut = True
            return
        match block:
            case Paragraph():
                self._paragraph(block)
            case Facts():
                self._pairs([(label, value, "") for label, value in block.items], strong_label=True)
            case Headlines():
                self._pairs([(one.label, one.value, one.change) for one in block.items], strong_label=False)
            case Table():
                self._table(block)
            case Code():
                self._code(block)
            case Image():
                self._image(block)
            case File():
                self._file(block)
            case _:
                assert_never(block)

    def form(self, form: Form) -> None:
        """What a form asks for, a line for each field; the form itself comes by its button."""
        elements: list[_ELEMENT] = []
        for one in form.fields:
            mark = "! " if one.error else "• "
            told = f"  {describe(one)}" + (f" · {one_line(one.error)}" if one.error else "")
            elements += [_text(("\n" if elements else "") + mark), _text(one_line(one.name) or "–", "bold")]
            elements.append(_text(self._fit(told, 500)))
        if elements:
            self._rich(_section(elements))

    def context(self, text: str) -> None:
        """A small line."""
        shown = self._fit(one_line(text), limits.CONTEXT_TEXT)
        self._append({"type": "context", "elements": [{"type": "plain_text", "text": shown, "emoji": False}]})

    def finish(self, text: str) -> None:
        """The last small line; room for it was kept."""
        element = {"type": "plain_text", "text": text, "emoji": False}
        self.blocks.append({"type": "context", "elements": [element]})

    def _paragraph(self, block: Paragraph) -> None:
        room = min(limits.SECTION, self._left)
        elements: list[_ELEMENT] = []
        for span in spans(block.text) if block.marked else [None]:
            whole = clean(block.text if span is None else span.text)
            shown = cut(whole, room)
            self.cut = self.cut or shown != whole
            room -= len(shown)
            if shown:
                elements.append(_text(shown, "plain" if span is None else span.style))
            if room <= 0:
                break
        if any(one["text"].strip() for one in elements):
            self._rich(_section(elements))

    def _pairs(self, items: Iterable[tuple[str, str, str]], *, strong_label: bool) -> None:
        """Labels with values: fields side by side where they are short, else one under the other."""
        pairs = [
            (one_line(label) or "–", clean(value).strip() or "–", one_line(more))
            for label, value, more in items
        ]
        for start in range(0, len(pairs), limits.FIELDS):
            some = pairs[start : start + limits.FIELDS]
            if all(_is_simple(*pair) for pair in some):
                texts = [_mrkdwn(*pair, strong_label=strong_label) for pair in some]
                fields = [{"type": "mrkdwn", "text": text, "verbatim": True} for text in texts]
                self._append({"type": "section", "fields": fields})
            else:
                self._lines(some, strong_label=strong_label)

    def _lines(self, pairs: list[tuple[str, str, str]], *, strong_label: bool) -> None:
        elements: list[_ELEMENT] = []
        for label, value, more in pairs:
            name = self._fit(label, 200)
            shown = self._fit(value, limits.FIELD)
            elements.append(_text(("\n" if elements else "") + name, "bold" if strong_label else "plain"))
            elements += [_text("  "), _text(shown, "plain" if strong_label else "bold")] if shown else []
            elements += [_text(f"  {self._fit(more, 200)}")] if more else []
        self._rich(_section(elements))

    def _table(self, block: Table) -> None:
        as_block = self._tables_left > 0
        shown = tables.grid(block, self._left - 300, cell=tables.CELL if as_block else tables.TEXT_CELL)
        if block.title:
            self._rich(_section([_text(self._fit(one_line(block.title), HEADING), "bold")]))
        if not block.rows or not block.columns:
            self.context("No rows.")
            return
        if not shown.rows:
            self.cut = True
        elif as_block:
            self._tables_left -= 1
            self._append(tables.block(shown))
        elif aligned := tables.text(shown):
            self._preformatted(cut(aligned, max(self._left, 1)))
        else:
            self._lines([(name, said, "") for name, said in tables.records(shown)], strong_label=True)
        note = shown.note
        if shown.squeezed and self._attach:
            name = f"{_slug(block.title) or 'table'}.csv"
            self.files.append(File(name, "text/csv", block))
            note = " · ".join(filter(None, [note, f"attached as {name}"]))
        if note:
            self.context(note)

    def _code(self, block: Code) -> None:
        text = clean(block.text).rstrip("\n")
        shown = excerpts.code(text, max(1, min(CODE_CHARS, self._left)))
        self.cut = self.cut or shown != text
        if shown.strip():
            self._preformatted(shown)

    def _preformatted(self, text: str) -> None:
        self._rich({"type": "rich_text_preformatted", "elements": [_text(text)]})

    def _image(self, block: Image) -> None:
        alt = cut(one_line(block.alt) or one_line(block.title) or "A chart", limits.IMAGE_ALT)
        picture = self._picture(block)
        title = one_line(block.title or block.chart.title)
        if not picture:
            self.context(f"{title}: {alt}" if title else alt)
            return
        made: dict[str, Any] = {"type": "image", "slack_file": {"id": picture}, "alt_text": alt}
        if title:
            made["title"] = {
                "type": "plain_text",
                "text": self._fit(title, limits.IMAGE_TITLE),
                "emoji": False,
            }
        self._append(made)

    def _file(self, block: File) -> None:
        total = (block.table.total_rows or len(block.table.rows)) if block.table else None
        size = f" ({total:,} rows)" if total is not None else ""
        if self._attach:
            self.files.append(block)
            self.context(f"Attached: {one_line(block.name)}{size}")
        else:
            self.context(f"{one_line(block.name)}{size} cannot be attached to what only you can see.")

    def _fit(self, text: str, limit: int) -> str:
        """As much of a literal text as the page takes; `cut` where that is less than all."""
        shown = cut(text, max(1, min(limit, self._left)))
        self.cut = self.cut or shown != text
        return shown

    def _rich(self, part: _ELEMENT) -> None:
        self._append({"type": "rich_text", "elements": [part]})

    def _append(self, block: dict[str, Any]) -> None:
        if self._blocks_left <= 0:
            self.cut = True
            return
        self.blocks.append(block)
        self._blocks_left -= 1
        self._left -= _chars(block)


def _is_simple(label: str, value: str, more: str) -> bool:
    """Short, and without a letter that `mrkdwn` would read as a mark."""
    return (
        len(label) <= SHORT
        and len(value) <= SHORT
        and not _MARKS & set(label + value + more)
        and "\n" not in value
    )


def _mrkdwn(label: str, value: str, more: str, *, strong_label: bool) -> str:
    first, second = (
        (f"*{escape(label)}*", escape(value)) if strong_label else (escape(label), f"*{escape(value)}*")
    )
    return cut_escaped("\n".join([first, " ".join(filter(None, [second, escape(more)]))]), limits.FIELD)


def _section(elements: list[_ELEMENT]) -> _ELEMENT:
    return {"type": "rich_text_section", "elements": elements}


def _text(text: str, style: str = "plain") -> _ELEMENT:
    return {"type": "text", "text": text} | ({} if style == "plain" else {"style": {style: True}})


def _slug(title: str) -> str:
    kept = "".join(one if one.isalnum() else "-" for one in one_line(title).lower())
    return "-".join(filter(None, kept.split("-")))[:60]


def _chars(value: Any) -> int:
    """Characters of every text in a block."""
    match value:
        case list():
            return sum(map(_chars, value))
        case dict():
            own = sum(len(value[key]) for key in ("text", "alt_text") if isinstance(value.get(key), str))
            return own + sum(_chars(one) for one in value.values() if isinstance(one, list | dict))
        case _:
            return 0
