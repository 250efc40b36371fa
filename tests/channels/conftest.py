"""The scenes of Slack's and Teams' tests, on SQLite: how databases differ is tested in tests/store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.teams import talking
from core.store.database import Store
from tests.channels.fake_slack import FakeSlack
from tests.channels.fake_teams import FakeTeams
from tests.channels.slack_office import SCOPES, Bot, Scene
from tests.channels.teams_office import Scene as TeamsScene
from tests.channels.teams_office import TeamsBot


@pytest.fixture
async def scene(migrated_file: str) -> AsyncIterator[Scene]:
    """Ana and Bob in a channel with the bot, and a job `report` that obeys."""
    made = Store(migrated_file)
    async with FakeSlack() as slack:
        slack.install(scopes=SCOPES)
        ana, bob = slack.person("Ana", email="ana@example.com"), slack.person("Bob")
        channel = slack.channel("growth", members=(ana, bob))
        async with Bot(made, slack) as bot:
            await bot.job("report")
            yield Scene(slack, bot, channel, ana, bob)
    await made.close()


@pytest.fixture
async def office(migrated_file: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TeamsScene]:
    """Ana and Bob in a channel of Teams with the bot, and a job `report` that obeys.

    The bot announces no answer by typing, however slow the machine is.
    """
    monkeypatch.setattr(talking, "MOMENT", 3600.0)
    made = Store(migrated_file)
    async with FakeTeams() as teams:
        ana, bob = teams.person("Ana", email="ana@example.com"), teams.person("Bob")
        channel = teams.channel(ana, bob)
        async with TeamsBot(made, teams) as bot:
            await bot.job("report")
            yield TeamsScene(teams, bot, channel, ana, bob)
    await made.close()
