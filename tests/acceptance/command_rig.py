"""What the tests of the command agent share: tasks, programs to run, and a look into /proc.

Run as a file it is a worker of its own, to be killed or frozen: it runs one program and prints how it went.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from adapters.agents.command import Command, Limits
from adapters.agents.guards import boottime
from core.definitions import AgentDefinition, JobDefinition, Parameter, SourceDefinition, Version
from core.entries import Answered, Entry
from core.errors import AgentError
from core.ports import Source, Task

LIMIT = 60.0  # seconds that a condition may take to come true
LEASE = 30.0


async def _no_source(name: str, _: SourceDefinition, __: Mapping[str, str]) -> Source:
    raise AssertionError(f"a command opens no source, not {name}")


@dataclass
class Asked:
    """A task with what it was told on the way."""

    task: Task
    said: list[Entry] = field(default_factory=list)


def ask(
    *command: str,
    parameters: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    lease: Callable[[], float] | None = None,
    seconds: float = 60,
    due_at: datetime | None = None,
    secret: tuple[str, ...] = (),
    **job: Any,
) -> Asked:
    """A task for this command; `job` is what else `JobDefinition` knows, `secret` names parameters."""
    asked: Asked

    async def emit(entry: Entry) -> None:
        asked.said.append(entry)

    known = {name: Parameter(secret=name in secret) for name in parameters or {}}
    definition = JobDefinition(agent="scripts", command=command, parameters=known, **job)
    task = Task(
        run_id=f"run-{uuid4().hex}",
        label="#128.3",
        attempt=2,
        version=Version(name="script", job=definition, agent=AgentDefinition(kind="command")),
        parameters=parameters or {},
        now=datetime.now(UTC),
        zone=ZoneInfo("Europe/Amsterdam"),
        deadline=timedelta(seconds=seconds),
        environment={"PATH": "/usr/bin:/bin"} | dict(environment or {}),
        open_source=_no_source,
        emit=emit,
        lease_until=lease or (lambda: boottime() + LEASE),
        due_at=due_at,
    )
    asked = Asked(task)
    return asked


async def entries(agent: Command, asked: Asked) -> list[Entry]:
    """Run it to its end; what came before a failure is in `asked.said`."""
    async with aclosing(agent.run(asked.task)) as run:  # type: ignore[type-var]
        async for entry in run:
            asked.said.append(entry)
    return asked.said


async def answer(agent: Command, asked: Asked) -> str:
    """Run it and give its last answer."""
    answers = [entry.text for entry in await entries(agent, asked) if isinstance(entry, Answered)]
    return answers[-1] if answers else ""


def script(folder: Path, name: str, text: str) -> Path:
    """A Python program that starts quickly."""
    path = folder / name
    path.write_text(f"#!{sys.executable} -IS\n{text}")
    path.chmod(0o755)
    return path


def living(value: str, variable: str = "SLASHJOB_RUN_ID") -> dict[int, str]:
    """The processes of a run that are not dead, by the environment that they got; with their command line."""
    wanted = f"{variable}={value}".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if (
                wanted in (folder / "environ").read_bytes().split(b"\0")
                and state(int(folder.name)) not in "ZX"
            ):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile
    return found


def state(pid: int) -> str:
    """The process's state as in ps: R, S, T, Z …; X where there is none."""
    return _stat(pid)[0]


def parent(pid: int) -> int:
    """The process's parent."""
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", "0"]


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it, with a limit."""
    limit = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < limit, f"waited in vain until {what}"
        await asyncio.sleep(0.01)


async def _work(order: dict[str, Any]) -> None:
    agent = Command([Path(one) for one in order["allowed"]], limits=Limits(grace=1.0))
    lease = float(order["lease"])
    asked = ask(*order["command"], lease=lambda: boottime() + lease)
    print(json.dumps({"run": asked.task.run_id}), flush=True)
    try:
        print(json.dumps({"answer": await answer(agent, asked)}), flush=True)
    except AgentError as error:
        print(json.dumps({"error": error.sentence}), flush=True)
    agent.close()


if __name__ == "__main__":
    asyncio.run(_work(json.loads(os.environ["COMMAND_WORKER"])))
