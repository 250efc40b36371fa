"""A turn: one transaction, the clock read once in it, and what is owed after its commit.

Verbs take a `Turn`. What they queue is handed to the engine after the commit (or inside it, where the
engine is transactional); a crash in between is closed by the sweep that queues again.

Short turns may share a transaction (`Turns.share`): who comes while one commits is in the next one. Each has
a savepoint, so that a refusal undoes only its own, and everybody is answered after the commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.collector import Collector
from core.ports import Engine, Ref
from core.store.database import Store

Result = TypeVar("Result")
TOGETHER = 25  # short turns that share a transaction: SQLite's write lock is held for 0.1 s at most


@dataclass(slots=True)
class Turn:
    """One transaction. `queued` goes to the engine, `owed` wakes the notifier.

    `freed` is how many slots of this process come free with it. Who has a free slot claims by itself, so that
    as many of what is queued need nobody to be told of them where telling is a row; should this process die
    first, the sweep finds them.

    `known` is there where turns share a transaction: what was looked up by `once`.
    """

    connection: AsyncConnection
    now: datetime
    queued: list[Ref] = field(default_factory=list)
    freed: int = 0
    owed: bool = False
    known: dict[tuple[str, ...], Any] | None = None

    @property
    def told(self) -> Sequence[Ref]:
        """What of the queued an engine has to tell by a row."""
        return self.queued[self.freed :]

    async def once(self, name: tuple[str, ...], read: Callable[[], Awaitable[Result]]) -> Result:
        """What `read` gives; of turns that share a transaction the first reads it for all of them."""
        if self.known is None:
            return await read()
        if name not in self.known:
            self.known[name] = await read()
        found: Result = self.known[name]
        return found


@dataclass(frozen=True, slots=True)
class _Raised:
    """What a turn raised that shared its transaction."""

    error: Exception


Work = Callable[[Turn], Awaitable[Any]]
"""What is done in a turn."""


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
        self._sharing: Collector[Work, Any] = Collector(self._together, limit=TOGETHER)

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
            await self._enqueue(connection, [turn])
            return result

        result = await self.store.write(begin, patience=patience, brief=brief)
        await self._committed([turn] if turn is not None else [])
        return result

    async def share(self, work: Callable[[Turn], Awaitable[Result]]) -> Result:
        """Do brief `work` as `take` does; on SQLite, where one writes at a time, those who wait share the
        next transaction. PostgreSQL has room for all of them side by side.

        `work` changes nothing of what is looked up by `Turn.once`. It goes on where whoever asked is gone.
        """
        if not self.store.sqlite:
            return await self.take(work, brief=True)
        done = await self._sharing.add(work)
        if isinstance(done, _Raised):
            raise done.error
        result: Result = done
        return result

    async def _together(self, works: Sequence[Work]) -> list[Any]:
        """Do works of several in one transaction; what each gave, or raised."""
        if len(works) == 1:
            return [await self.take(works[0], brief=True)]
        turns: list[Turn] = []

        async def begin(connection: AsyncConnection) -> list[Any]:
            turns.clear()
            known: dict[tuple[str, ...], Any] = {}
            given = []
            for work in works:
                turn = Turn(connection, await self.store.now(connection), known=known)
                given.append(await _apart(turn, work))
                if not isinstance(given[-1], _Raised):
                    turns.append(turn)
            await self._enqueue(connection, turns)
            return given

        given = await self.store.write(begin, brief=True)
        await self._committed(turns)
        return given

    async def _enqueue(self, connection: AsyncConnection, turns: Sequence[Turn]) -> None:
        """Hand over what was queued inside the transaction, where the engine takes part in it."""
        told = [ref for turn in turns for ref in turn.told]
        if told and self.engine is not None and self.engine.transactional:
            await self.engine.enqueue(connection, told)

    async def _committed(self, turns: Sequence[Turn]) -> None:
        """Hand over what was queued, and wake who is owed."""
        queued = [ref for turn in turns for ref in turn.queued]
        if queued and self.engine is not None and not self.engine.transactional:
            await self.engine.enqueue(None, queued)
        if self.wake is not None and any(turn.owed for turn in turns):
            self.wake()

    async def look(self, work: Callable[[Turn], Awaitable[Result]]) -> Result:
        """Do `work` on one consistent state without changing anything."""
        async with self.store.reading() as connection:
            return await work(Turn(connection, await self.store.now(connection)))


async def _apart(turn: Turn, work: Work) -> Any:
    """Do the work so that it can be undone without the others."""
    await turn.connection.exec_driver_sql("SAVEPOINT apart")
    try:
        given = await work(turn)
    except DBAPIError:
        raise  # what is left of the transaction only the database knows: each is done alone
    except Exception as error:  # broad, for whoever asked for the work gets it
        await turn.connection.exec_driver_sql("ROLLBACK TO apart")
        given = _Raised(error)
    await turn.connection.exec_driver_sql("RELEASE apart")
    return given
