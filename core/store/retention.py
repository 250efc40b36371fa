"""SQL of what is removed when its time is over: children first, a few rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import DeliveryState
from core.store.dialects import Row
from core.store.tables import (
    attempts,
    batches,
    chat_entries,
    deliveries,
    firings,
    incidents,
    job_versions,
    jobs,
    locks,
    run_files,
    runs,
    schedules,
)

OF_RUNS = (chat_entries, attempts, run_files)  # what points to a run, removed before it
OF_BATCHES = (deliveries, locks)  # what points to a batch beside its runs


async def definitions(connection: AsyncConnection) -> list[tuple[int, dict[str, Any]]]:
    """(number, current definition) of every job; one without a version has an empty definition."""
    found = await connection.execute(
        sa.select(jobs.c.pk, job_versions.c.definition).outerjoin(
            job_versions, job_versions.c.pk == jobs.c.version
        )
    )
    return [(row.pk, row.definition or {}) for row in found]


async def oldest(connection: AsyncConnection, job: int, after: int, limit: int) -> list[Row]:
    """Batches of a job in their order, from the number after `after` on."""
    query = (
        sa.select(batches.c.pk, batches.c.created_at, batches.c.ended_at)
        .where(batches.c.job == job, batches.c.pk > after)
        .order_by(batches.c.pk)
        .limit(limit)
    )
    return list(await connection.execute(query))


async def remove_runs(connection: AsyncConnection, batch: int, limit: int) -> int:
    """Remove up to `limit` runs of a batch with all that belongs to them; returns how many."""
    chosen = sa.select(runs.c.pk).where(runs.c.batch == batch).order_by(runs.c.index).limit(limit)
    numbers = list(await connection.scalars(chosen))
    if numbers:
        for table in OF_RUNS:
            await connection.execute(table.delete().where(table.c.run.in_(numbers)))
        await connection.execute(runs.delete().where(runs.c.pk.in_(numbers)))
    return len(numbers)


async def remove_batch(connection: AsyncConnection, batch: int) -> int:
    """Remove a batch that has no runs any more; 0 where another process did."""
    for table in OF_BATCHES:
        await connection.execute(table.delete().where(table.c.batch == batch))
    done = await connection.execute(batches.delete().where(batches.c.pk == batch))
    return int(done.rowcount)


async def remove_firings(connection: AsyncConnection, job: int, before: datetime, limit: int) -> int:
    """Remove up to `limit` firings of a job's schedules that were due before; returns how many."""
    chosen = (
        sa.select(firings.c.pk)
        .join(schedules, schedules.c.pk == firings.c.schedule)
        .where(schedules.c.job == job, firings.c.due_at < before)
        .limit(limit)
    )
    numbers = list(await connection.scalars(chosen))
    if numbers:
        await connection.execute(firings.delete().where(firings.c.pk.in_(numbers)))
    return len(numbers)


async def remove_incidents(connection: AsyncConnection, job: int, before: datetime, limit: int) -> int:
    """Remove up to `limit` incidents of a job that ended before; returns how many."""
    chosen = (
        sa.select(incidents.c.pk).where(incidents.c.job == job, incidents.c.ended_at < before).limit(limit)
    )
    numbers = list(await connection.scalars(chosen))
    if numbers:
        await connection.execute(incidents.delete().where(incidents.c.pk.in_(numbers)))
    return len(numbers)


async def remove_deliveries(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Remove up to `limit` settled messages of no batch that were made before; returns how many."""
    chosen = (
        sa.select(deliveries.c.pk)
        .where(
            deliveries.c.batch.is_(None),
            deliveries.c.created_at < before,
            deliveries.c.state.not_in((DeliveryState.PENDING, DeliveryState.SENDING)),
        )
        .limit(limit)
    )
    numbers = list(await connection.scalars(chosen))
    if numbers:
        await connection.execute(deliveries.delete().where(deliveries.c.pk.in_(numbers)))
    return len(numbers)


async def referred(connection: AsyncConnection, paths: Sequence[str]) -> set[str]:
    """Which of these files some run refers to."""
    found = await connection.scalars(
        sa.select(run_files.c.path).where(run_files.c.path.in_(paths)).distinct()
    )
    return set(found)
