"""The scenes of Slack's and Teams' tests, on SQLite: how databases differ is tested in tests/store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from adapters.slack import reception as slack_reception
from adapters.slack import workspaces
from adapters.teams import acting, talking
from adapters.teams import reception as teams_reception
from core import inbox
from core.store.database import Store
from tests.channels.fake_slack import FakeSlack
from tests.channels.fake_teams import FakeTeams
from tests.channels.slack_office import SCOPES, Bot, Scene
from tests.channels.teams_office import Scene as TeamsScene
from tests.channels.teams_office import TeamsBot
from tests.store.rig import LIMIT


@pytest.fixture(autouse=True)
def _patient() -> Iterator[None]:
    """However slow the machine is, the bot puts nothing off and announces no answer by typing: what has its
    limit is tested where a test sets it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "PATIENCE", LIMIT)
        patch.setattr(slack_reception, "PATIENCE", LIMIT)
        patch.setattr(slack_reception, "DESK_PATIENCE", LIMIT)
        patch.setattr(slack_reception, "IN_TIME", LIMIT)
        patch.setattr(workspaces, "ANSWER_LIMIT", LIMIT)
        patch.setattr(acting, "IN_TIME", LIMIT)
        patch.setattr(acting, "PATIENCE", timedelta(seconds=9))  # shorter than where nobody waits
        patch.setattr(teams_reception, "TELL", LIMIT)
        patch.setattr(talking, "MOMENT", 3600.0)
        yield


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
async def office(migrated_file: str) -> AsyncIterator[TeamsScene]:
    """Ana and Bob in a channel of Teams with the bot, and a job `report` that obeys."""
    made = Store(migrated_file)
    async with FakeTeams() as teams:
        ana, bob = teams.person("Ana", email="ana@example.com"), teams.person("Bob")
        channel = teams.channel(ana, bob)
        async with TeamsBot(made, teams) as bot:
            await bot.job("report")
            yield TeamsScene(teams, bot, channel, ana, bob)
    await made.close()
