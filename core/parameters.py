"""Parameters: typed values out of what was typed, and every mistake in them at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """`1..20`: both ends included, as they were typed."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Fan:
    """Several values for one parameter, in the order they were typed: `42,43,50..60`."""

    items: tuple[str | Range, ...]


@dataclass(frozen=True, slots=True)
class Star:
    """`*`: every choice of the parameter."""


Given = str | Fan | Star
"""What a line gives for one parameter."""
