"""The two icons of the app's package, drawn here: a slash and a tick, which is what the bot does.

PNG is written as it is specified (https://www.w3.org/TR/png-3): one chunk of zlib-compressed rows of RGBA.
"""

from __future__ import annotations

import math
import struct
import zlib
from itertools import pairwise

Colour = tuple[int, int, int]

COLOUR_SIZE, OUTLINE_SIZE = 192, 32  # pixels, as Teams wants them
BACKGROUND: Colour = (0x1F, 0x29, 0x37)
ACCENT = "#1F2937"
_WHITE: Colour = (0xFF, 0xFF, 0xFF)
_GREEN: Colour = (0x4A, 0xDE, 0x80)
_THICK = 0.055  # half of a stroke's width, of the icon's size

_Point = tuple[float, float]
_SLASH: tuple[_Point, ...] = ((0.30, 0.78), (0.50, 0.22))
_TICK: tuple[_Point, ...] = ((0.52, 0.60), (0.61, 0.70), (0.78, 0.46))


def colour() -> bytes:
    """The large icon: everything within the middle, where Teams cuts no corner off."""
    rows = []
    for y in range(COLOUR_SIZE):
        row = bytearray()
        for x in range(COLOUR_SIZE):
            slash, tick = _covered(x, y, COLOUR_SIZE, _SLASH), _covered(x, y, COLOUR_SIZE, _TICK)
            row += bytes((*_mixed(_mixed(BACKGROUND, _WHITE, slash), _GREEN, tick), 0xFF))
        rows.append(bytes(row))
    return _png(COLOUR_SIZE, rows)


def outline() -> bytes:
    """The small icon: white on nothing."""
    rows = []
    for y in range(OUTLINE_SIZE):
        row = bytearray()
        for x in range(OUTLINE_SIZE):
            strokes = [tuple(_grown(one) for one in stroke) for stroke in (_SLASH, _TICK)]
            seen = max(_covered(x, y, OUTLINE_SIZE, one, thick=0.07) for one in strokes)
            row += bytes((*_WHITE, round(0xFF * seen)))
        rows.append(bytes(row))
    return _png(OUTLINE_SIZE, rows)


def _grown(point: _Point) -> _Point:
    """The point farther from the middle of the drawing."""
    return 0.5 + (point[0] - 0.54) * 1.35, 0.5 + (point[1] - 0.5) * 1.35


def _covered(x: int, y: int, size: int, stroke: tuple[_Point, ...], *, thick: float = _THICK) -> float:
    """How much of a pixel a stroke covers, from 0 to 1: by the distance to its nearest segment."""
    at = ((x + 0.5) / size, (y + 0.5) / size)
    distance = min(_distance(at, a, b) for a, b in pairwise(stroke))
    return min(1.0, max(0.0, (thick - distance) * size + 0.5))


def _distance(at: _Point, a: _Point, b: _Point) -> float:
    along = (b[0] - a[0], b[1] - a[1])
    share = ((at[0] - a[0]) * along[0] + (at[1] - a[1]) * along[1]) / (along[0] ** 2 + along[1] ** 2)
    near = min(1.0, max(0.0, share))
    return math.hypot(at[0] - a[0] - near * along[0], at[1] - a[1] - near * along[1])


def _mixed(below: Colour, above: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(below, above, strict=True))
    return red, green, blue


def _png(size: int, rows: list[bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)  # 8 bits a channel, RGBA
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    parts = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
