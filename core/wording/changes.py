"""What changed since an earlier run, in words: numbers, rows, columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from core.changes import Change, Key, Other, TableChange
from core.findings import Earlier
from core.messages import Block, Cell, Paragraph
from core.wording import words

NAMED = 5  # keys of rows that are named; more are counted
LINES = 12  # of what changed; more are counted


def blocks(earlier: Earlier, version_number: int, now: datetime, told: Collection[str]) -> tuple[Block, ...]:
    """What changed since, in one paragraph. `told` are the numbers that headlines tell."""
    since = earlier.label + (f", {words.ago(earlier.ended_at, now)}" if earlier.ended_at else "")
    lines = list(_lines(earlier, told))
    if len(lines) > LINES:
        lines = [*lines[:LINES], f"and {len(lines) - LINES} changes more"]
    if lines:
        text = "\n".join([f"Since {since}:", *(f"• {line}" for line in lines)])
    elif earlier.changes.any:
        text = f"Compared with {since}."
    else:
        text = f"Nothing has changed since {since}."
    if earlier.version_number != version_number:
        text += (
            f"\nThe job was changed in between (version {earlier.version_number}, now {version_number}), "
            "which may be why."
        )
    return (Paragraph(text),)


def headline(change: Change) -> str:
    """`+900 (+12.4 %)`; `no change` where it is the same."""
    if not change.difference:
        return "no change"
    sign = "+" if change.difference > 0 else ""
    told = f"{sign}{words.number(_rounded(change.difference), change.format, change.unit)}"
    return told if change.relative is None else f"{told} ({words.change(change.relative)})"


def _lines(earlier: Earlier, told: Collection[str]) -> Iterator[str]:
    changes = earlier.changes
    for one in changes.numbers:
        if one.label not in told and one.difference:
            yield f"{one.label}: {words.number(one.after, one.format, one.unit)}, {headline(one)}"
    yield from (_other(one) for one in changes.others)
    for table in changes.tables:
        yield from _table(table)
    yield from (f"{name} is new" for name in changes.answers_new)
    yield from (f"{name} is not asked any more" for name in changes.answers_gone)


def _other(change: Other) -> str:
    return f"{change.label}: {_cell(change.after)}, was {_cell(change.before)}"


def _table(change: TableChange) -> Iterator[str]:
    parts = []
    if change.new:
        parts.append(f"{len(change.new):,} new{_named(change, change.new)}")
    if change.gone:
        parts.append(f"{len(change.gone):,} gone{_named(change, change.gone)}")
    if change.different:
        parts.append(f"{len(change.different):,} with other values{_named(change, change.different)}")
    name = change.name.replace("_", " ")
    if parts:
        by = "" if change.key else "; no column tells its rows apart, so whole rows were compared"
        cut = "; a result was cut, so rows beyond it are unknown" if change.cut else ""
        yield f"{name}: {', '.join(parts)}{by}{cut}"
    for new, old in change.renamed.items():
        yield f"{name}: the column {old} is called {new} now"
    if change.columns_new:
        yield f"{name}: new {_columns(change.columns_new)}"
    if change.columns_gone:
        yield f"{name}: no {_columns(change.columns_gone)} any more"


def _columns(names: Sequence[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {words.listing(list(names))}"


def _named(change: TableChange, keys: Sequence[Key]) -> str:
    if not change.key:
        return ""
    shown = [" ".join(_cell(one) for one in key) for key in keys[:NAMED]]
    more = [f"{len(keys) - NAMED:,} more"] if len(keys) > NAMED else []
    return f" ({', '.join([*shown, *more])})"


def _cell(value: Cell) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return words.number(value)
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _rounded(value: float) -> float:
    """Without the dust of binary fractions: 0.30000000000000004 is 0.3."""
    return round(value, 10) if isinstance(value, float) else value
