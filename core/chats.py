"""The permanent record of a run: its entries in order, written once and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.entries import Attached, Kept, Record, decode, encode
from core.store import chats as rows
from core.turns import Turn


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with its place, not written yet. `sequence` counts from 1 within the run."""

    run: int
    sequence: int
    attempt: int
    entry: Kept
    at: datetime


async def append(turn: Turn, lines: Sequence[Line]) -> None:
    """Write entries, and which files they refer to. The caller has proved that the runs are its own."""
    made = []
    files = []
    for line in lines:
        kind, data = encode(line.entry)
        if isinstance(line.entry, Attached):
            files.append({"run": line.run, "path": line.entry.path})
        made.append(
            {
                "run": line.run,
                "sequence": line.sequence,
                "attempt": line.attempt,
                "kind": kind,
                "data": data,
                "at": line.at,
            }
        )
    await rows.append(turn.connection, made)
    await rows.refer(turn.connection, files)


async def last_sequences(turn: Turn, run_pks: Sequence[int]) -> dict[int, int]:
    """The highest sequence number of each run that has entries."""
    return await rows.last_sequence(turn.connection, run_pks) if run_pks else {}


async def of_run(turn: Turn, run: int) -> list[Record]:
    """The entries of a run in order."""
    return (await of_runs(turn, [run])).get(run, [])


async def of_runs(
    turn: Turn, run_pks: Sequence[int], *, kinds: Sequence[str] | None = None
) -> dict[int, list[Record]]:
    """The entries of several runs in order; only those kinds where given."""
    found: dict[int, list[Record]] = {}
    for row in await rows.of_runs(turn.connection, run_pks, kinds):
        record = Record(row.sequence, row.attempt, decode(row.kind, row.data), row.at)
        found.setdefault(row.run, []).append(record)
    return found
