"""One-time addresses at which a service brings an answer later.

They live in this process and only while their attempt does: when the attempt ends, by itself or because the
process dies, nobody waits any more and the address is unknown. The run is then lost or tried again by its
policy, with a new address and the same `webhook-id`, by which a service knows work that it has begun already.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PATH = "/callbacks/"


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
    """The open addresses of this process. None is offered until the process listens under a public URL."""

    def __init__(self, public_url: str = "") -> None:
        self._public_url = public_url.rstrip("/")
        self._listening = False
        self._open: dict[str, asyncio.Future[Brought]] = {}

    def listen(self) -> None:
        """The route is there from now on."""
        self._listening = True

    @contextmanager
    def offer(self) -> Iterator[Callback | None]:
        """An address for as long as the context lasts; None where this process cannot be reached."""
        if not (self._listening and self._public_url):
            yield None
            return
        token = secrets.token_urlsafe(32)
        future: asyncio.Future[Brought] = asyncio.get_running_loop().create_future()
        self._open[token] = future
        try:
            yield Callback(f"{self._public_url}{PATH}{token}", token, future)
        finally:
            self._open.pop(token, None)
            future.cancel()

    def bring(self, token: str, body: bytes, content_type: str) -> bool:
        """Hand over an answer; False where nobody waits there (any more). Each address works once."""
        future = self._open.pop(token, None)
        if future is None or future.done():
            return False
        future.set_result(Brought(body, content_type))
        return True
