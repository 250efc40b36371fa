"""Moves an installation from SQLite to PostgreSQL: every row as it is, counted and compared.

1. The target is empty, or marked as this move's. 2. Copy what it lacks, table by table. 3. Number on from
where the source stands. 4. Compare every row. 5. Mark the target as whole, then the source as left: from
then on no process works on it. Broken off anywhere, the next call goes on; only after 5 anything changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from core.errors import Misconfigured
from core.store import moving as rows
from core.store.database import Store
from core.store.dialects import Row

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did: rows in all, and how many of them this call copied."""

    rows: int
    copied: int


async def move(source: Store, target: Store, *, told: Told) -> Moved:
    """Copy every row of `source` to `target` and prove it; both migrated, nobody working on either.

    Raises:
        Misconfigured: the target has other rows, or does not hold what the source does.
    """
    name = source.address.render_as_string(hide_password=True)
    await _claim(target, name)
    copied = 0
    for table in rows.tables():
        copied += await _copy(source, target, table, told)
    async with source.reading() as old, target.transaction() as new:
        await rows.go_on_counting(old, new)
    total = 0
    for table in rows.tables():
        total += await _compare(source, target, table)
    told(f"{total:,} rows in {len(rows.tables())} tables are the same on both sides.")
    async with target.transaction() as connection:
        await rows.set_mark(connection, {"from": name, "state": "whole"})
    async with source.transaction() as connection:
        where = target.address.set(drivername="postgresql").render_as_string(hide_password=True)
        await rows.set_mark(connection, {"to": where})
    return Moved(total, copied)


async def left(store: Store) -> str:
    """Where this database's installation went; empty where it is here."""
    async with store.reading() as connection:
        return (await rows.mark(connection) or {}).get("to", "")


async def half_filled(store: Store) -> bool:
    """A move into this database was begun and has not ended."""
    async with store.reading() as connection:
        return (await rows.mark(connection) or {}).get("state") == "copying"


async def come_back(store: Store) -> None:
    """Let this database be worked on again, whatever was copied from it."""
    async with store.transaction() as connection:
        await rows.set_mark(connection, None)


async def _claim(target: Store, name: str) -> None:
    async with target.transaction() as connection:
        found = await rows.mark(connection)
        if found is None:
            if not await rows.is_empty(connection):
                raise Misconfigured(["The target has rows of its own. Move into an empty database."])
            await rows.set_mark(connection, {"from": name, "state": "copying"})
        elif found.get("from") != name:
            raise Misconfigured([f"The target is being filled from {found.get('from')}, not from {name}."])


async def _copy(source: Store, target: Store, table: sa.Table, told: Told) -> int:
    async with target.reading() as connection:
        key = await rows.last_key(connection, table)
    copied = 0
    while True:
        async with source.reading() as connection:
            some = await rows.after(connection, table, key)
        if not some:
            break
        await _write(target, table, some)
        key = rows.key_of(table, some[-1])
        copied += len(some)
    if copied:
        told(f"{table.name}: {copied:,} rows")
    return copied


async def _write(target: Store, table: sa.Table, some: list[Row]) -> None:
    try:
        async with target.transaction() as connection:
            await rows.write(connection, table, some)
    except sa.exc.DataError as error:
        first, last = (rows.key_of(table, some[place]) for place in (0, -1))
        raise Misconfigured(
            [f"PostgreSQL does not take a row of {table.name} between {first} and {last}: {error.orig}"]
        ) from error


async def _compare(source: Store, target: Store, table: sa.Table) -> int:
    async with source.reading() as old, target.reading() as new:
        numbers = await rows.count(old, table), await rows.count(new, table)
        if numbers[0] != numbers[1]:
            raise Misconfigured([_differs(table, f"{numbers[0]:,} rows became {numbers[1]:,}")])
        theirs = rows.digests(new, table)
        async for key, digest in rows.digests(old, table):
            if await anext(theirs, None) != (key, digest):
                raise Misconfigured([_differs(table, f"rows up to {key} are not the same")])
    return numbers[0]


def _differs(table: sa.Table, how: str) -> str:
    return (
        f"The copy of {table.name} differs: {how}. Nothing was switched; "
        "empty the target database and move again."
    )
