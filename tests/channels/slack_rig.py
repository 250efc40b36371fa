"""The Slack platform on the fake, with one clock for both; alone, or behind the notifier and the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.directory import Directory
from adapters.slack.platform import Slack
from core import ids, people
from core.composer import compose
from core.messages import ChartData, Message
from core.notifier import Notifier
from core.people import Speaker, Standing
from core.ports import Channel, Post
from core.store import tables
from core.store.database import Store
from tests.channels.fake_slack import FakeSlack
from tests.channels.gallery import GALLERY
from tests.store.rig import LONG, Rig

PNG = b"\x89PNG\r\n\x1a\nnot really"
TIMEOUT = 60.0  # seconds until a call of the Web API is given up; less would give up a slow machine


async def draw(chart: ChartData) -> bytes:
    """A picture of any chart."""
    return PNG + chart.title.encode()


class Book:
    """People known by heart."""

    def __init__(self, requester: str = "", **known: str) -> None:
        self.asked_by = requester
        self.known = known

    async def people(self, channel: Channel, members: Sequence[str]) -> dict[str, str]:
        return {name: self.known[name] for name in members if name in self.known}

    async def requester(self, channel: Channel, delivery_id: str) -> str:
        return self.asked_by

    async def shared(self, channel: Channel, delivery_id: str) -> tuple[str, ...] | None:
        return None


class Desk:
    """The platform, a channel `general` with Ana in it, and what is needed to post there."""

    def __init__(self, slack: FakeSlack, session: aiohttp.ClientSession, people: Book) -> None:
        self.slack = slack
        self.ana = slack.person("Ana", email="ana@example.com")
        self.general = slack.channel("general", members=(self.ana,))
        self.people = people
        self.client = AsyncWebClient(
            token=slack.token, base_url=slack.url, session=session, retry_handlers=[]
        )
        self.seconds = 1_000.0
        self.platform = Slack(self._client, people, draw=draw, clock=self.clock, now=self.now)

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.slack.now(), UTC)

    def forward(self, seconds: float) -> None:
        """Let time pass, for the platform and for Slack."""
        self.seconds += seconds
        self.slack.forward(seconds)

    async def _client(self, channel: Channel) -> AsyncWebClient | None:
        return self.client

    def post(self, message: Message | str = "acknowledgement", **more: Any) -> Post:
        """A post of a message, of the gallery by its name, to the channel."""
        said = GALLERY[message] if isinstance(message, str) else message
        fields: dict[str, Any] = {"delivery_id": ids.new(), "channel": Channel("slack", self.general)}
        return Post(**{**fields, "message": said, **more})

    def outside(self, **reference: str) -> Channel:
        """A channel in which the bot is no member."""
        return Channel(
            "slack", self.slack.channel("private", bot=False, private=True), "", dict(reference) or None
        )

    def by_url(self, channel: str = "", minutes: float = 30) -> Channel:
        """A channel without the bot, and the response_url of a command that was said there."""
        address = channel or self.slack.channel("elsewhere", bot=False, members=(self.ana,))
        until = (self.now() + timedelta(minutes=minutes)).isoformat()
        url = self.slack.response_url(address, self.ana)
        return Channel("slack", address, "", {"response_url": url, "until": until, "user": self.ana})


@asynccontextmanager
async def desk(people: Book | None = None, *, timeout: float = TIMEOUT) -> AsyncIterator[Desk]:
    """A platform on a fresh fake Slack, whose clock stands still but for `forward`."""
    limit = aiohttp.ClientTimeout(total=timeout)
    async with FakeSlack() as slack, aiohttp.ClientSession(timeout=limit) as session:
        slack.stands_still()
        yield Desk(slack, session, people or Book())


class SlackRig(Rig):
    """The rig of runs, with Slack as its platform and the real wording. Alice is Ana of the workspace."""

    def __init__(self, store: Store, at: Desk) -> None:
        super().__init__(store, lease=LONG)
        self.at = at
        self.slack = at.slack
        self.directory = Directory(self.turns)
        self.platform = Slack(at._client, self.directory, draw=draw, clock=at.clock, now=at.now)
        self.notifier = Notifier(self.turns, {"slack": self.platform}, compose)

    async def prepare(self) -> None:
        async def work(turn: Any) -> None:
            self.organization = await people.organization(turn)
            speaker = Speaker("slack", "T000000001", self.at.ana, "Ana", Standing.OWNER, "ana@example.com")
            self.alice = await people.recognize(turn, speaker, organization=self.organization)
            self.channel = await people.channel(turn, self.organization, Channel("slack", self.at.general))

        await self.turns.take(work)

    async def place(self, channel: Channel) -> int:
        """Make a channel known; what is started from now on is told there."""
        self.channel = await self.turns.take(lambda turn: people.channel(turn, self.organization, channel))
        return self.channel

    def forward(self, seconds: float) -> None:
        """Let time pass, everywhere."""
        self.at.forward(seconds)
        self.store.offset += timedelta(seconds=seconds)

    async def rows(self, table: sa.Table) -> list[Any]:
        async with self.store.reading() as connection:
            return list(await connection.execute(sa.select(table).order_by(table.c.pk)))

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows(tables.deliveries)]
