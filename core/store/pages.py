"""SQL of what is listed page by page, newest first, in the same time at any page of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import Status
from core.store.dialects import Row
from core.store.tables import batches, runs

_CHATS = sa.select(
    runs.c.pk,
    runs.c.id,
    runs.c.batch,
    runs.c.index.label("place"),
    runs.c.job,
    runs.c.status,
    runs.c.created_at,
    runs.c.started_at,
    runs.c.ended_at,
    batches.c.id.label("batch_id"),
    batches.c.trigger,
    batches.c.member,
).select_from(runs)
_JOINED = batches.c.pk == runs.c.batch


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which chats: of one job, of some jobs, in one status, begun since. `first_batch`: none before it."""

    job: int | None = None
    jobs: Sequence[int] | None = None
    status: Status | None = None
    since: datetime | None = None
    first_batch: int | None = None


async def chats(
    connection: AsyncConnection,
    organization: int,
    wanted: Wanted,
    *,
    before: tuple[int, int] | None,
    limit: int,
) -> list[Row]:
    """The newest chats first: by batch, then by their place in it; `before` is where the last page ended.

    Every filter has an index that also has the order, so that nothing is sorted: of an organization, of a
    job, and of each status; only several jobs are looked for along the whole organization.
    """
    rare = wanted.status is not None and wanted.status is not Status.SUCCEEDED
    batch = runs.c.batch if rare else batches.c.pk
    query = _CHATS.join(batches, _JOINED).where(batches.c.organization == organization)
    query = query.order_by(batch.desc(), runs.c.index.desc()).limit(limit)
    if wanted.job is not None:
        query = query.where(batches.c.job == wanted.job)
    if wanted.jobs is not None:
        query = query.where((batches.c.job + 0).in_(list(wanted.jobs)))
    if wanted.status is not None:
        query = query.where(runs.c.status == sa.literal_column(f"'{wanted.status}'"))
    if wanted.since is not None:
        query = query.where(runs.c.created_at >= wanted.since)
    # Bounds are said of both sides: PostgreSQL would walk through every run that is newer than the page.
    if wanted.first_batch is not None:
        query = query.where(batches.c.pk >= wanted.first_batch, runs.c.batch >= wanted.first_batch)
    if before is not None:
        query = query.where(batches.c.pk <= before[0], runs.c.batch <= before[0])
        query = query.where(sa.or_(batch < before[0], runs.c.index < before[1]))
    return list(await connection.execute(query))


async def first_batch_since(connection: AsyncConnection, public_id: str) -> int | None:
    """The number of the first batch whose id is not below that one: ids begin with the time."""
    query = sa.select(batches.c.pk).where(batches.c.id >= public_id).order_by(batches.c.id).limit(1)
    found: int | None = (await connection.scalars(query)).one_or_none()
    return found
