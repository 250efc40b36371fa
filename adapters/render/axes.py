"""Axes, scales and colours of a chart's specification. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from adapters.render import numbers, points
from adapters.render.look import Palette, Spec
from adapters.render.points import Points, X
from core.messages import ChartData

TICKS = 8
DAY = 86_400_000.0  # milliseconds
AIR = 0.09  # of the height of the values: room for a label above the highest
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def x(found: Points, palette: Palette, *, bars: bool) -> Spec:
    """The horizontal axis: names in their order, numbers, or time."""
    if found.scale == "category" or (found.scale == "number" and bars):
        ranked: Spec = {"labelAngle": 0, "labelLimit": 110, "labelOverlap": True, "labelColor": palette.ink}
        if found.scale == "number":
            ranked["values"] = _thinned(found.xs)
        return {
            "field": "x", "type": "ordinal", "sort": list(found.xs), "title": None, "axis": ranked,
            "scale": {"paddingInner": 0.25, "paddingOuter": 0.15},
        }  # fmt: skip
    xs = [float(x) for x in found.xs]
    gap = _gap(xs) if bars else 0.0
    domain = [xs[0] - gap / 2, xs[-1] + gap / 2]
    if domain[0] == domain[1]:
        domain = [domain[0] - DAY / 2, domain[1] + DAY / 2]
    axis: Spec = {"labelOverlap": True, "labelFlush": False, "title": None}
    if found.scale == "number":
        return {
            "field": "x",
            "type": "quantitative",
            "axis": axis,
            "scale": {"domain": domain, "nice": False},
        }
    axis |= {"values": _thinned(xs), "format": _date_format(xs), "labelFlush": not bars}
    scale: Spec = {"type": "utc", "domain": domain, "nice": False}
    return {"field": "x", "type": "temporal", "axis": axis, "scale": scale}


def bar_width(found: Points) -> Spec:
    """As wide as the time between two bars has room for."""
    if found.scale != "time":
        return {}
    xs = [float(x) for x in found.xs]
    gap = _gap(xs)
    share = gap / (xs[-1] - xs[0] + gap)
    return {"width": {"expr": f"max(1, min(96, width * {share:.6f} * 0.74))"}}


def _gap(xs: Sequence[float]) -> float:
    return min((b - a for a, b in pairwise(xs) if b > a), default=DAY)


def _thinned(xs: Sequence[X]) -> list[X]:
    """Every so many of them, the last for sure: at most `TICKS`."""
    step = max(1, math.ceil(len(xs) / TICKS))
    return list(reversed(list(xs)[::-1][::step]))


def _date_format(xs: Sequence[float]) -> str:
    moments = [datetime.fromtimestamp(x / 1000, UTC) for x in xs]
    years = len({moment.year for moment in moments}) > 1
    if any(moment.hour or moment.minute for moment in moments):
        return "%H:%M" if len({moment.date() for moment in moments}) == 1 else "%-d %b %H:%M"
    if all(moment.day == 1 for moment in moments) and len(moments) > 1:
        return "%Y" if all(moment.month == 1 for moment in moments) else "%b %Y" if years else "%b"
    return "%-d %b %Y" if years else "%-d %b"


def domain(low: float, high: float) -> list[float]:
    """Ends a little beyond the values, at a round number where one is near."""
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = low + 1
    raw = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * one for one in _STEPS if size * one >= raw)
    air = (high - low) * AIR
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    return [
        bottom if low - bottom <= air else low - air,
        high + air if top - high < air / 3 or top - high > air else top,
    ]


def value_axis(chart: ChartData, palette: Palette) -> Spec:
    """The vertical axis, its numbers shortened as people say them."""
    unit = numbers.SYMBOLS.get(chart.unit, chart.unit)
    # d3 writes a billion as G and a thousandth as m; nobody says so.
    text = "(abs(datum.value) < 1 ? format(datum.value, '~g') : replace(format(datum.value, '~s'), 'G', 'B'))"
    if unit in numbers.SYMBOLS.values():
        text = f"(datum.value < 0 ? '-' : '') + '{unit}' + replace({text}, /[-\u2212]/, '')"
    elif unit == "%":
        text += " + '%'"
    return {
        "grid": True, "gridColor": palette.grid, "tickCount": 5, "labelExpr": text, "title": None,
        "zindex": 0,
    }  # fmt: skip


def colour(found: Points, palette: Palette, *, legend: bool = True) -> Spec:
    """A colour for each series; what was summed up as the rest is grey."""
    colours = [
        palette.rest if name == points.REST else palette.series[index % len(palette.series)]
        for index, name in enumerate(found.series)
    ]
    shown = legend and len(found.series) > 1
    return {
        "field": "s", "type": "nominal", "sort": list(found.series),
        "scale": {"domain": list(found.series), "range": colours},
        **({} if shown else {"legend": None}),
    }  # fmt: skip


def bar_colour(x: X, value: float, palette: Palette) -> str:
    """The colour of a single bar."""
    if x == points.REST:
        return palette.rest
    return palette.negative if value < 0 else palette.series[0]


def value_text(palette: Palette, condition: str, *, left: bool = False) -> Spec:
    """A value written beside its bar, where the condition holds."""
    return {
        "transform": [{"filter": condition}],
        "mark": {
            "type": "text", "align": "right" if left else "left", "dx": -6 if left else 6,
            "baseline": "middle", "color": palette.ink, "fontWeight": 600,
        },
        "encoding": {"text": {"field": "t", "type": "nominal"}},
    }  # fmt: skip
