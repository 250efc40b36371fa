"""A neutral chart as a Vega-Lite specification, with its data inside and nothing to be loaded. Pure.

Everything that comes from data stands in data, never in an expression: no name can become code.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from adapters.render import axes, numbers, points
from adapters.render.look import DARK, LIGHT, Palette, Spec, frame
from adapters.render.points import Points, X
from core.messages import ChartData

LABELLED_BARS = 14  # columns that still have room for their values
HEIGHT = 380
PLOT_HEIGHT = 270  # of that, roughly: labels keep their distance by it
PIE_WIDTH = 688
PIE_HEIGHT = 284
SLICE_HEIGHT = 30
LABEL_HEIGHT = 16
ROW_HEIGHT = 32


def specify(chart: ChartData, *, dark: bool = False) -> Spec:
    """The specification of a chart. Raises `Fault` where the chart does not fit its own rows."""
    palette = DARK if dark else LIGHT
    found = points.read(chart)
    if not found.xs:
        return _empty(chart, palette)
    match chart.type:
        case "number":
            return _number(chart, found, palette)
        case "pie":
            return _pie(chart, found, palette)
        case "line" | "area":
            return (
                _lines(chart, found, palette) if found.scale != "category" else _bars(chart, found, palette)
            )
        case _:
            return _bars(chart, found, palette)


def _empty(chart: ChartData, palette: Palette) -> Spec:
    return {
        **frame(palette, title=chart.title, note="", height=180),
        "data": {"values": [{}]},
        "mark": {"type": "text", "text": "No data", "fontSize": 22, "color": palette.faint},
    }


def _number(chart: ChartData, found: Points, palette: Palette) -> Spec:
    value = next(iter(found.values[found.series[0]].values()))
    text = numbers.amount(value, chart.unit)
    return {
        **frame(palette, title=chart.title, note="", height=190),
        "data": {"values": [{"t": text}]},
        "mark": {
            "type": "text",
            "fontSize": 64 if len(text) <= 16 else max(20, 1000 // len(text)),
            "fontWeight": 700,
            "align": "left",
            "x": 0,
            "baseline": "middle",
            "color": palette.negative if value < 0 else palette.ink,
        },
        "encoding": {"text": {"field": "t", "type": "nominal"}},
    }


def _bars(chart: ChartData, found: Points, palette: Palette) -> Spec:
    if found.scale == "category" and (chart.type != "stacked_bar" or len(found.series) == 1):
        return _ranking(chart, found, palette)
    return _columns(chart, points.gather(found, LABELLED_BARS), palette)


def _ranking(chart: ChartData, found: Points, palette: Palette) -> Spec:
    """Bars that lie, the largest on top, each with its value: names of any length stay readable."""
    found = points.gather(found, points.CATEGORY_LIMIT)
    if len(found.series) > 1:
        return _grouped(chart, found, palette)
    line = found.values[found.series[0]]
    rows = [
        {"x": x, "v": line[x], "t": _label(line[x], chart.unit), "c": axes.bar_colour(x, line[x], palette)}
        for x in found.xs
        if x in line
    ]
    low, high = min(0.0, *line.values()), max(0.0, *line.values())
    room = (high - low or 1) * 0.13
    y = {
        "field": "x", "type": "nominal", "sort": list(found.xs), "title": None,
        "axis": {"labelLimit": 230, "labelColor": palette.ink},
    }  # fmt: skip
    x_domain = [low - (room if low < 0 else 0), high + (room if high > 0 else 0)]
    x = {"field": "v", "type": "quantitative", "axis": None, "scale": {"domain": x_domain, "nice": False}}
    return {
        **frame(palette, title=chart.title, note=_note(chart, found), height=_rank_height(len(rows), chart)),
        "data": {"values": rows},
        "encoding": {"y": y, "x": x},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": {"band": 0.68}},
                "encoding": {"color": {"field": "c", "type": "nominal", "scale": None}},
            },
            axes.value_text(palette, "datum.v >= 0"),
            axes.value_text(palette, "datum.v < 0", left=True),
        ],
    }


def _grouped(chart: ChartData, found: Points, palette: Palette) -> Spec:
    """Lying bars side by side, one for each series of a category."""
    xs = found.xs[: max(1, 24 // len(found.series))]
    rows = _rows(found, xs)
    height = 110 + len(xs) * (len(found.series) * 18 + 14)
    return {
        **frame(palette, title=chart.title, note=_note(chart, found), height=height),
        "data": {"values": rows},
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "y": {"field": "x", "type": "nominal", "sort": list(xs), "title": None,
                  "axis": {"labelLimit": 230, "labelColor": palette.ink}, "scale": {"paddingInner": 0.25}},
            "yOffset": {"field": "s", "type": "nominal", "sort": list(found.series)},
            "x": {
                "field": "v", "type": "quantitative", "title": None,
                "axis": axes.value_axis(chart, palette),
            },
            "color": axes.colour(found, palette),
        },
    }  # fmt: skip


def _columns(chart: ChartData, found: Points, palette: Palette) -> Spec:
    """Bars that stand, stacked where there are several series, in the order of time."""
    rows = _rows(found, found.xs)
    top, bottom = _stacks(found)
    domain = axes.domain(min(0.0, *bottom.values()), max(0.0, *top.values()))
    layers: list[Spec] = [
        {
            "mark": {
                "type": "bar", "cornerRadiusEnd": int(len(found.series) == 1) * 2, **axes.bar_width(found),
            },
            "encoding": {
                "y": {
                    "field": "v", "type": "quantitative", "stack": "zero", "title": None,
                    "axis": axes.value_axis(chart, palette), "scale": {"domain": domain, "nice": False},
                },
                "color": axes.colour(found, palette),
                "order": {"field": "o", "type": "quantitative"},
            },
        }
    ]  # fmt: skip
    if len(found.xs) <= LABELLED_BARS:
        layers.append(_totals(chart, found, top, palette))
    return {
        **frame(palette, title=chart.title, note=_note(chart, found), height=HEIGHT),
        "data": {"values": rows},
        "encoding": {"x": axes.x(found, palette, bars=True)},
        "layer": layers,
    }


def _lines(chart: ChartData, found: Points, palette: Palette) -> Spec:
    """Lines or areas over time, each with its name where it ends."""
    stacked = chart.type == "area" and len(found.series) > 1
    drawn = _filled(found) if stacked else found
    values = [value for line in drawn.values.values() for value in line.values()]
    top, bottom = _stacks(drawn)
    low = min(bottom.values()) if stacked else min(values)
    high = max(top.values()) if stacked else max(values)
    # A line may leave out zero where it would be flat otherwise; an area begins at zero, always.
    flat = chart.type == "line" and low > 0 and (high - low) < high * 0.3
    domain = axes.domain(low if flat else min(0.0, low), high if flat else max(0.0, high))
    y: Spec = {
        "field": "v", "type": "quantitative", "title": None, "axis": axes.value_axis(chart, palette),
        "stack": "zero" if stacked else None, "scale": {"domain": domain, "nice": False},
    }  # fmt: skip
    encoding: Spec = {"y": y, "color": axes.colour(drawn, palette, legend=stacked)}
    if stacked:
        encoding["order"] = {"field": "o", "type": "quantitative"}
    layers: list[Spec] = [{"mark": _line_mark(chart, drawn, palette), "encoding": encoding}]
    if not stacked:
        layers.append(_ends(chart, drawn, domain, palette))
    return {
        **frame(palette, title=chart.title, note=_note(chart, drawn), height=HEIGHT),
        "data": {"values": _rows(drawn, drawn.xs)},
        "encoding": {"x": axes.x(drawn, palette, bars=False)},
        "layer": layers,
    }


def _pie(chart: ChartData, found: Points, palette: Palette) -> Spec:
    """A ring with names and shares. Where there are negative values there are no shares: bars instead."""
    totals = found.totals
    whole = sum(totals.values())
    if min(totals.values()) < 0 or whole <= 0:
        return _ranking(
            chart, Points("category", found.xs, ("",), {"": totals}, found.y, found.note), palette
        )
    ranked = tuple(sorted((x for x in found.xs if totals[x] > 0), key=lambda x: -totals[x]))
    named: dict[X, float] = {_x_name(found, x): totals[x] for x in ranked}
    small = sum(1 for value in named.values() if value / whole >= 0.02)
    drawn = points.gather(
        Points("category", tuple(named), ("",), {"": named}, found.y, found.note),
        max(2, min(points.SLICE_LIMIT, small + 1)),
    )
    rows = [
        {
            "x": _cut(str(x), 30),
            "v": drawn.values[""][x],
            "o": index,
            "c": palette.rest if x == points.REST else palette.series[index % len(palette.series)],
            "p": numbers.percent(drawn.values[""][x] / whole, 0 if drawn.values[""][x] >= whole / 10 else 1),
            "t": _label(drawn.values[""][x], chart.unit),
            "at": PIE_HEIGHT / 2 + (index - (len(drawn.xs) - 1) / 2) * SLICE_HEIGHT,
        }
        for index, x in enumerate(drawn.xs)
    ]
    return {
        **frame(palette, title=chart.title, note=_note(chart, drawn), height=HEIGHT),
        "autosize": {"type": "pad"},
        "width": PIE_WIDTH,
        "height": PIE_HEIGHT,
        "data": {"values": rows},
        "layer": [_ring(palette), _whole(_label(whole, chart.unit), palette), *_list(palette)],
    }


def _ring(palette: Palette) -> Spec:
    return {
        "mark": {
            "type": "arc", "innerRadius": 78, "outerRadius": 132, "stroke": palette.paper, "strokeWidth": 2,
        },
        "encoding": {
            "x": {"value": PIE_HEIGHT / 2},
            "y": {"value": PIE_HEIGHT / 2},
            "theta": {"field": "v", "type": "quantitative", "stack": True},
            "order": {"field": "o", "type": "quantitative"},
            "color": {"field": "c", "type": "nominal", "scale": None},
        },
    }  # fmt: skip


def _whole(text: str, palette: Palette) -> Spec:
    mark = {"type": "text", "fontSize": 24, "fontWeight": 700, "baseline": "middle", "color": palette.ink}
    return {
        "data": {"values": [{"t": text}]},
        "mark": {**mark, "x": PIE_HEIGHT / 2, "y": PIE_HEIGHT / 2},
        "encoding": {"text": {"field": "t", "type": "nominal"}},
    }


def _list(palette: Palette) -> list[Spec]:
    """Beside the ring: colour, name, value and share of each slice, readable however small it is."""
    at = {"field": "at", "type": "quantitative", "scale": None, "axis": None}

    def column(field: str, x: int, **style: object) -> Spec:
        mark = {"type": "text", "baseline": "middle", "fontSize": 14, "color": palette.ink, "x": x, **style}
        return {"mark": mark, "encoding": {"y": at, "text": {"field": field, "type": "nominal"}}}

    dot = {
        "mark": {"type": "point", "filled": True, "size": 130, "opacity": 1, "x": 330},
        "encoding": {"y": at, "color": {"field": "c", "type": "nominal", "scale": None}},
    }
    return [
        dot,
        column("x", 346, align="left"),
        column("t", 618, align="right", color=palette.faint),
        column("p", PIE_WIDTH, align="right", fontWeight=700),
    ]


def _rows(found: Points, xs: Sequence[X]) -> list[Spec]:
    return [
        {"x": x, "s": name, "v": found.values[name][x], "o": index}
        for index, name in enumerate(found.series)
        for x in xs
        if x in found.values[name]
    ]


def _stacks(found: Points) -> tuple[dict[X, float], dict[X, float]]:
    """Where stacks end above and below zero, by x."""
    top, bottom = {}, {}
    for x in found.xs:
        values = [found.values[name].get(x, 0) for name in found.series]
        top[x] = sum(value for value in values if value > 0)
        bottom[x] = sum(value for value in values if value < 0)
    return top, bottom


def _filled(found: Points) -> Points:
    """Areas stand on each other: where one has no value it is zero."""
    values = {name: {x: found.values[name].get(x, 0.0) for x in found.xs} for name in found.series}
    return Points(found.scale, found.xs, found.series, values, found.y, found.note)


def _totals(chart: ChartData, found: Points, top: dict[X, float], palette: Palette) -> Spec:
    totals = found.totals
    rows = [{"x": x, "v": top[x], "t": _label(totals[x], chart.unit)} for x in found.xs]
    return {
        "data": {"values": rows},
        "mark": {"type": "text", "dy": -9, "baseline": "middle", "color": palette.ink, "fontSize": 12},
        "encoding": {
            "y": {"field": "v", "type": "quantitative"},
            "text": {"field": "t", "type": "nominal"},
        },
    }


def _ends(chart: ChartData, found: Points, domain: list[float], palette: Palette) -> Spec:
    """The names of the lines where they end, apart from each other."""
    ends = []
    for name in found.series:
        last = max(found.values[name], key=float)
        value = found.values[name][last]
        text = f"{_cut(name, 20)}  {_label(value, chart.unit)}" if name else _label(value, chart.unit)
        ends.append({"x": found.xs[-1], "s": name, "v": value, "t": text})
    _spread(ends, domain)
    return {
        "data": {"values": ends},
        "mark": {"type": "text", "align": "left", "dx": 8, "baseline": "middle", "fontWeight": 600},
        "encoding": {
            "y": {"field": "v", "type": "quantitative"},
            "text": {"field": "t", "type": "nominal"},
            "color": axes.colour(found, palette, legend=False),
        },
    }


def _spread(ends: list[Spec], domain: list[float]) -> None:
    """Move labels apart that would lie on each other, as little as possible."""
    least = (domain[1] - domain[0]) * LABEL_HEIGHT / PLOT_HEIGHT
    ends.sort(key=lambda end: float(end["v"]))
    for _ in range(20):
        for below, above in pairwise(ends):
            lack = least - (above["v"] - below["v"])
            if lack > 0:
                below["v"] -= lack / 2
                above["v"] += lack / 2
    floor = domain[0]
    for end in ends:
        end["v"] = max(end["v"], floor)
        floor = end["v"] + least


def _line_mark(chart: ChartData, found: Points, palette: Palette) -> Spec:
    few = len(found.xs) <= 40 and len(found.series) <= 2
    if chart.type == "area":
        single = len(found.series) == 1
        return {
            "type": "area",
            "opacity": 0.35 if single else 0.9,
            **({"line": {"strokeWidth": 2.5, "opacity": 1}} if single else {}),
            **({"point": {"size": 40, "opacity": 1}} if len(found.xs) == 1 else {}),
        }
    shown = few or len(found.xs) == 1
    point = {"point": {"filled": True, "size": 38, "stroke": palette.paper}} if shown else {}
    return {"type": "line", "strokeWidth": 2.5, "strokeJoin": "round", "strokeCap": "round", **point}


def _rank_height(rows: int, chart: ChartData) -> int:
    return (80 if chart.title else 44) + rows * ROW_HEIGHT


def _note(chart: ChartData, found: Points) -> str:
    """Below the title: the unit where the numbers do not carry it, and what was left out."""
    unit = numbers.SYMBOLS.get(chart.unit, chart.unit)
    told = unit if unit and unit not in (*numbers.SYMBOLS.values(), "%") else ""
    return "; ".join(one for one in (told, found.note) if one)


def _label(value: float, unit: str) -> str:
    symbol = numbers.SYMBOLS.get(unit, unit)
    text = numbers.number(round(value)) if 1_000 <= abs(value) < 99_999 else numbers.compact(value)
    return numbers.with_unit(text, symbol if len(symbol) == 1 else "")


def _x_name(found: Points, x: X) -> str:
    if found.scale == "time":
        return datetime.fromtimestamp(float(x) / 1000, UTC).strftime("%Y-%m-%d")
    return numbers.number(float(x)) if found.scale == "number" else str(x)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
