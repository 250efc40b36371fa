"""Socket Mode: links that drop, envelopes that come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import inbox
from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from tests.channels.fake_slack import FakeSlack
from tests.channels.slack_office import SCOPES, Bot, Scene, event, mention, words
from tests.store.rig import LIMIT, until


@pytest.fixture
async def linked(tmp_path: Path) -> AsyncIterator[Scene]:
    store = Store(f"sqlite:///{tmp_path / 'slashjob.db'}")
    await migrate(store)
    async with FakeSlack() as slack:
        slack.install(scopes=SCOPES)
        ana = slack.person("Ana")
        channel = slack.channel("growth", members=(ana,))
        async with Bot(store, slack, app_token=slack.app_token, signing_secret="") as bot:
            await bot.job("report")
            await asyncio.wait_for(slack.socket.connected.wait(), LIMIT)
            yield Scene(slack, bot, channel, ana, ana)
    await store.close()


async def test_a_command_is_acknowledged_once_it_is_stored(linked: Scene) -> None:
    sent = await linked.slack.socket.send(
        "slash_commands", linked.slack.slash("run report", linked.channel, linked.ana)
    )
    await asyncio.wait_for(sent.acknowledged.wait(), LIMIT)
    assert await linked.bot.count(tables.requests) >= 1
    assert "payload" not in sent.answers[0]
    await linked.bot.answered()
    assert await linked.batches() == 1


async def test_a_read_is_answered_to_the_asker_through_the_response_url(linked: Scene) -> None:
    sent = await linked.slack.socket.send(
        "slash_commands", linked.slack.slash("list", linked.channel, linked.ana)
    )
    await asyncio.wait_for(sent.acknowledged.wait(), LIMIT)
    await linked.bot.answered()
    (told,) = linked.slack.ephemerals
    assert (told["channel"], told["user"]) == (linked.channel, linked.ana)
    assert len(linked.slack.asked("response_url")) == 1


async def test_without_http_there_is_no_door(linked: Scene) -> None:
    assert (await linked.bot.post(b"x=1", {}))[0] == 404


async def test_dropped_links_lose_and_repeat_nothing(linked: Scene) -> None:
    """E3: 20 drops, three of them with a command in flight, which Slack sends again through the new link."""
    socket = linked.slack.socket
    for drop in range(20):
        in_flight = drop in (3, 9, 15)
        payload = linked.slack.slash("run report --queue", linked.channel, linked.ana)
        if in_flight:
            sent = await socket.send("slash_commands", payload, envelope_id=f"env-{drop}")
        await (socket.abort() if drop % 2 else socket.disconnect())
        await asyncio.wait_for(socket.connected.wait(), LIMIT)
        if in_flight:
            sent.acknowledged.clear()
            await socket.send("slash_commands", payload, envelope_id=f"env-{drop}", retry_attempt=1)
            await asyncio.wait_for(sent.acknowledged.wait(), LIMIT)
    said = event(linked.slack, mention(linked.slack, "list", linked.channel, linked.ana))
    for _ in range(2):
        sent = await socket.send("events_api", said, envelope_id="env-event")
        await asyncio.wait_for(sent.acknowledged.wait(), LIMIT)

    async def told() -> bool:
        return len(linked.slack.ephemerals) >= 1

    await until(told)
    await linked.bot.answered()
    assert await linked.batches() == 3
    assert len(linked.slack.ephemerals) == 1


async def test_what_could_not_be_stored_is_not_acknowledged(
    linked: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "PATIENCE", 2.0)
    socket = linked.slack.socket
    said = event(linked.slack, mention(linked.slack, "run report", linked.channel, linked.ana))
    other = Store(f"sqlite:///{tmp_path / 'slashjob.db'}")
    async with other.transaction():
        first = await socket.send("events_api", said, envelope_id="env-1")
        second = await socket.send(
            "slash_commands", linked.slack.slash("run report", linked.channel, linked.ana)
        )
        await asyncio.wait_for(
            second.acknowledged.wait(), LIMIT
        )  # a command is told that nothing was started
        assert "nothing was started" in words(second.answers[0]["payload"])
        assert not first.acknowledged.is_set()
    await other.close()
    monkeypatch.undo()
    again = await socket.send("events_api", said, envelope_id="env-1", retry_attempt=1)
    await asyncio.wait_for(again.acknowledged.wait(), LIMIT)
    await linked.bot.answered()
    assert await linked.batches() == 1
