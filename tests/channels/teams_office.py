"""A bot with the whole of Teams, a running worker and the strict fake, over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import sqlalchemy as sa
from aiohttp import web

from adapters.teams.http import PATH
from adapters.teams.service import Access, Teams
from core.composer import compose
from core.desk.desk import Desk
from core.filelinks import Links
from core.notifier import Notifier
from core.store import tables
from core.store.database import Store
from core.store.dialects import Row
from core.vault import Vault
from tests.channels.fake_teams import SECRET, FakeTeams
from tests.channels.teams_tenant import APP_ID, TENANT, Conversation, Payload, Person
from tests.store.desk_rig import CODE
from tests.store.rig import LIMIT, LONG, Rig, until


def access(teams: FakeTeams, **more: Any) -> Access:
    """How a bot gets at the fake."""
    given: dict[str, Any] = {
        "app_id": APP_ID,
        "secret": SECRET,
        "tenant": TENANT,
        "openid": teams.openid,
        "login": teams.address,
        "service_hosts": ("127.0.0.1",),
    }
    return Access(**(given | more))


class TeamsBot(Rig):
    """One process: it listens at `url`; what it owes, or others left, it brings when told to."""

    def __init__(
        self,
        store: Store,
        teams: FakeTeams,
        *,
        vault: Vault | None = None,
        concurrency: int = 10,
        links: Links | None = None,
        **more: Any,
    ) -> None:
        super().__init__(store, lease=LONG)
        self.fake = teams
        self._concurrency = concurrency
        self.vault = vault or self.vault
        self.desk = Desk(self.turns, self.vault, zone=ZoneInfo("UTC"), admin_code=CODE)
        self.moved = 0.0  # seconds that the test has let pass
        self.stood: float | None = None  # monotonic seconds, where time passes no other way
        self.teams = Teams(
            access(teams, **more),
            self.desk,
            self.turns,
            self.vault,
            links,
            clock=lambda: (time.monotonic() if self.stood is None else self.stood) + self.moved,
        )
        self.notifier = Notifier(self.turns, {"teams": self.teams.platform()}, compose)
        self.url = ""
        self._runner: web.AppRunner | None = None
        self.http: aiohttp.ClientSession

    async def __aenter__(self) -> TeamsBot:
        await self.prepare()
        await self.open(concurrency=self._concurrency)
        application = web.Application(client_max_size=1024**2)
        self.teams.mount(application)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.teams.listen()
        self.http = aiohttp.ClientSession(base_url=self.url, timeout=aiohttp.ClientTimeout(total=LIMIT))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.teams.close()
        await self.close(drain=timedelta(0))

    async def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Send something to `/api/messages`: (status, text)."""
        async with self.http.post(PATH, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def send(self, activity: Payload, headers: Mapping[str, str] | None = None) -> tuple[int, Payload]:
        """Deliver an activity: (status, the answer's JSON)."""
        signed = self.fake.signed(activity) if headers is None else headers
        status, text = await self.post(json.dumps(activity).encode(), signed)
        return status, json.loads(text) if text.startswith("{") else {}

    async def rows(self, table: sa.Table) -> list[Row]:
        """All rows of a table."""
        async with self.store.reading() as connection:
            return list(await connection.execute(sa.select(table).order_by(table.c.pk)))


@dataclass
class Scene:
    """A channel with two people and the bot, and a job `report` that obeys."""

    teams: FakeTeams
    bot: TeamsBot
    channel: Conversation
    ana: Person
    bob: Person

    async def say(self, text: str, place: Conversation | None = None, **more: Any) -> Payload:
        """Ana says something to the bot, and it is done; the activity."""
        person = more.pop("person", self.ana)
        activity = self.teams.typed(text, place or self.channel, person, **more)
        status, _ = await self.bot.send(activity)
        assert status == 200
        await self.settled()
        return activity

    async def asked(self, text: str, place: Conversation | None = None, **more: Any) -> Payload:
        """Ana says something; the one message that answers."""
        place = place or self.channel
        before = len(place.messages)
        await self.say(text, place, **more)
        (answer,) = self.teams.said(place)[before:]
        return answer

    async def settled(self, limit: float = LIMIT) -> None:
        """Wait until everything that arrived has been worked on."""
        requests = tables.requests
        waiting = sa.select(requests.c.pk).where(requests.c.answer.is_(None)).limit(1)

        async def done() -> bool:
            async with self.bot.store.reading() as connection:
                return (await connection.execute(waiting)).first() is None

        await until(done, limit=limit)

    async def batches(self) -> int:
        """How many batches there are."""
        return await self.bot.count(tables.batches)

    async def ended(self, wanted: int = 1) -> None:
        """Wait until that many runs have ended."""

        async def all_ended() -> bool:
            rows = await self.bot.rows(tables.runs)
            return len(rows) == wanted and all(row.ended_at is not None for row in rows)

        await until(all_ended)

    async def deliver(self) -> None:
        """Bring what is owed now."""
        await self.bot.notifier.deliver()

    def stand_still(self) -> None:
        """From now on no time passes for Teams but by `forward`: what is sent reaches it in no time, so that
        both agree about how much that was in a second."""
        self.teams.stands_still()
        self.bot.stood = time.monotonic()

    def forward(self, seconds: float) -> None:
        """Let time pass for Teams and for the rows."""
        self.teams.forward(seconds)
        self.bot.store.offset += timedelta(seconds=seconds)
        self.bot.moved += seconds
