"""Group commit: items that arrive while one transaction commits share the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Collector(Generic[Item, Outcome]):
    """Brings items to `flush` in groups; one group is under way at a time.

    The throughput of runs is decided by the number of transactions (DESIGN.md, 7.3). `add` returns
    after the commit that holds the item. Where a group fails, each of its items is tried alone, so
    that one that cannot be written does not take others with it.
    """

    def __init__(self, flush: Callable[[list[Item]], Awaitable[list[Outcome]]], *, limit: int = 200) -> None:
        self._flush = flush
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._task: asyncio.Task[None] | None = None
        self._last: asyncio.Future[Outcome] | None = None

    async def add(self, item: Item) -> Outcome:
        """Hand in one item and wait until it is written. Raises what its flush raised."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._last = future
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def settled(self, within: float, *, breath: float = 0.0) -> None:
        """Wait until what is handed in by the end of a breath is written, or could not be; for at most
        `within` more seconds."""
        await asyncio.sleep(breath)
        if self._last is not None and not self._last.done():
            await asyncio.wait({self._last}, timeout=within)

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            await self._write(group)

    async def _write(self, group: list[tuple[Item, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._flush([item for item, _ in group])
        except Exception as error:  # the adder of each item gets it
            if len(group) > 1:
                for one in group:
                    await self._write([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
            return
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)
