"""SQL of jobs and their versions."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.dialects import Row
from core.store.tables import agents, job_versions, jobs

_CURRENT = sa.select(
    jobs,
    job_versions.c.number.label("version_number"),
    job_versions.c.id.label("version_id"),
    job_versions.c.definition,
).join(job_versions, job_versions.c.pk == jobs.c.version)


_BY_NAME = _CURRENT.where(
    jobs.c.organization == sa.bindparam("organization"), jobs.c.name == sa.bindparam("name")
)


async def by_name(connection: AsyncConnection, organization: int, name: str) -> Row | None:
    """The job of that name with its current version, enabled or not."""
    return (await connection.execute(_BY_NAME, {"organization": organization, "name": name})).one_or_none()


async def by_pk(connection: AsyncConnection, pk: int) -> Row | None:
    """The job of that number with its current version."""
    return (await connection.execute(_CURRENT.where(jobs.c.pk == pk))).one_or_none()


async def by_id(connection: AsyncConnection, organization: int, public_id: str) -> Row | None:
    """The job with that public id, with its current version."""
    query = _CURRENT.where(jobs.c.id == public_id, jobs.c.organization == organization)
    return (await connection.execute(query)).one_or_none()


async def by_pks(connection: AsyncConnection, pks: Sequence[int]) -> list[Row]:
    """These jobs with their current versions."""
    return list(await connection.execute(_CURRENT.where(jobs.c.pk.in_(pks))))


async def agents_of(connection: AsyncConnection, organization: int, names: Sequence[str]) -> dict[str, str]:
    """Name -> id of these agents."""
    query = sa.select(agents.c.name, agents.c.id).where(
        agents.c.organization == organization, agents.c.name.in_(names)
    )
    return {row.name: row.id for row in await connection.execute(query)}


async def agent_called(connection: AsyncConnection, organization: int, word: str) -> str | None:
    """The name of the agent with that id or name."""
    query = sa.select(agents.c.name).where(
        agents.c.organization == organization, sa.or_(agents.c.id == word, agents.c.name == word)
    )
    return (await connection.scalars(query.limit(1))).one_or_none()


async def every(connection: AsyncConnection, organization: int) -> list[Row]:
    """All jobs with their current versions, by name."""
    return list(
        await connection.execute(_CURRENT.where(jobs.c.organization == organization).order_by(jobs.c.name))
    )


async def names(connection: AsyncConnection, organization: int) -> list[Row]:
    """Name, id and title-free marks of every enabled job, by name: for look-ups and near misses."""
    return list(
        await connection.execute(
            sa.select(jobs.c.pk, jobs.c.id, jobs.c.name, jobs.c.enabled)
            .where(jobs.c.organization == organization)
            .order_by(jobs.c.name)
        )
    )
