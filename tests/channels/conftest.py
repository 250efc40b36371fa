"""The scene of Slack's tests, on SQLite: what differs between databases is tested in tests/store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.store.database import Store
from core.store.migrate import migrate
from tests.channels.fake_slack import FakeSlack
from tests.channels.slack_office import SCOPES, Bot, Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Ana and Bob in a channel with the bot, and a job `report` that obeys."""
    made = Store(f"sqlite:///{tmp_path / 'slashjob.db'}")
    await migrate(made)
    async with FakeSlack() as slack:
        slack.install(scopes=SCOPES)
        ana, bob = slack.person("Ana", email="ana@example.com"), slack.person("Bob")
        channel = slack.channel("growth", members=(ana, bob))
        async with Bot(made, slack) as bot:
            await bot.job("report")
            yield Scene(slack, bot, channel, ana, bob)
    await made.close()
