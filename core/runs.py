"""One execution with one parameter set: claim, finish, retry, and what happens to a dead worker's runs.

A claim raises the run's fence; every later write of that run carries it, so that a late worker's
writes are refused. The end of a run, the lock it frees and the messages it owes are one transaction.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core import chats, deliveries, gates, progress, versions
from core.definitions import JobDefinition, Retry, Version
from core.entries import Failed
from core.lifecycles import UNSUCCESSFUL, Status
from core.store import batches as batch_rows
from core.store import claims as claim_rows
from core.store import runs as rows
from core.store.dialects import Row
from core.turns import Turn


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that a worker holds; the fence proves it."""

    pk: int
    id: str
    batch: int
    index: int
    job: int
    version: int
    parameters: dict[str, Any]
    attempt: int
    fence: int
    started_at: datetime
    last_sequence: int
    due_at: datetime | None = None

    @property
    def label(self) -> str:
        """How people call it."""
        return f"#{self.batch}.{self.index}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, with the entries that are not written yet.

    `permanent`: another attempt cannot help. `closed` is why there was nothing to do for the agent. `gates`
    is its job, where that has some.
    """

    pk: int
    fence: int
    job: int
    attempt: int
    status: Status
    reason: str
    retry: Retry
    rerun_interrupted: bool = False
    permanent: bool = False
    entries: tuple[chats.Line, ...] = ()
    closed: str = ""
    gates: JobDefinition | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands."""

    pk: int
    id: str
    batch: int
    index: int
    version: int
    parameters: dict[str, Any]
    status: Status
    reason: str
    attempt: int
    step: str
    not_before: datetime | None
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None = None
    quiet: str = ""  # the gate because of which its result is not posted

    @property
    def label(self) -> str:
        """How people call it."""
        return f"#{self.batch}.{self.index}"


async def claim(turn: Turn, room: int, worker: int, tags: Sequence[str] = ()) -> list[Claim]:
    """Claim so many of what is queued, those whose turn it is, for a worker whose lease is alive."""
    found = await claim_rows.claim(turn.connection, room, worker, turn.now, tags)
    if not found:
        return []
    await claim_rows.begin_attempts(
        turn.connection,
        [
            {
                "run": row.pk,
                "number": row.attempt,
                "fence": row.fence,
                "worker": worker,
                "started_at": turn.now,
            }
            for row in found
        ],
    )
    again = [row.pk for row in found if row.attempt > 1]
    last = await chats.last_sequences(turn, again) if again else {}
    await deliveries.touched(turn, sorted({row.batch for row in found}))
    return [
        Claim(
            pk=row.pk,
            id=row.id,
            batch=row.batch,
            index=row._mapping["index"],
            job=row.job,
            version=row.version,
            parameters=row.parameters,
            attempt=row.attempt,
            fence=row.fence,
            started_at=row.started_at,
            last_sequence=last.get(row.pk, 0),
            due_at=row.due_at,
        )
        for row in found
    ]


async def finish(turn: Turn, endings: Sequence[Ending]) -> set[int]:
    """End these attempts; returns the runs that were still ours to end.

    1. Stand in line for the jobs. 2. End what succeeded and is ours, in one statement. 3. See which of the
    others are ours; give back what has another attempt, end the rest. 4. Write their last entries. 5. Ask the
    gates of those that succeeded. 6. Let their batches go on or end.
    """
    await batch_rows.order(turn.connection, [ending.job for ending in endings])
    good = [ending for ending in endings if ending.status is Status.SUCCEEDED]
    held = await _succeed(turn, good)
    succeeded = [ending for ending in good if ending.pk in held]
    held |= await _fail(turn, [ending for ending in endings if ending.status is not Status.SUCCEEDED])
    ours = [ending for ending in endings if ending.pk in held]
    if not ours:
        return set()
    await chats.append(turn, [line for ending in ours for line in ending.entries])
    gated = [
        gates.Gated(one.pk, one.attempt, one.gates, one.closed) for one in succeeded if one.gates is not None
    ]
    quiet = await gates.settle(turn, gated)
    told: dict[int, list[str]] = {}
    for one in succeeded:
        if one.pk not in quiet:
            told.setdefault(held[one.pk].batch, []).append(held[one.pk].id)
    await progress.advance(turn, {held[ending.pk].batch for ending in ours}, succeeded=told)
    return {ending.pk for ending in ours}


async def _succeed(turn: Turn, endings: Sequence[Ending]) -> dict[int, Row]:
    """End these as succeeded; the rows of those that were ours."""
    alike: dict[str, list[Ending]] = {}
    for ending in endings:
        alike.setdefault(ending.reason, []).append(ending)
    held: dict[int, Row] = {}
    for reason, some in alike.items():
        keys = [(one.pk, one.fence) for one in some]
        ended = await rows.end_held(turn.connection, keys, Status.SUCCEEDED, reason, turn.now)
        await rows.end_attempts(turn.connection, list(ended), Status.SUCCEEDED, reason, turn.now)
        held |= ended
    return held


async def _fail(turn: Turn, endings: Sequence[Ending]) -> dict[int, Row]:
    """Give back those that have another attempt, end the others; the rows of those that were ours."""
    held = await rows.held(turn.connection, [(ending.pk, ending.fence) for ending in endings])
    alike: dict[tuple[Status, str], list[int]] = {}
    for ending in endings:
        if ending.pk not in held:
            continue
        wait = _another(ending, cancelled=held[ending.pk].cancel_requested_at is not None)
        if wait is None:
            alike.setdefault((ending.status, ending.reason), []).append(ending.pk)
            continue
        await rows.retry(turn.connection, ending.pk, turn.now + wait, ending.reason)
        await rows.end_attempts(turn.connection, [ending.pk], ending.status, ending.reason, turn.now)
        if ending.retry.alert == "every":
            await progress.retried(turn, held[ending.pk].batch, held[ending.pk].id, ending.attempt)
    for (status, reason), pks in alike.items():
        await rows.end(turn.connection, pks, status, reason, turn.now)
        await rows.end_attempts(turn.connection, pks, status, reason, turn.now)
    return held


async def reap(turn: Turn, *, limit: int = 100) -> int:
    """End the runs of dead workers as `lost`, or give them back; returns how many. Safe to repeat."""
    found = await rows.orphans(turn.connection, limit)
    return await _end_for(turn, found, Status.LOST, lambda row: f"its worker {row.worker_name} died")


async def abandon(turn: Turn, keys: Sequence[tuple[int, int]]) -> int:
    """End runs whose claim was committed while its answer was lost: nobody works on them."""
    found = await rows.details(turn.connection, keys)
    return await _end_for(turn, found, Status.INTERRUPTED, lambda _: "the answer to its claim was lost")


async def of_batch(turn: Turn, batch: int) -> list[Run]:
    """The runs of a batch in order."""
    return [_run(row) for row in await rows.of_batch(turn.connection, batch)]


async def of_batches(turn: Turn, batch_pks: Sequence[int]) -> list[Run]:
    """The runs of several batches in order."""
    return [_run(row) for row in await rows.of_batches(turn.connection, batch_pks)]


async def version_of(turn: Turn, pk: int) -> Version:
    """The immutable version that a run points at."""
    row = await rows.version(turn.connection, pk)
    return versions.read(row.id, row.definition)


def wait_before(retry: Retry, attempt: int, *, chance: float | None = None) -> timedelta:
    """How long to wait after that attempt before the next; `chance` (0 to 1) is how much of the jitter."""
    if chance is None:
        chance = random.random()  # noqa: S311 - spreads retries
    seconds = min(
        retry.delay.total_seconds() * retry.backoff ** (attempt - 1), retry.max_delay.total_seconds()
    )
    return timedelta(seconds=seconds * (1 + retry.jitter * chance))


async def _end_for(turn: Turn, found: Sequence[Row], status: Status, why: Callable[[Row], str]) -> int:
    last = await chats.last_sequences(turn, [row.pk for row in found])
    endings = []
    for row in found:
        job = (await version_of(turn, row.version)).job
        failure = Failed(f"The run was {status}: {why(row)}.")
        endings.append(
            Ending(
                pk=row.pk,
                fence=row.fence,
                job=row.job,
                attempt=row.attempt,
                status=status,
                reason=why(row),
                retry=job.retry,
                rerun_interrupted=job.rerun_interrupted,
                entries=(chats.Line(row.pk, last.get(row.pk, 0) + 1, row.attempt, failure, turn.now),),
            )
        )
    return len(await finish(turn, endings)) if endings else 0


def _another(ending: Ending, *, cancelled: bool) -> timedelta | None:
    """How long to wait before another attempt; None where there is none."""
    if cancelled or ending.permanent or ending.status not in UNSUCCESSFUL:
        return None
    if ending.status is Status.INTERRUPTED and ending.rerun_interrupted:
        return timedelta(0)
    if ending.attempt >= ending.retry.attempts:
        return None
    if ending.status is Status.INTERRUPTED:
        return timedelta(0)
    return wait_before(ending.retry, ending.attempt)


def _run(row: Row) -> Run:
    return Run(
        pk=row.pk,
        id=row.id,
        batch=row.batch,
        index=row._mapping["index"],
        version=row.version,
        parameters=row.parameters,
        status=Status(row.status),
        reason=row.reason,
        attempt=row.attempt,
        step=row.step,
        not_before=row.not_before,
        cancel_requested_at=row.cancel_requested_at,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        due_at=row.due_at,
        quiet=row.quiet,
    )
