"""A turn: one transaction, the clock read once in it, and what is owed after its commit.

Verbs take a `Turn`. What they queue is handed to the engine after the commit (or inside it, where the
engine is transactional); a crash in between is closed by the sweep that queues again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from core.ports import Engine, Ref
from core.store.database import Store

Result = TypeVar("Result")


@dataclass(slots=True)
class Turn:
    """One transaction. `queued` goes to the engine, `owed` wakes the notifier.

    `freed` is how many slots of this process come free with it. Who has a free slot claims by itself, so that
    as many of what is queued need nobody to be told of them where telling is a row; should this process die
    first, the sweep finds them.
    """

    connection: AsyncConnection
    now: datetime
    queued: list[Ref] = field(default_factory=list)
    freed: int = 0
    owed: bool = False


class Wake(Protocol):
    """Something that sleeps until there is work."""

    def __call__(self) -> None:
        """Look for work now."""


class Turns:
    """Takes turns on one store for one engine."""

    def __init__(self, store: Store, engine: Engine | None = None, *, wake: Wake | None = None) -> None:
        self.store = store
        self.engine = engine
        self.wake = wake

    async def take(
        self,
        work: Callable[[Turn], Awaitable[Result]],
        *,
        patience: timedelta | None = None,
        brief: bool = False,
    ) -> Result:
        """Do `work` in one transaction, then hand over what it queued and wake who is owed.

        `patience` bounds the wait for others who write; `brief` is work of a few small statements.

        `work` may be begun again after a deadlock. Raises what it raises, and `errors.Busy`.
        """
        turn: Turn | None = None

        async def begin(connection: AsyncConnection) -> Result:
            nonlocal turn
            turn = Turn(connection, await self.store.now(connection))
            result = await work(turn)
            told = turn.queued[turn.freed :]
            if told and self.engine is not None and self.engine.transactional:
                await self.engine.enqueue(connection, told)
            return result

        result = await self.store.write(begin, patience=patience, brief=brief)
        if turn is not None and turn.queued and self.engine is not None and not self.engine.transactional:
            await self.engine.enqueue(None, turn.queued)
        if turn is not None and turn.owed and self.wake is not None:
            self.wake()
        return result

    async def look(self, work: Callable[[Turn], Awaitable[Result]]) -> Result:
        """Do `work` on one consistent state without changing anything."""
        async with self.store.reading() as connection:
            return await work(Turn(connection, await self.store.now(connection)))
