"""Charts as the chart elements of Teams, which draws them itself: no picture has to be public.

https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/charts-in-adaptive-cards.
A host that does not know them shows `fallback`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.render import numbers, points
from adapters.render.points import Points, X
from adapters.teams import limits
from adapters.teams.parts import Part
from adapters.teams.text import cut, one_line
from core.errors import Fault
from core.messages import ChartData

SERIES = 4  # sets of a grouped chart: Microsoft's own client takes no more
BARS = 12  # bars under each other
COLUMNS = 7  # columns beside each other whose labels a phone shows
SLICES = 7
COLOURS = (
    "categoricalBlue",
    "categoricalTeal",
    "categoricalPurple",
    "categoricalMarigold",
    "categoricalLime",
    "categoricalLightBlue",
    "categoricalRed",
    "categoricalGreen",
)
_NAME = 60  # characters of a category or a legend


def element(chart: ChartData, title: str) -> Part | None:
    """The chart with its data; None where there is nothing that an element could show."""
    try:
        found = points.read(chart)
    except Fault:
        return None
    if not found.xs or chart.type == "number":
        return None
    shared: Part = {"title": cut(one_line(title), limits.LABEL)} if title else {}
    if chart.type == "pie" and all(value >= 0 for value in found.totals.values()):
        return {"type": "Chart.Pie", **shared, "data": _slices(points.gather(found, SLICES))}
    lowest = min(value for line in found.values.values() for value in line.values())
    if lowest < 0 or (found.scale != "category" and (chart.type in ("line", "area") or _many(found))):
        return {"type": "Chart.Line", **shared, **_axes(chart, found), "data": _lines(_merged(found))}
    if found.scale == "category" and len(found.series) == 1:
        return _ranking(chart, points.gather(found, BARS), shared)
    return _columns(chart, _merged(points.gather(found, COLUMNS)), shared)


def amount(chart: ChartData) -> str:
    """A chart of one number, as words; empty where it is none."""
    try:
        found = points.read(chart) if chart.type == "number" else None
    except Fault:
        return ""
    if found is None or not found.xs:
        return ""
    return numbers.amount(next(iter(found.values[found.series[0]].values())), chart.unit)


def note(chart: ChartData) -> str:
    """What is summed up or left out of the drawing, empty where nothing is."""
    try:
        found = points.read(chart)
    except Fault:
        return ""
    said = [found.note] if found.note else []
    if (step := _step(_merged(found))) > 1 and found.scale != "category":
        said.append(f"every {step:,}th of {len(found.xs):,} points")
    if len(found.series) > SERIES and chart.type != "pie":
        said.append(f"{points.REST}: {len(found.series) - SERIES + 1} more series")
    return "; ".join(said)


def _many(found: Points) -> bool:
    """More places on an axis than columns could stand on with their labels: a line thins those out."""
    return len(found.xs) > COLUMNS


def _ranking(chart: ChartData, found: Points, shared: Part) -> Part:
    """Bars that lie, the largest on top: names of any length stay readable."""
    line = found.values[found.series[0]]
    return {
        "type": "Chart.HorizontalBar",
        **shared,
        **_axes(chart, found, lying=True),
        "color": COLOURS[0],
        "displayMode": "AbsoluteWithAxis",
        "data": [{"x": _label(x, found), "y": _number(line[x])} for x in found.xs if x in line],
    }


def _columns(chart: ChartData, found: Points, shared: Part) -> Part:
    axes = _axes(chart, found)
    if len(found.series) == 1:
        line = found.values[found.series[0]]
        bars = [{"x": _label(x, found), "y": _number(line[x])} for x in found.xs if x in line]
        return {"type": "Chart.VerticalBar", **shared, **axes, "color": COLOURS[0], "data": bars}
    return {
        "type": "Chart.VerticalBar.Grouped",
        **shared,
        **axes,
        "stacked": chart.type != "bar",
        "data": [
            {
                "legend": _named(name),
                "color": colour,
                "values": [
                    {"x": _label(x, found), "y": _number(found.values[name].get(x, 0))} for x in found.xs
                ],
            }
            for name, colour in zip(found.series, COLOURS, strict=False)
        ],
    }


def _lines(found: Points) -> list[Part]:
    kept = found.xs[:: _step(found)]
    return [
        {
            "legend": _named(name or found.y),
            "color": colour,
            "values": [
                {"x": _place(x, found), "y": _number(line[x])}
                for x in kept
                if x in (line := found.values[name])
            ],
        }
        for name, colour in zip(found.series, COLOURS, strict=False)
    ]


def _slices(found: Points) -> list[Part]:
    totals = found.totals
    return [
        {"legend": _label(x, found), "value": _number(totals[x]), "color": colour}
        for x, colour in zip(found.xs, COLOURS, strict=False)
    ]


def _axes(chart: ChartData, found: Points, *, lying: bool = False) -> dict[str, Any]:
    amounts = f"{_named(found.y)} ({_named(chart.unit)})" if chart.unit else _named(found.y)
    if lying:
        return {"xAxisTitle": amounts}
    return {"xAxisTitle": _named(chart.x), "yAxisTitle": amounts} if chart.x else {"yAxisTitle": amounts}


def _merged(found: Points) -> Points:
    """At most `SERIES` series: the smallest become one."""
    if len(found.series) <= SERIES:
        return found
    kept, rest = found.series[: SERIES - 1], found.series[SERIES - 1 :]
    added: dict[X, float] = {}
    for name in rest:
        for x, value in found.values[name].items():
            added[x] = added.get(x, 0) + value
    values = {name: found.values[name] for name in kept} | {points.REST: added}
    return Points(found.scale, found.xs, (*kept, points.REST), values, found.y, found.note)


def _step(found: Points) -> int:
    """Of how many points one is drawn."""
    most = max(1, limits.CHART_VALUES // max(1, len(found.series)))
    return -(-len(found.xs) // most)


def _place(x: X, found: Points) -> str | float:
    """Where a point of a line stands: a number, a date, or a name."""
    return x if found.scale == "number" and isinstance(x, float) else _label(x, found)


def _label(x: X, found: Points) -> str:
    if isinstance(x, float) and found.scale == "time":
        moment = datetime.fromtimestamp(x / 1000, UTC)
        whole = all(_is_midnight(one) for one in found.xs)
        return moment.date().isoformat() if whole else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return numbers.number(x) if isinstance(x, float) else _named(x)


def _is_midnight(x: X) -> bool:
    return isinstance(x, float) and x % 86_400_000 == 0


def _named(text: str) -> str:
    return cut(one_line(text), _NAME) or "–"


def _number(value: float) -> float:
    """As short as it can be written without losing what a chart shows."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(f"{value:.6g}")
