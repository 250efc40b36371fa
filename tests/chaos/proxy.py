"""A way to PostgreSQL that is not to be trusted: it recycles connections, and cuts some in their commit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa

_COMMIT = b"COMMIT\x00"


class Proxy:
    """Passes bytes on, and counts what it cut."""

    def __init__(self, target: sa.URL, *, age: float, cut: float, seed: int, most: int | None = None) -> None:
        self._target = target
        self._age = age  # seconds that a connection lives at most
        self._cut = cut  # the share of commits whose answer is lost
        self._most = most  # commits that are cut at most
        self._chance = random.Random(seed)
        self._live: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.recycled = 0
        self.commits_cut = 0
        self.trusted = True
        """while it is, it does no harm"""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side leaves or it is cut."""
        task = asyncio.current_task()
        if task is not None:
            self._live.add(task)
            task.add_done_callback(self._live.discard)
        try:
            back, forth = await self._reach()
        except OSError:
            writer.transport.abort()
            return
        works = [
            asyncio.create_task(self._forward(reader, forth)),
            asyncio.create_task(_pass_on(back, writer)),
        ]
        age = self._age * self._chance.uniform(0.5, 1.5)
        try:
            done = await self._first(works, age)
            while not done and self.trusted:
                done = await self._first(works, age)
            self.recycled += not done
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            writer.transport.abort()
            forth.close()  # what was sent arrives: a commit is done, only its answer is lost

    async def close(self) -> None:
        """Cut what is left, and whoever comes. No task is cancelled: the server complains of those."""
        if not self._end.done():
            self._end.set_result(None)
        await asyncio.gather(*self._live)

    def open(self) -> None:
        """Be there again after `close`."""
        self._end = asyncio.get_running_loop().create_future()

    async def _first(self, works: list[asyncio.Task[None]], age: float) -> bool:
        """Wait until either side has left, or until the end of everything; False where neither came."""
        done, _ = await asyncio.wait([*works, self._end], timeout=age, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = str(self._target.query.get("host") or self._target.host or "127.0.0.1")
        port = self._target.port or 5432
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _forward(self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            forth.write(data)
            await forth.drain()
            if not self.trusted and _COMMIT in data and self._strikes():
                self.commits_cut += 1
                return

    def _strikes(self) -> bool:
        tired = self._most is not None and self.commits_cut >= self._most
        return not tired and self._chance.random() < self._cut


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def proxy(
    address: str, *, age: float, cut: float, seed: int, most: int | None = None
) -> AsyncIterator[tuple[Proxy, str]]:
    """The proxy, and the address of the database by it."""
    target = sa.make_url(address)
    made = Proxy(target, age=age, cut=cut, seed=seed, most=most)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    query = {"sslmode": "disable", "gssencmode": "disable"}
    by = target.set(host="127.0.0.1", port=port, query=query)
    try:
        yield made, by.render_as_string(hide_password=False)
    finally:
        server.close()
        await made.close()
