"""One-time addresses at which a service brings an answer later.

They live only while their attempt does: when the attempt ends, by itself or because the process dies, nobody
waits any more and the address is unknown. The run is then lost or tried again by its
policy, with a new address and the same `webhook-id`, by which a service knows work that it has begun already.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.postbox import Postbox

_log = logging.getLogger(__name__)

PATH = "/callbacks/"
LOOK = 1.0  # seconds between two looks for what another process was brought


@dataclass(frozen=True, slots=True)
class Brought:
    """What was brought: the bytes of the answer, and its `Content-Type`."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Callback:
    """An address that somebody waits at. `token` may appear nowhere but in `url`."""

    url: str
    token: str
    answered: asyncio.Future[Brought]


class Callbacks:
    """The open addresses of this process. None is offered until one can be reached under a public URL.

    `shared` is given where several processes are reached under that URL: whichever it is passes on what it
    is brought.
    """

    def __init__(self, public_url: str = "", shared: Postbox | None = None) -> None:
        self._public_url = public_url.rstrip("/")
        self._shared = shared
        self._listening = False
        self._open: dict[str, asyncio.Future[Brought]] = {}

    def listen(self) -> None:
        """The route is there from now on, here or in a process that shares it."""
        self._listening = True

    @asynccontextmanager
    async def offer(self) -> AsyncIterator[Callback | None]:
        """An address for as long as the context lasts; None where this process cannot be reached."""
        if not (self._listening and self._public_url):
            yield None
            return
        token = secrets.token_urlsafe(32)
        future: asyncio.Future[Brought] = asyncio.get_running_loop().create_future()
        self._open[token] = future
        async with self._sharing(token, future):
            try:
                yield Callback(f"{self._public_url}{PATH}{token}", token, future)
            finally:
                self._open.pop(token, None)
                future.cancel()

    async def bring(self, token: str, body: bytes, content_type: str) -> bool:
        """Hand over an answer; False where nobody waits there (any more). Each address works once."""
        if self._shared is not None and not await self._shared.bring(token, body, content_type):
            return False
        future = self._open.pop(token, None)
        if future is None or future.done():
            return self._shared is not None  # whoever waits finds it in its row
        future.set_result(Brought(body, content_type))
        return True

    @asynccontextmanager
    async def _sharing(self, token: str, future: asyncio.Future[Brought]) -> AsyncIterator[None]:
        """Let other processes take the answer, and look for it, while the context lasts."""
        shared = self._shared
        if shared is None:
            yield
            return
        await shared.open(token)
        looking = asyncio.create_task(self._look(shared, token, future))
        try:
            yield
        finally:
            looking.cancel()
            try:
                await shared.close(token)
            except Exception as error:  # the row is forgotten later; the answer that was got is not lost
                _log.warning("callback.not_closed", extra={"error": type(error).__name__})

    async def _look(self, shared: Postbox, token: str, future: asyncio.Future[Brought]) -> None:
        while not future.done():
            await asyncio.sleep(LOOK)
            try:
                found = await shared.look(token)
            except Exception as error:  # the database is away: the next look finds the same row
                _log.warning("callback.look_failed", extra={"error": type(error).__name__})
                continue
            if found is not None and not future.done():
                future.set_result(Brought(*found))
