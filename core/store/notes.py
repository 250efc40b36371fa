"""SQL of what is looked up about the past: the audit, page by page, and the messages that were owed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.dialects import Row
from core.store.tables import audit, batches, channels, deliveries, jobs, members, schedules

_AUDIT = sa.select(
    audit.c.pk, audit.c.id, audit.c.action, audit.c.subject, audit.c.data, audit.c.at, members.c.name
).outerjoin(members, members.c.pk == audit.c.member)
_DELIVERIES = (
    sa.select(
        deliveries.c.pk,
        deliveries.c.id,
        deliveries.c.kind,
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.error,
        deliveries.c.created_at,
        deliveries.c.sent_at,
        channels.c.platform,
        channels.c.address,
        channels.c.thread,
        channels.c.name.label("channel_name"),
        batches.c.id.label("batch_id"),
        batches.c.pk.label("batch"),
        batches.c.job,
    )
    .join(channels, channels.c.pk == deliveries.c.channel)
    .join(batches, batches.c.pk == deliveries.c.batch)
    .join(jobs, jobs.c.pk == batches.c.job)
)


async def audited(
    connection: AsyncConnection,
    organization: int,
    *,
    action: str | None,
    before: int | None,
    limit: int,
) -> list[Row]:
    """The newest acts first. `action` is a beginning: `key.` finds what was done to keys."""
    query = _AUDIT.where(audit.c.organization == organization).order_by(audit.c.pk.desc()).limit(limit)
    if action is not None:
        query = query.where(audit.c.action.startswith(action, autoescape=True))
    if before is not None:
        query = query.where(audit.c.pk < before)
    return list(await connection.execute(query))


async def concerning(
    connection: AsyncConnection,
    organization: int,
    *,
    job: int | None,
    batch: str | None,
    offset: int,
    limit: int,
) -> list[Row]:
    """The newest acts first: all of them, or those on a job, its schedules and batches, or on one batch."""
    query = _AUDIT.where(audit.c.organization == organization).order_by(audit.c.pk.desc())
    if batch is not None:
        query = query.where(audit.c.subject == f"batch:{batch}")
    if job is not None:
        own = sa.select("schedule:" + sa.cast(schedules.c.pk, sa.Text)).where(schedules.c.job == job)
        started = sa.select("batch:" + batches.c.id).where(batches.c.job == job)
        on = audit.c.subject
        query = query.where(sa.or_(on == f"job:{job}", on.in_(own), on.in_(started)))
    return list(await connection.execute(query.offset(offset).limit(limit)))


async def owed(
    connection: AsyncConnection,
    organization: int,
    *,
    job: int | None,
    batch: int | None,
    state: str | None,
    before: int | None,
    limit: int,
) -> list[Row]:
    """The newest messages first."""
    query = (
        _DELIVERIES.where(deliveries.c.organization == organization)
        .order_by(deliveries.c.pk.desc())
        .limit(limit)
    )
    if job is not None:
        query = query.where(batches.c.job == job)
    if batch is not None:
        query = query.where(deliveries.c.batch == batch)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    if before is not None:
        query = query.where(deliveries.c.pk < before)
    return list(await connection.execute(query))
