"""A chart in words, for who cannot see it: what it is, how much it holds, where it is highest. Pure."""

from __future__ import annotations

import re

from adapters.render import numbers
from core.messages import Cell, ChartData

_KINDS = {
    "number": "Number",
    "bar": "Bar chart",
    "stacked_bar": "Stacked bar chart",
    "line": "Line chart",
    "area": "Area chart",
    "pie": "Pie chart",
}
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])(?:[T ]\d\d:\d\d.*)?)?")
LARGEST = 1e300  # of a number that is told: sums of such numbers stay numbers
_LABEL_LIMIT = 60  # characters


def is_date(cell: Cell) -> bool:
    """Whether a cell is a date, a month or a time in ISO form."""
    return isinstance(cell, str) and _DATE.fullmatch(cell) is not None


def describe(chart: ChartData) -> str:
    """One or two sentences: `Bar chart: Revenue by channel. 5 values, highest search 12,345.`"""
    kind = _KINDS.get(chart.type, "Chart")
    beginning = f"{kind}: {chart.title}." if chart.title else f"{kind}."
    values = _values(chart)
    if not values:
        return f"{beginning} No data."
    if chart.type == "number":
        return f"{beginning} {numbers.amount(values[0][1], chart.unit)}."
    totals: dict[str, float] = {}
    for label, value in values:
        totals[label] = totals.get(label, 0) + value
    highest = max(totals, key=totals.__getitem__)
    told = f"highest {_short(highest)}: {_number(chart, totals[highest])}"
    if len(totals) > 1:
        lowest = min(totals, key=totals.__getitem__)
        told += f", lowest {_short(lowest)}: {_number(chart, totals[lowest])}"
    series = len({row[chart.columns.index(chart.series)] for row in chart.rows}) if _has(chart) else 0
    parts = f"{len(totals):,} {'value' if len(totals) == 1 else 'values'}" + (
        f" in {series} series" if series > 1 else ""
    )
    return f"{beginning} {parts}, {told}."


def _values(chart: ChartData) -> list[tuple[str, float]]:
    numbered = [index for index in range(len(chart.columns)) if _is_numeric(chart, index)]
    if chart.y in chart.columns:
        y = chart.columns.index(chart.y)
    elif numbered:
        y = numbered[-1]
    else:
        return []
    others = [index for index in range(len(chart.columns)) if index != y]
    x = chart.columns.index(chart.x) if chart.x in chart.columns else others[0] if others else y
    return [
        (str(row[x]), float(value))
        for row in chart.rows
        if isinstance(value := row[y], int | float) and not isinstance(value, bool) and abs(value) < LARGEST
    ]


def _is_numeric(chart: ChartData, index: int) -> bool:
    cells = [row[index] for row in chart.rows if row[index] is not None]
    return bool(cells) and all(isinstance(cell, int | float) for cell in cells)


def _has(chart: ChartData) -> bool:
    return chart.series in chart.columns


def _number(chart: ChartData, value: float) -> str:
    return numbers.amount(value, chart.unit)


def _short(label: str) -> str:
    return label if len(label) <= _LABEL_LIMIT else label[: _LABEL_LIMIT - 1] + "…"
