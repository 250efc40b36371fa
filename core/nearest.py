"""Did you mean: the candidates that a mistyped word is nearest to."""

from __future__ import annotations

from collections.abc import Iterable

WORD_LIMIT = 64  # characters: what is longer is no slip of a finger, and distances cost length squared


def nearest(word: str, candidates: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """The candidates that `word` may have meant, nearest first, at most `limit`; often none.

    Case, and `_`, `-` and blanks between words, count as nothing. A candidate is near when few letters
    differ (one in three, a swap of neighbours counting once), or when it begins with the word.
    """
    typed = _plain(word)
    if not typed or len(typed) > WORD_LIMIT:
        return ()
    ranked = []
    for position, candidate in enumerate(dict.fromkeys(candidates)):
        meant = _plain(candidate)
        if len(meant) > WORD_LIMIT:
            continue
        allowed = max(1, max(len(typed), len(meant)) // 3) if min(len(typed), len(meant)) > 1 else 0
        apart = _distance(typed, meant, allowed) if abs(len(typed) - len(meant)) <= allowed else allowed + 1
        begins = len(typed) > 1 and meant.startswith(typed)
        if apart <= allowed or begins:
            ranked.append((min(apart, 1) if begins else apart, position, candidate))
    return tuple(candidate for _, _, candidate in sorted(ranked)[:limit])


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter not in "_- ")


def _distance(first: str, second: str, allowed: int) -> int:
    """Edits between two words, a swap of neighbours counting once; `allowed + 1` where it is more."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(second, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > allowed + 1:
            return allowed + 1
    return row[-1]
