"""What is wrong with a condition before anything has run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from core.conditions.reading import read
from core.conditions.tree import FACTS, PARAMETERS, Literal, Name, Rows, leaves, meant
from core.errors import ConditionError


@dataclass(frozen=True, slots=True)
class Known:
    """What a job has, as far as it can be told before it runs.

    `questions`: a question's columns, None where its statement does not show them. `open`: there may be other
    results than these.
    """

    questions: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    parameters: Collection[str] = ()
    open: bool = False


def mistake(text: str, known: Known) -> str:
    """What is wrong with a condition before anything has run, with "did you mean"; empty where nothing is."""
    try:
        tree = read(text)
    except ConditionError as error:
        return str(error)
    return next(filter(None, (_name_mistake(one, known) for one in leaves(tree))), "")


def _name_mistake(leaf: Literal | Name | Rows, known: Known) -> str:
    match leaf:
        case Literal():
            return ""
        case Rows():
            return "" if not leaf.question else _question_mistake(leaf.question, known)
        case Name():
            pass
    first = leaf.path[0]
    if len(leaf.path) == 1:
        return _word_mistake(first, known)
    column = leaf.path[1]
    if first == PARAMETERS:
        if column in known.parameters:
            return ""
        return f"'{column}' is no parameter of the job{meant(column, known.parameters)}"
    if said := _question_mistake(first, known):
        return said
    columns = known.questions.get(first)
    if columns is None or column in columns:
        return ""
    return f"the question {first} selects no column '{column}'{meant(column, columns)}"


def _question_mistake(name: str, known: Known) -> str:
    if known.open or name in known.questions:
        return ""
    return f"there is no question '{name}'{meant(name, [*known.questions, PARAMETERS])}"


def _word_mistake(name: str, known: Known) -> str:
    if known.open or name in FACTS:
        return ""
    if name not in known.questions:
        return f"'{name}' is nothing that a condition knows{meant(name, [*FACTS, *known.questions])}"
    columns = known.questions[name]
    if columns is None or len(columns) == 1:
        return ""
    return f"'{name}' has {len(columns)} columns: write {name}.{columns[0]}"
