"""What runs have found, as conditions ask for it: tables, numbers, and whether anything changed.

A run is compared with the last one of its job that succeeded with the same parameters. Where there is none,
everything is new, so `changed` is true.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core import chats, conditions
from core.changes import Changes, compare
from core.conditions import Results, Table
from core.definitions import JobDefinition
from core.entries import Checked, Headlined, Kept, Returned
from core.errors import ConditionError
from core.lifecycles import UNSUCCESSFUL, Status
from core.messages import Cell
from core.store import runs as rows
from core.store.dialects import Row
from core.turns import Turn
from core.vault import sealed

AT_ONCE = 20  # runs whose entries are in memory together
KINDS = ("result", "headline", "check")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The run that another one is compared with, and what changed since."""

    label: str
    ended_at: datetime | None
    version: int
    version_number: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class Finding:
    """What one run has found. `changed` is None where nobody asked."""

    status: Status
    entries: tuple[Kept, ...]
    parameters: Mapping[str, Cell]
    changed: bool | None = None

    @property
    def results(self) -> Results:
        """What conditions are asked of."""
        tables = {one.name: Table(one.columns, one.rows) for one in self.entries if isinstance(one, Returned)}
        numbers = {conditions.slug(one.name): one.value for one in self.entries if isinstance(one, Headlined)}
        given = Results(tables, numbers, self.parameters, failed=self.status in UNSUCCESSFUL)
        if self.changed is None:
            return given
        changed = self.changed
        return Results(tables, numbers, self.parameters, failed=given.failed, changed=lambda: changed)

    @property
    def worst(self) -> str:
        """The severity of its worst failed check; empty where none failed."""
        failed = {one.severity for one in self.entries if isinstance(one, Checked) and one.passed is False}
        return next((one for one in ("error", "warning", "info") if one in failed), "")


@dataclass(slots=True)
class Looked:
    """What the results of a batch say to a set of conditions.

    A condition holds where it holds for any of the runs; it broke where it holds for none, and could not be
    told of some. `worst` is the severity of the worst failed check, `changed` whether any run found a change.
    """

    held: set[str] = field(default_factory=set)
    broke: dict[str, str] = field(default_factory=dict)
    worst: str = ""
    changed: bool = False

    def takes(self, text: str) -> bool:
        """What depends on that condition is told."""
        return not text or text in self.held or text in self.broke

    def why(self, text: str) -> str:
        """Why it cannot be told whether a condition holds; empty where it can."""
        return "" if text in self.held else self.broke.get(text, "")


async def look(
    turn: Turn, job: JobDefinition, run_pks: Sequence[int], texts: Collection[str], *, changes: bool
) -> Looked:
    """Ask conditions of the results of a batch's runs."""
    looked = Looked()
    async for finding in of_runs(turn, job, run_pks, changes=changes):
        if finding.status is Status.CANCELLED:
            continue
        looked.worst = max(looked.worst, finding.worst, key=("", "info", "warning", "error").index)
        looked.changed = looked.changed or bool(finding.changed)
        for text in texts:
            try:
                if conditions.holds(text, finding.results):
                    looked.held.add(text)
            except ConditionError as error:
                looked.broke.setdefault(text, str(error))
    return looked


async def of_runs(
    turn: Turn, job: JobDefinition, run_pks: Sequence[int], *, changes: bool
) -> AsyncIterator[Finding]:
    """The findings of these runs, a few at a time; with `changes` each is compared with the one before."""
    for start in range(0, len(run_pks), AT_ONCE):
        found = await rows.get(turn.connection, run_pks[start : start + AT_ONCE])
        entries = await _entries(turn, found)
        for row in found:
            changed: bool | None = None
            if changes and row.status == Status.SUCCEEDED:
                before = await earlier(turn, job, row, entries[row.pk])
                changed = before is None or before.changes.any
            yield Finding(Status(row.status), entries[row.pk], _parameters(job, row), changed)


async def earlier(turn: Turn, job: JobDefinition, run: Row, entries: Sequence[Kept]) -> Earlier | None:
    """The run that this one is compared with, and what changed since; None where it is the first."""
    row = await rows.earlier(turn.connection, run, same_member=job.visibility == "requester")
    if row is None:
        return None
    before = await _entries(turn, [row])
    keys = {one.name: one.key for one in job.questions if one.key}
    return Earlier(
        label=f"#{row.batch}" + (f".{row._mapping['index']}" if row.total > 1 else ""),
        ended_at=row.ended_at,
        version=row.version,
        version_number=row.version_number,
        changes=compare(before[row.pk], entries, keys),
    )


async def _entries(turn: Turn, found: Sequence[Row]) -> dict[int, tuple[Kept, ...]]:
    """Of the last attempt of each run: its results, numbers and checks."""
    records = await chats.of_runs(turn, [row.pk for row in found], kinds=KINDS)
    return {
        row.pk: tuple(one.entry for one in records.get(row.pk, []) if one.attempt == row.attempt)
        for row in found
    }


def _parameters(job: JobDefinition, row: Row) -> dict[str, Cell]:
    """The run's parameters without the secret ones."""
    secret = {name for name, one in job.parameters.items() if one.secret}
    return {name: value for name, value in row.parameters.items() if name not in secret and not sealed(value)}
