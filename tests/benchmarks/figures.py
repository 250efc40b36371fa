"""One figure, one JSON line: its value, what it is measured against in the same run, and whether it holds."""

from __future__ import annotations

import json


def figure(name: str, value: float, reference: float, limit: float, *, least: bool = False) -> bool:
    """Print a figure and return whether it held.

    `ratio` is value over reference (the value itself where the reference is 0, for absolute limits);
    `limit` bounds it from above, or from below where `least`.
    """
    ratio = value / reference if reference else value
    held = ratio >= limit if least else ratio <= limit
    line = {
        "figure": name,
        "value": round(value, 4),
        "reference": round(reference, 4),
        "ratio": round(ratio, 4),
        "limit": limit,
        "held": held,
    }
    print(json.dumps(line), flush=True)
    return held
