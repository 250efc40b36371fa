"""The store: one place to open transactions, and the clock that decides leases and due instants."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.errors import Busy, Unsettled
from core.store import dialects

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

ATTEMPTS = 6  # times that a transaction is begun again after a deadlock or serialization failure


class Store:
    """Opens transactions on SQLite or PostgreSQL.

    `transaction` is for what changes rows, `reading` for what only looks. Inside either, nothing but
    SQL is awaited. `offset` shifts the clock; only tests set it.
    """

    def __init__(self, address: str, *, pool: int = 8) -> None:
        self.address = dialects.url(address)
        self.sqlite = dialects.is_sqlite(self.address)
        self.offset = timedelta(0)
        self._away = ""  # why the database could not be reached last time
        self.writer = dialects.writer(self.address, pool=pool)
        self._brief = dialects.brief(self.writer)
        self._reader = dialects.reader(self.address, pool=4)

    @asynccontextmanager
    async def transaction(
        self, patience: timedelta | None = None, *, brief: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """Begin, and commit at the end unless something raised.

        With `patience`, that is how long the wait for others who write may take, at most. `brief`: a few
        small statements, which SQLite executes without going to another thread for each.

        Raises:
            Busy: the database could not take the write in time, is full or away; nothing was written.
            Unsettled: the link broke in the commit.
        """
        done = False
        try:
            async with self._begun(patience, self._brief if brief else self.writer) as connection:
                yield connection
                done = True
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            refused = self._refused(error, committing=done)
            if refused is None:
                raise
            raise refused from error
        self._away = ""

    def _refused(self, error: sa.exc.SQLAlchemyError, *, committing: bool) -> Busy | None:
        """What whoever asked hears of it; None for what is no state of the database but a mistake."""
        if dialects.busy(error):
            return Busy("The database is busy; nothing was started.", hint="Try again in a moment.")
        if dialects.full(error):
            return Busy(
                "The disk of the bot's database is full; nothing was started.",
                hint="Make room on it, then try again.",
            )
        if (reason := dialects.away(error)) is None:
            return None
        if reason != self._away:  # an outage is logged once, and not by each who meets it
            _log.warning("store.away", extra={"error": reason})
        self._away = reason
        if committing:
            return Unsettled(
                "The link to the database broke while this was written down; it may have been done.",
                hint="Look before you say it again.",
            )
        return Busy("The database is away; nothing was started.", hint="Try again in a moment.")

    async def insert(
        self, adding: Any, make: Callable[[datetime], Sequence[Mapping[str, Any]]], *, patience: timedelta
    ) -> list[Any]:
        """Insert rows in one transaction of their own, by one `INSERT … RETURNING` each.

        For what somebody waits for: it makes as few trips to the database as that allows. `make` gives the
        rows, all of the same columns, for the database's time. Returns the first column that each returned,
        None where that was nothing (a conflict).

        Raises:
            Busy: nothing was written.
            Unsettled: the link broke in the commit.
        """
        done = False
        try:
            async with self._connected(patience, self.writer) as connection:
                if self.sqlite:
                    rows = make(await self.now(connection))
                    return await dialects.insert_at_once(connection, adding, rows)
                async with connection.begin():
                    rows = make(await self.now(connection))
                    made = await dialects.insert_at_once(connection, adding, rows)
                    done = True
                return made
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            refused = self._refused(error, committing=done)
            if refused is None:
                raise
            raise refused from error

    @asynccontextmanager
    async def _begun(self, patience: timedelta | None, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A transaction. Whoever has patience waits that long for the turn (SQLite's one writer), for the
        beginning and for the locks of statements: until then nothing is written, so giving up is safe.
        """
        if patience is None:
            async with engine.begin() as connection:
                yield connection
            return
        async with self._connected(patience, engine) as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def _connected(self, patience: timedelta, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection that has begun nothing, and will wait no longer than that for others who write.

        Only the wait for the turn is broken off from outside; a statement that was sent ends by itself.
        """
        began = time.monotonic()
        connection = engine.connect()
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await connection.start()
        except TimeoutError as error:
            raise sa.exc.TimeoutError("the database's turn did not come in time") from error
        try:
            left = patience - timedelta(seconds=time.monotonic() - began)
            await connection.execution_options(**dialects.patience(left))
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state and changes nothing.

        Raises:
            Busy: the database is away, or all connections are taken.
        """
        try:
            async with (self._reader or self.writer).begin() as connection:
                yield connection
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            refused = self._refused(error, committing=False)
            if refused is None:
                raise
            raise refused from error
        self._away = ""

    async def write(
        self,
        work: Callable[[AsyncConnection], Awaitable[Result]],
        *,
        patience: timedelta | None = None,
        brief: bool = False,
    ) -> Result:
        """Do `work` in a transaction (as `transaction`), beginning again where the database asks for it.

        `work` may run several times; only its last run is committed.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self.transaction(patience, brief=brief) as connection:
                    return await work(connection)
            except sa.exc.DBAPIError as error:
                if attempt == ATTEMPTS or not dialects.repeatable(error):
                    raise
            await asyncio.sleep(random.uniform(0.005, 0.03) * attempt)  # noqa: S311 - spreads retries
        raise AssertionError("unreachable")

    async def now(self, connection: AsyncConnection) -> datetime:
        """The database's clock. Read once per transaction and passed down as `now`."""
        if self.sqlite:  # one machine, one clock: the process's own
            return datetime.now(UTC) + self.offset
        return await dialects.clock(connection) + self.offset

    async def close(self) -> None:
        """Let go of every connection."""
        await self.writer.dispose()
        if self._reader is not None:
            await self._reader.dispose()
