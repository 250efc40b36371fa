"""How soon many schedules start that are due at once, and what a wake costs with nothing due.

Prints one JSON line a figure; `main` gives how many missed their limit.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from core import ids, people, workspaces
from core.definitions import AgentDefinition, JobDefinition
from core.jobfiles import Workspace
from core.lifecycles import BatchState
from core.people import Speaker, Standing
from core.scheduler import CHUNK, Scheduler
from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from core.turns import Turn, Turns
from core.vault import Vault

FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAYS = 9
TOGETHER = 1_000  # schedules due at the same second
MANY = 100_000  # schedules of which none is due
WAKES = 200
MEDIAN_LIMIT, LAST_LIMIT = 0.5, 3.0  # seconds after the instant
RATE_LIMIT = 0.5  # of bare inserts of the same rows
WAKE_LIMIT = 5.0  # milliseconds
IDLE_LIMIT = 1.0  # per cent of a core
MEMORY_LIMIT = 20.0  # megabytes more with all of them than without
WRITTEN = ("batches", "locks", "runs", "audit", "firings")  # what one start writes


def main() -> int:
    """Measure and print; the number of figures that missed their limit."""
    with tempfile.TemporaryDirectory(prefix="slashjob-bench-") as folder:
        return asyncio.run(_together(Path(folder))) + asyncio.run(_idle(Path(folder)))


async def _together(folder: Path) -> int:
    """The median of some days, bare ones in between: neighbours on the machine disturb both alike."""
    store, turns, vault = await _open(folder / "together.db")
    store.offset = FIRST - timedelta(hours=1) - datetime.now(UTC)
    await turns.take(lambda turn: apply(turn, vault))
    scheduler = Scheduler(turns, vault)
    days, rates = [], []
    for day in range(DAYS):
        days.append(await _day(store, scheduler, day))
        rates.append(await _bare(Store(f"sqlite:///{folder / f'bare{day}.db'}"), await _rows(store)))
    lags, spent = sorted(days, key=lambda one: one[1])[DAYS // 2]
    bare = statistics.median(rates)
    await store.close()
    missed = _print("schedules_median_lag_seconds", statistics.median(lags), MEDIAN_LIMIT)
    missed += _print("schedules_last_lag_seconds", max(lags), LAST_LIMIT)
    return missed + _print(
        "schedules_started_per_second", TOGETHER / spent, RATE_LIMIT, reference=bare, least=True
    )


async def _day(store: Store, scheduler: Scheduler, day: int) -> tuple[list[float], float]:
    """How late each was started, and how long all of it took."""
    due_at = FIRST + timedelta(days=day)
    async with store.transaction() as connection:  # what ran the day before has ended
        await connection.execute(tables.locks.delete())
        await connection.execute(tables.batches.update().values(state=BatchState.SUCCEEDED))
    _as_served()
    store.offset = due_at - datetime.now(UTC)
    begun = perf_counter()
    settled = await scheduler.tick()
    spent = perf_counter() - begun
    async with store.reading() as connection:
        batches = tables.batches.c
        query = sa.select(batches.started_at).where(batches.due_at == due_at, batches.state == "active")
        started = list(await connection.scalars(query))
    if settled != TOGETHER or len(started) != TOGETHER:
        raise AssertionError(f"{settled} settled, {len(started)} started")
    return [(at - due_at).total_seconds() for at in started], spent


async def _rows(store: Store) -> dict[str, list[Any]]:
    """Every row, by table; of what the days wrote only the last one's."""
    found: dict[str, list[Any]] = {}
    async with store.reading() as connection:
        for table in tables.metadata.sorted_tables:
            read = [dict(row._mapping) for row in await connection.execute(sa.select(table))]
            found[table.name] = read[-TOGETHER:] if table.name in WRITTEN else read
    return found


async def _bare(store: Store, found: dict[str, list[Any]]) -> float:
    """The rate at which the same rows are inserted, as many in a transaction as the scheduler has there."""
    await migrate(store)
    async with store.transaction() as connection:
        for name in ("organizations", "members", "channels", "jobs", "job_versions", "schedules"):
            await connection.execute(tables.metadata.tables[name].insert(), found[name])
    _as_served()
    begun = perf_counter()
    for first in range(0, TOGETHER, CHUNK):
        async with store.transaction() as connection:
            for name in WRITTEN:
                rows = found[name][first : first + CHUNK]
                await connection.execute(tables.metadata.tables[name].insert(), rows)
    spent = perf_counter() - begun
    await store.close()
    return TOGETHER / spent


async def _idle(folder: Path) -> int:
    store, turns, vault = await _open(folder / "idle.db")
    scheduler = Scheduler(turns, vault)
    await scheduler.work()
    before = await _cost(scheduler.work)
    memory = _megabytes()
    await turns.take(_fill)
    filled = _megabytes()
    wake, share = await _cost(Scheduler(turns, vault).work)
    grown = _megabytes() - max(filled, memory)
    await store.close()
    missed = _print("schedules_idle_wake_milliseconds", wake, WAKE_LIMIT, reference=before[0])
    missed += _print("schedules_idle_cpu_percent", share, IDLE_LIMIT)
    return missed + _print("schedules_idle_memory_megabytes", grown, MEMORY_LIMIT)


async def _cost(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Milliseconds of a wake, and the share of a core that one wake a second would take, in per cent."""
    await work()
    begun, used = perf_counter(), process_time()
    for _ in range(WAKES):
        await work()
    return (perf_counter() - begun) / WAKES * 1_000, (process_time() - used) / WAKES * 100


async def _open(path: Path) -> tuple[Store, Turns, Vault]:
    store = Store(f"sqlite:///{path}")
    await migrate(store)
    return store, Turns(store), Vault([Fernet.generate_key().decode()])


async def apply(turn: Turn, vault: Vault) -> None:
    """A thousand jobs, each due at eight every day."""
    organization = await people.organization(turn)
    speaker = Speaker("console", "local", "bench", "bench", Standing.OWNER)
    actor = await people.recognize(turn, speaker, organization=organization)
    job = JobDefinition.model_validate(
        {
            "agent": "a",
            "channel": "console:general",
            "parameters": {"campaign_id": {"type": "integer"}},
            "schedules": [{"when": "0 8 * * *", "parameters": {"campaign_id": 42}}],
        }
    )
    made = Workspace(
        agents={"a": AgentDefinition(kind="report")},
        jobs={f"job-{number}": job for number in range(TOGETHER)},
    )
    await workspaces.apply(turn, actor, made, vault=vault)


async def _fill(turn: Turn) -> None:
    """A hundred thousand schedules of one job, due tomorrow and later."""
    organization = await people.organization(turn)
    job = await turn.connection.scalar(
        tables.jobs.insert()
        .values(
            id=ids.new(),
            organization=organization,
            name="j",
            origin="chat",
            created_at=turn.now,
            changed_at=turn.now,
        )
        .returning(tables.jobs.c.pk)
    )
    for first in range(0, MANY, 5_000):
        await turn.connection.execute(
            tables.schedules.insert(),
            [
                {
                    "id": ids.new(),
                    "organization": organization,
                    "job": job,
                    "name": str(number),
                    "origin": "chat",
                    "definition": {"when": "0 8 * * *"},
                    "expression": "0 8 * * *",
                    "given": [],
                    "next_due_at": turn.now + timedelta(days=1, seconds=number),
                    "settled_until": turn.now,
                    "created_at": turn.now,
                }
                for number in range(first, first + 5_000)
            ],
        )


def _as_served() -> None:
    """What is loaded by now is not collected again: `serve` does so once it is up."""
    gc.collect()
    gc.freeze()


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def _print(figure: str, value: float, limit: float, *, reference: float = 0.0, least: bool = False) -> int:
    """Print a figure and whether it held; with `least` the limit is the least ratio to the reference."""
    ratio = value / reference if reference else value / limit
    held = ratio >= limit if least else value <= limit
    rounded = {"value": round(value, 3), "reference": round(reference, 3), "ratio": round(ratio, 3)}
    print(json.dumps({"figure": figure, **rounded, "limit": limit, "held": held}), flush=True)
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
