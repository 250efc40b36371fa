"""SQL of how the installation is doing: few rows, each found by a partial index, however long the history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import DeliveryState, Status
from core.store import schedules as schedule_rows
from core.store.dialects import Instant
from core.store.tables import deliveries, runs, workers

_OPEN = (Status.WAITING, Status.QUEUED, Status.RUNNING)
_OWED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)


@dataclass(slots=True)
class Pulse:
    """Counts and ages, at the database's time `now`. Ages are seconds, 0 where nothing waits."""

    now: datetime
    runs: dict[Status, int] = field(default_factory=dict)
    deliveries: dict[DeliveryState, int] = field(default_factory=dict)
    workers: int = 0
    queue_age: float = 0.0
    schedule_lag: float = 0.0
    delivery_age: float = 0.0


async def take(connection: AsyncConnection, now: datetime) -> Pulse:
    """Feel it."""
    pulse = Pulse(now)
    for status in _OPEN:  # a literal in each: a partial index is not used for a bound value
        condition = sa.text(f"status = '{status}'")
        pulse.runs[status] = (
            await connection.scalar(sa.select(sa.func.count()).select_from(runs).where(condition)) or 0
        )
    for state in _OWED:
        condition = sa.text(f"state = '{state}'")
        query = sa.select(sa.func.count()).select_from(deliveries).where(condition)
        pulse.deliveries[state] = await connection.scalar(query) or 0
    living = sa.select(sa.func.count()).select_from(workers)
    alive = living.where(workers.c.dead_at.is_(None), workers.c.lease_until > now)
    pulse.workers = await connection.scalar(alive) or 0
    queued = sa.select(sa.func.min(runs.c.queued_at, type_=Instant())).where(sa.text("status = 'queued'"))
    pulse.queue_age = _age(await connection.scalar(queued), now)
    owed = sa.select(sa.func.min(deliveries.c.due_at, type_=Instant()))
    owed = owed.where(sa.text("state = 'pending'"))
    pulse.delivery_age = _age(await connection.scalar(owed), now)
    pulse.schedule_lag = _age(await schedule_rows.next_due(connection), now)
    return pulse


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
