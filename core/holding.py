"""Who holds a job's lock and since when; and breaking it, where the holder cannot be reached.

Breaking ends the holder's runs here and now: each run's fence is raised, so whatever its worker still
writes is refused, and the worker stops it as soon as it looks. The lock then goes to the next in line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core import audit, batches, chats, people, progress
from core.batches import Batch
from core.definitions import Role
from core.entries import Failed
from core.errors import OutOfPlace
from core.jobs import Job
from core.lifecycles import BatchState, Status
from core.people import Member
from core.store import batches as rows
from core.store import runs as run_rows
from core.turns import Turn


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a holder's runs are executed, and until when that process has said that it lives."""

    worker: str
    runs: int
    alive_until: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A batch that holds keys of a job's lock, since when, and where it works."""

    batch: Batch
    since: datetime
    keys: int
    seats: tuple[Seat, ...]


async def holders(turn: Turn, job: Job) -> list[Held]:
    """Who holds the job's lock, the oldest first: several where its scope is `job+parameters`."""
    found = await rows.locked(turn.connection, job.id)
    pks = sorted({row.batch for row in found})
    seats: dict[int, list[Seat]] = {}
    for row in await run_rows.seats(turn.connection, pks):
        seats.setdefault(row.batch, []).append(Seat(row.name, row.number, row.lease_until))
    return [
        Held(
            batch=batch,
            since=min(row.taken_at for row in found if row.batch == batch.number),
            keys=sum(1 for row in found if row.batch == batch.number),
            seats=tuple(seats.get(batch.number, ())),
        )
        for batch in await batches.get(turn, pks)
    ]


async def line(turn: Turn, job: Job) -> list[int]:
    """The batches that wait for the lock, the first first."""
    return [row.pk for row in await rows.waiting(turn.connection, [job.pk])]


async def break_lock(turn: Turn, actor: Member, job: Job) -> list[Held]:
    """Take the job's lock from whoever holds it; returns who did.

    1. Stand in line for the job. 2. End what the holders run, with a higher fence, and cancel what they
    have not begun. 3. End the batches, free their keys, hand them over. 4. The audit rows.

    Raises:
        NotAllowed: the actor is no admin.
        OutOfPlace: nobody holds it.
    """
    await people.permit(turn, actor, Role.ADMIN, f"break the lock of {job.name}")
    await rows.order(turn.connection, [job.pk])
    found = await holders(turn, job)
    if not found:
        raise OutOfPlace(f"Nobody holds the lock of {job.name}.", suggestions=(f"lock {job.name}",))
    reason = f"its lock was broken by {actor.name}"
    pks = [one.batch.number for one in found]
    await _end_runs(turn, actor, pks, reason)
    values = {"cancelled_by": actor.pk, "reason": reason}
    await rows.move(turn.connection, pks, BatchState.ACTIVE, values)
    await progress.advance(turn, pks)
    for one in found:
        await audit.record(
            turn,
            organization=job.organization,
            member=actor.pk,
            action="lock.break",
            subject=f"batch:{one.batch.id}",
            data={"job": job.name, "number": one.batch.number, "since": one.since.isoformat()},
        )
    return found


async def _end_runs(turn: Turn, actor: Member, pks: Sequence[int], reason: str) -> None:
    connection = turn.connection
    for pk in pks:
        await run_rows.cancel_unstarted(connection, pk, None, actor.pk, reason, turn.now)
    taken = await run_rows.take_away(connection, pks, actor.pk, reason, turn.now)
    await run_rows.end_attempts(connection, [row.pk for row in taken], Status.CANCELLED, reason, turn.now)
    last = await chats.last_sequences(turn, [row.pk for row in taken])
    said = Failed(f"The run was ended: {reason}.")
    await chats.append(
        turn, [chats.Line(row.pk, last.get(row.pk, 0) + 1, row.attempt, said, turn.now) for row in taken]
    )
