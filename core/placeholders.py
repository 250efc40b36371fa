"""The `:name` places of a SQL statement, told from casts, strings, comments and slices. Pure.

No dialect is decided here: what quotes text in SQLite or in PostgreSQL is skipped, and the pieces
joined again are always the statement as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<skip>
          --[^\n]*
        | /\*.*?(?:\*/|\Z)
        | \$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z)
        | (?<!\w)[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
        | '(?:[^']|'')*(?:'|\Z)
        | "(?:[^"]|"")*(?:"|\Z)
        | `[^`]*(?:`|\Z)
        | ::
      )
    | (?<![\w:\])]):(?P<name>[A-Za-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the statement: `name` is empty for text that stays as it is."""

    text: str
    name: str = ""


def split(statement: str) -> tuple[Piece, ...]:
    """The statement as text and placeholders, in order; the texts joined give the statement."""
    pieces: list[Piece] = []
    position = 0
    for found in _TOKEN.finditer(statement):
        if found["name"] is None:
            continue
        if found.start() > position:
            pieces.append(Piece(statement[position : found.start()]))
        pieces.append(Piece(found[0], found["name"]))
        position = found.end()
    if position < len(statement):
        pieces.append(Piece(statement[position:]))
    return tuple(pieces)


def names(statement: str) -> tuple[str, ...]:
    """The names of the placeholders, each once, in the order of their first use."""
    return tuple(dict.fromkeys(piece.name for piece in split(statement) if piece.name))


def rewrite(statement: str, write: Callable[[str], str]) -> str:
    """The statement with every placeholder replaced by what `write` makes of its name."""
    return "".join(write(piece.name) if piece.name else piece.text for piece in split(statement))
