"""SQL of chat entries: append only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import dialects
from core.store.dialects import Row
from core.store.tables import chat_entries, run_files


async def append(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Add entries. Raises IntegrityError where a sequence number is taken."""
    if rows:
        await connection.execute(chat_entries.insert(), rows)


async def refer(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Note which run refers to which file (`{run, path}`); once is enough."""
    if rows:
        insert = dialects.insert_ignoring(
            connection.dialect.name, run_files, run_files.c.run, run_files.c.path
        )
        await connection.execute(insert, rows)


async def last_sequence(connection: AsyncConnection, run_pks: Sequence[int]) -> dict[int, int]:
    """The highest sequence number of each run that has entries."""
    rows = await connection.execute(
        sa.select(chat_entries.c.run, sa.func.max(chat_entries.c.sequence).label("last"))
        .where(chat_entries.c.run.in_(run_pks))
        .group_by(chat_entries.c.run)
    )
    return {row.run: row.last for row in rows}


async def of_runs(
    connection: AsyncConnection, run_pks: Sequence[int], kinds: Sequence[str] | None = None
) -> list[Row]:
    """The entries of these runs in order; only those kinds where given."""
    query = (
        sa.select(chat_entries)
        .where(chat_entries.c.run.in_(run_pks))
        .order_by(chat_entries.c.run, chat_entries.c.sequence)
    )
    if kinds is not None:
        query = query.where(chat_entries.c.kind.in_(kinds))
    return list(await connection.execute(query))
