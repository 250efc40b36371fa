"""A bot with the whole inbound half of Slack, a running worker and the strict fake, over real HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import sqlalchemy as sa
from aiohttp import web

from adapters.slack.service import Access, Slack
from core.desk.desk import Desk
from core.store import deliveries as delivery_rows
from core.store import tables
from core.store.database import Store
from core.store.dialects import Row
from core.vault import Vault
from tests.channels.fake_slack import FakeSlack
from tests.channels.slack_workspace import ALL_SCOPES
from tests.store.desk_rig import CODE
from tests.store.rig import LIMIT, LONG, Rig, until

SCOPES = ALL_SCOPES | {"im:write"}
TEAM = "T000000001"

Payload = dict[str, Any]


class Bot(Rig):
    """One process: it listens at `url`, and hears what is sent there or through the socket.

    What others left it takes up when told to.
    """

    def __init__(
        self,
        store: Store,
        slack: FakeSlack,
        *,
        vault: Vault | None = None,
        concurrency: int = 10,
        **access: str,
    ) -> None:
        super().__init__(store, lease=LONG)
        self.fake = slack
        self._concurrency = concurrency
        self.vault = vault or self.vault
        self.desk = Desk(self.turns, self.vault, zone=ZoneInfo("UTC"), admin_code=CODE)
        given = {"bot_token": slack.token, "signing_secret": slack.signing_secret, "api": slack.url}
        self.slack = Slack(
            Access(**{**given, **access}), self.desk, self.turns, self.vault, platforms=("slack", "email")
        )
        self.url = ""
        self._runner: web.AppRunner | None = None
        self.http: aiohttp.ClientSession

    async def __aenter__(self) -> Bot:
        await self.prepare()
        await self.open(concurrency=self._concurrency)
        application = web.Application(client_max_size=1024**2)
        self.slack.mount(application)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.slack.listen()
        self.http = aiohttp.ClientSession(base_url=self.url, timeout=aiohttp.ClientTimeout(total=LIMIT))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.slack.close()
        await self.close(drain=timedelta(0))

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Send something to `/slack/events`: (status, text)."""
        async with self.http.post("/slack/events", data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def slash(self, text: str, channel: str, user: str, **more: str) -> tuple[int, Payload]:
        """Say `/job text`: (status, what only the asker was told)."""
        return await self.send_form(self.fake.slash(text, channel, user, **more))

    async def send_form(self, fields: dict[str, str]) -> tuple[int, Payload]:
        """Send a signed form: (status, the answer itself, or what followed by its response_url)."""
        status, answer = await self.post(*self.fake.form(fields))
        if answer.startswith("{"):
            return status, json.loads(answer)
        await self.answered()
        key = fields.get("response_url", "").rpartition("/")[2]
        issued = self.fake.response_urls.get(key)
        told = [one for one in issued.said if one.get("response_type") == "ephemeral"] if issued else []
        return status, told[0] if told else {}

    async def answered(self) -> None:
        """Wait until whatever was heard here is done and told."""
        if self.slack.reception is not None:
            await self.slack.reception.inbox.idle()

    async def interact(self, payload: Payload) -> tuple[int, Payload]:
        """Send a button, a shortcut or a submission."""
        return await self.send_form({"payload": json.dumps(payload)})

    async def event(self, inner: Payload, *, key: str = "", **more: Any) -> int:
        """Deliver an event; its status."""
        status, _ = await self.post(*self.fake.json(event(self.fake, inner, key=key, **more)))
        await self.answered()
        return status

    async def deliveries(self) -> list[Row]:
        """What is owed to channels."""
        async with self.store.reading() as connection:
            pks = list(await connection.scalars(sa.select(tables.deliveries.c.pk)))
            return await delivery_rows.get(connection, pks)

    async def rows(self, table: sa.Table) -> list[Row]:
        """All rows of a table."""
        async with self.store.reading() as connection:
            return list(await connection.execute(sa.select(table)))


@dataclass
class Scene:
    """A channel with two people and the bot."""

    slack: FakeSlack
    bot: Bot
    channel: str
    ana: str
    bob: str

    async def batches(self) -> int:
        """How many batches there are."""
        return await self.bot.count(tables.batches)

    async def ended(self, wanted: int) -> None:
        """Wait until that many runs have ended."""

        async def all_ended() -> bool:
            rows = await self.bot.rows(tables.runs)
            return len(rows) == wanted and all(row.ended_at is not None for row in rows)

        await until(all_ended)


def event(slack: FakeSlack, inner: Payload, *, key: str = "", **more: Any) -> Payload:
    """The envelope of an event."""
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "api_app_id": "A000000001",
        "event_id": key or slack.id("Ev"),
        "event_time": int(slack.now()),
        "authorizations": [{"team_id": TEAM, "user_id": slack.bot(TEAM).bot_user, "is_bot": True}],
        "event": inner,
        **more,
    }


def mention(slack: FakeSlack, text: str, channel: str, user: str, **more: Any) -> Payload:
    """Somebody mentions the bot."""
    said = f"<@{slack.bot(TEAM).bot_user}> {text}"
    return {"type": "app_mention", "user": user, "text": said, "ts": slack.ts(), "channel": channel, **more}


def direct(slack: FakeSlack, text: str, user: str, **more: Any) -> Payload:
    """Somebody writes to the bot."""
    place = slack.direct(slack.bot(TEAM), user)
    return {
        "type": "message",
        "channel_type": "im",
        "user": user,
        "text": text,
        "ts": slack.ts(),
        "channel": place.id,
        **more,
    }


def button(
    slack: FakeSlack, command: str, user: str, *, channel: str = "", action: str = "say:0", **more: Any
) -> Payload:
    """Somebody presses a button of a message (or, without a channel, of what `more` says)."""
    ts = slack.ts()
    made: Payload = {
        "type": "block_actions",
        "user": {"id": user, "team_id": slack.people[user].team, "name": "x"},
        "team": {"id": TEAM, "domain": "example"},
        "api_app_id": "A000000001",
        "trigger_id": slack.trigger(user, channel),
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": command}],
    }
    if channel:
        made |= {
            "channel": {"id": channel, "name": "x"},
            "container": {"type": "message", "message_ts": ts, "channel_id": channel},
            "message": {"ts": ts, "text": "x"},
        }
    return made | more


def in_view(slack: FakeSlack, view: Payload, user: str, **more: Any) -> Payload:
    """What somebody does in a view, but for what it is."""
    return {
        "user": {"id": user, "team_id": TEAM, "name": "x"},
        "team": {"id": TEAM, "domain": "example"},
        "trigger_id": slack.trigger(user),
        "view": view,
        **more,
    }


def submission(slack: FakeSlack, view: Payload, values: dict[str, Payload], user: str) -> Payload:
    """Somebody submits a view; `values` are the states of its inputs by block."""
    state = {block: {"value": one} for block, one in values.items()}
    return in_view(slack, {**view, "state": {"values": state}}, user, type="view_submission")


def words(payload: object) -> str:
    """Every text in a payload."""
    return json.dumps(payload, ensure_ascii=False)
