"""Tells whether a condition holds for the results of a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never

from core.conditions.reading import read
from core.conditions.tree import (
    COMPARISONS,
    DIGITS_LIMIT,
    FACTS,
    PARAMETERS,
    Both,
    Call,
    Literal,
    Name,
    Node,
    One,
    Rows,
    meant,
)
from core.errors import ConditionError
from core.messages import Cell

_LEAST_OR_MOST: Mapping[str, Callable[[Sequence[int | float]], int | float]] = {"min": min, "max": max}


class Table(NamedTuple):
    """A result: cells in the order of `columns`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def _unknown() -> bool:
    raise ConditionError("It is not known here whether something changed")


@dataclass(frozen=True, slots=True)
class Results:
    """What a condition is asked of. `changed` is looked at only where the condition asks for it."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    headlines: Mapping[str, Cell] = field(default_factory=dict)
    parameters: Mapping[str, Cell] = field(default_factory=dict)
    failed: bool = False
    changed: Callable[[], bool] = _unknown


def holds(text: str, results: Results) -> bool:
    """Whether the condition holds.

    Raises:
        ConditionError: it cannot be told; the sentence has no full stop.
    """
    value = _value(read(text), results)
    if isinstance(value, bool | int | float):
        return bool(value)
    raise ConditionError(f"It is {_shown(value)}, which is neither yes nor no")


def slug(name: str) -> str:
    """A headline's name as a condition writes it: `Open tickets` is `open_tickets`."""
    return re.sub(r"\W+", "_", name.casefold()).strip("_")


def _value(node: Node, results: Results) -> Cell:
    match node:
        case Literal():
            return node.value
        case Name():
            return _named_value(node.path, results)
        case Rows():
            return _row_count(node.question, results)
        case Call():
            numbers = [_number(_value(one, results)) for one in node.given]
            return abs(numbers[0]) if node.function == "abs" else _LEAST_OR_MOST[node.function](numbers)
        case One("not"):
            return not _truth(_value(node.of, results))
        case One("any"):
            return _truth(_value(node.of, results))
        case One():
            return -_number(_value(node.of, results))
        case Both("and"):
            return _truth(_value(node.left, results)) and _truth(_value(node.right, results))
        case Both("or"):
            return _truth(_value(node.left, results)) or _truth(_value(node.right, results))
        case Both() if node.sign in COMPARISONS.values():
            return _compare(node.sign, _value(node.left, results), _value(node.right, results))
        case Both():
            return _calculate(node.sign, _value(node.left, results), _value(node.right, results))
        case _:
            assert_never(node)


def _named_value(path: tuple[str, ...], results: Results) -> Cell:
    first = path[0]
    if len(path) == 1:
        if first == "failed":
            return results.failed
        if first == "changed":
            return results.changed()
        return _only_value(first, results)
    if first == PARAMETERS:
        if path[1] not in results.parameters:
            raise ConditionError(
                f"the run has no parameter '{path[1]}'{meant(path[1], list(results.parameters))}"
            )
        return results.parameters[path[1]]
    table = _table(first, results)
    if path[1] not in table.columns:
        raise ConditionError(f"the result {first} has no column '{path[1]}'{meant(path[1], table.columns)}")
    return table.rows[0][table.columns.index(path[1])] if table.rows else None


def _only_value(name: str, results: Results) -> Cell:
    if name in results.tables:
        table = results.tables[name]
        if len(table.columns) != 1:
            raise ConditionError(f"the result {name} has {len(table.columns)} columns: name one of them")
        return table.rows[0][0] if table.rows else None
    if name in results.headlines:
        return results.headlines[name]
    raise ConditionError(
        f"there is no result '{name}'{meant(name, [*FACTS, *results.tables, *results.headlines])}"
    )


def _row_count(question: str, results: Results) -> int:
    if not question:
        return sum(len(table.rows) for table in results.tables.values())
    return len(_table(question, results).rows)


def _table(name: str, results: Results) -> Table:
    if name not in results.tables:
        raise ConditionError(f"there is no result '{name}'{meant(name, list(results.tables))}")
    return results.tables[name]


def _truth(value: Cell) -> bool:
    if isinstance(value, bool | int | float):
        return bool(value)
    raise ConditionError(f"{_shown(value)} is neither yes nor no")


def _number(value: Cell) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ConditionError(f"{_shown(value)} is no number")


def _compare(sign: str, left: Cell, right: Cell) -> bool:
    if sign == "contains":
        if isinstance(left, str) and isinstance(right, str):
            return right in left
        raise ConditionError(
            f"'contains' looks for a text in a text, not for {_shown(right)} in {_shown(left)}"
        )
    if sign in ("==", "!="):
        return _same(left, right) is (sign == "==")
    if isinstance(left, str) and isinstance(right, str):
        order = (left > right) - (left < right)
    elif _is_number(left) and _is_number(right):
        one, other = _number(left), _number(right)
        order = (one > other) - (one < other)
    else:
        raise ConditionError(f"{_shown(left)} and {_shown(right)} cannot be compared with {sign}")
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]


def _same(left: Cell, right: Cell) -> bool:
    """A boolean of a database may be 0 or 1; a text is never the same as a number: that is a mistake."""
    if left is None or right is None:
        return left is right
    if isinstance(left, str) != isinstance(right, str):
        raise ConditionError(f"{_shown(left)} and {_shown(right)} cannot be compared: one is a text")
    return left == right


def _calculate(sign: str, left: Cell, right: Cell) -> int | float:
    one, other = _number(left), _number(right)
    try:
        match sign:
            case "+":
                return one + other
            case "-":
                return one - other
            case "*":
                return one * other
            case "/":
                return one / other
            case _:
                return one % other
    except ZeroDivisionError:
        raise ConditionError(f"{_shown(one)} was to be divided by 0") from None
    except OverflowError:
        raise ConditionError("a number became too large") from None


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Cell) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text '{value[:40]}'"
        case int() if abs(value) >= 10**DIGITS_LIMIT:
            return "a very large number"
        case _:
            return str(value)
