"""A page of elements that fills up: it goes on in further cards, counts their bytes, knows what was cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from adapters.render import excerpts
from adapters.teams import charts, limits, tables
from adapters.teams.parts import Part, code, lines, rich, run, small
from adapters.teams.text import clean, cut, one_line
from core.messages import (
    Block,
    Code,
    Facts,
    File,
    Headline,
    Headlines,
    Image,
    Paragraph,
    Table,
    Tone,
    spans,
)

Written = list[list[tuple[str, dict[str, str]]]]
"""Lines of pieces, each with the look of its run."""

SHORT = 18  # characters of a label that stands beside its value
WIDE = 9  # letters of a headline number that needs half of a phone

_COLOURS = {Tone.SUCCESS: "Good", Tone.FAILURE: "Attention"}  # a warning's yellow is hard to read
_PLAIN: dict[str, str] = {}
_STYLES = {"plain": _PLAIN, "bold": {"weight": "Bolder"}, "code": {"fontType": "Monospace"}}


@dataclass(frozen=True, slots=True)
class Ways:
    """What is known beside the message: the picture of a chart and the link to a file (addresses, empty where
    there is none), and in words how somebody gets a file that does not come with it."""

    picture: Callable[[Image], str]
    link: Callable[[File], str]
    files: Callable[[File], str]


class Page:
    """Elements in order, in one or more cards. `cut` is whether something is missing."""

    def __init__(self, ways: Ways, *, room: int) -> None:
        self.cards: list[list[Part]] = [[]]
        self.cut = False
        self._ways = ways
        self._room = room
        self._left = room
        self._full = False

    def reserve(self, elements: Sequence[Part]) -> None:
        """Keep room in the first card for what comes at its end."""
        self._left -= limits.size(elements)

    def put(self, element: Part) -> None:
        """An element where there is room: in this card, else in the next.

        After the first without room nothing comes any more: no part is missing in the middle.
        """
        needed = limits.size(element) + 2
        if self._full:
            return
        if needed > self._left:
            if len(self.cards) >= limits.PARTS or needed > self._room:
                self.cut = self._full = True
                return
            self.cards.append([])
            self._left = self._room
        self.cards[-1].append(element)
        self._left -= needed

    def add(self, block: Block) -> None:
        """One block of a message."""
        match block:
            case Paragraph():
                self._paragraph(block)
            case Facts():
                self._facts(block)
            case Headlines():
                self._headlines(block.items)
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

    def text(self, text: str) -> None:
        """Running text that nobody marked."""
        self._paragraph(Paragraph(text))

    def _paragraph(self, block: Paragraph) -> None:
        written: Written = [[]]
        for span in spans(block.text) if block.marked else [None]:
            style = {} if span is None else _STYLES[span.style]
            first, *others = clean(block.text if span is None else span.text).split("\n")
            written[-1].append((first, style))
            written += [[(one, style)] for one in others]
        if len(written) > limits.LINES:
            self.cut = True
        for element in lines(written[: limits.LINES]):
            self.put(element)

    def _facts(self, block: Facts) -> None:
        said = [(one_line(label) or "–", clean(value).strip() or "–") for label, value in block.items]
        if all(len(label) <= SHORT and "\n" not in value for label, value in said):
            self.put(tables.pairs([(label, self._fit(value, limits.TEXT)) for label, value in said]))
            return
        for label, value in said:
            first = (f"{self._fit(label, limits.HEADING)}  ", {"weight": "Bolder"})
            one, *more = value.split("\n")[: limits.LINES]
            self._lines([[first, (one, _PLAIN)], *([(line, _PLAIN)] for line in more)], spacing="Small")

    def _headlines(self, items: Sequence[Headline]) -> None:
        """Two or three numbers beside each other: what a phone shows without breaking one."""
        wide = any(len(one.value) > WIDE for one in items)
        across = 2 if wide or len(items) in (2, 4) else 3
        for start in range(0, len(items), across):
            some = items[start : start + across]
            columns = [
                {"type": "Column", "width": "stretch", "items": list(self._headline(one))} for one in some
            ]
            self.put({"type": "ColumnSet", "columns": columns})

    def _headline(self, one: Headline) -> Iterable[Part]:
        yield rich(run(self._fit(one_line(one.label), 120) or "–", size="Small", isSubtle=True))
        value = self._fit(one_line(one.value), 120) or "–"
        yield rich(run(value, weight="Bolder", size="Large"), spacing="None")
        if change := self._fit(one_line(one.change), 120):
            look = {"color": _COLOURS[one.tone]} if one.tone in _COLOURS else {"isSubtle": True}
            yield rich(run(change, size="Small", **look), spacing="None")

    def _table(self, block: Table) -> None:
        if title := one_line(block.title):
            self.put(rich(run(self._fit(title, limits.HEADING), weight="Bolder"), spacing="Medium"))
        if not block.rows or not block.columns:
            self.put(small("No rows."))
            return
        shown = tables.grid(block, self._room - 2_000)
        if shown.rows:
            self.put(tables.element(shown))
        else:
            self.cut = True
        if shown.note:
            self.put(small(shown.note))

    def _code(self, block: Code) -> None:
        text = clean(block.text).rstrip("\n")
        shown = excerpts.code(text, limits.CODE_CHARS)
        self.cut = self.cut or shown != text
        if shown.strip():
            self.put(code(shown))

    def _image(self, block: Image) -> None:
        title = one_line(block.title or block.chart.title)
        alt = cut(one_line(block.alt) or title or "A chart", limits.TEXT)
        if amount := charts.amount(block.chart):
            self._headlines([Headline(title or alt, amount)])
            return
        drawn = charts.element(block.chart, title)
        if title:
            self.put(rich(run(self._fit(title, limits.HEADING), weight="Bolder"), spacing="Medium"))
        picture = self._ways.picture(block)
        shown: Part | None = {"type": "Image", "url": picture, "altText": alt} if picture else None
        if drawn is not None:
            self.put(
                {**drawn, "fallback": shown or small("The chart is not shown by this version of Teams.")}
            )
        elif shown is not None:
            self.put(shown)
        self.put(small(" · ".join(filter(None, [alt, charts.note(block.chart)]))))

    def _file(self, block: File) -> None:
        total = (block.table.total_rows or len(block.table.rows)) if block.table else None
        size = "" if total is None else f" ({total:,} {'row' if total == 1 else 'rows'})"
        self.put(small(f"{cut(one_line(block.name), 200)}{size} · {self._ways.files(block)}"))
        if link := self._ways.link(block):
            title = cut(f"Download {one_line(block.name)}", limits.LABEL)
            self.put(
                {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": title, "url": link}]}
            )

    def _lines(self, written: Written, spacing: str) -> None:
        for place, element in enumerate(lines(written)):
            self.put(element if place else {**element, "spacing": spacing})

    def _fit(self, text: str, limit: int) -> str:
        """As much of a literal text as its place takes; `cut` where that is less than all."""
        shown = cut(text, limit)
        self.cut = self.cut or shown != text
        return shown
