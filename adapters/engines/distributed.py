"""The engine for many machines: Procrastinate on PostgreSQL carries tokens, the rows decide.

A token is a run's id, put into Procrastinate's table inside the transaction that queues the run. Who fetches
it claims whatever has its turn (core/store/claims.py): a token may be lost or come twice. None of
Procrastinate's locks, retries or periodic tasks is used.

Its worker gives up where the database is away for long, and does not notice that its listener died in a short
outage (seen in 3.10: nobody watches its side tasks once the deferrer of periodic tasks, which has none, has
ended). So it works in sessions beside a connection that is asked every few seconds: where that breaks, the
whole session is begun again, with longer and longer pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import procrastinate
import psycopg
import sqlalchemy as sa
from procrastinate import tasks
from procrastinate.exceptions import ConnectorException
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.engines import schema
from adapters.engines.slots import Slots
from core.errors import Misconfigured
from core.ports import Begin, Ref, Settled
from core.store import dialects, fewtrips

_log = logging.getLogger(__name__)

QUEUE = "slashjob"
TASK = "slashjob.run"
POLL = 5.0  # seconds between two looks for tokens; a notification comes at once
HEARTBEAT = 5.0  # seconds between two signs of life of Procrastinate's worker
STALLED = 30.0  # seconds without one: it was killed
TEND = 5.0  # seconds between two looks whether the session is well
STALE = 3  # looks after which a token that nobody fetched is thrown away: the sweep has found its run
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds between two sessions
LEAVE = 5.0  # seconds that a session has to end

_TIDY = f"""
    DELETE FROM procrastinate_jobs WHERE queue_name = '{QUEUE}' AND (
        (status = 'todo' AND id <= %(stale)s) OR (status = 'doing' AND worker_id IS NULL)
        OR status NOT IN ('todo', 'doing'))
"""  # noqa: S608 - a constant
_NEWEST = "SELECT coalesce(max(id), 0) FROM procrastinate_jobs"


class Distributed:
    """Brings tokens of queued runs to any number of processes on any number of machines."""

    transactional = True

    def __init__(self, address: sa.URL) -> None:
        self._conninfo, self._arguments = dialects.libpq(address)
        self._slots: Slots | None = None
        self._task = self._application()[1]  # never opened: it enqueues on connections of others

    async def setup(self) -> None:
        """Make or upgrade Procrastinate's tables where needed. Safe to race.

        Raises:
            Misconfigured: the tables are of a newer Procrastinate, or may not be made; or the database
                cannot be reached.
        """
        try:
            async with await self._connect(autocommit=False) as connection:
                await schema.apply(connection)
        except psycopg.OperationalError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise Misconfigured(
                [f"The database of the distributed engine cannot be opened: {reason}"]
            ) from error

    async def enqueue(self, connection: AsyncConnection | None, refs: Iterable[Ref]) -> None:
        """Put tokens into the caller's transaction. Without one, runs are known to be queued already:
        this process looks whether it has slots for them."""
        wanted = sorted(refs, key=lambda one: -one[1])
        if connection is None:
            if self._slots is not None:
                self._slots.hint(len(wanted))
            return
        raw = (await connection.get_raw_connection()).driver_connection
        for priority, group in groupby(wanted, key=lambda one: one[1]):
            job = self._task.configure(connection=raw, priority=priority)
            tokens: list[dict[str, Any]] = [{"run": run_id} for run_id, _ in group]
            try:
                await job.batch_defer_async(*tokens)
            except ConnectorException as error:
                if isinstance(error.__cause__, psycopg.OperationalError):  # a deadlock, a link that broke
                    raise sa.exc.OperationalError("enqueue", None, error.__cause__) from error
                raise

    async def run_worker(
        self,
        begin: Begin,
        concurrency: int,
        stop: asyncio.Event,
        settled: Settled | None = None,
    ) -> None:
        """Bring tokens to `begin` until `stop` is set; sessions that break are begun again."""
        if self._slots is None:  # what runs here keeps its slots where this is begun again
            self._slots = Slots(begin, concurrency, settled)
        sessions = asyncio.create_task(self._sessions(self._slots, concurrency, stop))
        try:
            await self._slots.work(stop)
        finally:
            sessions.cancel()
            await asyncio.gather(sessions, return_exceptions=True)

    async def cancel(self, run_id: str) -> None:
        """Nothing to do: the claim of a cancelled run finds nothing."""

    async def close(self) -> None:
        """Nothing is open between sessions."""

    async def _sessions(self, slots: Slots, concurrency: int, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while not stop.is_set():
            began = loop.time()
            try:
                await self._session(slots, concurrency)
            except Exception as error:  # a door: the database was away
                _log.warning("engine.session_broke", extra={"error": str(error).strip()})
            if loop.time() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _session(self, slots: Slots, concurrency: int) -> None:
        """One life of Procrastinate's worker; raises, or returns, where it cannot go on."""
        app, _ = self._application(slots)
        async with await self._connect(autocommit=True) as own, app.open_async():
            working = asyncio.create_task(self._work(app, concurrency), name="engine worker")
            tending = asyncio.create_task(self._tend(app, own), name="engine session")
            try:
                done, _ = await asyncio.wait({working, tending}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _end(tending)
                await _end(working)
            for task in done:
                task.result()

    async def _work(self, app: procrastinate.App, concurrency: int) -> None:
        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            delete_jobs="always",
            install_signal_handlers=False,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED,
            shutdown_graceful_timeout=0.0,  # runs are no part of it
        )

    async def _tend(self, app: procrastinate.App, connection: psycopg.AsyncConnection[Any]) -> None:
        """Throw away what killed workers left and what nobody fetched. Raises where the link has broken."""
        marks: list[int] = []
        while True:
            await asyncio.sleep(TEND)
            async with asyncio.timeout(LEAVE):
                found = await (await connection.execute(_NEWEST)).fetchone()
                marks.append(found[0] if found else 0)
                stale = marks.pop(0) if len(marks) > STALE else 0
                await app.job_manager.prune_stalled_workers(STALLED)
                await connection.execute(_TIDY, {"stale": stale})

    def _application(self, slots: Slots | None = None) -> tuple[procrastinate.App, tasks.Task[Any, Any, Any]]:
        connector = procrastinate.PsycopgConnector(
            conninfo=self._conninfo,
            kwargs=self._arguments,
            min_size=1,
            max_size=4,
            timeout=LEAVE,
            pool_factory=_pool,
        )
        app = procrastinate.App(connector=connector)

        async def take(run: str) -> None:
            if slots is not None:
                await slots.token(run)

        return app, app.task(name=TASK, queue=QUEUE)(take)

    async def _connect(self, *, autocommit: bool) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(self._conninfo, autocommit=autocommit, **self._arguments)


def _pool(**arguments: Any) -> AsyncConnectionPool[Any]:
    return AsyncConnectionPool(**(arguments | {"check": _standing}))


async def _standing(connection: psycopg.AsyncConnection[Any]) -> None:
    """Let a pooled connection be used. Asking the server each time would double the trips; one that ended the
    connection has said so already."""
    if not fewtrips.silent(connection):
        await AsyncConnectionPool.check_connection(connection)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task, twice where it waits for others; what it raises is nobody's business any more."""
    for _ in range(2):
        task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait({task}, timeout=LEAVE)
        if task.done():
            break
    if task.done() and not task.cancelled():
        task.exception()  # it was logged, or is raised by whoever waits for it
