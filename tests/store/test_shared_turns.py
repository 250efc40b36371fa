"""Short turns that share a transaction: each is whole or nothing, and answered after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa

from adapters.engines.embedded import Embedded
from core.errors import OutOfPlace
from core.ports import Ref
from core.store import tables
from core.store.database import Store
from core.turns import TOGETHER, Turn, Turns

ADD = tables.facts.insert()


class Remembering(Embedded):
    """An engine that remembers what it was handed."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[Ref] = []

    async def enqueue(self, _: Any, refs: Any) -> None:
        self.handed += refs


def adding(name: str, *, wrong: Exception | None = None) -> Callable[[Turn], Awaitable[str]]:
    """Adds a fact, then says so, or raises."""

    async def work(turn: Turn) -> str:
        await turn.connection.execute(ADD, {"name": name, "value": "1"})
        turn.queued.append((name, 0))
        if wrong is not None:
            raise wrong
        return name

    return work


async def _names(store: Store) -> list[str]:
    async with store.reading() as connection:
        return sorted(await connection.scalars(sa.select(tables.facts.c.name)))


async def test_one_that_is_refused_undoes_only_its_own(store: Store) -> None:
    engine = Remembering()
    turns = Turns(store, engine)
    count = TOGETHER + 5
    works = [adding(f"n{place}", wrong=OutOfPlace("No.") if place == 7 else None) for place in range(count)]
    told = await asyncio.gather(*(turns.share(one) for one in works), return_exceptions=True)
    kept = sorted(f"n{place}" for place in range(count) if place != 7)
    assert isinstance(told[7], OutOfPlace)
    assert sorted(one for one in told if isinstance(one, str)) == kept
    assert await _names(store) == kept
    assert sorted(name for name, _ in engine.handed) == kept


async def test_one_that_breaks_a_rule_of_the_database_takes_no_other_with_it(store: Store) -> None:
    turns = Turns(store)
    works = [adding(name) for name in ("first", "a", "a", "b", "c")]
    told = await asyncio.gather(*(turns.share(one) for one in works), return_exceptions=True)
    assert [type(one) is str for one in told].count(False) == 1
    assert await _names(store) == ["a", "b", "c", "first"]


async def test_what_is_looked_up_once_is_looked_up_anew_in_the_next_transaction(store: Store) -> None:
    turns = Turns(store)
    read: list[int] = []

    async def count(turn: Turn) -> int:
        async def all_of_them() -> int:
            read.append(1)
            return int(
                await turn.connection.scalar(sa.select(sa.func.count()).select_from(tables.facts)) or 0
            )

        return await turn.once(("count",), all_of_them)

    together = await asyncio.gather(*(turns.share(count) for _ in range(10)))
    assert set(together) == {0}
    assert len(read) == (1 if store.sqlite else 10)
    await turns.share(adding("one"))
    assert await turns.share(count) == 1
