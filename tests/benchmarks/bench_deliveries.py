"""Deliveries: how soon a row becomes a call, what a claim costs among many, what a slow channel costs."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.fernet import Fernet

from bot.loops import Loops
from core import deliveries, ids, people
from core.composer import compose
from core.deliveries import Kind, Owed
from core.errors import DeliveryError
from core.janitor import Janitor
from core.notifier import AT_ONCE, LEASE, Notifier
from core.people import Speaker, Standing
from core.ports import Channel, Post, Receipt
from core.retention import Retention
from core.scheduler import Scheduler
from core.store import outbox as outbox_rows
from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from core.turns import Turn, Turns
from core.vault import Vault
from tests.benchmarks.bench_history import databases
from tests.benchmarks.figures import figure

SINGLES = 60
CLAIMS = 25
FEW, MANY, PLACES = 100, 10_000, 100
HELD = 1_000  # messages of a channel that has to wait
REACH = outbox_rows.Reach(("board",))


class Board:
    """A platform that takes everything, but asks to wait at `busy`."""

    name = "board"
    repeatable = False
    editable = True

    def __init__(self) -> None:
        self.called: asyncio.Queue[float] = asyncio.Queue()

    async def deliver(self, post: Post) -> Receipt:
        if post.channel.address == "busy":
            raise DeliveryError("Later.", retry_after=timedelta(minutes=1))
        self.called.put_nowait(time.perf_counter())
        return Receipt(post.delivery_id)


class Bench:
    """One process that only delivers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.board = Board()
        self.loops: Loops | None = None
        self.turns = Turns(store, wake=self._wake)
        self.notifier = Notifier(self.turns, {"board": self.board}, compose)
        self.organization = 0
        self.member = 0

    def _wake(self) -> None:
        if self.loops is not None:
            self.loops.wake()

    async def open(self, folder: Path) -> Loops:
        await migrate(self.store)
        vault = Vault([Fernet.generate_key().decode()])
        janitor = Janitor(self.turns, lease=LEASE)
        keeper = Retention(self.turns, folder, default=timedelta(days=365))
        loops = Loops(self.notifier, janitor, Scheduler(self.turns, vault), keeper, lease=LEASE)

        async def work(turn: Turn) -> None:
            self.organization = await people.organization(turn)
            speaker = Speaker("board", "t", "ana", "Ana", Standing.OWNER)
            self.member = (await people.recognize(turn, speaker, organization=self.organization)).pk

        await self.turns.take(work)
        return loops

    async def owe(self, address: str, count: int = 1) -> float:
        """Owe messages to a place; returns when that was committed."""

        async def work(turn: Turn) -> None:
            place = await people.channel(turn, self.organization, Channel("board", address))
            owed = [
                Owed(self.organization, place, Kind.TEST, f"probe:{ids.new()}:{self.member}:")
                for _ in range(count)
            ]
            await deliveries.owe_all(turn, owed)

        await self.turns.take(work)
        return time.perf_counter()

    async def single(self) -> float:
        """Seconds from the commit of a row to the platform's call."""
        owed = await self.owe("general")
        return await self.board.called.get() - owed

    async def fill(self, count: int) -> None:
        """So many pending on all places; nothing else is owed."""
        async with self.store.transaction() as connection:
            await connection.execute(tables.deliveries.delete())
        for place in range(PLACES):
            await self.owe(f"place-{place}", count // PLACES)
        if not self.store.sqlite:
            async with self.store.writer.begin() as connection:
                await connection.exec_driver_sql("ANALYZE deliveries")

    async def claim(self) -> float:
        """Seconds to claim what one pass takes; it is undone."""

        class Undone(Exception):
            pass

        seconds = 0.0

        async def work(turn: Turn) -> None:
            nonlocal seconds
            now: datetime = turn.now
            started = time.perf_counter()
            claimed = await outbox_rows.claim(turn.connection, now, LEASE, AT_ONCE, REACH)
            seconds = time.perf_counter() - started
            if len(claimed) != AT_ONCE:
                raise AssertionError(len(claimed))
            raise Undone

        try:
            await self.turns.take(work)
        except Undone:
            return seconds
        raise AssertionError("unreachable")


def main() -> None:
    """Print the figures."""
    asyncio.run(_measure())


async def _measure() -> None:
    async with databases() as stores:
        for name, store in stores:
            with TemporaryDirectory(prefix="bench-") as folder:
                bench = Bench(store)
                loops = await bench.open(Path(folder))
                await _claims(name, bench)
                await _overhead(name, bench, loops)


async def _claims(name: str, bench: Bench) -> None:
    await bench.fill(FEW)
    few = await _median(bench.claim, CLAIMS)
    await bench.fill(MANY)
    many = await _median(bench.claim, CLAIMS)
    label = f"deliveries: claim of one among {MANY:,}, against {FEW} ({name}, µs)"
    figure(label, many / AT_ONCE * 1e6, few / AT_ONCE * 1e6, 2.0)
    async with bench.store.transaction() as connection:
        await connection.execute(tables.deliveries.delete())


async def _overhead(name: str, bench: Bench, loops: Loops) -> None:
    bench.loops = loops
    loops.start()
    idle = await _median(bench.single, SINGLES)
    figure(f"deliveries: row to call, idle ({name}, ms)", idle * 1000, 0, 20.0)
    await bench.owe("busy", HELD)
    beside = await _median(bench.single, SINGLES)
    figure(f"deliveries: beside a channel that has to wait ({name}, ms)", beside * 1000, idle * 1000, 3.0)
    await loops.stop()


async def _median(measure: Callable[[], Awaitable[float]], count: int) -> float:
    await measure()
    return statistics.median([await measure() for _ in range(count)])


if __name__ == "__main__":
    main()
