"""A signed slash command until its 200, stored: against a bare bolt listener and a bare durable commit."""

from __future__ import annotations

import asyncio
import contextlib
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import aiosqlite
import sqlalchemy as sa
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from tests.benchmarks.figures import figure
from tests.channels.fake_slack import FakeSlack
from tests.channels.slack_office import SCOPES, TEAM, Bot
from tests.store.rig import until

ASKED = 150
WARM = 15
AT_ONCE = 50
BUSY = 20  # jobs that run meanwhile
REST = 0.01  # seconds before each that is measured alone

Ask = Callable[[], Awaitable[None]]


def main() -> None:
    """Print the figures."""
    asyncio.run(_measure())


async def _measure() -> None:
    with tempfile.TemporaryDirectory(prefix="slashjob-bench-") as folder:
        async with FakeSlack() as slack:
            slack.install(scopes=SCOPES)
            ana = slack.person("Ana")
            channel = slack.channel("growth", members=(ana,))
            store = Store(f"sqlite:///{folder}/slashjob.db")
            await migrate(store)
            async with (
                _bare(slack, channel, ana) as bare,
                _commit(Path(folder) / "bare.db") as commit,
                Bot(store, slack, concurrency=BUSY) as bot,
            ):
                await bot.job("report", overlap={"policy": "allow"}, max_parallel=100)
                ask = _asking(bot, slack, channel, ana)
                await _one_by_one(bot, bare, commit, ask)
                await _while_busy(bot, ask)
            await store.close()


async def _one_by_one(bot: Bot, bare: Ask, commit: Ask, ask: Ask) -> None:
    """In turns, each after a rest, so that all three meet the same machine, woken from the same sleep."""
    times: dict[Ask, list[float]] = {bare: [], commit: [], ask: []}
    for place in range(WARM + ASKED):
        for one, taken in times.items():
            await _idle(bot)
            await asyncio.sleep(REST)
            began = time.perf_counter()
            await one()
            if place >= WARM:
                taken.append(time.perf_counter() - began)
    alone, stored, whole = (statistics.median(taken) for taken in times.values())
    figure("slack: command to stored 200 (ms)", whole * 1000, (alone + stored) * 1000, 1.5)


def _asking(bot: Bot, slack: FakeSlack, channel: str, ana: str) -> Ask:
    async def ask() -> None:
        status, answer = await bot.post(*slack.form(slack.slash("run report", channel, ana)))
        if (status, answer) != (200, ""):
            raise AssertionError(f"{status}: {answer}")

    return ask


async def _while_busy(bot: Bot, ask: Ask) -> None:
    """p99 of many at once while jobs run: they hold every slot, so what is started waits behind them."""
    for _ in range(BUSY):
        status, _answer = await bot.slash(
            "run report do=wait", next(iter(bot.fake.places)), next(iter(_people(bot)))
        )
        if status != 200:
            raise AssertionError(status)

    async def running() -> bool:
        return bot.agent.open >= BUSY

    await until(running)
    times: list[float] = []

    async def several() -> None:
        times.extend(await _times(ask, 4))

    await asyncio.gather(*(several() for _ in range(AT_ONCE)))
    times.sort()
    p99 = times[int(len(times) * 0.99) - 1]
    figure(f"slack: p99 at {AT_ONCE} at once while {BUSY} jobs run (ms)", p99 * 1000, 0, 150)
    bot.agent.gate.set()


async def _idle(bot: Bot) -> None:
    """Wait until what was asked for is done: this figure is not about its share of the one writer."""
    await bot.answered()

    async def ended() -> bool:
        async with bot.store.reading() as connection:
            query = sa.select(tables.runs.c.pk).where(tables.runs.c.ended_at.is_(None)).limit(1)
            return (await connection.execute(query)).first() is None

    await until(ended)


def _people(bot: Bot) -> list[str]:
    return [one.id for one in bot.fake.people.values() if not one.id.startswith("UBOT")]


async def _times(ask: Ask, count: int) -> list[float]:
    """Seconds of each."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        await ask()
        times.append(time.perf_counter() - began)
    return times


@contextlib.asynccontextmanager
async def _bare(slack: FakeSlack, channel: str, ana: str) -> AsyncIterator[Ask]:
    """A command to bolt with a listener that only acknowledges."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=TEAM, bot_user_id="U", bot_id="B", bot_token=slack.token
        )

    app = AsyncApp(signing_secret=slack.signing_secret, authorize=authorize, process_before_response=True)

    @app.command(re.compile(".*"))
    async def listener(ack: Any) -> None:
        await ack()

    async def receive(request: web.Request) -> web.Response:
        answer = await app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    application = web.Application()
    application.router.add_post("/slack/events", receive)
    async with _listening(application) as session:

        async def ask() -> None:
            body, headers = slack.form(slack.slash("run report", channel, ana))
            async with session.post("/slack/events", data=body, headers=headers) as answer:
                await answer.read()
                if answer.status != 200:
                    raise AssertionError(answer.status)

        yield ask


@contextlib.asynccontextmanager
async def _listening(application: web.Application) -> AsyncIterator[aiohttp.ClientSession]:
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(base_url=url) as session:
            yield session
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _commit(path: Path) -> AsyncIterator[Ask]:
    """One durable commit of one row."""
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=FULL")
        await connection.execute("CREATE TABLE t (x TEXT)")

        async def ask() -> None:
            await connection.execute("BEGIN IMMEDIATE")
            await connection.execute("INSERT INTO t VALUES ('x')")
            await connection.execute("COMMIT")

        yield ask
