"""Rules of a parameter's definition: its default, bounds and choices fit its type and each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core import patterns, values
from core.definitions import Parameter, Scalar
from core.jobfiles.sentences import meant
from core.jobfiles.workspace import Path
from core.values import Clock

ORDERED = ("integer", "number", "date", "datetime")

Problem = tuple[Path, str]
"""A place within what is looked at, and a sentence about it."""

_CLOCK = Clock()


def problems(name: str, parameter: Parameter) -> Iterator[Problem]:
    """Everything that is wrong with one definition."""
    if "-" in name:
        yield ("[name]",), f"'{name}' cannot stand in SQL as :{name}; call it {name.replace('-', '_')}"
    yield from _bounds(parameter)
    yield from _choices(parameter)
    yield from _text_rules(parameter)
    if parameter.default is None:
        return
    if parameter.secret:
        yield ("default",), "a secret has no default: everybody who sees the file would know it"
    elif said := misfit(parameter, parameter.default):
        yield ("default",), f"'default' {said}"


def misfit(parameter: Parameter, value: Scalar) -> str:
    """Why a value that stands in a file does not fit; empty where it does.

    A rule that is broken itself is told at its own place and counts as kept here.
    """
    if any(problem for problem in (*_bounds(parameter), *_choices(parameter), *_text_rules(parameter))):
        parameter = Parameter(type=parameter.type, secret=parameter.secret)
    try:
        values.read(parameter, value, _CLOCK)
    except ValueError as mistake:
        return str(mistake)
    return ""


def given_problems(
    parameters: Mapping[str, Parameter], given: Mapping[str, Scalar], declared: frozenset[str]
) -> Iterator[Problem]:
    """What is wrong with saved values: unknown names, values that do not fit, secrets in a file."""
    for name, value in given.items():
        if name not in declared:
            yield (name,), f"the job has no parameter '{values.echo(name)}'{meant(name, sorted(declared))}"
        elif name not in parameters or value is None:
            continue
        elif parameters[name].secret:
            yield (name,), f"'{name}' is secret: its value does not belong into a file"
        elif said := misfit(parameters[name], value):
            yield (name,), f"'{name}' {said}"


def _bounds(parameter: Parameter) -> Iterator[Problem]:
    ends: dict[str, values.Value] = {}
    for key, bound in (("min", parameter.min), ("max", parameter.max)):
        if bound is None:
            continue
        if parameter.type not in ORDERED:
            yield (key,), f"'{key}' is for numbers and dates; this parameter is a {parameter.type}"
            continue
        try:
            ends[key] = values.convert(parameter, bound, _CLOCK)
        except ValueError as mistake:
            yield (key,), f"'{key}' {mistake}"
    if len(ends) == 2 and not any(values.relative(parameter, one) for one in ends.values()):
        least, most = values.orders(ends["min"]), values.orders(ends["max"])
        if least > most:
            yield ("max",), f"'max' is less than 'min' ({parameter.max} < {parameter.min})"


def _choices(parameter: Parameter) -> Iterator[Problem]:
    seen: dict[values.Value, str] = {}
    for index, choice in enumerate(parameter.choices):
        place = ("choices", index)
        try:
            value = values.convert(parameter, choice, _CLOCK)
        except ValueError as mistake:
            yield place, f"'choices' {mistake}"
            continue
        if value in seen:
            yield place, f"the choice '{values.echo(choice)}' stands here twice"
        seen[value] = choice


def _text_rules(parameter: Parameter) -> Iterator[Problem]:
    if not parameter.pattern:
        return
    if parameter.type != "string":
        yield ("pattern",), f"'pattern' is for texts; this parameter is a {parameter.type}"
        return
    try:
        patterns.check(parameter.pattern)
    except ValueError as mistake:
        yield ("pattern",), f"'pattern' {mistake}"
