"""What a refusal adds: the nearest name that would have worked, and quotes that stay short."""

from __future__ import annotations

from collections.abc import Iterable

from core import nearest as near

_QUOTED_LIMIT = 60  # characters of somebody's text that a refusal repeats


def quoted(text: str) -> str:
    """The text in quotes, cut so that a refusal stays one readable sentence."""
    shown = " ".join(text.split())
    return f'"{shown}"' if len(shown) <= _QUOTED_LIMIT else f'"{shown[: _QUOTED_LIMIT - 1]}…"'


def nearest(word: str, names: Iterable[str]) -> str:
    """The one of `names` that is spelled most like `word`, empty where none is near."""
    return next(iter(near.nearest(word, names, 1)), "")


def did_you_mean(name: str) -> str:
    """The question, empty where there is no name to ask about."""
    return f"Did you mean {name}?" if name else ""


def ordinal(number: int) -> str:
    """Write 1 as `1st`, 12 as `12th`."""
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def listed(items: Iterable[str], *, last: str = "and") -> str:
    """Join words as a sentence does: `a, b and c`."""
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""
