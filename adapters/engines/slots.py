"""The places for runs in one process: when something may be claimed, and how much at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from core.ports import ANY, Begin, Settled

_log = logging.getLogger(__name__)

PAUSE = 0.5  # seconds after a claim that failed (the database was away)


class Slots:
    """Claims when a token came, when a run ended here, and when the sweep found something queued.

    An end asks by itself: what a cap held back has its turn then, and nobody else may hear of it. Ends that
    are being written are waited for: one claim for ten slots costs little more than one for one.
    """

    def __init__(self, begin: Begin, concurrency: int, settled: Settled | None = None) -> None:
        self._begin = begin
        self._concurrency = concurrency
        self._settled = settled
        self._active: set[asyncio.Task[None]] = set()
        self._tokens: list[tuple[str, asyncio.Future[None]]] = []
        self._hinted = 0
        self._news = asyncio.Event()

    async def token(self, run_id: str) -> None:
        """Wait until there was a slot, and a claim was tried for it: then the token is worth nothing."""
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tokens.append((run_id, settled))
        self._news.set()
        await settled

    def hint(self, number: int) -> None:
        """So many runs are queued, without tokens."""
        self._hinted = max(self._hinted, number)
        self._news.set()

    async def work(self, stop: asyncio.Event) -> None:
        """Claim until the stop; what runs then goes on."""
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait({stopped, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                self._news.clear()
                if self._settled is not None:
                    await self._settled()
                if not stop.is_set() and not await self._fill():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), PAUSE)
        finally:
            stopped.cancel()
            self._settle(len(self._tokens))

    async def _fill(self) -> bool:
        """Claim for the free slots; False where that failed."""
        room = self._concurrency - len(self._active)
        number = min(room, len(self._tokens) + self._hinted)
        if number <= 0:
            return True
        wanted = [run_id for run_id, _ in self._tokens[:number]]
        asked, self._hinted = len(wanted), 0
        try:
            tasks = await self._begin(wanted + [ANY] * (number - asked))
        except Exception as error:  # a door: the sweep brings what is queued again
            _log.warning("engine.claim_failed", extra={"error": str(error)})
            self._settle(asked)
            return False
        for task in tasks:
            self._active.add(task)
            task.add_done_callback(self._ended)
        self._settle(asked)
        if self._tokens and len(self._active) < self._concurrency:
            self._news.set()
        return True

    def _settle(self, number: int) -> None:
        settled, self._tokens = self._tokens[:number], self._tokens[number:]
        for _, future in settled:
            if not future.done():
                future.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._active.discard(task)
        self._hinted += 1
        self._news.set()
