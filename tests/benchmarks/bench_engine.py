"""The whole core on SQLite, durable: runs per second, the desk's share, how soon an agent starts."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiosqlite
import sqlalchemy as sa
from cryptography.fernet import Fernet

from adapters.engines.embedded import Embedded
from core import batches, people, workspaces
from core.definitions import AgentDefinition, JobDefinition, SourceDefinition
from core.desk.desk import Desk
from core.desk.visit import Outcome, Request
from core.entries import Answered, Entry
from core.equipment import Equipment
from core.errors import SourceError
from core.jobfiles import Workspace
from core.people import Speaker, Standing
from core.ports import Channel, Source, Task
from core.store.database import Store
from core.store.migrate import migrate
from core.turns import Turn, Turns
from core.vault import Vault
from core.worker import Worker
from tests.benchmarks.figures import figure

RUNS = 400
ASKED = 200
SPEAKER = Speaker("console", "local", "bench", "Bench", Standing.OWNER)


class Trivial:
    """Answers at once; remembers when it began."""

    def __init__(self) -> None:
        self.began: asyncio.Queue[float] = asyncio.Queue()

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        self.began.put_nowait(time.perf_counter())
        yield Answered("done")


async def no_source(name: str, definition: SourceDefinition, environment: Any) -> Source:
    raise SourceError(name)


class Bench:
    """One process of the core with a trivial job."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "slashjob.db"
        self.store = Store(f"sqlite:///{self.path}")
        self.engine = Embedded()
        self.turns = Turns(self.store, self.engine)
        self.agent = Trivial()
        vault = Vault([Fernet.generate_key().decode()])
        zone = ZoneInfo("UTC")
        self.desk = Desk(self.turns, vault, zone=zone)
        equipment = Equipment({"report": self.agent}, no_source, {}, vault, zone)
        self.worker = Worker(self.turns, equipment, name="bench", lease=timedelta(seconds=30))
        self.stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.count = 0

    async def open(self, *, working: bool = True) -> None:
        await migrate(self.store)

        async def apply(turn: Turn) -> None:
            organization = await people.organization(turn)
            member = await people.recognize(turn, SPEAKER, organization=organization)
            job = JobDefinition.model_validate(
                {
                    "agent": "a",
                    "parameters": {"n": {"type": "integer"}},
                    "overlap": {"policy": "allow"},
                    "max_parallel": 10,
                    "confirm_above": 1000,
                }
            )
            await workspaces.apply(
                turn, member, Workspace(agents={"a": AgentDefinition(kind="report")}, jobs={"trivial": job})
            )

        await self.turns.take(apply)
        if working:
            await self.worker.start()
            work = self.engine.run_worker(self.worker.begin, 10, self.stop, self.worker.settled)
            self.task = asyncio.create_task(work)

    async def close(self) -> None:
        self.stop.set()
        if self.task is not None:
            await self.task
            await self.worker.close()
        await self.store.close()

    async def ask(self, text: str) -> int:
        self.count += 1
        request = Request(SPEAKER, Channel("console", "bench"), text, f"k{self.count}")
        reply = await self.desk.answer(request)
        if reply.outcome is not Outcome.DONE or reply.batch is None:
            raise RuntimeError(reply.message.text)
        return reply.batch

    async def ended(self, batch: int) -> None:
        while not (await self.turns.look(lambda turn: batches.get(turn, [batch])))[0].state.ended:
            await asyncio.sleep(0.02)


async def runs_per_second(folder: Path) -> None:
    """A batch of trivial runs, against a bare loop of three transactions per run."""
    bench = Bench(folder)
    await bench.open()
    await bench.ended(await bench.ask("run trivial n=1..20"))
    started = time.perf_counter()
    await bench.ended(await bench.ask(f"run trivial n=1..{RUNS}"))
    rate = RUNS / (time.perf_counter() - started)
    started = time.perf_counter()
    numbers = await asyncio.gather(*(bench.ask("run trivial n=1") for _ in range(RUNS // 2)))
    for number in sorted(numbers, reverse=True):
        await bench.ended(number)
    single = (RUNS // 2) / (time.perf_counter() - started)
    await bench.close()
    bare = await bare_rate(folder / "bare.db")
    figure("trivial runs per second, one batch", rate, bare, 0.67, least=True)
    figure("trivial runs per second, a batch each, desk included", single, bare, 0.05, least=True)


async def bare_rate(path: Path) -> float:
    """Three durable transactions per run through the same driver."""
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=FULL")
        await connection.execute("CREATE TABLE runs (pk INTEGER PRIMARY KEY, status TEXT)")
        started = time.perf_counter()
        for number in range(RUNS):
            for statement in (
                "INSERT INTO runs VALUES (?1, 'queued')",
                "UPDATE runs SET status = 'running' WHERE pk = ?1",
                "UPDATE runs SET status = 'succeeded' WHERE pk = ?1",
            ):
                await connection.execute("BEGIN IMMEDIATE")
                await connection.execute(statement, (number,))
                await connection.execute("COMMIT")
        return RUNS / (time.perf_counter() - started)


async def desk_share(folder: Path) -> None:
    """From the request to the reply, against the same statements through the bare driver."""
    bench = Bench(folder)
    await bench.open(working=False)
    recorded: list[tuple[str, Any]] = []

    @sa.event.listens_for(bench.store.writer.sync_engine, "before_cursor_execute")
    def remember(_: Any, __: Any, statement: str, values: Any, ___: Any, many: bool) -> None:
        recorded.append((statement, list(values) if many else values))

    await bench.ask("run trivial n=1")
    recorded.clear()
    times, bare = [], []
    for _ in range(ASKED):
        recorded.clear()
        started = time.perf_counter()
        await bench.ask("run trivial n=1")
        times.append(time.perf_counter() - started)
    statements = [one for one in recorded if not one[0].startswith("BEGIN")]
    await bench.close()
    async with aiosqlite.connect(folder / "slashjob.db", isolation_level=None) as connection:
        for number in range(ASKED):
            bare.append(await _replay(connection, statements, number))
    figure(
        "desk: request to reply of run, over its bare transaction",
        statistics.median(times) * 1000,
        statistics.median(bare) * 1000,
        2.0,
    )


async def _replay(connection: aiosqlite.Connection, statements: list[tuple[str, Any]], number: int) -> float:
    """The recorded statements in one transaction; what must be unique is made so."""
    started = time.perf_counter()
    await connection.execute("BEGIN IMMEDIATE")
    for statement, values in statements:
        if isinstance(values, list):
            await connection.executemany(statement, [_fresh(statement, one, number) for one in values])
        else:
            async with connection.execute(statement, _fresh(statement, values, number)) as cursor:
                await cursor.fetchall()
    await connection.execute("COMMIT")
    return time.perf_counter() - started


def _fresh(statement: str, values: Any, number: int) -> Any:
    if not statement.startswith("INSERT"):
        return values
    table = statement.split()[2]
    made = list(values)
    made[0] = f"{number}-{table}"
    columns = statement[statement.index("(") + 1 : statement.index(")")].replace('"', "").split(", ")
    for name in ("key", "subject", "request", "index"):
        if name in columns:
            made[columns.index(name)] = 10_000 + number if name in ("request", "index") else f"x{number}"
    return tuple(made)


async def start_latency(folder: Path) -> None:
    """A command typed to its agent started, idle."""
    bench = Bench(folder)
    await bench.open()
    waits = []
    for _ in range(50):
        started = time.perf_counter()
        batch = await bench.ask("run trivial n=1")
        waits.append(await bench.agent.began.get() - started)
        await bench.ended(batch)
    await bench.close()
    figure("command typed to agent started, idle, ms", statistics.median(waits) * 1000, 0, 15)


def idle_serve(folder: Path) -> None:
    """What an idle `serve` costs: memory where it made its database (the most), and CPU from a start like any
    other until it is ready."""
    resident, _ = _started(folder)
    figure("idle serve, resident MiB", resident, 0, 110)
    _, cpu = _started(folder)
    figure("serve, CPU seconds from start to ready", cpu, 0, 1.5)


def _started(folder: Path) -> tuple[float, float]:
    """Start a `serve` and stop it; MiB that it held, CPU seconds that it took."""
    environment = {**os.environ, "SLASHJOB_PORT": "0", "DATABASE_URL": f"sqlite:///{folder / 'serve.db'}"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "serve"], env=environment, cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = line.split()[-1]
        with urllib.request.urlopen(f"{address}/readyz", timeout=10) as answer:
            assert answer.status == 200
        cpu = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident = int(next(row for row in status.splitlines() if row.startswith("VmRSS")).split()[1]) / 1024
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    return resident, cpu / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print every figure."""
    for work in (runs_per_second, desk_share, start_latency):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(work(Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        idle_serve(Path(folder))


if __name__ == "__main__":
    main()
