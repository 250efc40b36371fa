"""SQL of the addresses at which services bring answers later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.dialects import Row
from core.store.tables import callbacks


async def add(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Open an address."""
    await connection.execute(callbacks.insert().values(values))


async def bring(connection: AsyncConnection, token: str, values: dict[str, Any]) -> bool:
    """Leave an answer there; False where nobody waits, or one was brought already."""
    done = await connection.execute(
        callbacks.update().where(callbacks.c.token == token, callbacks.c.brought_at.is_(None)).values(values)
    )
    return done.rowcount == 1


async def brought(connection: AsyncConnection, token: str) -> Row | None:
    """What was left there; None while nothing was."""
    query = sa.select(callbacks).where(callbacks.c.token == token, callbacks.c.brought_at.is_not(None))
    return (await connection.execute(query)).first()


async def remove(connection: AsyncConnection, token: str) -> None:
    """Close an address."""
    await connection.execute(callbacks.delete().where(callbacks.c.token == token))


async def forget(connection: AsyncConnection, before: datetime) -> int:
    """Close what was opened before and never closed: its process died. Returns how many."""
    return int((await connection.execute(callbacks.delete().where(callbacks.c.opened_at < before))).rowcount)
