"""Many at once on SQLite, durable: how soon 1,000 runs are accepted, their rate, memory, the other jobs."""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet

from core import batches, workspaces
from core.definitions import AgentDefinition, JobDefinition
from core.entries import Answered, Entry
from core.equipment import Equipment
from core.jobfiles import Workspace
from core.people import organization, recognize
from core.ports import Task
from core.turns import Turn
from core.vault import Vault
from core.worker import Worker
from tests.benchmarks.bench_engine import SPEAKER, Bench, Trivial, no_source
from tests.benchmarks.figures import figure

MANY = 1_000
SINGLES = 200
TRIES = 15


class Watching(Trivial):
    """Answers at once; remembers when the other job began."""

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        if task.version.name == "other":
            self.began.put_nowait(time.perf_counter())
        yield Answered("done")


class Many(Bench):
    """One process of the core with a job to fan out, and another one beside it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.agent = Watching()
        vault = Vault([Fernet.generate_key().decode()])
        equipment = Equipment({"report": self.agent}, no_source, {}, vault, ZoneInfo("UTC"))
        self.worker = Worker(self.turns, equipment, name="bench", lease=timedelta(seconds=30))

    async def prepare(self) -> None:
        await self.open()

        async def apply(turn: Turn) -> None:
            member = await recognize(turn, SPEAKER, organization=await organization(turn))
            common = {"agent": "a", "parameters": {"n": {"type": "integer"}}, "overlap": "allow"}
            jobs = {
                "trivial": JobDefinition.model_validate(common | {"max_parallel": 10, "confirm_above": MANY}),
                "other": JobDefinition.model_validate(common),
            }
            agents = {"a": AgentDefinition(kind="report")}
            await workspaces.apply(turn, member, Workspace(agents=agents, jobs=jobs))

        await self.turns.take(apply)
        await self.ended(await self.ask("run trivial n=1..20"))
        await self.ended(await self.ask("run other n=1"))
        await self.agent.began.get()

    async def latency(self) -> float:
        """Seconds from the other job's command typed to its agent started."""
        started = time.perf_counter()
        await self.ask("run other n=1")
        return await self.agent.began.get() - started

    async def has_ended(self, batch: int) -> bool:
        return (await self.turns.look(lambda turn: batches.get(turn, [batch])))[0].state.ended


def resident() -> float:
    """MiB of this process."""
    gc.collect()
    text = Path("/proc/self/status").read_text()
    return int(next(row for row in text.splitlines() if row.startswith("VmRSS")).split()[1]) / 1024


async def accepted(bench: Many) -> None:
    """From the line to its answer, the runs stored."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        batch = await bench.ask(f"run trivial n=1..{MANY}")
        times.append(time.perf_counter() - started)
        await bench.ended(batch)
    figure("a batch of 1,000 trivial runs accepted, ms", statistics.median(times) * 1000, 0, 300)


async def rates(bench: Many) -> None:
    """End to end, against single runs that are asked for one by one and executed side by side."""
    started = time.perf_counter()
    numbers = [await bench.ask("run trivial n=1") for _ in range(SINGLES)]
    for number in numbers:
        await bench.ended(number)
    single = SINGLES / (time.perf_counter() - started)
    before = resident()
    started = time.perf_counter()
    batch = await bench.ask(f"run trivial n=1..{MANY}")
    most = before
    while not (await bench.has_ended(batch)):
        most = max(most, resident())
        await asyncio.sleep(0.2)
    rate = MANY / (time.perf_counter() - started)
    figure("runs per second of a batch of 1,000, over single runs", rate, single, 0.5, least=True)
    figure("memory of a batch of 1,000 over idle, MiB", most - before, 0, 30)


async def another(bench: Many) -> None:
    """A command typed to its agent started: idle, and in the middle of a batch of 1,000."""
    idle = []
    for _ in range(TRIES):
        idle.append(await bench.latency())
        await asyncio.sleep(0.05)
    busy: list[float] = []
    while len(busy) < TRIES:
        batch = await bench.ask(f"run trivial n=1..{MANY}")
        await asyncio.sleep(0.3)
        while not await bench.has_ended(batch) and len(busy) < TRIES:
            busy.append(await bench.latency())
            await asyncio.sleep(0.05)
        await bench.ended(batch)
    figure(
        "another job's start amid a batch of 1,000, over idle, ms",
        statistics.median(busy) * 1000,
        statistics.median(idle) * 1000,
        2.0,
    )


async def all_of_it(folder: Path) -> None:
    """Every figure in one process."""
    bench = Many(folder)
    await bench.prepare()
    await accepted(bench)
    await rates(bench)
    await another(bench)
    await bench.close()


def main() -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(all_of_it(Path(folder)))


if __name__ == "__main__":
    main()
