"""SQL of starts that were due and did not come."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import BatchState
from core.store.dialects import Row
from core.store.tables import batches, deliveries, firings, organizations, runs, schedules

_BEGUN = sa.select(runs.c.pk).where(runs.c.batch == batches.c.pk, runs.c.attempt > 0).exists()
_SHOWN = sa.select(schedules, organizations.c.timezone.label("organization_zone")).join(
    organizations, organizations.c.pk == schedules.c.organization
)


def _told(kind: str, subject: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Somebody was told of it already."""
    same = sa.and_(deliveries.c.kind == kind, deliveries.c.subject == subject)
    return sa.select(deliveries.c.pk).where(same).exists()


async def late_batches(
    connection: AsyncConnection, kind: str, prefix: str, waiting: datetime, active: datetime, limit: int
) -> list[int]:
    """Batches in line since before `waiting`, or active since before `active`, of which nothing has begun and
    nobody was told; a message of that kind about `prefix` and the batch's id has told of it."""
    query = (
        sa.select(batches.c.pk)
        .where(
            sa.text("batches.state IN ('proposed', 'waiting', 'active')"),  # as the index has it
            sa.or_(
                sa.and_(batches.c.state == BatchState.WAITING, batches.c.created_at < waiting),
                sa.and_(batches.c.state == BatchState.ACTIVE, batches.c.started_at < active),
            ),
            ~_BEGUN,
            ~_told(kind, sa.literal(prefix) + batches.c.id),
        )
        .order_by(batches.c.pk)
        .limit(limit)
    )
    return list(await connection.scalars(query))


async def late_schedules(
    connection: AsyncConnection, kind: str, prefix: str, suffix: str, before: datetime, limit: int
) -> list[Row]:
    """Schedules that should have been settled before, of which no message about `prefix`, the id and `suffix`
    has told."""
    query = (
        _SHOWN.where(
            schedules.c.next_due_at.is_not(None),
            schedules.c.next_due_at < before,
            ~_told(kind, sa.literal(prefix) + schedules.c.id + sa.literal(suffix)),
        )
        .order_by(schedules.c.next_due_at, schedules.c.pk)
        .limit(limit)
    )
    return list(await connection.execute(query))


async def schedule(connection: AsyncConnection, public_id: str) -> Row | None:
    """The schedule of that id."""
    return (await connection.execute(_SHOWN.where(schedules.c.id == public_id))).one_or_none()


async def of_day(
    connection: AsyncConnection, schedule: int, outcome: str, start: datetime, end: datetime
) -> list[Row]:
    """The firings of a schedule with that outcome that were written from `start` to `end`, in order."""
    query = (
        sa.select(firings)
        .where(
            firings.c.schedule == schedule,
            firings.c.outcome == outcome,
            firings.c.created_at >= start,
            firings.c.created_at < end,
        )
        .order_by(firings.c.due_at)
    )
    return list(await connection.execute(query))
