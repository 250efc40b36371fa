"""SQL of incidents. Whoever settles one stands in line for its job; the unique index is the backstop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import UNSUCCESSFUL
from core.store import dialects
from core.store.dialects import Row
from core.store.tables import batches, firings, incidents, job_versions, jobs, runs
from core.store.tables.incidents import OPEN

_OPEN = sa.text(f"incidents.{OPEN}")
_OPEN_OF = (
    sa.select(incidents)
    .where(incidents.c.job.in_(sa.bindparam("jobs", expanding=True)), _OPEN)
    .order_by(incidents.c.pk)
)
_UNSUCCESSFUL = sorted(UNSUCCESSFUL)


async def open_of(connection: AsyncConnection, job_pks: Sequence[int]) -> list[Row]:
    """The open incidents of these jobs, the oldest first."""
    return list(await connection.execute(_OPEN_OF, {"jobs": list(job_pks)}))


async def add(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Open an incident; False where one of the same job, scope and cause is open."""
    insert = dialects.insert_ignoring(
        connection.dialect.name,
        incidents,
        incidents.c.job,
        incidents.c.scope,
        incidents.c.cause,
        where=OPEN,
    )
    added = await connection.scalar(insert.values(values).returning(incidents.c.pk))
    return added is not None


async def change(connection: AsyncConnection, pks: Sequence[int], values: dict[str, Any]) -> list[int]:
    """Change these incidents while they are open; returns those that were."""
    if not pks:
        return []
    query = incidents.update().where(incidents.c.pk.in_(pks), incidents.c.ended_at.is_(None))
    return sorted(await connection.scalars(query.values(values).returning(incidents.c.pk)))


async def join(connection: AsyncConnection, pk: int, batch: int, values: dict[str, Any]) -> bool:
    """Count one more failure of an open incident, and say so at its batch; False where it has ended."""
    counted = {"failures": incidents.c.failures + 1, "last_batch": batch} | values
    if not await change(connection, [pk], counted):
        return False
    await connection.execute(batches.update().where(batches.c.pk == batch).values(incident=pk))
    return True


async def get(connection: AsyncConnection, pks: Sequence[int]) -> list[Row]:
    """These incidents, the oldest first."""
    query = sa.select(incidents).where(incidents.c.pk.in_(pks)).order_by(incidents.c.pk)
    return list(await connection.execute(query))


async def by_id(connection: AsyncConnection, public_id: str) -> Row | None:
    """The incident of that id."""
    return (await connection.execute(sa.select(incidents).where(incidents.c.id == public_id))).one_or_none()


async def of_batch(connection: AsyncConnection, batch: int) -> Row | None:
    """The incident that the failure of a batch belongs to."""
    query = sa.select(incidents).join(batches, batches.c.incident == incidents.c.pk)
    return (await connection.execute(query.where(batches.c.pk == batch))).one_or_none()


async def ended_by(connection: AsyncConnection, batch: int) -> list[Row]:
    """The incidents that the success of a batch has ended, the oldest first."""
    query = sa.select(incidents).where(incidents.c.ended_by == batch).order_by(incidents.c.pk)
    return list(await connection.execute(query))


async def reasons(connection: AsyncConnection, batch: int) -> list[Row]:
    """(status, reason, number) of the runs of a batch that did not succeed; what comes first first."""
    return list(
        await connection.execute(
            sa.select(runs.c.status, runs.c.reason, sa.func.count().label("number"))
            .where(runs.c.batch == batch, runs.c.status.in_(_UNSUCCESSFUL))
            .group_by(runs.c.status, runs.c.reason)
            .order_by(sa.func.min(runs.c.index))
        )
    )


async def schedule_of(connection: AsyncConnection, batch: int) -> int | None:
    """The schedule that started a batch."""
    query = sa.select(firings.c.schedule).where(firings.c.batch == batch).limit(1)
    found: int | None = await connection.scalar(query)
    return found


async def remind_due(connection: AsyncConnection, now: datetime) -> int | None:
    """One incident that is to be reminded of, if there is any: the head of an index."""
    query = (
        sa.select(incidents.c.pk)
        .where(sa.text("incidents.remind_at IS NOT NULL"), incidents.c.remind_at <= now)
        .limit(1)
    )
    found: int | None = await connection.scalar(query)
    return found


async def reminded(connection: AsyncConnection, pk: int, remind_at: datetime, values: dict[str, Any]) -> bool:
    """Take the reminder that is due at that instant; False where somebody else has, or it is over."""
    query = incidents.update().where(
        incidents.c.pk == pk, incidents.c.remind_at == remind_at, incidents.c.ended_at.is_(None)
    )
    return (await connection.execute(query.values(values))).rowcount == 1


async def pause_job(connection: AsyncConnection, job: int, values: dict[str, Any]) -> bool:
    """Pause a job that is not paused; False where it was."""
    query = jobs.update().where(jobs.c.pk == job, jobs.c.paused_at.is_(None)).values(values)
    return (await connection.execute(query)).rowcount == 1


async def to_remind(connection: AsyncConnection, now: datetime, limit: int) -> list[Row]:
    """Lock the incidents that are to be reminded of, with their job's current version."""
    query = (
        sa.select(incidents, job_versions.c.id.label("version_id"), job_versions.c.definition)
        .join(jobs, jobs.c.pk == incidents.c.job)
        .join(job_versions, job_versions.c.pk == jobs.c.version)
        .where(
            sa.text("incidents.remind_at IS NOT NULL"),
            incidents.c.remind_at <= now,
            incidents.c.ended_at.is_(None),
        )
        .order_by(incidents.c.remind_at, incidents.c.pk)
        .limit(limit)
        .with_for_update(skip_locked=True, of=incidents)
    )
    return list(await connection.execute(query))
