"""The engine in this process: a priority queue of run ids.

It is also correct with several processes on PostgreSQL: each may be handed the same ids, the claim
decides. What it loses at the end of the process is queued again by the sweep.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from core.ports import Begin, Ref, Settled


class Embedded:
    """Hands ids to `begin` as slots come free, the most urgent first, then in the order they came."""

    transactional = False

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._known: set[str] = set()
        self._count = 0
        self._active: set[asyncio.Task[None]] = set()  # kept where `run_worker` is begun again
        self._news = asyncio.Event()

    async def setup(self) -> None:
        """Nothing to connect to."""

    async def enqueue(self, _: AsyncConnection | None, refs: Iterable[Ref]) -> None:
        """Take ids over; one that is here already is not taken twice."""
        for run_id, priority in refs:
            if run_id not in self._known:
                self._known.add(run_id)
                self._count += 1
                heapq.heappush(self._heap, (-priority, self._count, run_id))
        self._news.set()

    async def run_worker(
        self,
        begin: Begin,
        concurrency: int,
        stop: asyncio.Event,
        _: Settled | None = None,
    ) -> None:
        """Bring ids to `begin` until `stop` is set. While it claims, others gather for the next claim.

        It waits for no ends: SQLite's one writer lets claims follow them anyway.
        """
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                self._news.clear()
                taken = self._pop(concurrency - len(self._active))
                if taken:
                    await self._begin(begin, taken)
                    continue
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait({stopped, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            stopped.cancel()

    async def cancel(self, run_id: str) -> None:
        """Nothing to do: the claim of a cancelled run finds nothing."""

    async def close(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._known.clear()

    def _pop(self, room: int) -> list[str]:
        taken: list[str] = []
        while self._heap and len(taken) < room:
            taken.append(heapq.heappop(self._heap)[2])
        self._known.difference_update(taken)  # news of them that comes while they are claimed is heard
        return taken

    async def _begin(self, begin: Begin, taken: list[str]) -> None:
        tasks = await begin(taken)  # what was not claimed comes back with the sweep

        def ended(task: asyncio.Task[None]) -> None:
            self._active.discard(task)
            self._news.set()

        for task in tasks:
            self._active.add(task)
            task.add_done_callback(ended)
