"""One command, typed in Slack, in Teams and at the console: the same run, words and refusals."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from adapters.console.look import Look
from adapters.console.render import write
from core import ids
from core.desk.desk import Desk
from core.desk.visit import Request
from core.people import Speaker, Standing
from core.ports import Channel
from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from tests.channels.fake_slack import FakeSlack
from tests.channels.fake_teams import FakeTeams
from tests.channels.slack_office import SCOPES
from tests.channels.slack_office import Bot as SlackBot
from tests.channels.teams_office import Scene as TeamsScene
from tests.channels.teams_office import TeamsBot
from tests.channels.teams_tenant import words as teams_words
from tests.store.rig import Rig

FIELDS = {"parameters": {"do": {"default": "ok"}, "campaign_id": {"type": "integer", "min": 1, "default": 7}}}


class Place:
    """Where somebody types: `say` answers with every word that they read, `rig` holds the rows."""

    def __init__(self, rig: Rig, say: Callable[[str], Awaitable[str]]) -> None:
        self.rig = rig
        self.say = say

    async def runs(self) -> list[tuple[Any, ...]]:
        """What was started: parameters and how."""
        async with self.rig.store.reading() as connection:
            query = sa.select(tables.runs.c.parameters, tables.batches.c.trigger).join(
                tables.batches, tables.batches.c.pk == tables.runs.c.batch
            )
            return [tuple(row) for row in await connection.execute(query.order_by(tables.runs.c.pk))]


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[dict[str, Place]]:
    """The same job and an operator Ana, on each platform with rows of its own."""
    stores = {}
    for name in ("slack", "teams", "console"):
        stores[name] = Store(f"sqlite:///{tmp_path / f'{name}.db'}")
        await migrate(stores[name])
    async with FakeSlack() as slack, FakeTeams() as teams:
        slack.install(scopes=SCOPES)
        ana = slack.person("Ana", email="ana@example.com")
        channel = slack.channel("growth", members=(ana,))
        person = teams.person("Ana", email="ana@example.com")
        place = teams.channel(person)
        console = Rig(stores["console"])
        await console.prepare()
        await console.open()
        async with SlackBot(stores["slack"], slack) as first, TeamsBot(stores["teams"], teams) as second:
            scene = TeamsScene(teams, second, place, person, person)
            for rig in (first, second, console):
                await rig.job("weekly", **FIELDS)
            yield {
                "slack": Place(first, lambda line: _slack(first, line, channel, ana)),
                "teams": Place(second, lambda line: _teams(scene, line)),
                "console": Place(console, lambda line: _console(console, line)),
            }
        await console.close()
    for store in stores.values():
        await store.close()


async def _slack(bot: SlackBot, line: str, channel: str, ana: str) -> str:
    status, answer = await bot.slash(line, channel, ana)
    assert status == 200
    return json.dumps(answer, ensure_ascii=False)


async def _teams(scene: TeamsScene, line: str) -> str:
    before = len(scene.channel.messages)
    await scene.say(line)
    return "\n".join(teams_words(one) for one in scene.teams.said(scene.channel)[before:])


async def _console(rig: Rig, line: str) -> str:
    desk = Desk(rig.turns, rig.vault, zone=ZoneInfo("UTC"))
    ana = Speaker("console", "local", "ana", "Ana", Standing.MEMBER, "ana@example.com")
    reply = await desk.answer(Request(ana, Channel("console", "console"), line, ids.new()))
    return "" if reply.posted else write(reply.message, Look())


STARTS = [
    "run weekly",
    "run weekly campaign_id=42",
    "job run weekly campaign_id=1,2,3",
    "/job run weekly campaign_id=1..3",
    "run weekly campaign_id=“42”",
    "run weekly campaign_id=1 | campaign_id=2",
]
ANSWERS = {
    "run weakly": "There is no job called weakly.",
    "run weekly campaign_id=0": "at least 1",
    "run weekly campaign=42": "campaign_id",
    "rnu weekly": "run weekly",
    "cancel #99": "There is no run #99 here",
    "unlock weekly": "Only an admin can",
    "schedule weekly every monday": "Only an editor can",
    "run weekly campaign_id=1..20 --dry-run": "20 runs",
    "list": "weekly",
    "help run": "campaign_id=42",
    "history": "",
    "status": "",
    "next every weekday at 8 timezone=UTC": "08:00",
}


@pytest.mark.parametrize("line", STARTS)
async def test_the_same_line_starts_the_same_runs(places: dict[str, Place], line: str) -> None:
    started = {}
    for name, place in places.items():
        await place.say(line)
        started[name] = await place.runs()
    assert started["slack"]
    assert started["slack"] == started["teams"] == started["console"]


@pytest.mark.parametrize("line", ANSWERS)
async def test_the_same_line_gets_the_same_words(places: dict[str, Place], line: str) -> None:
    told = {name: await place.say(line) for name, place in places.items()}
    for name, text in told.items():
        assert ANSWERS[line] in _plain(text), name
        assert await places[name].runs() == []
    sentence = _sentence(told["slack"]).removeprefix("run: ")  # the help of a command stands under its name
    assert sentence in _plain(told["teams"])
    assert sentence in _plain(told["console"])


def _sentence(payload: str) -> str:
    """The first sentence of Slack's answer: what notifications show."""
    return _plain(str(json.loads(payload)["text"]))


def _plain(text: str) -> str:
    """Without what a platform adds: marks, escapes, colours and line ends."""
    text = text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    text = re.sub(r"\x1b\[[0-9;]*m|[*`\u200b│─]", "", text)
    return re.sub(r"\s+", " ", text).strip()
