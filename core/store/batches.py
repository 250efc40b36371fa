"""SQL of batches and locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import BatchState, Status
from core.store.dialects import Row
from core.store.tables import batches, channels, job_versions, jobs, locks, runs

OPEN = (BatchState.PROPOSED, BatchState.WAITING, BatchState.ACTIVE)
ILL = (BatchState.PARTLY_FAILED, BatchState.FAILED, BatchState.CANCELLED, BatchState.SKIPPED)

# Statements of the hot path are built once: building one costs more than running it.
_INSERT = batches.insert().returning(batches.c.pk)
_INSERT_MANY = batches.insert().returning(batches.c.id, batches.c.pk)
_HOLDING = sa.select(locks.c.key, locks.c.batch).where(locks.c.key.in_(sa.bindparam("keys", expanding=True)))
_LINE = (
    sa.select(batches)
    .where(
        batches.c.job.in_(sa.bindparam("jobs", expanding=True)),
        batches.c.state == sa.literal_column(f"'{BatchState.WAITING}'"),
    )
    .order_by(sa.func.coalesce(batches.c.place, batches.c.pk), batches.c.place.is_not(None), batches.c.pk)
)
_ORDER = (
    sa.select(jobs.c.pk)
    .where(jobs.c.pk.in_(sa.bindparam("jobs", expanding=True)))
    .order_by(jobs.c.pk)
    .with_for_update(key_share=True)
)
_COUNTS = (
    sa.select(runs.c.batch, runs.c.status, sa.func.count().label("number"))
    .where(runs.c.batch.in_(sa.bindparam("batches", expanding=True)))
    .group_by(runs.c.batch, runs.c.status)
)
_GET = (
    sa.select(
        batches,
        jobs.c.name.label("job_name"),
        jobs.c.id.label("job_id"),
        job_versions.c.id.label("version_id"),
    )
    .join(jobs, jobs.c.pk == batches.c.job)
    .join(job_versions, job_versions.c.pk == batches.c.version)
    .where(batches.c.pk.in_(sa.bindparam("batches", expanding=True)))
    .order_by(batches.c.pk)
)
_COUNTED = _COUNTS.subquery("counted")
_GET_COUNTED = _GET.add_columns(_COUNTED.c.status.label("run_status"), _COUNTED.c.number).outerjoin(
    _COUNTED, _COUNTED.c.batch == batches.c.pk
)


async def order(connection: AsyncConnection, job_pks: Iterable[int]) -> None:
    """Stand in line for these jobs: starts, ends and cancels of one job follow each other.

    PostgreSQL locks the jobs' rows in their order; SQLite's writing transaction is alone anyway.
    """
    if connection.dialect.name == "sqlite":
        return
    await connection.execute(_ORDER, {"jobs": sorted(set(job_pks))})


async def holders(connection: AsyncConnection, keys: Sequence[str]) -> list[int]:
    """The batches that hold one of these keys."""
    if not keys:
        return []
    return sorted(set(await connection.scalars(sa.select(locks.c.batch).where(locks.c.key.in_(keys)))))


async def holding(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
    """Which of these keys are held, and by which batch."""
    if not keys:
        return {}
    found = await connection.execute(_HOLDING, {"keys": list(keys)})
    return {row.key: row.batch for row in found}


async def insert_many(connection: AsyncConnection, made: Sequence[dict[str, Any]]) -> list[int]:
    """Add batches in as few statements as may be; their numbers, in order."""
    if len(made) == 1:
        return [await insert(connection, made[0])]
    found = await connection.execute(_INSERT_MANY, list(made))
    numbers = {row.id: row.pk for row in found}
    return [numbers[one["id"]] for one in made]


async def insert(connection: AsyncConnection, values: dict[str, Any]) -> int:
    """Add a batch; returns its number."""
    made = await connection.execute(_INSERT, values)
    return int(made.scalar_one())


async def lock(connection: AsyncConnection, keys: Sequence[str], batch: int, now: datetime) -> None:
    """Take the keys. Raises IntegrityError where one is held: the backstop of the overlap rule."""
    if keys:
        await connection.execute(
            locks.insert(), [{"key": key, "batch": batch, "taken_at": now} for key in sorted(keys)]
        )


async def lock_many(connection: AsyncConnection, taken: Iterable[tuple[str, int]], now: datetime) -> None:
    """Take these keys, each for its batch. Raises as `lock`."""
    values = [{"key": key, "batch": batch, "taken_at": now} for key, batch in sorted(taken)]
    if values:
        await connection.execute(locks.insert(), values)


async def unlock(connection: AsyncConnection, batch_pks: Sequence[int]) -> None:
    """Free every key of these batches."""
    await connection.execute(locks.delete().where(locks.c.batch.in_(batch_pks)))


async def locked(connection: AsyncConnection, job_id: str) -> list[Row]:
    """The locks of a job: key, batch, taken_at."""
    return list(
        await connection.execute(
            sa.select(locks.c.key, locks.c.batch, locks.c.taken_at)
            .where(sa.or_(locks.c.key == job_id, locks.c.key.startswith(f"{job_id}:")))
            .order_by(locks.c.key)
        )
    )


async def move(
    connection: AsyncConnection, pks: Sequence[int], source: BatchState, values: dict[str, Any]
) -> list[int]:
    """Change these batches where they are in that state; returns those that were."""
    if not pks:
        return []
    return list(
        await connection.scalars(
            batches.update()
            .where(batches.c.pk.in_(pks), batches.c.state == source)
            .values(values)
            .returning(batches.c.pk)
        )
    )


async def last_number(connection: AsyncConnection) -> int:
    """The number of the newest batch: who joins a line now stands behind it."""
    return int(await connection.scalar(sa.select(sa.func.max(batches.c.pk))) or 0)


async def given_up(
    connection: AsyncConnection, state: BatchState, now: datetime, limit: int
) -> list[tuple[int, int]]:
    """(batch, job) of what is in that state beyond its time, the longest first."""
    late = (
        sa.select(batches.c.pk, batches.c.job)
        .where(
            sa.text("until_at IS NOT NULL AND state IN ('proposed', 'active')"),  # as the index has it
            batches.c.state == state,
            batches.c.until_at <= now,
        )
        .order_by(batches.c.until_at)
        .limit(limit)
    )
    return [(row.pk, row.job) for row in await connection.execute(late)]


async def waiting(connection: AsyncConnection, job_pks: Sequence[int]) -> list[Row]:
    """The waiting batches of these jobs, first come first."""
    return list(await connection.execute(_LINE, {"jobs": list(job_pks)}))


async def jobs_with_waiting(connection: AsyncConnection) -> list[int]:
    """The jobs that have waiting batches: the sweep looks whether their locks are free."""
    return list(
        await connection.scalars(
            sa.select(batches.c.job).where(batches.c.state == BatchState.WAITING).distinct()
        )
    )


async def counts(connection: AsyncConnection, batch_pks: Sequence[int]) -> dict[int, dict[Status, int]]:
    """How many runs of each batch are in each status."""
    found: dict[int, dict[Status, int]] = {pk: {} for pk in batch_pks}
    for row in await connection.execute(_COUNTS, {"batches": list(batch_pks)}):
        found[row.batch][Status(row.status)] = row.number
    return found


async def get(connection: AsyncConnection, pks: Sequence[int]) -> list[Row]:
    """These batches with their job's name and id, and their version's id, by number."""
    return list(await connection.execute(_GET, {"batches": list(pks)}))


async def get_counted(
    connection: AsyncConnection, pks: Sequence[int]
) -> tuple[dict[int, Row], dict[int, dict[Status, int]]]:
    """What `get` and `counts` tell of these batches, in one look."""
    found: dict[int, Row] = {}
    counted: dict[int, dict[Status, int]] = {pk: {} for pk in pks}
    for row in await connection.execute(_GET_COUNTED, {"batches": list(pks)}):
        found[row.pk] = row
        if row.run_status is not None:
            counted[row.pk][Status(row.run_status)] = row.number
    return found, counted


async def by_id(connection: AsyncConnection, organization: int, batch_id: str) -> int | None:
    """The number of the batch with that public id, or of the batch of the run with it."""
    own = sa.select(batches.c.pk).where(batches.c.id == batch_id, batches.c.organization == organization)
    of_run = (
        sa.select(batches.c.pk)
        .join(runs, runs.c.batch == batches.c.pk)
        .where(runs.c.id == batch_id, batches.c.organization == organization)
    )
    found = await connection.scalars(sa.union_all(own, of_run).limit(1))
    return found.one_or_none()


async def ended(connection: AsyncConnection, pk: int) -> bool:
    """Nothing more will happen to that batch."""
    state = await connection.scalar(sa.select(batches.c.state).where(batches.c.pk == pk))
    return state is None or BatchState(state).ended


async def latest(
    connection: AsyncConnection,
    organization: int,
    *,
    job: int | None,
    states: Iterable[BatchState] | None,
    hidden: Sequence[int],
    skip: int,
    limit: int,
    before: int | None = None,
    confidential: Sequence[int] = (),
    member: int | None = None,
) -> list[Row]:
    """The newest batches first, without those of `hidden` jobs, from the `skip`-th of those `before` on; of
    `confidential` jobs only those that the `member` started."""
    wanted = set(states) if states is not None else set(BatchState)
    chosen = sa.select(batches.c.pk)
    order: sa.ColumnElement[int] = batches.c.pk
    if wanted <= set(OPEN):
        # They are few: `+ 0` keeps SQLite from walking through everybody's past in the order of an index.
        order = sa.literal_column("batches.pk + 0", sa.BigInteger())
        chosen = chosen.where(_in(OPEN), sa.literal_column("batches.organization + 0") == organization)
    else:
        chosen = chosen.where(batches.c.organization == organization)
        chosen = chosen.where(_in(ILL)) if wanted <= set(ILL) else chosen
    if job is not None:
        chosen = chosen.where(batches.c.job == job)
    if before is not None:
        chosen = chosen.where(batches.c.pk < before)
    if hidden:
        chosen = chosen.where(batches.c.job.not_in(hidden))
    if confidential:
        chosen = chosen.where(sa.or_(batches.c.job.not_in(confidential), batches.c.member == member))
    if states is not None:
        chosen = chosen.where(batches.c.state.in_(sorted(wanted)))
    page = chosen.order_by(order.desc()).offset(skip).limit(limit).subquery("page")
    query = (
        sa.select(batches, jobs.c.name.label("job_name"), jobs.c.id.label("job_id"))
        .join(page, page.c.pk == batches.c.pk)
        .join(jobs, jobs.c.pk == batches.c.job)
        .order_by(batches.c.pk.desc())
    )
    return list(await connection.execute(query))


async def jobs_at(
    connection: AsyncConnection, organization: int, platform: str, address: str, thread: str = ""
) -> list[int]:
    """The jobs that were run from a channel (of its thread where there is one), the latest first, a few."""
    query = (
        sa.select(batches.c.job)
        .join(channels, channels.c.pk == batches.c.channel)
        .where(
            batches.c.organization == organization,
            channels.c.platform == platform,
            channels.c.address == address,
        )
        .group_by(batches.c.job)
        .order_by(sa.func.max(batches.c.pk).desc())
        .limit(5)
    )
    if thread:
        query = query.where(channels.c.thread == thread)
    return list(await connection.scalars(query))


async def last_ended(connection: AsyncConnection, job_pks: Sequence[int]) -> dict[int, Row]:
    """The newest ended batch of each job: one step back in an index for each, however long the history."""
    ended = [state for state in BatchState if state.ended and state is not BatchState.SKIPPED]
    newest = (
        sa.select(batches.c.pk)
        .where(batches.c.job == jobs.c.pk, batches.c.state.in_(ended))
        .order_by(batches.c.pk.desc())
        .limit(1)
        .correlate(jobs)
        .scalar_subquery()
    )
    asked = sa.select(newest.label("pk")).where(jobs.c.pk.in_(job_pks)).subquery("newest")
    rows = await connection.execute(sa.select(batches).join(asked, asked.c.pk == batches.c.pk))
    return {row.job: row for row in rows}


def _in(states: Iterable[BatchState]) -> sa.TextClause:
    """The condition as a partial index has it: none is used for bound values."""
    return sa.text(f"batches.state IN ({', '.join(repr(str(state)) for state in states)})")
