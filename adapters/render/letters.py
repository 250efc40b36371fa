"""Letters that every platform shows: without what takes over a screen, cut between letters."""

from __future__ import annotations

import re
import unicodedata

CUT = "…"

_LINE_END = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?|\x9b[0-?]*[ -/]*[@-~]?"
)
_HIDDEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WIDE = frozenset("WF")


def clean(text: str) -> str:
    """Without control characters, terminal sequences and reversals of direction; newlines stay."""
    text = _LINE_END.sub("\n", _SEQUENCE.sub("", text))
    return _SURROGATE.sub("\ufffd", _HIDDEN.sub("", text.expandtabs(4)))


def one_line(text: str) -> str:
    """The same on one line."""
    return re.sub(r"\s*\n\s*", " ", clean(text)).strip()


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of literal text; what is cut ends in an ellipsis."""
    if len(text) <= limit:
        return text
    return whole_letters(text, limit - len(CUT)).rstrip() + CUT


def width(text: str) -> int:
    """Columns that the text takes in a fixed font."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in _WIDE else 1
        for one in text
    )


def whole_letters(text: str, end: int) -> str:
    """The first `end` characters, fewer where a letter with its marks (or a joined emoji) would be split."""
    end = max(end, 0)
    while 0 < end < len(text) and (_joins(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[:end]


def _joins(letter: str) -> bool:
    return (
        bool(unicodedata.combining(letter))
        or letter in "\u200d\ufe0f"
        or "\U0001f3fb" <= letter <= "\U0001f3ff"
    )
