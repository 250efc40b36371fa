"""An authenticated activity until its 200, stored: against a bare host that checks the same token."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from botbuilder.schema import Activity
from botframework.connector.auth import (
    ChannelValidation,
    JwtTokenExtractor,
    JwtTokenValidation,
    SimpleCredentialProvider,
)

from adapters.teams.http import PATH
from adapters.teams.keys import Keys
from core.store.database import Store
from core.store.migrate import migrate
from tests.benchmarks.figures import figure
from tests.channels.fake_teams import FakeTeams, Fault
from tests.channels.teams_office import Scene, TeamsBot
from tests.channels.teams_tenant import APP_ID, Payload

ASKED = 200
TURNS = 5
LOGINS = 3
WARM = 20
AT_ONCE = 20
EACH = 15
PLACES = 200  # conversations: each has its own limits
DRAINED = 120.0  # seconds that the answers to a burst may take on a busy machine
LOGIN = 2.0  # seconds that a slow login takes

Ask = Callable[[Payload], Awaitable[None]]
Make = Callable[[], tuple[Payload, dict[str, str]]]


def main() -> None:
    """Print the figures."""
    asyncio.run(_measure())


async def _measure() -> None:
    with tempfile.TemporaryDirectory(prefix="slashjob-bench-") as folder:
        async with FakeTeams() as teams:
            teams.limited = False
            ana = teams.person("Ana")
            channels = itertools.cycle([teams.group(ana) for _ in range(PLACES)])
            store = Store(f"sqlite:///{Path(folder) / 'slashjob.db'}")
            await migrate(store)

            def make() -> tuple[Payload, dict[str, str]]:
                activity = teams.typed("list", next(channels), ana)
                return activity, teams.signed(activity)

            async with _bare(teams) as bare, TeamsBot(store, teams) as bot:
                await bot.job("report")
                gc.collect()
                gc.freeze()  # as the program does before it serves
                scene = Scene(teams, bot, next(channels), ana, ana)
                await _one_by_one(bare, bot, scene, make)
                await _at_once(bot, scene, make)
                await _slow_login(bot, scene, make)
            await store.close()


async def _one_by_one(bare: aiohttp.ClientSession, bot: TeamsBot, scene: Scene, make: Make) -> None:
    """In turns, so that both meet the same machine."""
    both: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS):
        warm = WARM if turn == 0 else 2
        both[0].extend(await _times(bare, make, ASKED // TURNS, warm=warm))
        both[1].extend(await _times(bot.http, make, ASKED // TURNS, warm=warm, rest=scene.settled))
    alone, whole = map(statistics.median, both)
    figure("teams: activity to stored 200 (ms)", whole * 1000, alone * 1000, 3.0)


async def _at_once(bot: TeamsBot, scene: Scene, make: Make) -> None:
    signed = iter([make() for _ in range(AT_ONCE * EACH)])  # signing is not what is measured
    several = (_times(bot.http, lambda: next(signed), EACH, warm=0) for _ in range(AT_ONCE))
    times = sorted(one for some in await asyncio.gather(*several) for one in some)
    p99 = times[int(len(times) * 0.99) - 1]
    figure(f"teams: p99 at {AT_ONCE} at once (ms)", p99 * 1000, 0, 200)
    await scene.settled(DRAINED)


async def _slow_login(bot: TeamsBot, scene: Scene, make: Make) -> None:
    """How much longer the slowest request takes while a login takes two seconds than while none does.

    The median of a few logins: what a login stalls it stalls each time, what the machine does it does once.
    """
    tokens = bot.teams.tokens
    if tokens is None:
        raise AssertionError("it has no tokens")
    stalls = []
    for _ in range(LOGINS):
        usual = max(await _steadily(bot, make, asyncio.create_task(asyncio.sleep(LOGIN))))
        await scene.settled(DRAINED)
        gate = asyncio.Event()
        scene.teams.fault("token", Fault(gate=gate))
        tokens.forget(await tokens.get())
        asyncio.get_running_loop().call_later(LOGIN, gate.set)
        slowest = max(await _steadily(bot, make, asyncio.create_task(tokens.get())))
        await scene.settled(DRAINED)
        stalls.append(max(0.0, slowest - usual))
    stalled = statistics.median(stalls)
    figure(f"teams: stall while a login takes {LOGIN:.0f} s (ms)", stalled * 1000, 0, 50)


async def _steadily(bot: TeamsBot, make: Make, until: asyncio.Task[Any]) -> list[float]:
    """Seconds of one request after the other, until that is done."""
    times: list[float] = []
    while not until.done():
        times += await _times(bot.http, make, 1, warm=0)
    return times


async def _times(
    http: aiohttp.ClientSession,
    make: Make,
    count: int,
    *,
    warm: int = WARM,
    rest: Callable[[], Awaitable[None]] | None = None,
) -> list[float]:
    """Seconds of each; `rest` is what is waited for in between."""
    times = []
    for place in range(warm + count):
        activity, headers = make()
        body = json.dumps(activity).encode()
        began = time.perf_counter()
        async with http.post(PATH, data=body, headers=headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise AssertionError(answer.status)
        if place >= warm:
            times.append(time.perf_counter() - began)
        if rest is not None:
            await rest()
    return times


@contextlib.asynccontextmanager
async def _bare(teams: FakeTeams) -> AsyncIterator[aiohttp.ClientSession]:
    """A host that reads the activity with the library, checks its token with it, and stores nothing."""
    credentials = SimpleCredentialProvider(APP_ID, "")

    async def receive(request: web.Request) -> web.Response:
        activity: Any = Activity().deserialize(await request.json())
        header = request.headers["Authorization"]
        await JwtTokenValidation.authenticate_request(activity, header, credentials)
        return web.Response()

    application = web.Application()
    application.router.add_post(PATH, receive)
    async with _listening(application) as http:
        ChannelValidation.open_id_metadata_endpoint = teams.openid
        JwtTokenExtractor.metadataCache[teams.openid] = Keys(teams.openid, lambda: http)
        yield http


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
