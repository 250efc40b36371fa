"""What a condition is once it is read, and the words that it may have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import assert_never

from core.messages import Cell
from core.nearest import nearest

PARAMETERS = "params"
FACTS = ("changed", "failed", "rows")
FUNCTIONS = ("abs", "max", "min", "rows")
COMPARISONS = {
    "<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "=": "==", "!=": "!=", "<>": "!=",
    "contains": "contains",
}  # fmt: skip
DIGITS_LIMIT = 30  # of a written number


@dataclass(frozen=True, slots=True)
class Literal:
    """A written value."""

    value: Cell


@dataclass(frozen=True, slots=True)
class Name:
    """A cell, a fact or a parameter, by its name."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows there are."""

    question: str  # empty: of all


@dataclass(frozen=True, slots=True)
class Call:
    """A function of numbers."""

    function: str
    given: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """Two values and what is between them."""

    sign: str  # and, or, a comparison, arithmetic
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class One:
    """A value and what stands before it."""

    sign: str  # not, any, -
    of: Node


Node = Literal | Name | Rows | Call | Both | One


def leaves(node: Node) -> list[Literal | Name | Rows]:
    """What a condition is made from, in order."""
    match node:
        case Literal() | Name() | Rows():
            return [node]
        case Call():
            return [leaf for one in node.given for leaf in leaves(one)]
        case Both():
            return [*leaves(node.left), *leaves(node.right)]
        case One():
            return leaves(node.of)
        case _:
            assert_never(node)


def meant(word: str, known: Collection[str]) -> str:
    """`; did you mean x?`, or what there is."""
    near = nearest(word, known, 1)
    if near:
        return f"; did you mean {near[0]}?"
    some = sorted(known)[:8]
    return f" (there: {', '.join(some)})" if some else ""
