"""Charts as text: bars for a few values, a line of blocks for a series over time."""

from __future__ import annotations

import itertools
import math
import re

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from adapters.console.safe import one_line
from adapters.render import numbers
from adapters.render.cells import write_cell
from core.messages import Cell, ChartData

BARS_LIMIT = 12  # values drawn as bars of their own
SERIES_LIMIT = 6  # lines drawn under each other
NARROW = 60  # columns below which less is said beside a line
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LEVELS = "▁▂▃▄▅▆▇█"
_SHADES = "█▓▒░"
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")

Points = dict[str, float]
"""x -> value, in the order of the rows."""


def draw(chart: ChartData, width: int) -> RenderableType | None:
    """The chart as text that fits `width`; None where there is nothing that could be drawn."""
    series = _series(chart)
    totals = _totals(series)
    if not totals:
        return None
    if chart.type == "number":
        return Text(_amount(sum(totals.values()), chart.unit), style="bold")
    if len(totals) <= BARS_LIMIT and chart.type not in ("line", "area"):
        return _bars(chart, series, totals, width)
    return _lines(chart, series, totals, width)


def _series(chart: ChartData) -> dict[str, Points]:
    """series name -> its points; a chart without series has one, named by its y."""
    places = {name: place for place, name in enumerate(chart.columns)}
    y = places.get(chart.y, len(chart.columns) - 1)
    x = places.get(chart.x)
    by = places.get(chart.series)
    found: dict[str, Points] = {}
    for row in chart.rows:
        value = _value(row[y]) if 0 <= y < len(row) else None
        if value is None:
            continue
        key = one_line(write_cell(row[x], "date")) if x is not None else str(len(found) + 1)
        points = found.setdefault(one_line(write_cell(row[by])) if by is not None else chart.y, {})
        points[key] = points.get(key, 0.0) + value
    return found


def _value(cell: Cell) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    try:
        value = float(cell)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _totals(series: dict[str, Points]) -> Points:
    totals: Points = {}
    for points in series.values():
        for key, value in points.items():
            totals[key] = totals.get(key, 0.0) + value
    if all(_DATE.match(key) for key in totals):  # one series may begin later than another
        return dict(sorted(totals.items()))
    return totals


def _bars(chart: ChartData, series: dict[str, Points], totals: Points, width: int) -> RenderableType:
    stacked = 1 < len(series) <= len(_SHADES)
    names = list(series)
    amounts = {key: _labelled(value, totals, chart) for key, value in totals.items()}
    label = min(max(cell_len(key) for key in totals), max(8, width // 3))
    room = max(4, min(48, width - label - max(cell_len(one) for one in amounts.values()) - 4))
    largest = max((abs(value) for value in totals.values()), default=0.0) or 1.0
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=label)
    grid.add_column(no_wrap=True, width=room)
    grid.add_column(no_wrap=True, justify="right")
    for key, total in totals.items():
        bar = Text()
        parts = [series[name].get(key, 0.0) for name in names] if stacked else [total]
        for place, cells in enumerate(_shares(parts, round(abs(total) / largest * room))):
            bar.append(_SHADES[place] * cells, style=_COLOURS[place])
        if not bar.plain and total:
            bar.append("▏", style=_COLOURS[0])
        grid.add_row(Text(key), bar, Text(amounts[key]))
    return Group(grid, _legend(names)) if stacked else grid


def _shares(parts: list[float], cells: int) -> list[int]:
    """Whole cells for each part, their sum exactly `cells` (largest remainders first)."""
    whole = sum(abs(part) for part in parts) or 1.0
    exact = [abs(part) / whole * cells for part in parts]
    shares = [math.floor(one) for one in exact]
    order = sorted(range(len(parts)), key=lambda place: shares[place] - exact[place])
    for place in order[: cells - sum(shares)]:
        shares[place] += 1
    return shares


def _legend(names: list[str]) -> Text:
    legend = Text()
    for place, name in enumerate(names):
        legend.append("  " if place else "")
        legend.append(_SHADES[place], style=_COLOURS[place])
        legend.append(f" {name}")
    return legend


def _labelled(value: float, totals: Points, chart: ChartData) -> str:
    amount = _amount(value, chart.unit)
    whole = sum(totals.values())
    if chart.type != "pie" or whole <= 0:
        return amount
    return f"{amount} ({write_cell(value / whole, 'percent')})"


def _lines(chart: ChartData, series: dict[str, Points], totals: Points, width: int) -> RenderableType:
    keys = list(totals)
    ranked = sorted(series, key=lambda name: -sum(series[name].values()))
    shown = sorted(ranked[:SERIES_LIMIT], key=list(series).index)
    label = min(max(cell_len(name) for name in shown), max(6, width // 4))
    ends = {name: _ends(series[name], chart.unit, narrow=width < NARROW) for name in shown}
    room = max(4, min(60, width - label - max(cell_len(end) for end in ends.values()) - 4))
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=label)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for place, name in enumerate(shown):
        values = _sampled([series[name].get(key, 0.0) for key in keys], room)
        grid.add_row(Text(name), Text(_sparks(values), style=_COLOURS[place]), Text(ends[name], style="dim"))
    left_out = len(series) - len(shown)
    axis = Text(f"{' ' * label} {keys[0]} … {keys[-1]}", style="dim")
    if not left_out:
        return Group(grid, axis)
    return Group(grid, axis, Text(f"the {len(shown)} largest of {len(series)} series", style="dim italic"))


def _ends(points: Points, unit: str, *, narrow: bool) -> str:
    values = list(points.values())
    if narrow:
        return f"max {_amount(max(values), unit)}"
    return f"{_amount(min(values), unit)} to {_amount(max(values), unit)}"


def _sampled(values: list[float], room: int) -> list[float]:
    """At most `room` values: means of neighbours where there are more."""
    if len(values) <= room:
        return values
    edges = [place * len(values) // room for place in range(room + 1)]
    return [sum(values[low:high]) / (high - low) for low, high in itertools.pairwise(edges)]


def _sparks(values: list[float]) -> str:
    low, high = min(0.0, *values, 0.0), max(values)
    span = (high - low) or 1.0
    return "".join(_LEVELS[min(7, int((value - low) / span * 7.999))] for value in values)


def _amount(value: float, unit: str) -> str:
    return numbers.with_unit(write_cell(value, "number" if abs(value) < 1_000 else "integer"), unit)
