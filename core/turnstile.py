"""Lets what a platform waits for go first: work that was answered already asks the database in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

AT_ONCE = 3  # pieces of work that ask the database at once
POLITE = 0.25  # seconds that a piece of work waits for a moment in which nothing arrives


class Turnstile:
    """Shared by the door and the work of one process."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._arriving = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """A request is on its way to its answer."""
        self._arriving += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._arriving -= 1
            if not self._arriving:
                self._quiet.set()

    @contextlib.asynccontextmanager
    async def after(self) -> AsyncIterator[None]:
        """One of the few that work at once, when nothing arrives, or a little later all the same."""
        async with self._slots:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLITE):
                    await self._quiet.wait()
            yield
