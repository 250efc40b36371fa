"""The small parts of cards. Text of others stands in `TextRun`s: no host reads marks in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.teams import limits
from adapters.teams.text import pieces

Part = dict[str, Any]

NO_BREAK = "\u00a0"


def run(text: str, **look: Any) -> Part:
    """A piece of literal text; `look` as in `TextRun`: weight, size, color, isSubtle, fontType."""
    return {"type": "TextRun", "text": text, **look}


def rich(*runs: Part, **look: Any) -> Part:
    """One paragraph of literal text; `look` as in `RichTextBlock`: spacing, horizontalAlignment."""
    return {"type": "RichTextBlock", "inlines": list(runs), **look}


def small(text: str, **look: Any) -> Part:
    """A line in the background."""
    return rich(run(text, size="Small", isSubtle=True), **({"spacing": "Small"} | look))


def lines(lines: Sequence[Sequence[tuple[str, Mapping[str, Any]]]], **look: Any) -> list[Part]:
    """Lines of (text, look of the run) under each other: a card has no line break that every host shows."""
    made: list[Part] = []
    gap = False
    for line in lines:
        if not any(text.strip() for text, _ in line):
            gap = bool(made)
            continue
        for runs in _broken(line):
            spacing = {} if not made else {"spacing": "Medium" if gap else "None"}
            made.append(rich(*runs, **(look | spacing)))
            gap = False
    return made


def _broken(line: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[Part]]:
    """The runs of a line, in several where they are too long for one part."""
    broken: list[list[Part]] = [[]]
    left = limits.TEXT
    for text, style in line:
        for piece in pieces(text, limits.TEXT):
            if broken[-1] and len(piece) > left:
                broken.append([])
                left = limits.TEXT
            broken[-1] += [run(piece, **style)] if piece else []
            left -= len(piece)
    return broken


def code(text: str) -> Part:
    """Text as it is in a fixed font: blanks in front of a line stay, nothing is read in it."""
    shown = [[(_kept(line), {"fontType": "Monospace", "size": "Small"})] for line in text.split("\n")]
    return {"type": "Container", "style": "emphasis", "items": lines(shown) or [rich(run("–"))]}


def _kept(line: str) -> str:
    """Runs of blanks as ones that no host folds."""
    head = len(line) - len(line.lstrip(" "))
    return NO_BREAK * head + line[head:].replace("  ", NO_BREAK + " ")
