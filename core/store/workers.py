"""SQL of workers: who lives, by whose lease, and who may take what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.tables import workers


async def register(connection: AsyncConnection, values: dict[str, Any]) -> int:
    """Add a worker; returns its number."""
    made = await connection.execute(workers.insert().values(values).returning(workers.c.pk))
    return int(made.scalar_one())


def renewal(worker: int, until: Any) -> sa.Update:
    """The one statement that renews a worker's lease, whatever the number of its runs."""
    return (
        workers.update().where(workers.c.pk == worker, workers.c.dead_at.is_(None)).values(lease_until=until)
    )


async def retire(connection: AsyncConnection, worker: int, now: datetime) -> None:
    """A worker leaves: from now on it can neither renew nor claim."""
    await connection.execute(
        workers.update().where(workers.c.pk == worker, workers.c.dead_at.is_(None)).values(dead_at=now)
    )


async def anybody(connection: AsyncConnection, now: datetime) -> bool:
    """Some worker lives that takes runs."""
    return bool(await tags(connection, now))


async def tags(connection: AsyncConnection, now: datetime) -> set[str]:
    """Every tag that some living worker has; empty text where there is any that takes runs."""
    alive = sa.select(workers.c.tags).where(workers.c.dead_at.is_(None), workers.c.lease_until > now)
    return {tag for own in await connection.scalars(alive) if own is not None for tag in ("", *own)}


async def bury(
    connection: AsyncConnection, before: datetime | None, now: datetime, *, spare: int | None = None
) -> int:
    """Mark workers dead whose lease ended before that instant (None: all but `spare`)."""
    query = workers.update().where(workers.c.dead_at.is_(None))
    if before is not None:
        query = query.where(workers.c.lease_until < before)
    if spare is not None:
        query = query.where(workers.c.pk != spare)
    return (await connection.execute(query.values(dead_at=now))).rowcount
