"""Text for Teams: harmless first, then cut; and harmless where a host insists on Markdown."""

from __future__ import annotations

import re

from adapters.render.letters import clean, cut, one_line, width

__all__ = ["clean", "cut", "name", "one_line", "pieces", "unmarkable", "width"]

_NAME = re.compile(r"[<>&*_`\[\]()~#\\|]")
_LOOKALIKE = str.maketrans(
    {"*": "∗", "[": "［", "]": "］", "`": "ˋ", "<": "‹", ">": "›", "~": "∼", "\\": "∖"}
)
_EDGE = re.compile(r"(?<!\w)_|_(?!\w)")
_BULLET = re.compile(r"^(\s*)([-+#]|\d+[.)])(?=\s|$)")


def unmarkable(text: str) -> str:
    """One line that reads the same where a host insists on Markdown: marks become letters like them."""
    said = _EDGE.sub("＿", one_line(text).translate(_LOOKALIKE))
    return _BULLET.sub("\\1\u2060\\2", said)


def name(text: str) -> str:
    """What stands in an `<at>` tag: a name without marks."""
    return cut(" ".join(_NAME.sub(" ", one_line(text)).split()), 80) or "somebody"


def pieces(text: str, limit: int) -> list[str]:
    """The text in pieces of at most `limit` characters, broken at blanks where there are any."""
    made = []
    while len(text) > limit:
        end = text.rfind(" ", limit // 2, limit)
        end = end + 1 if end > 0 else limit
        made.append(text[:end])
        text = text[end:]
    return [*made, text]
