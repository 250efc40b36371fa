"""For authors of plug-ins: run one as the bot would, without a bot.

from adapters.agents import testkit

async def test_it_counts() -> None:
    entries = await testkit.run(run, parameters={"team": "ops"}, sources={"shop": [{"total": 3}]})
    assert testkit.answer(entries) == "3 open tickets"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters.agents.plugins import Run, checked
from core.definitions import AgentDefinition, JobDefinition, Parameter, SourceDefinition, Version
from core.entries import Answered, Entry
from core.ports import Halt, Rows, Source, Task


@dataclass(slots=True)
class Told:
    """A source that answers every query with the same rows, and remembers what it was asked."""

    rows: Sequence[Mapping[str, Any]]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closed: bool = False

    async def query(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """The rows, whatever is asked."""
        self.asked.append((sql, dict(values)))
        columns = tuple(self.rows[0]) if self.rows else ()
        return Rows(columns, tuple(tuple(row[name] for name in columns) for row in self.rows), False, 0.0)

    async def close(self) -> None:
        """It was closed."""
        self.closed = True


async def run(
    plugin: Run,
    *,
    parameters: Mapping[str, Any] | None = None,
    sources: Mapping[str, Source | Sequence[Mapping[str, Any]]] | None = None,
    secret: Sequence[str] = (),
    now: datetime | None = None,
    attempt: int = 1,
    halt: Halt = "",
) -> list[Entry]:
    """Run it to its end; everything it yielded and said, in order. Raises what it raises.

    `sources` are sources, or rows that every query is answered with; the first is the agent's own. `secret`
    names parameters. With `halt`, `task.guard()` raises as it would for a run that is to stop.
    """
    said: list[Entry] = []
    task = _task(parameters or {}, sources or {}, secret, now or datetime.now(UTC), attempt, halt, said)
    async with aclosing(checked(plugin, task, "under test")) as entries:
        async for entry in entries:
            said.append(entry)
    return said


def answer(entries: Sequence[Entry]) -> str:
    """The text of the last answer; empty where there is none."""
    return next((one.text for one in reversed(entries) if isinstance(one, Answered)), "")


def _task(
    parameters: Mapping[str, Any],
    sources: Mapping[str, Source | Sequence[Mapping[str, Any]]],
    secret: Sequence[str],
    now: datetime,
    attempt: int,
    halt: Halt,
    said: list[Entry],
) -> Task:
    opened: dict[str, Source] = {
        name: Told(one) if isinstance(one, Sequence) else one for name, one in sources.items()
    }
    version = Version(
        name="under-test",
        job=JobDefinition(
            agent="under-test", parameters={name: Parameter(secret=name in secret) for name in parameters}
        ),
        agent=AgentDefinition(kind="python", plugin="under-test", source=next(iter(opened), "")),
        sources={name: SourceDefinition(url="sqlite:///under-test.db") for name in opened},
    )

    async def open_source(name: str, _: SourceDefinition, __: Mapping[str, str]) -> Source:
        return opened[name]

    async def emit(entry: Entry) -> None:
        said.append(entry)

    return Task(
        run_id="01980000-0000-7000-8000-000000000001",
        label="#1",
        attempt=attempt,
        version=version,
        parameters=parameters,
        now=now,
        zone=ZoneInfo("UTC"),
        deadline=timedelta(hours=1),
        environment={},
        open_source=open_source,
        emit=emit,
        lease_until=lambda: float("inf"),
        halt=lambda: halt,
    )
