"""Copying every row of one database to another, in the order in which rows point to each other.

A table's rows are read and written in the order of their primary key, a chunk in a transaction: what the
target has is always a beginning of what the source has, so a copy that was interrupted is gone on with
where it stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.dialects import Row
from core.store.tables import facts, metadata

CHUNK = 1_000  # rows of one transaction
MARK = "move"  # the fact that a database is being filled, or was left: never copied itself


def tables() -> list[sa.Table]:
    """Every table, those that are pointed to first."""
    return list(metadata.sorted_tables)


async def mark(connection: AsyncConnection) -> dict[str, str] | None:
    """What stands about a move in this database; None where nothing does."""
    text = await connection.scalar(sa.select(facts.c.value).where(facts.c.name == MARK))
    return None if text is None else dict(json.loads(text))


async def set_mark(connection: AsyncConnection, value: dict[str, str] | None) -> None:
    """Write what stands about a move; None removes it."""
    await connection.execute(facts.delete().where(facts.c.name == MARK))
    if value is not None:
        await connection.execute(facts.insert().values(name=MARK, value=json.dumps(value)))


async def is_empty(connection: AsyncConnection) -> bool:
    """No table has a row, but for the mark."""
    for table in tables():
        if await connection.scalar(sa.select(sa.literal(1)).select_from(_own(table)).limit(1)) is not None:
            return False
    return True


async def count(connection: AsyncConnection, table: sa.Table) -> int:
    """How many rows a table has, without the mark."""
    return int(await connection.scalar(sa.select(sa.func.count()).select_from(_own(table))) or 0)


async def last_key(connection: AsyncConnection, table: sa.Table) -> tuple[Any, ...] | None:
    """The highest primary key; None where the table is empty."""
    own = _own(table)
    keys = _keys(connection, own, table)
    found = (
        await connection.execute(sa.select(*keys).order_by(*(key.desc() for key in keys)).limit(1))
    ).first()
    return None if found is None else tuple(found)


async def after(
    connection: AsyncConnection, table: sa.Table, key: tuple[Any, ...] | None, limit: int = CHUNK
) -> list[Row]:
    """The rows behind a primary key, in its order."""
    own = _own(table)
    keys = _keys(connection, own, table)
    query = sa.select(own).order_by(*keys).limit(limit)
    if key is not None:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*(sa.literal(one) for one in key)))
    return list(await connection.execute(query))


async def write(connection: AsyncConnection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Add these rows as they are."""
    await connection.execute(table.insert(), [dict(row._mapping) for row in rows])


async def go_on_counting(source: AsyncConnection, target: AsyncConnection) -> None:
    """Let the target (PostgreSQL) number rows from where the source (SQLite) stands: none is given twice."""
    highest = {
        row.name: row.seq for row in await source.execute(sa.text("SELECT name, seq FROM sqlite_sequence"))
    }
    for table in tables():
        if "pk" not in table.c:
            continue
        last = await target.scalar(sa.select(sa.func.max(table.c.pk))) or 0
        last = max(int(last), int(highest.get(table.name, 0)))
        await target.execute(
            sa.text("SELECT setval(pg_get_serial_sequence(:table, 'pk'), :last, :called)"),
            {"table": table.name, "last": max(last, 1), "called": last > 0},
        )


async def digests(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[tuple[tuple[Any, ...], str]]:
    """(last primary key, digest of its rows) of every chunk, the same on every database."""
    key: tuple[Any, ...] | None = None
    while rows := await after(connection, table, key):
        key = key_of(table, rows[-1])
        yield key, digest(rows)


def key_of(table: sa.Table, row: Row) -> tuple[Any, ...]:
    """The primary key of a row."""
    return tuple(row._mapping[column.name] for column in table.primary_key)


def digest(rows: Sequence[Row]) -> str:
    """A digest of rows, whatever database they came from."""
    made = hashlib.sha256()
    for row in rows:
        made.update(json.dumps([_plain(value) for value in row], sort_keys=True).encode())
    return made.hexdigest()


def _own(table: sa.Table) -> sa.Subquery | sa.Table:
    """A table without what stands in it about the move itself."""
    if table is not facts:
        return table
    return sa.select(facts).where(facts.c.name != MARK).subquery("facts_moved")


def _keys(
    connection: AsyncConnection, own: sa.Subquery | sa.Table, table: sa.Table
) -> list[sa.ColumnElement[Any]]:
    """Its primary key; PostgreSQL compares texts as SQLite does: byte by byte."""
    columns = [own.c[column.name] for column in table.primary_key]
    if connection.dialect.name == "sqlite":
        return list(columns)
    return [sa.collate(one, "C") if isinstance(one.type, sa.Text) else one for one in columns]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
