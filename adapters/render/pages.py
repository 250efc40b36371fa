"""A message on pages, as a PDF: set by typst in a process of its own (`studio`).

What the message says goes to the template `page.typ` as JSON, where every text is a value: nothing of it is
read as markup. Letters that the fonts at hand lack are drawn with those of the operating system.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_never

from adapters.render import charts, letters, sheets, studio
from core.errors import Fault
from core.messages import Code, Document, Facts, File, Headlines, Image, Message, Paragraph, Table, spans

CHARTS = 20  # of one document
TEXT_LIMIT = 20_000  # characters of one text
FACTS_BESIDE, NUMBERS_BESIDE = 4, 4
_LONG = re.compile(r"[^\s\u200b]{25,}")
_PIECE = 12  # characters of a long word after which a line may end
_NOTHING: dict[str, Any] = {"lines": [], "rtl": False}

Data = dict[str, Any]


async def pdf(document: Document, *, folder: Path | None = None) -> bytes:
    """The document as a PDF: its message's title above, its text as the outcome, its blocks in order; no
    buttons. The same document gives the same bytes. Charts are kept in `folder` as `charts.png` does.

    Raises `Fault`.
    """
    message, foot = document.message, document.foot
    pictures = await _pictures(message, folder)

    def request() -> bytes:
        data = describe(message, foot, pictures)
        asked = {"kind": "pdf", "at": int(document.at.timestamp()), "data": data}
        return json.dumps(asked, allow_nan=False).encode()

    try:
        return await studio.draw(request)
    except studio.NotDrawn as error:
        raise Fault(f"The PDF of {foot} could not be made: {error}.") from error


def describe(message: Message, foot: str, pictures: Sequence[bytes | None] = ()) -> Data:
    """What the template is given; `pictures` are the charts in order, None where one could not be drawn."""
    written = {id(one): sheets.write(one) for one in message.blocks if isinstance(one, Table)}
    lying = any(sheets.is_wide(one) for one in written.values())
    drawn = iter(pictures)
    blocks = []
    for block in message.blocks:
        if isinstance(block, Table):
            blocks.append(_table(block, written[id(block)], lying=lying))
        elif isinstance(block, Image):
            blocks.append(_chart(block, next(drawn, None), lying=lying))
        else:
            blocks.append(_block(block))
    return {
        "name": letters.one_line(foot),
        "title": words(message.title or message.text),
        "outcome": words(message.text),
        "tone": str(message.tone),
        "footer": words(foot),
        "wide": lying,
        "blocks": blocks,
    }


def words(text: str, *, marked: bool = False) -> Data:
    """A text in lines of pieces, each with its style, and whether it is written from the right."""
    cleaned = letters.cut(letters.clean(text), TEXT_LIMIT)
    if not cleaned.strip():
        return _NOTHING
    pieces = [(one.text, str(one.style)) for one in spans(cleaned)] if marked else [(cleaned, "plain")]
    lines: list[list[Data]] = [[]]
    for piece, style in pieces:
        for index, line in enumerate(piece.split("\n")):
            if index:
                lines.append([])
            if line:
                lines[-1].append({"text": _breakable(line), "style": style})
    return {"lines": lines, "rtl": _from_the_right(cleaned)}


async def _pictures(message: Message, folder: Path | None) -> list[bytes | None]:
    """The charts of a message, drawn; None for one that cannot be."""
    found: list[bytes | None] = []
    for block in message.blocks:
        if not isinstance(block, Image):
            continue
        try:
            found.append(await charts.png(block.chart, folder=folder) if len(found) < CHARTS else None)
        except Fault:
            found.append(None)  # the document says so in its place
    return found


def _block(block: Paragraph | Facts | Headlines | Code | File) -> Data:
    match block:
        case Paragraph():
            return {"kind": "paragraph", "words": words(block.text, marked=block.marked)}
        case Facts():
            items = [{"label": words(label), "value": words(value or "–")} for label, value in block.items]
            return {"kind": "facts", "columns": FACTS_BESIDE, "items": items}
        case Headlines():
            return _headlines(block)
        case Code():
            text = "\n".join(line.replace(" ", "\u00a0") for line in block.text.splitlines())
            return {"kind": "code", "words": words(text)}
        case File():
            return {"kind": "paragraph", "words": words(f"File: {block.name}")}
        case _:
            assert_never(block)


def _headlines(block: Headlines) -> Data:
    longest = max((letters.width(one.value) for one in block.items), default=0)
    beside = min(NUMBERS_BESIDE, max(1, len(block.items)))
    size = 17 if longest <= 12 else 13 if longest <= 18 else 10
    items = [
        {
            "label": words(one.label),
            "value": words(one.value),
            "change": words(one.change),
            "tone": str(one.tone),
            "size": size,
        }
        for one in block.items
    ]
    return {"kind": "headlines", "columns": beside, "items": items}


def _table(table: Table, written: sheets.Written, *, lying: bool) -> Data:
    parts = sheets.parts(written, lying=lying) if written.columns else []
    return {
        "kind": "table",
        "title": words(table.title),
        "note": words(written.note or ("" if table.rows else "No rows.")),
        "parts": [
            {
                "columns": [_cell(one) for one in part.columns],
                "rows": [[_cell(one) for one in row] for row in part.rows],
                "right": list(part.right),
                "widths": list(part.widths),
                "size": part.size,
                "note": words(part.note),
            }
            for part in parts
        ],
    }


def _chart(block: Image, picture: bytes | None, *, lying: bool) -> Data:
    alt = letters.one_line(block.alt)
    if picture is None:
        return {"kind": "chart", "alt": alt, "instead": words(f"The chart is not shown. {alt}")}
    # The template takes text: the picture goes into an SVG of its size.
    width, height = struct.unpack(">II", picture[16:24])
    inside = base64.b64encode(picture).decode()
    made = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{inside}"/></svg>'
    )
    return {"kind": "chart", "alt": alt, "picture": made, "width": 70 if lying else 100}


def _cell(text: str) -> str | Data:
    """A text alone where it is one line from the left: most are, and it is set faster."""
    if not text or _from_the_right(text):
        return words(text)
    return _breakable(text)


def _breakable(text: str) -> str:
    """The text with places inside of long words where a line may end."""
    return _LONG.sub(lambda found: "\u200b".join(_pieces(found[0])), text)


def _pieces(word: str) -> list[str]:
    found, rest = [], word
    while rest:
        head = letters.whole_letters(rest, _PIECE) or rest
        found.append(head)
        rest = rest[len(head) :]
    return found


def _from_the_right(text: str) -> bool:
    """Whether its first letter that has a direction is written from the right."""
    kinds = (unicodedata.bidirectional(one) for one in text)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"
