"""What a chart has to show: its rows as points, named, typed, summed up and in order. Pure.

Rows that fall on the same place (same x, same series) are added up. Without names in the chart, y is the
last column of numbers and x the first column that is not y.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from adapters.render.description import LARGEST, is_date
from core.errors import Fault
from core.messages import Cell, ChartData
from core.nearest import nearest

Scale = Literal["time", "number", "category"]

SERIES_LIMIT = 8  # more lines than this are a tangle: the smallest become one
CATEGORY_LIMIT = 20  # bars
SLICE_LIMIT = 7
POINT_LIMIT = 5_000
NAME_LIMIT = 120  # characters of a category or a series
REST = "Other"
NONE = "(none)"

X = str | float


@dataclass(frozen=True, slots=True)
class Points:
    """`values[series][x]`; a single series is called "" where the chart names none.

    `xs` are in the order in which they are drawn: instants are milliseconds since 1970.
    """

    scale: Scale
    xs: tuple[X, ...]
    series: tuple[str, ...]
    values: dict[str, dict[X, float]]
    y: str = ""
    note: str = ""

    @property
    def totals(self) -> dict[X, float]:
        """The sum over all series, by x."""
        return {x: sum(self.values[name].get(x, 0) for name in self.series) for x in self.xs}


def read(chart: ChartData) -> Points:
    """The chart's points. Raises `Fault` where it names columns that its rows do not have."""
    y = _place(chart, chart.y) if chart.y else _last_numbers(chart)
    if y is None:
        return Points("category", (), (), {})
    x = _place(chart, chart.x) if chart.x else next((i for i in range(len(chart.columns)) if i != y), None)
    series = _place(chart, chart.series) if chart.series else None
    if series == x:
        series = None
    note = f"the first {POINT_LIMIT:,} of {len(chart.rows):,} rows" if len(chart.rows) > POINT_LIMIT else ""
    rows = chart.rows[:POINT_LIMIT]
    scale = _scale([row[x] for row in rows]) if x is not None else "category"
    values: dict[str, dict[X, float]] = {}
    for row in rows:
        value = _drawable(row[y])
        if value is None:
            continue
        name = _name(row[series]) if series is not None else ""
        place = _x(row[x], scale) if x is not None else chart.columns[y]
        if place is not None:
            line = values.setdefault(name, {})
            line[place] = line.get(place, 0) + value
    return _ordered(scale, values, chart.columns[y], note)


def gather(points: Points, limit: int) -> Points:
    """At most `limit` x: the largest stay, the others become one, "Other"."""
    if len(points.xs) <= limit or points.scale != "category":
        return points
    kept, rest = points.xs[: limit - 1], points.xs[limit - 1 :]
    values = {
        name: {
            **{x: line[x] for x in kept if x in line},
            REST: sum(line.get(x, 0) for x in rest),
        }
        for name, line in points.values.items()
    }
    note = _and(points.note, f"{REST}: {len(rest):,} more")
    return Points(points.scale, (*kept, REST), points.series, values, points.y, note)


def _ordered(scale: Scale, values: dict[str, dict[X, float]], y: str, note: str) -> Points:
    series = sorted(values, key=lambda name: -sum(map(abs, values[name].values())))
    if len(series) > SERIES_LIMIT:
        rest = series[SERIES_LIMIT - 1 :]
        values[REST] = _sum(values.pop(name) for name in rest)
        series = [*series[: SERIES_LIMIT - 1], REST]
        note = _and(note, f"{REST}: {len(rest):,} more series")
    xs = list(dict.fromkeys(x for name in series for x in values[name]))
    if scale == "category":
        totals = _sum(values[name] for name in series)
        xs.sort(key=lambda x: -totals[x])
    else:
        xs.sort(key=float)
    return Points(scale, tuple(xs), tuple(series), values, y, note)


def _sum(lines: Iterable[dict[X, float]]) -> dict[X, float]:
    added: dict[X, float] = {}
    for line in lines:
        for x, value in line.items():
            added[x] = added.get(x, 0) + value
    return added


def _place(chart: ChartData, column: str) -> int:
    if column in chart.columns:
        return chart.columns.index(column)
    near = nearest(column, chart.columns, 1)
    tip = f"did you mean {near[0]}?" if near else f"there are: {', '.join(chart.columns)}."
    raise Fault(f"The chart “{chart.title}” uses the column {column}, which its result does not have; {tip}")


def _last_numbers(chart: ChartData) -> int | None:
    for index in reversed(range(len(chart.columns))):
        cells = [row[index] for row in chart.rows if row[index] is not None]
        taken = chart.columns[index] in (chart.x, chart.series)
        if cells and not taken and all(_is_number(cell) for cell in cells):
            return index
    return None


def _scale(cells: Sequence[Cell]) -> Scale:
    there = [cell for cell in cells if cell is not None]
    if there and all(is_date(cell) and _instant(str(cell)) is not None for cell in there):
        return "time"
    return "number" if there and all(_is_number(cell) for cell in there) else "category"


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _x(cell: Cell, scale: Scale) -> X | None:
    if scale == "category":
        return _name(cell)
    if cell is None:
        return None
    return _instant(str(cell)) if scale == "time" else _drawable(cell)


def _drawable(cell: Cell) -> float | None:
    """The number, where it is one that sums and axes can be computed with."""
    if not isinstance(cell, int | float) or isinstance(cell, bool) or not abs(cell) < LARGEST:
        return None
    return float(cell) if abs(cell) > 1 / LARGEST else 0.0


def _instant(text: str) -> float | None:
    """Milliseconds since 1970. A local time is drawn as it is written."""
    try:
        moment = datetime.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000


def _name(cell: Cell) -> str:
    if cell is None or cell == "":
        return NONE
    text = " ".join(str(cell).split())
    return text if len(text) <= NAME_LIMIT else f"{text[: NAME_LIMIT - 1]}…"


def _and(note: str, more: str) -> str:
    return f"{note}; {more}" if note else more
