"""SQL of notify rules that were added in chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.dialects import Row
from core.store.tables import notify_rules

_RULES = (
    sa.select(notify_rules)
    .where(
        notify_rules.c.organization.in_(sa.bindparam("organizations", expanding=True)),
        sa.or_(
            notify_rules.c.job.is_(None),
            notify_rules.c.job.in_(sa.bindparam("jobs", expanding=True)),
        ),
    )
    .order_by(notify_rules.c.pk)
)


async def rules(connection: AsyncConnection, organizations: Sequence[int], jobs: Sequence[int]) -> list[Row]:
    """The rules of these jobs, and those for every job of these organizations, the oldest first."""
    return list(await connection.execute(_RULES, {"organizations": organizations, "jobs": jobs}))


async def add(connection: AsyncConnection, values: dict[str, Any]) -> int:
    """Add a rule; returns its number."""
    made = await connection.execute(notify_rules.insert().values(values).returning(notify_rules.c.pk))
    return int(made.scalar_one())


async def remove(connection: AsyncConnection, organization: int, pk: int) -> bool:
    """Remove a rule; False where the organization has none of that number."""
    done = await connection.execute(
        notify_rules.delete().where(notify_rules.c.organization == organization, notify_rules.c.pk == pk)
    )
    return done.rowcount == 1
