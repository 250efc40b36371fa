"""A message as the simple Adaptive Card that a workflow of Microsoft Teams posts.

Text stands in text runs, which no host reads as Markdown. A workflow takes at most 28 KB; what does not fit
is left out, and a line says so.
"""

from __future__ import annotations

import json
from typing import Any, assert_never

from adapters.render.cells import write_cell
from adapters.render.letters import clean, cut, one_line
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
    Tone,
    unmarked,
)

LIMIT = 28 << 10  # bytes, https://learn.microsoft.com/en-us/microsoftteams/platform/bots/how-to/rate-limit
_KEPT = 2 << 10  # bytes for the envelope, the commands, and the line that says what was cut
_TEXT = 4_000  # characters of one piece of text
_COLORS = {Tone.SUCCESS: "Good", Tone.WARNING: "Warning", Tone.FAILURE: "Attention", Tone.PROGRESS: "Accent"}
_CUT = "Cut to fit Teams: the rest is where the job is."

Part = dict[str, Any]


def body(message: Message) -> bytes:
    """The envelope with the card, at most `LIMIT` bytes."""
    parts = [_heading(message)]
    left = LIMIT - _KEPT - _size(parts)
    ending = _commands(message)
    left -= _size(ending)
    whole = True
    for made in map(_parts, message.blocks):
        if _size(made) > left:
            whole = False
            break
        parts += made
        left -= _size(made)
    parts += [] if whole else [_line((_CUT, {"isSubtle": True, "size": "Small"}))]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "msteams": {"width": "Full"},
        "fallbackText": cut(one_line(message.text), 500),
        "body": parts + ending,
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return json.dumps({"type": "message", "attachments": [attachment]}).encode()


def _heading(message: Message) -> Part:
    title = cut(one_line(message.title or message.text), 300) or "–"
    look = {"weight": "Bolder", "size": "Medium"} | (
        {"color": _COLORS[message.tone]} if message.tone in _COLORS else {}
    )
    return _line((title, look))


def _commands(message: Message) -> list[Part]:
    said = " · ".join(f"{one_line(one.label)}: {one_line(one.command)}" for one in message.buttons)
    return [_line((cut(f"To the bot: {said}", 800), {"isSubtle": True, "size": "Small"}))] if said else []


def _parts(block: Block) -> list[Part]:
    match block:
        case Paragraph():
            return _lines(unmarked(block.text) if block.marked else block.text)
        case Facts():
            return [
                _line((f"{one_line(label)}  ", {"weight": "Bolder"}), (value, {}))
                for label, value in block.items
            ]
        case Headlines():
            return [
                _line(
                    (f"{one_line(one.label)}  ", {}),
                    (one.value, {"weight": "Bolder"}),
                    (f"  {one.change}", {}),
                )
                for one in block.items
            ]
        case Table():
            return _table(block)
        case Code():
            return _lines(block.text, fontType="Monospace", size="Small")
        case Image():
            said = ": ".join(filter(None, [block.title or block.chart.title, block.alt]))
            return [_line((said, {"isSubtle": True}))] if said else []
        case File():
            return [_line((f"File: {block.name}", {"isSubtle": True, "size": "Small"}))]
        case _:
            assert_never(block)


def _table(table: Table) -> list[Part]:
    columns = table.columns[: table.shown_columns]
    shown = table.rows[: table.shown_rows]
    cells = [[_cell(one.title, weight="Bolder") for one in columns]]
    cells += [
        [_cell(write_cell(cell, column.format)) for cell, column in zip(row, columns, strict=False)]
        for row in shown
    ]
    made: list[Part] = [_line((table.title, {"weight": "Bolder"}))] if table.title else []
    if not shown:
        return [*made, _line(("No rows.", {"isSubtle": True}))]
    rows = [{"type": "TableRow", "cells": row} for row in cells]
    widths = [{"width": 1} for _ in columns]
    made.append(
        {"type": "Table", "firstRowAsHeader": True, "showGridLines": True, "columns": widths, "rows": rows}
    )
    total = max(table.total_rows or 0, len(table.rows))
    left_out = [f"first {len(shown):,} of {total:,} rows"] if len(shown) < total else []
    if len(columns) < len(table.columns):
        left_out.append(f"{len(columns)} of {len(table.columns)} columns")
    return [*made, _line((" · ".join(left_out), {"isSubtle": True, "size": "Small"}))] if left_out else made


def _cell(text: str, **look: str) -> Part:
    return {"type": "TableCell", "items": [_line((cut(one_line(text), 200) or "–", look))]}


def _lines(text: str, **look: str) -> list[Part]:
    kept = cut(clean(text), _TEXT)
    return [_line((line, look), spacing="None") for line in kept.split("\n") if line.strip()]


def _line(*runs: tuple[str, dict[str, Any]], **look: str) -> Part:
    inlines = [
        {"type": "TextRun", "text": cut(clean(text), _TEXT), **style} for text, style in runs if text.strip()
    ]
    return {"type": "RichTextBlock", "inlines": inlines, **look}


def _size(parts: list[Part]) -> int:
    return len(json.dumps(parts))
