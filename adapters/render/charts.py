"""Charts as pictures: drawn by vl-convert in processes of their own (`studio`), kept for a short while.

A chart that cannot be drawn is a `Fault` with a sentence: the result that it belongs to is told without it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from adapters.render import specification, studio
from adapters.render.look import SCALE, SMALL
from core.errors import Fault
from core.messages import ChartData

EDITION = 1  # counted up when charts look different: pictures kept from before are drawn anew

Kind = Literal["png", "svg"]


async def png(
    chart: ChartData, *, dark: bool = False, folder: Path | None = None, small: bool = False
) -> bytes:
    """The chart as PNG, 1,440 pixels wide; `small`: 1,008, for hosts that take at most 1,024. With `folder`,
    pictures are kept there by the hash of what they show, and found again. Raises `Fault`."""
    return await _picture(chart, "png", dark=dark, folder=folder, scale=SMALL if small else SCALE)


async def svg(chart: ChartData, *, dark: bool = False, folder: Path | None = None) -> bytes:
    """The chart as SVG, in UTF-8; otherwise as `png`."""
    return await _picture(chart, "svg", dark=dark, folder=folder, scale=SCALE)


async def _picture(chart: ChartData, kind: Kind, *, dark: bool, folder: Path | None, scale: float) -> bytes:
    def request() -> bytes:
        spec = specification.specify(chart, dark=dark)
        return json.dumps({"kind": kind, "scale": scale, "spec": spec}, allow_nan=False).encode()

    try:
        return await studio.draw(request, lambda made: _place(folder, made, kind))
    except studio.NotDrawn as error:
        raise Fault(f"The chart “{chart.title or chart.type}” could not be drawn: {error}.") from error


def _place(folder: Path | None, request: bytes, kind: Kind) -> Path | None:
    if folder is None:
        return None
    digest = hashlib.sha256(f"{EDITION} ".encode() + request).hexdigest()
    return folder / f"{digest}.{kind}"
