"""Transactions of few small statements: the same rules as every other, on both databases."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from core.store import tables
from core.store.database import Store

ADD = tables.facts.insert()


async def _names(store: Store) -> list[str]:
    async with store.reading() as connection:
        return list(await connection.scalars(sa.select(tables.facts.c.name).order_by(tables.facts.c.name)))


async def test_a_brief_transaction_is_committed_or_leaves_nothing(store: Store) -> None:
    async with store.transaction(brief=True) as connection:
        await connection.execute(ADD, [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}])
        changed = await connection.execute(tables.facts.update().values(value="3"))
        assert changed.rowcount == 2

    async def twice() -> None:
        async with store.transaction(brief=True) as connection:
            await connection.execute(ADD, {"name": "c", "value": "1"})
            await connection.execute(ADD, {"name": "a", "value": "1"})

    with pytest.raises(sa.exc.IntegrityError):
        await twice()
    assert await _names(store) == ["a", "b"]
    async with store.transaction() as connection:  # on the same connection, in the usual way
        await connection.execute(ADD, {"name": "d", "value": "1"})
    assert await _names(store) == ["a", "b", "d"]


async def test_brief_transactions_lose_no_update_beside_the_others(store: Store) -> None:
    async with store.transaction() as connection:
        await connection.execute(ADD, {"name": "count", "value": "0"})

    async def count(*, brief: bool) -> None:
        async with store.transaction(brief=brief) as connection:
            row = tables.facts.c.name == "count"
            query = sa.select(tables.facts.c.value).where(row).with_for_update()
            value = await connection.scalar(query)
            await connection.execute(tables.facts.update().where(row).values(value=str(int(value or 0) + 1)))

    await asyncio.gather(*(count(brief=place % 2 == 0) for place in range(40)))
    async with store.reading() as connection:
        assert await connection.scalar(sa.select(tables.facts.c.value)) == "40"
