"""How charts look: sizes, colours for light and dark, the frame that all kinds share. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

WIDTH = 720  # pixels: what a chat shows beside its margins; drawn at twice that
SCALE = 2
SMALL = 1.4  # 1,008 pixels wide
FONT = "Liberation Sans, Arial, Helvetica, DejaVu Sans, sans-serif"  # the first comes with vl-convert
TITLE_WIDTH = 68  # characters of a title's line
TITLE_LINES = 2

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme; `series` are told apart also without red and green."""

    paper: str
    ink: str
    faint: str
    grid: str
    series: tuple[str, ...]
    rest: str
    negative: str


LIGHT = Palette(
    paper="#FFFFFF",
    ink="#1F2430",
    faint="#667085",
    grid="#E6E8EC",
    series=("#2F6FDE", "#F2A33A", "#1BA39C", "#D6498F", "#7A5AF0", "#6BA539", "#C2562D", "#3AAFE0"),
    rest="#A3A9B5",
    negative="#D2453D",
)
DARK = Palette(
    paper="#1A1D21",
    ink="#EEF0F3",
    faint="#A0A7B4",
    grid="#33383F",
    series=("#5B95F5", "#F5B75C", "#3CC4BC", "#EA76AF", "#9C84F7", "#8FC75E", "#E07F59", "#66C8F0"),
    rest="#727A87",
    negative="#F0706A",
)


def frame(palette: Palette, *, title: str, note: str, height: int) -> Spec:
    """The part that every kind shares; `height` is that of the whole picture."""
    made: Spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": WIDTH,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 16, "top": 16, "right": 16, "bottom": 14},
        "background": palette.paper,
        "config": _config(palette),
    }
    if title or note:
        made["title"] = {
            "text": title_lines(title),
            **({"subtitle": [note]} if note else {}),
            "anchor": "start",
            "frame": "bounds",
            "offset": 14,
        }
    return made


def title_lines(title: str) -> list[str]:
    """The title on at most two lines."""
    plain = " ".join(title.split())
    return textwrap.wrap(plain, TITLE_WIDTH, max_lines=TITLE_LINES, placeholder=" …") or [""]


def _config(palette: Palette) -> Spec:
    return {
        "font": FONT,
        "view": {"stroke": None},
        "title": {
            "color": palette.ink,
            "fontSize": 17,
            "fontWeight": 700,
            "lineHeight": 22,
            "subtitleColor": palette.faint,
            "subtitleFontSize": 13,
            "subtitlePadding": 5,
        },
        "axis": {
            "labelColor": palette.faint,
            "labelFontSize": 13,
            "labelPadding": 6,
            "titleColor": palette.faint,
            "titleFontSize": 13,
            "domain": False,
            "ticks": False,
            "grid": False,
            "gridColor": palette.grid,
        },
        "legend": {
            "orient": "top",
            "direction": "horizontal",
            "title": None,
            "labelColor": palette.ink,
            "labelFontSize": 13,
            "labelLimit": 160,
            "symbolType": "circle",
            "symbolSize": 110,
            "columnPadding": 18,
            "columns": 4,
            "offset": 8,
        },
        "text": {"color": palette.ink, "fontSize": 13, "font": FONT},
    }
