"""Combinations: what a line fans out to, counted before anything is made.

`42,43` and `1..20` and `*` on a parameter become its values; several of them become every combination,
the first parameter slowest, each once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from core import values
from core.definitions import Parameter, Scalar
from core.errors import Invalid
from core.parameters import Definitions, Fan, Given, Range, Star, Unbound, unknown_names
from core.values import Clock, Value

Choices = Mapping[str, Sequence[str]]
"""What `*` stands for, for parameters whose choices are asked of a source."""

_OPEN: Choices = {}


def count(
    definitions: Definitions,
    sets: Sequence[Mapping[str, Given | Scalar]],
    *,
    now: datetime,
    zone: ZoneInfo,
    choices: Choices = _OPEN,
) -> int:
    """How many combinations there are, without making them; two sets may still share some.

    Raises:
        Unbound: as for `expand`.
    """
    axes = _all_axes(definitions, sets, Clock(now, zone), choices)
    return sum(math.prod(axis.count() for axis in one.values()) for one in axes)


def expand(
    definitions: Definitions,
    sets: Sequence[Mapping[str, Given | Scalar]],
    *,
    now: datetime,
    zone: ZoneInfo,
    limit: int,
    choices: Choices = _OPEN,
) -> list[dict[str, Any]]:
    """The bound values of every combination, set after set, each once, as `parameters.bind` gives them.

    Raises:
        Unbound: with every mistake of every set at once.
        Invalid: there are more than `limit`.
    """
    all_axes = _all_axes(definitions, sets, Clock(now, zone), choices)
    total = sum(math.prod(axis.count() for axis in one.values()) for one in all_axes)
    if total > limit:
        raise Invalid(
            f"That would be {total:,} runs; at most {limit:,} may be started at once.",
            hint="Give fewer values, or start them in several parts.",
        )
    found: dict[tuple[Value, ...], dict[str, Any]] = {}
    for axes in all_axes:
        for combination in itertools.product(*(tuple(axis.values()) for axis in axes.values())):
            named = dict(zip(axes, combination, strict=True))
            bound = {name: named[name] for name in definitions}
            found.setdefault(tuple(bound.values()), bound)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Axis:
    """The values of one parameter: single ones, and runs of numbers or days as ranges of ordinals."""

    parts: tuple[Value | range, ...]
    days: bool = False

    def count(self) -> int:
        """How many different values there are."""
        ranges = sorted((part.start, part.stop) for part in self._ordinals())
        total, reached = 0, ranges[0][0] if ranges else 0
        for start, stop in ranges:
            total += max(0, stop - max(start, reached))
            reached = max(reached, stop)
        return total + len({part for part in self.parts if self._single(part)})

    def values(self) -> Iterator[Value]:
        """The different values, in the order they were given."""
        seen: set[Value] = set()
        for part in self.parts:
            for value in map(self._value, part) if isinstance(part, range) else (part,):
                if value not in seen:
                    seen.add(value)
                    yield value

    def _single(self, part: Value | range) -> bool:
        return not isinstance(part, range) and not self._countable(part)

    def _countable(self, part: Value | range) -> bool:
        return type(part) is date if self.days else type(part) is int

    def _ordinals(self) -> Iterator[range]:
        for part in self.parts:
            if isinstance(part, range):
                yield part
            elif self._countable(part):
                place = part.toordinal() if isinstance(part, date) else int(part)
                yield range(place, place + 1)

    def _value(self, ordinal: int) -> Value:
        return date.fromordinal(ordinal) if self.days else ordinal


def _all_axes(
    definitions: Definitions, sets: Sequence[Mapping[str, Given | Scalar]], clock: Clock, choices: Choices
) -> list[dict[str, _Axis]]:
    """The axes of each set: as typed first, then those that have defaults."""
    wrong: dict[str, str] = {}
    unknown: dict[str, str] = {}
    missing: dict[str, None] = {}
    made = []
    for given in sets:
        unknown |= unknown_names(definitions, given)
        axes: dict[str, _Axis] = {}
        known = [name for name in given if name in definitions and given[name] is not None]
        for name in dict.fromkeys([*known, *definitions]):
            parameter = definitions[name]
            value = given[name] if name in known else parameter.default
            if value is None:
                missing[name] = None
                continue
            try:
                axes[name] = _axis(parameter, value, clock, choices.get(name, parameter.choices))
            except ValueError as mistake:
                wrong.setdefault(name, f"'{name}' {mistake}.".replace("?.", "?"))
        made.append(axes)
    if wrong or unknown or missing:
        raise Unbound(definitions, missing=tuple(missing), wrong=wrong, unknown=unknown)
    return made


def _axis(parameter: Parameter, given: Given | Scalar, clock: Clock, choices: Sequence[str]) -> _Axis:
    days = parameter.type == "date"
    match given:
        case Fan():
            if not given.items:
                raise ValueError("has an empty list of values")
            parts = tuple(
                _range(parameter, one, clock)
                if isinstance(one, Range)
                else values.read(parameter, one, clock)
                for one in given.items
            )
            return _Axis(parts, days)
        case Star():
            listed = choices or (("no", "yes") if parameter.type == "boolean" else ())
            if not listed:
                raise ValueError("has no choices that * could stand for")
            return _Axis(tuple(values.read(parameter, one, clock) for one in listed), days)
        case str() | int() | float() | None:
            return _Axis((values.read(parameter, given, clock),), days)
        case _:
            assert_never(given)


def _part(parameter: Parameter, given: str | Range, clock: Clock) -> Value | range:
    if isinstance(given, Range):
        return _range(parameter, given, clock)
    return values.read(parameter, given, clock)


def _range(parameter: Parameter, given: Range, clock: Clock) -> range:
    """Both ends included. The ends obey the bounds, so everything between them does."""
    typed = f"{given.first}..{given.last}"
    if parameter.type not in ("integer", "date"):
        raise ValueError(
            f"has no ranges, they are for whole numbers and dates; "
            f'quote "{values.echo(typed)}" where it is the text that is meant'
        )
    first, last = (_ordinal(parameter, end, clock) for end in (given.first, given.last))
    if first > last:
        back = f"{given.last}..{given.first}"
        raise ValueError(f"runs backwards in {values.echo(typed)}; did you mean {values.echo(back)}?")
    if parameter.choices:
        _check_choices(parameter, range(first, last + 1), clock)
    return range(first, last + 1)


def _ordinal(parameter: Parameter, end: str, clock: Clock) -> int:
    value = values.settle(parameter, values.read(parameter, end, clock), clock)
    return value.toordinal() if isinstance(value, date) else int(value)


def _check_choices(parameter: Parameter, ordinals: range, clock: Clock) -> None:
    """Every value between the ends is a choice; looks no further than the first that is not."""
    for ordinal in ordinals:
        text = date.fromordinal(ordinal).isoformat() if parameter.type == "date" else str(ordinal)
        values.read(parameter, text, clock)
