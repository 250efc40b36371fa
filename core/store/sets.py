"""SQL of parameter sets that were saved in chat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import ids
from core.store import dialects
from core.store.dialects import Row
from core.store.tables import parameter_sets


async def of_jobs(connection: AsyncConnection, jobs: Sequence[int]) -> list[Row]:
    """The saved sets of these jobs, by name."""
    return list(
        await connection.execute(
            sa.select(parameter_sets)
            .where(parameter_sets.c.job.in_(jobs))
            .order_by(parameter_sets.c.job, parameter_sets.c.name)
        )
    )


async def save(
    connection: AsyncConnection,
    *,
    organization: int,
    job: int,
    name: str,
    rows: list[dict[str, Any]],
    member: int,
    now: datetime,
) -> None:
    """Add a set, or give the one of that name other rows. Safe to race: the last one stays."""
    insert = dialects.insert_ignoring(
        connection.dialect.name, parameter_sets, parameter_sets.c.job, parameter_sets.c.name
    )
    made = {"id": ids.new(), "organization": organization, "job": job, "name": name, "created_at": now}
    kept = {"rows": rows, "member": member, "changed_at": now}
    await connection.execute(insert, made | kept)
    await connection.execute(
        parameter_sets.update()
        .where(parameter_sets.c.job == job, parameter_sets.c.name == name)
        .values({parameter_sets.c[key]: value for key, value in kept.items()})
    )


async def remove(connection: AsyncConnection, job: int, name: str) -> bool:
    """Forget a set; False where there is none."""
    query = parameter_sets.delete().where(parameter_sets.c.job == job, parameter_sets.c.name == name)
    return (await connection.execute(query)).rowcount == 1
