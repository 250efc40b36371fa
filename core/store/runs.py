"""SQL of runs, attempts and workers. Every change of a status is conditional on the one it leaves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import Status
from core.store.dialects import Instant, Row, among
from core.store.tables import attempts, batches, job_versions, jobs, runs, workers

# Statements of the hot path are built once: building one costs more than running it.
_KEY = sa.tuple_(runs.c.pk, runs.c.fence)
_NOW = sa.bindparam("moment", type_=Instant())
_ME = sa.bindparam("me", type_=sa.BigInteger())
# Literal: SQLite uses no partial index for a bound value.
_QUEUED, _WAITING, _RUNNING = (
    sa.text(f"runs.status = '{status}'") for status in (Status.QUEUED, Status.WAITING, Status.RUNNING)
)
_OURS = (_KEY.in_(sa.bindparam("keys", expanding=True)), runs.c.status == Status.RUNNING)
_HELD = (
    sa.select(runs.c.pk, runs.c.id, runs.c.batch, runs.c.cancel_requested_at)
    .where(*_OURS)
    .order_by(runs.c.pk)
    .with_for_update()
)
_END = (
    runs.update()
    .where(runs.c.pk.in_(sa.bindparam("pks", expanding=True)), runs.c.status == Status.RUNNING)
    .values(step="")
)
_END_HELD = runs.update().where(*_OURS).values(step="").returning(runs.c.pk, runs.c.id, runs.c.batch)
_FOLLOWING = (
    sa.select(runs.c.pk)
    .where(
        runs.c.batch == sa.bindparam("of_batch"),
        _WAITING,
        sa.or_(runs.c.not_before.is_(None), runs.c.not_before <= _NOW),
    )
    .order_by(runs.c.index)
    .limit(sa.bindparam("room", type_=sa.Integer()))
)
_QUEUE = (
    runs.update()
    .where(among(runs.c.pk, _FOLLOWING), runs.c.status == Status.WAITING)
    .values(status=Status.QUEUED, queued_at=_NOW, not_before=None)
    .returning(runs.c.id, runs.c.priority)
)
_END_ATTEMPTS = attempts.update().where(
    attempts.c.run.in_(sa.bindparam("pks", expanding=True)), attempts.c.ended_at.is_(None)
)


async def insert(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Add runs, whatever their number, in one statement."""
    await connection.execute(runs.insert(), rows)


async def held(connection: AsyncConnection, keys: Sequence[tuple[int, int]]) -> dict[int, Row]:
    """Which of these (run, fence) are still ours, locked until the transaction ends."""
    if not keys:
        return {}
    rows = await connection.execute(_HELD, {"keys": list(keys)})
    return {row.pk: row for row in rows}


async def end(
    connection: AsyncConnection, pks: Sequence[int], status: Status, reason: str, now: datetime
) -> None:
    """End these running runs alike."""
    given = {"pks": list(pks), "status": status, "reason": reason, "ended_at": now}
    await connection.execute(_END, given)


async def end_held(
    connection: AsyncConnection, keys: Sequence[tuple[int, int]], status: Status, reason: str, now: datetime
) -> dict[int, Row]:
    """End those of these (run, fence) that are still ours, alike; which they are."""
    if not keys:
        return {}
    given = {"keys": list(keys), "status": status, "reason": reason, "ended_at": now}
    return {row.pk: row for row in await connection.execute(_END_HELD, given)}


async def retry(connection: AsyncConnection, pk: int, not_before: datetime, reason: str) -> None:
    """Give a running run back for another attempt, not before that instant."""
    await connection.execute(
        runs.update()
        .where(runs.c.pk == pk, runs.c.status == Status.RUNNING)
        .values(status=Status.WAITING, reason=reason, step="", not_before=not_before, worker=None)
    )


async def end_attempts(
    connection: AsyncConnection, pks: Sequence[int], outcome: Status, reason: str, now: datetime
) -> None:
    """Close the open attempts of these runs alike."""
    if not pks:
        return
    given = {"pks": list(pks), "outcome": outcome, "reason": reason, "ended_at": now}
    await connection.execute(_END_ATTEMPTS, given)


async def queue(connection: AsyncConnection, batch: int, room: int, now: datetime) -> list[tuple[str, int]]:
    """Queue the next waiting runs of a batch, at most `room`; returns (id, priority) of each."""
    rows = await connection.execute(_QUEUE, {"of_batch": batch, "moment": now, "room": room})
    return [(row.id, row.priority) for row in rows]


async def batches_with_due(connection: AsyncConnection, now: datetime, limit: int) -> list[int]:
    """The active batches that have a retry whose time has come."""
    return list(
        await connection.scalars(
            sa.select(runs.c.batch)
            .join(batches, batches.c.pk == runs.c.batch)
            .where(_WAITING, runs.c.not_before <= now, batches.c.state == "active")
            .distinct()
            .limit(limit)
        )
    )


async def queued(connection: AsyncConnection, limit: int) -> list[tuple[str, int]]:
    """The queued runs, the most urgent first."""
    rows = await connection.execute(
        sa.select(runs.c.id, runs.c.priority)
        .where(_QUEUED)
        .order_by(runs.c.priority.desc(), runs.c.pk)
        .limit(limit)
    )
    return [(row.id, row.priority) for row in rows]


async def cancel_unstarted(
    connection: AsyncConnection, batch: int, index: int | None, member: int | None, reason: str, now: datetime
) -> int:
    """Cancel what no worker holds; returns how many."""
    query = runs.update().where(runs.c.batch == batch, runs.c.status.in_([Status.WAITING, Status.QUEUED]))
    if index is not None:
        query = query.where(runs.c.index == index)
    done = await connection.execute(
        query.values(
            status=Status.CANCELLED,
            reason=reason,
            ended_at=now,
            cancel_requested_at=now,
            cancel_requested_by=member,
        )
    )
    return done.rowcount


async def end_unstarted(
    connection: AsyncConnection, batch_pks: Sequence[int], status: Status, reason: str, now: datetime
) -> list[int]:
    """End what no worker holds of these batches; returns the batches that had some."""
    if not batch_pks:
        return []
    query = (
        runs.update()
        .where(runs.c.batch.in_(batch_pks), runs.c.status.in_([Status.WAITING, Status.QUEUED]))
        .values(status=status, reason=reason, ended_at=now)
        .returning(runs.c.batch)
    )
    return sorted(set(await connection.scalars(query)))


async def remove_after(connection: AsyncConnection, batch: int, index: int) -> int:
    """Take back the runs of a batch that has not begun, beyond that index; returns how many."""
    query = runs.delete().where(runs.c.batch == batch, runs.c.index > index, runs.c.status == Status.WAITING)
    return (await connection.execute(query)).rowcount


async def request_cancel(
    connection: AsyncConnection, batch: int, index: int | None, member: int | None, now: datetime
) -> list[str]:
    """Ask the workers of running runs to stop; returns the runs' ids."""
    query = runs.update().where(
        runs.c.batch == batch, runs.c.status == Status.RUNNING, runs.c.cancel_requested_at.is_(None)
    )
    if index is not None:
        query = query.where(runs.c.index == index)
    return list(
        await connection.scalars(
            query.values(cancel_requested_at=now, cancel_requested_by=member).returning(runs.c.id)
        )
    )


async def of_batch(connection: AsyncConnection, batch: int) -> list[Row]:
    """The runs of a batch in order."""
    return list(await connection.execute(sa.select(runs).where(runs.c.batch == batch).order_by(runs.c.index)))


async def pk_of(connection: AsyncConnection, public_id: str) -> int | None:
    """The number of the run with that public id."""
    found: int | None = (
        await connection.scalars(sa.select(runs.c.pk).where(runs.c.id == public_id))
    ).one_or_none()
    return found


async def of_batches(connection: AsyncConnection, batch_pks: Sequence[int]) -> list[Row]:
    """The runs of several batches, by batch and index."""
    return list(
        await connection.execute(
            sa.select(runs).where(runs.c.batch.in_(batch_pks)).order_by(runs.c.batch, runs.c.index)
        )
    )


async def get(connection: AsyncConnection, pks: Sequence[int]) -> list[Row]:
    """These runs, by number."""
    return list(await connection.execute(sa.select(runs).where(runs.c.pk.in_(pks)).order_by(runs.c.pk)))


async def earlier(connection: AsyncConnection, run: Row, *, same_member: bool = False) -> Row | None:
    """The last run of the same job with the same parameters before that one that succeeded, and whose agent
    was at work; with its version's number and how many runs its batch has."""
    query = (
        sa.select(runs, job_versions.c.number.label("version_number"), batches.c.total)
        .join(job_versions, job_versions.c.pk == runs.c.version)
        .join(batches, batches.c.pk == runs.c.batch)
        .where(
            runs.c.job == run.job,
            runs.c.print == run.print,
            sa.text("runs.status = 'succeeded'"),  # literal, as its partial index has it
            runs.c.pk < run.pk,
            runs.c.quiet != "run_if",
        )
        .order_by(runs.c.pk.desc())
        .limit(1)
    )
    if same_member:  # what one person found is no business of the next
        mine = sa.select(sa.func.coalesce(batches.c.member, 0)).where(batches.c.pk == run.batch)
        query = query.where(sa.func.coalesce(batches.c.member, 0) == mine.correlate(None).scalar_subquery())
    return (await connection.execute(query)).one_or_none() if run.print else None


async def quieten(connection: AsyncConnection, pk: int, gate: str, reason: str) -> None:
    """The result of this run is not posted, because of that gate."""
    await connection.execute(runs.update().where(runs.c.pk == pk).values(quiet=gate, reason=reason))


async def heard(connection: AsyncConnection, batch_pks: Sequence[int]) -> set[int]:
    """Those of these batches that have a run whose result is posted."""
    query = sa.select(runs.c.batch).where(
        runs.c.batch.in_(batch_pks), runs.c.status == Status.SUCCEEDED, runs.c.quiet == ""
    )
    return set(await connection.scalars(query.distinct()))


async def attempts_of(connection: AsyncConnection, run: int) -> list[Row]:
    """Every try of a run."""
    return list(
        await connection.execute(sa.select(attempts).where(attempts.c.run == run).order_by(attempts.c.number))
    )


async def step(connection: AsyncConnection, keys: Sequence[tuple[int, int]], texts: Sequence[str]) -> None:
    """Write where these running runs are."""
    await connection.execute(
        runs.update()
        .where(
            runs.c.pk == sa.bindparam("run_pk"),
            runs.c.fence == sa.bindparam("run_fence"),
            runs.c.status == Status.RUNNING,
        )
        .values(step=sa.bindparam("run_step")),
        [
            {"run_pk": pk, "run_fence": fence, "run_step": text}
            for (pk, fence), text in zip(keys, texts, strict=True)
        ],
    )


async def version(connection: AsyncConnection, pk: int) -> Row:
    """A job version with its job's name."""
    return (await versions(connection, {pk}))[pk]


async def versions(connection: AsyncConnection, pks: Collection[int]) -> dict[int, Row]:
    """These job versions with their jobs' names, by number."""
    query = (
        sa.select(job_versions, jobs.c.name.label("job_name"), jobs.c.organization)
        .join(jobs, jobs.c.pk == job_versions.c.job)
        .where(job_versions.c.pk.in_(pks))
    )
    return {row.pk: row for row in await connection.execute(query)}


async def seats(connection: AsyncConnection, batch_pks: Sequence[int]) -> list[Row]:
    """Where the running runs of these batches are: batch, the worker's name and lease_until, their number."""
    query = (
        sa.select(runs.c.batch, workers.c.name, workers.c.lease_until, sa.func.count().label("number"))
        .join(workers, workers.c.pk == runs.c.worker)
        .where(runs.c.batch.in_(batch_pks), runs.c.status == Status.RUNNING)
        .group_by(runs.c.batch, workers.c.pk, workers.c.name, workers.c.lease_until)
        .order_by(runs.c.batch, workers.c.pk)
    )
    return list(await connection.execute(query))


async def take_away(
    connection: AsyncConnection, batch_pks: Sequence[int], member: int | None, reason: str, now: datetime
) -> list[Row]:
    """End what runs of these batches as cancelled, with a higher fence: its workers' writes are refused."""
    query = (
        runs.update()
        .where(runs.c.batch.in_(batch_pks), runs.c.status == Status.RUNNING)
        .values(
            status=Status.CANCELLED,
            fence=runs.c.fence + 1,
            reason=reason,
            step="",
            ended_at=now,
            cancel_requested_at=sa.func.coalesce(runs.c.cancel_requested_at, sa.literal(now, Instant)),
            cancel_requested_by=member,
        )
        .returning(runs.c.pk, runs.c.attempt)
    )
    return list(await connection.execute(query))


async def owned(connection: AsyncConnection, worker: int) -> list[Row]:
    """The runs that a worker holds by the rows: pk, fence, whether a cancel was asked for, and when the
    time of its batch is over."""
    return list(
        await connection.execute(
            sa.select(runs.c.pk, runs.c.fence, runs.c.cancel_requested_at, batches.c.until_at)
            .join(batches, batches.c.pk == runs.c.batch)
            .where(runs.c.worker == worker, _RUNNING)
        )
    )


async def queued_long(
    connection: AsyncConnection, before: datetime, served: Collection[str], limit: int
) -> list[Row]:
    """Batches with runs that are queued since before that instant and ask for a tag that is not `served`."""
    waits = (
        sa.select(runs.c.batch)
        .join(batches, batches.c.pk == runs.c.batch)
        .where(_QUEUED, runs.c.queued_at < before, batches.c.runs_on.not_in(list(served)))
        .distinct()
        .limit(limit)
    )
    query = sa.select(batches).where(batches.c.pk.in_(waits), batches.c.channel.is_not(None))
    return list(await connection.execute(query.order_by(batches.c.pk)))


async def details(connection: AsyncConnection, keys: Sequence[tuple[int, int]]) -> list[Row]:
    """The running runs among these (run, fence)."""
    return list(
        await connection.execute(
            sa.select(runs).where(_KEY.in_(list(keys)), runs.c.status == Status.RUNNING).order_by(runs.c.pk)
        )
    )


async def orphans(connection: AsyncConnection, limit: int) -> list[Row]:
    """Running runs of dead workers."""
    return list(
        await connection.execute(
            sa.select(runs, workers.c.name.label("worker_name"))
            .join(workers, workers.c.pk == runs.c.worker)
            .where(_RUNNING, workers.c.dead_at.is_not(None))
            .order_by(runs.c.pk)
            .limit(limit)
        )
    )
