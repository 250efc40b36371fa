"""What the guard, the limits and the reading of the answer add to the bare start of a program."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from adapters.agents.command import Command
from tests.acceptance.command_rig import answer, ask
from tests.benchmarks.figures import figure

ROUNDS = 60
LIMIT = 15.0  # milliseconds beyond asyncio.create_subprocess_exec
STALL = 50.0  # milliseconds that the event loop may stand still
PROGRAM = Path("/bin/echo")


async def _bare() -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(PROGRAM, "hello", stdin=pipe, stdout=pipe, stderr=pipe)
    await process.communicate()


async def _measure() -> None:
    agent = Command([PROGRAM])
    taken: dict[str, list[float]] = {"bare": [], "guarded": []}
    await answer(agent, ask("echo", "hello"))  # the first start of a process is the slow one
    for _ in range(ROUNDS):  # in turns: both meet the same machine
        before = time.perf_counter()
        await _bare()
        taken["bare"].append(time.perf_counter() - before)
        before = time.perf_counter()
        assert await answer(agent, ask("echo", "hello")) == "hello"
        taken["guarded"].append(time.perf_counter() - before)
    flood = ask("sh", "-c", "head -c 104857600 /dev/zero | tr '\\0' x")
    stall = await _longest_stall(Command([Path("/bin/sh")]), flood)
    agent.close()
    bare, guarded = (1000 * statistics.median(taken[name]) for name in ("bare", "guarded"))
    figure("command: the guard beyond a bare subprocess, ms", guarded - bare, 0, LIMIT)
    figure("command: event loop held while reading 100 MB, ms", stall, 0, STALL)


async def _longest_stall(agent: Command, flood: object) -> float:
    """Milliseconds between two turns of the loop while 100 MB are read."""
    longest, last = 0.0, time.perf_counter()
    run = asyncio.create_task(answer(agent, flood))  # type: ignore[arg-type]
    while not run.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    await run
    agent.close()
    return 1000 * longest


def main() -> None:
    """Print every figure."""
    asyncio.run(_measure())


if __name__ == "__main__":
    main()
