"""Thresholds on a result, told in sentences: `Revenue below floor: total 812 is below 1,000.` Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable

from adapters.render import numbers
from core.definitions import Check
from core.entries import Checked
from core.errors import AgentError
from core.messages import Cell
from core.nearest import nearest
from core.ports import Rows

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_WORDS = {
    "<": "below",
    "<=": "at or below",
    ">": "above",
    ">=": "at or above",
    "==": "equal to",
    "!=": "other than",
}
WHERE_LIMIT = 60  # characters of the cell that names a row


def check(check: Check, question: str, rows: Rows) -> Checked:
    """Look at every row: the check fails where the comparison is true of any. Cells without a number count
    for nothing; where there is none at all, it is neither passed nor failed.

    Raises:
        AgentError: the result has no such column.
    """
    place = _column(check, question, rows)
    found = [(row, row[place]) for row in rows.rows]
    numbered = [(row, cell) for row, cell in found if _is_number(cell)]
    compare = _OPERATORS[check.op]
    failing = [(row, cell) for row, cell in numbered if compare(float(cell or 0), check.threshold)]
    if not numbered:
        detail = f"{check.column} has no value to compare with {_threshold(check)}"
        return _told(check, question, None, detail)
    if not failing:
        return _told(check, question, True, _passed(check, [cell for _, cell in numbered]))
    row, cell = _worst(check, failing)
    detail = f"{check.column} {_number(cell)} is {_WORDS[check.op]} {_threshold(check)}"
    if len(rows.rows) > 1:
        where = _where(rows, row, place)
        detail += f"{where} ({len(failing):,} of {len(numbered):,} rows)"
    return _told(check, question, False, detail)


def _column(check: Check, question: str, rows: Rows) -> int:
    if check.column in rows.columns:
        return rows.columns.index(check.column)
    near = nearest(check.column, rows.columns, 1)
    raise AgentError(
        f"The check {check.name} looks at {check.column}, which the question {question} does not return.",
        hint=f"Did you mean {near[0]}?" if near else f"It returns: {', '.join(rows.columns)}.",
        permanent=True,
    )


def _told(check: Check, question: str, passed: bool | None, detail: str) -> Checked:
    return Checked(check.name, question, passed, check.severity, f"{check.name}: {detail}.")


def _passed(check: Check, cells: list[Cell]) -> str:
    if len(cells) == 1:
        return f"{check.column} {_number(cells[0])} is not {_WORDS[check.op]} {_threshold(check)}"
    return f"{check.column} is not {_WORDS[check.op]} {_threshold(check)} in any of {len(cells):,} rows"


def _worst(check: Check, failing: list[tuple[tuple[Cell, ...], Cell]]) -> tuple[tuple[Cell, ...], Cell]:
    return max(failing, key=lambda one: abs(float(one[1] or 0) - check.threshold))


def _where(rows: Rows, row: tuple[Cell, ...], place: int) -> str:
    """The first text of the row: it usually says what the row is about."""
    for index, cell in enumerate(row):
        if index != place and isinstance(cell, str) and cell:
            return f" for {rows.columns[index]} {cell[:WHERE_LIMIT]}"
    return ""


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _number(cell: Cell) -> str:
    return numbers.number(cell) if isinstance(cell, int | float) else "–"


def _threshold(check: Check) -> str:
    return numbers.number(check.threshold)
