"""SQL of what files define: sources, agents, jobs with their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import ids
from core.store.dialects import Row
from core.store.tables import agents, job_versions, jobs, organizations, sources

_TABLES = {"sources": sources, "agents": agents}


async def order(connection: AsyncConnection, organization: int) -> None:
    """Stand in line: applies of one organization follow each other.

    PostgreSQL locks the organization's row; SQLite's writing transaction is alone anyway.
    """
    await connection.execute(
        sa.select(organizations.c.pk)
        .where(organizations.c.pk == organization)
        .with_for_update(key_share=True)
    )


async def standing(connection: AsyncConnection, section: str, organization: int) -> list[Row]:
    """pk, name, origin, file, enabled and definition of all of them, by number."""
    if section == "jobs":
        shown = sa.select(
            jobs.c.pk,
            jobs.c.name,
            jobs.c.origin,
            jobs.c.file,
            jobs.c.enabled,
            job_versions.c.definition,
        ).join(job_versions, job_versions.c.pk == jobs.c.version)
        return list(
            await connection.execute(shown.where(jobs.c.organization == organization).order_by(jobs.c.pk))
        )
    table = _TABLES[section]
    return list(
        await connection.execute(
            sa.select(table).where(table.c.organization == organization).order_by(table.c.pk)
        )
    )


async def add(
    connection: AsyncConnection,
    section: str,
    *,
    organization: int,
    name: str,
    definition: dict[str, Any],
    origin: str,
    file: str,
    now: datetime,
) -> int:
    """Add a source or an agent; returns its number."""
    table = _TABLES[section]
    made = await connection.execute(
        table.insert()
        .values(
            id=ids.new(),
            organization=organization,
            name=name,
            definition=definition,
            origin=origin,
            file=file,
            created_at=now,
            changed_at=now,
        )
        .returning(table.c.pk)
    )
    return int(made.scalar_one())


async def change(connection: AsyncConnection, section: str, pk: int, values: dict[str, Any]) -> None:
    """Change a row's own columns: definition, enabled, file, changed_at."""
    table = jobs if section == "jobs" else _TABLES[section]
    await connection.execute(table.update().where(table.c.pk == pk).values(values))


async def add_job(
    connection: AsyncConnection, *, organization: int, name: str, origin: str, file: str, now: datetime
) -> int:
    """Add a job that has no version yet; returns its number."""
    made = await connection.execute(
        jobs.insert()
        .values(
            id=ids.new(),
            organization=organization,
            name=name,
            origin=origin,
            file=file,
            created_at=now,
            changed_at=now,
        )
        .returning(jobs.c.pk)
    )
    return int(made.scalar_one())


async def add_version(
    connection: AsyncConnection,
    job: int,
    *,
    definition: dict[str, Any],
    member: int | None,
    now: datetime,
) -> None:
    """Add the next version and make it the job's current one."""
    latest = sa.select(sa.func.coalesce(sa.func.max(job_versions.c.number), 0)).where(
        job_versions.c.job == job
    )
    made = await connection.execute(
        job_versions.insert()
        .values(
            id=ids.new(),
            job=job,
            number=latest.scalar_subquery() + 1,
            definition=definition,
            member=member,
            created_at=now,
        )
        .returning(job_versions.c.pk)
    )
    await connection.execute(
        jobs.update().where(jobs.c.pk == job).values(version=made.scalar_one(), changed_at=now)
    )
