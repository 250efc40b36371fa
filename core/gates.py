"""Gates: `run_if` decides whether the agent is run at all, `post_if` whether its result is posted.

A run whose gate says no succeeds quietly: it is kept with its reason, counted, and not posted. A gate that
cannot be told never hides anything: the run goes on, or is posted, and a line says what broke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import chats, conditions, findings, placeholders
from core.chats import Line
from core.definitions import JobDefinition
from core.entries import Judged
from core.errors import AgentError, ConditionError
from core.messages import Cell
from core.ports import Task
from core.store import runs as rows
from core.turns import Turn


@dataclass(frozen=True, slots=True)
class Gated:
    """A run that has just succeeded, and what the gate before it said: `closed` is why nothing was done."""

    run: int
    attempt: int
    job: JobDefinition
    closed: str = ""


async def work(task: Task) -> Judged:
    """Ask whether there is anything to do for the agent: `run_if` on the agent's source, before it.

    Yes where the query returns a row whose first cell is not 0, false, empty or null.
    """
    sql = task.version.job.run_if
    try:
        source = await task.source()
        try:
            found = await source.query(sql, _values(task, sql))
        finally:
            await source.close()
    except AgentError as error:
        return Judged("run_if", sql, None, error.sentence)
    if not found.rows:
        return Judged("run_if", sql, False, "run_if returned no row")
    cell = found.rows[0][0] if found.rows[0] else None
    if not _says_yes(cell):
        return Judged("run_if", sql, False, f"run_if said {_shown(cell)}")
    return Judged("run_if", sql, True)


async def settle(turn: Turn, gated: Sequence[Gated]) -> set[int]:
    """Decide which results are posted, once their entries are written; returns the runs that stay quiet."""
    quiet = set()
    for one in gated:
        if one.closed:
            await rows.quieten(turn.connection, one.run, "run_if", one.closed)
            quiet.add(one.run)
        elif one.job.post_if and not await _posted(turn, one):
            quiet.add(one.run)
    return quiet


async def _posted(turn: Turn, gated: Gated) -> bool:
    text = gated.job.post_if
    changes = conditions.asks_for_change(text)
    async for finding in findings.of_runs(turn, gated.job, [gated.run], changes=changes):
        try:
            holds = conditions.holds(text, finding.results)
        except ConditionError as error:
            await _keep(turn, gated, Judged("post_if", text, None, str(error)))
            return True
        if not holds:
            reason = f"post_if did not hold: {text}"
            await _keep(turn, gated, Judged("post_if", text, False, reason))
            await rows.quieten(turn.connection, gated.run, "post_if", reason)
            return False
    return True


async def _keep(turn: Turn, gated: Gated, entry: Judged) -> None:
    last = await chats.last_sequences(turn, [gated.run])
    line = Line(gated.run, last.get(gated.run, 0) + 1, gated.attempt, entry, turn.now)
    await chats.append(turn, [line])


def _values(task: Task, sql: str) -> dict[str, Any]:
    """What the placeholders of the query are bound to, as in a question."""
    due = task.due_at or task.now
    known = {
        "due_at": due,
        "due_date": due.astimezone(task.zone).date(),
        **dict.fromkeys(task.version.job.parameters),
        **task.parameters,
    }
    return {name: known.get(name) for name in placeholders.names(sql)}


def _says_yes(cell: Cell) -> bool:
    if isinstance(cell, str):
        return cell.strip().casefold() not in ("", "0", "f", "false", "no", "off")
    return bool(cell)


def _shown(cell: Cell) -> str:
    return "nothing" if cell in (None, "") else str(cell)[:80].replace("\0", " ")
