"""A trigger over HTTP until its 200, stored: against a bare handler that commits one row; and long lists."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import sqlalchemy as sa
from aiohttp import web
from cryptography.fernet import Fernet

from adapters.engines.embedded import Embedded
from adapters.rest.desk import Desk
from adapters.rest.service import Rest
from core import ids, keys, people
from core.choices import Chooser
from core.desk.visit import Reply, Request
from core.jobfiles import Checks
from core.keys import Key
from core.people import Speaker, Standing
from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from core.turns import Turn, Turns
from core.vault import Vault
from tests.benchmarks.figures import figure
from tests.store.rig import no_source

ASKED = 300
WARM = 30
AT_ONCE = 50
TOGETHER = 1_000  # requests of a round of throughput
ROUNDS = 3
CHATS = 1_000_000
PAGES = 300

Ask = Callable[[], Awaitable[None]]


def main() -> None:
    """Print the figures."""
    asyncio.run(_measure())


async def _measure() -> None:
    with tempfile.TemporaryDirectory(prefix="slashjob-bench-") as folder:
        store = Store(f"sqlite:///{folder}/slashjob.db")
        await migrate(store)
        vault = Vault([Fernet.generate_key().decode()])
        turns = Turns(store, Embedded())
        key, text = await turns.take(lambda turn: _prepare(turn))
        headers = {"X-API-Key": text, "X-Organization-Id": key.organization_id}
        application = web.Application()
        rest = Rest(
            Desk(
                turns=turns,
                vault=vault,
                zone=ZoneInfo("UTC"),
                chooser=Chooser(no_source, {}),
                signing=b"bench",
                data=Path(folder),
                checks=Checks(),
                talk=_silent,
            )
        )
        rest.mount(application)
        application.router.add_post("/bare", _bare(store))
        async with _served(application) as url, _client(headers) as client:

            async def trigger() -> None:
                await _asked(client, "POST", f"{url}/api/agents/jobs/report/trigger")

            async def bare() -> None:
                await _asked(client, "POST", f"{url}/bare")

            await _latency(trigger, bare)
            await _throughput(trigger, bare)
            await _fill(store, key.organization)
            await _pages(client, url)
        await store.close()


async def _latency(trigger: Ask, bare: Ask) -> None:
    """In turns, so that both meet the same machine."""
    times: dict[Ask, list[float]] = {trigger: [], bare: []}
    for place in range(WARM + ASKED):
        for ask, found in times.items():
            began = time.perf_counter()
            await ask()
            if place >= WARM:
                found.append(time.perf_counter() - began)
    whole, plain = (statistics.median(found) * 1000 for found in times.values())
    figure("rest: trigger to stored 200 (ms)", whole, plain, 2.5)


async def _throughput(trigger: Ask, bare: Ask) -> None:
    rates: dict[Ask, list[float]] = {trigger: [], bare: []}
    for _ in range(ROUNDS):
        for ask, found in rates.items():
            began = time.perf_counter()
            await asyncio.gather(*(_repeat(ask, TOGETHER // AT_ONCE) for _ in range(AT_ONCE)))
            found.append(TOGETHER / (time.perf_counter() - began))
    whole, plain = (max(found) for found in rates.values())
    figure(f"rest: triggers a second, {AT_ONCE} at once", whole, plain, 0.5, least=True)


async def _pages(client: aiohttp.ClientSession, url: str) -> None:
    """p99 of pages anywhere in a million chats, for every filter that a pipeline has."""
    job = "report"
    since = (datetime.now(UTC) - timedelta(minutes=90)).isoformat().replace("+", "%2B")
    for name, query in (
        ("", ""),
        (", of a job", f"&jobId={job}"),
        (", that failed", "&status=failed"),
        (", since", f"&since={since}"),
    ):
        times = []
        chance = random.Random(7)
        for place in range(PAGES):
            at = chance.randrange(1, CHATS) if place else CHATS * 2
            cursor = _cursor(at)
            began = time.perf_counter()
            await _asked(client, "GET", f"{url}/api/agents/chats?limit=50&cursor={cursor}{query}")
            times.append((time.perf_counter() - began) * 1000)
        times.sort()
        p99 = times[int(len(times) * 0.99) - 1]
        figure(f"rest: a page of a million chats{name}, p99 (ms)", p99, 0, 30)


def _cursor(batch: int) -> str:
    from adapters.rest.targets import cursor

    return cursor((batch, 1)) or ""


async def _prepare(turn: Turn) -> tuple[Key, str]:
    organization = await people.organization(turn)
    speaker = Speaker("console", "local", "ana", "Ana", Standing.OWNER)
    ana = await people.recognize(turn, speaker, organization=organization)
    definition = {
        "name": "report",
        "agent": {"kind": "report"},
        "job": {"agent": "analyst", "overlap": {"policy": "allow"}},
    }
    job: dict[str, Any] = {"organization": organization, "origin": "file", "changed_at": turn.now}
    made = await turn.connection.execute(
        tables.jobs.insert()
        .values(id=ids.new(), name="report", created_at=turn.now, **job)
        .returning(tables.jobs.c.pk)
    )
    pk = made.scalar_one()
    version = await turn.connection.execute(
        tables.job_versions.insert()
        .values(id=ids.new(), job=pk, number=1, definition=definition, created_at=turn.now)
        .returning(tables.job_versions.c.pk)
    )
    await turn.connection.execute(
        tables.jobs.update().where(tables.jobs.c.pk == pk).values(version=version.scalar_one())
    )
    granted = ("agent_jobs_trigger", "agent_jobs_read")
    return await keys.create(turn, ana, "bench", granted, per_minute=keys.MOST_PER_MINUTE)


def _bare(store: Store) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Reads nothing, checks nothing, commits one row."""
    insert = tables.facts.insert()

    async def handle(_: web.Request) -> web.Response:
        async with store.transaction() as connection:
            await connection.execute(insert, {"name": ids.new(), "value": "x"})
        return web.json_response({"success": True})

    return handle


async def _fill(store: Store, organization: int) -> None:
    """A million chats, one in a hundred failed, a minute's worth for each second back; in plain SQL."""
    async with store.transaction() as connection:
        first = (await connection.scalar(sa.select(sa.func.max(tables.batches.c.pk)))) or 0
        job, version = (await connection.execute(sa.select(tables.jobs.c.pk, tables.jobs.c.version))).one()
        began = int((datetime.now(UTC) - timedelta(seconds=CHATS / 60)).timestamp() * 1000)
        await connection.execute(
            sa.text(
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < :chats) "
                "insert into batches (pk, id, organization, job, version, state, trigger, keys, cap, total, "
                "created_at) select :first + i, "
                "substr(printf('%012x', :began + i * 1000 / 60), 1, 8) || '-' || "
                "substr(printf('%012x', :began + i * 1000 / 60), 9, 4) || "
                "printf('-7000-8000-%012x', i), :organization, :job, :version, "
                "'succeeded', 'api', '[]', 4, 1, "
                "strftime('%Y-%m-%dT%H:%M:%S', (:began + i * 1000 / 60) / 1000, 'unixepoch') || '.000000Z' "
                "from n"
            ),
            {
                "chats": CHATS,
                "first": first,
                "began": began,
                "organization": organization,
                "job": job,
                "version": version,
            },
        )
        await connection.execute(
            sa.text(
                'insert into runs (id, batch, "index", job, version, parameters, status, created_at) '
                "select 'r' || substr(id, 2), pk, 1, job, version, '{}', "
                "case when pk % 100 = 0 then 'failed' else 'succeeded' end, created_at "
                "from batches where pk > :first"
            ),
            {"first": first},
        )


async def _asked(client: aiohttp.ClientSession, method: str, url: str) -> None:
    async with client.request(method, url) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {text[:500]}")


async def _repeat(ask: Ask, times: int) -> None:
    for _ in range(times):
        await ask()


async def _silent(_: Request) -> Reply:
    raise AssertionError("nobody talks here")


@contextlib.asynccontextmanager
async def _served(application: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def _client(headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as client:
        yield client


if __name__ == "__main__":
    main()
