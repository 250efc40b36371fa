"""Looks after what nobody holds any more: dead workers' runs, free locks, lost ids, old requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from core import absences, batches, deliveries, incidents, progress, runs
from core.store import callbacks as callback_rows
from core.store import outbox as outbox_rows
from core.store import requests as request_rows
from core.store import runs as rows
from core.store import workers as worker_rows
from core.store.dialects import Row
from core.turns import Turn, Turns

REQUESTS_KEPT = timedelta(days=7)
STUCK_AFTER = timedelta(seconds=60)  # a worker that is restarted is back by then
REAP_AFTER = timedelta(seconds=7)  # beyond the lease: a guard has killed the children by then
REAP_EVERY = timedelta(seconds=2)  # together with that, the dead are found within their lease and 10 s


class Janitor:
    """Each verb is one short transaction, safe to repeat and to race."""

    def __init__(
        self, turns: Turns, *, lease: timedelta, own: Callable[[], int | None] = lambda: None
    ) -> None:
        """`own`: the worker of this process while it trusts its lease. Its own clock knows better than the
        wall's, which may have been put forward."""
        self._turns = turns
        self._own = own
        self._after = min(REAP_AFTER, lease / 3)

    async def reap(self) -> int:
        """Declare silent workers dead, then end their runs in chunks; returns how many runs."""
        after, own = self._after, self._own()
        await self._turns.take(
            lambda turn: worker_rows.bury(turn.connection, turn.now - after, turn.now, spare=own)
        )
        return await self._end_all()

    async def take_over(self, worker: int) -> int:
        """Declare every other worker and sender dead at once: this process alone works on this file."""

        async def bury(turn: Turn) -> None:
            await worker_rows.bury(turn.connection, None, turn.now, spare=worker)
            await outbox_rows.release(turn.connection, turn.now)

        await self._turns.take(bury)
        return await self._end_all()

    async def sweep(self) -> None:
        """Hand over free locks, queue due retries, and give up what had its time."""
        if await self._turns.look(lambda turn: batches.idle(turn)):
            return
        await self._turns.take(batches.sweep)
        await self._turns.take(progress.give_up)

    async def tell_of_stuck(self) -> None:
        """Warn of what is queued for long because no living worker may take it."""

        async def look(turn: Turn) -> list[Row]:
            served = await worker_rows.tags(turn.connection, turn.now)
            return await rows.queued_long(turn.connection, turn.now - STUCK_AFTER, served, 20)

        if await self._turns.look(look):

            async def warn(turn: Turn) -> None:
                await deliveries.stuck(turn, await look(turn))

            await self._turns.take(warn)

    async def queue_again(self, limit: int = 1000) -> None:
        """Hand queued runs to the engine: those of other processes, and those that an engine lost."""
        engine = self._turns.engine
        if engine is None:
            return
        refs = await self._turns.look(lambda turn: rows.queued(turn.connection, limit))
        if refs:
            await engine.enqueue(None, refs)

    async def forget(self) -> int:
        """Delete requests that are older than any redelivery, and what dead processes left; returns how many
        requests."""

        async def work(turn: Turn) -> int:
            await callback_rows.forget(turn.connection, turn.now - REQUESTS_KEPT)
            return await request_rows.forget(turn.connection, turn.now - REQUESTS_KEPT, 500)

        return await self._turns.take(work)

    async def remind(self) -> int:
        """Owe the reminders of what keeps failing; returns how many."""
        if not await self._turns.look(lambda turn: incidents.any_to_remind(turn)):
            return 0
        return await self._turns.take(incidents.remind)

    async def warn(self) -> int:
        """Alert of what was due and has not begun; returns of how many."""
        return await self._turns.take(absences.warn)

    async def _end_all(self) -> int:
        total = 0
        while True:
            ended = await self._turns.take(lambda turn: runs.reap(turn, limit=1))
            total += ended
            if not ended:
                return total
