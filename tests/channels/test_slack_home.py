"""The App Home, the first minutes, coming and going, many workspaces, and the last minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import CookieJar

from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from tests.channels import slack_schema
from tests.channels.fake_slack import FakeSlack
from tests.channels.slack_office import SCOPES, TEAM, Bot, Scene, button, event, in_view, words
from tests.store.desk_rig import CODE
from tests.store.rig import until


def home_opened(scene: Scene, user: str, tab: str = "home") -> dict[str, Any]:
    place = scene.slack.direct(scene.slack.bot(TEAM), user)
    return {"type": "app_home_opened", "user": user, "channel": place.id, "tab": tab}


def of_home(scene: Scene, command: str, user: str) -> dict[str, Any]:
    return button(scene.slack, command, user, view={"type": "home", "id": "V1"}, container={"type": "view"})


async def test_a_home_that_is_opened_shows_the_jobs_and_is_valid(scene: Scene) -> None:
    assert await scene.bot.event(home_opened(scene, scene.ana)) == 200
    view = scene.slack.homes[scene.ana]
    assert slack_schema.view_mistakes(view) == []
    assert "report" in words(view)
    assert "run report" in words(view)


async def test_the_messages_tab_publishes_nothing(scene: Scene) -> None:
    await scene.bot.event(home_opened(scene, scene.ana, tab="messages"))
    assert scene.slack.homes == {}


async def test_what_is_run_from_the_home_is_answered_directly_and_the_home_follows(scene: Scene) -> None:
    await scene.bot.event(home_opened(scene, scene.ana))
    await scene.bot.interact(of_home(scene, "run report do=wait", scene.ana))
    (row,) = await scene.bot.deliveries()
    assert row.address == scene.slack.direct(scene.slack.bot(TEAM), scene.ana).id

    async def shows_it() -> bool:
        return "#1 report" in words(scene.slack.homes[scene.ana])

    await until(shows_it)
    scene.bot.agent.gate.set()


async def test_the_homes_of_others_are_left_alone(scene: Scene) -> None:
    await scene.bot.event(home_opened(scene, scene.ana))
    await scene.bot.event(home_opened(scene, scene.bob))
    published = len(scene.slack.asked("views.publish"))
    await scene.bot.slash("run report", scene.channel, scene.ana)

    async def again() -> bool:
        return len(scene.slack.asked("views.publish")) > published

    await until(again)
    later = scene.slack.asked("views.publish")[published:]
    assert {call.arguments["user_id"] for call in later} == {scene.ana}


async def test_a_read_from_the_home_opens_a_view_and_its_buttons_work_there(scene: Scene) -> None:
    await scene.bot.interact(of_home(scene, "list", scene.ana))
    view = list(scene.slack.views.values())[-1]
    assert "report" in words(view)
    pressed = in_view(
        scene.slack,
        view,
        scene.ana,
        type="block_actions",
        actions=[{"action_id": "say:0", "block_id": "b", "type": "button", "value": "history"}],
    )
    assert (await scene.bot.interact(pressed))[0] == 200
    assert "Nothing has run yet" in words(scene.slack.views[view["id"]])


async def test_somebody_without_a_role_reads_how_to_get_one(scene: Scene) -> None:
    gina = scene.slack.person("Gina", restricted=True)
    await scene.bot.event(home_opened(scene, gina))
    said = words(scene.slack.homes[gina])
    assert "you have no role here yet" in said
    assert "report" not in said


async def test_a_channel_that_the_bot_joins_is_greeted_once(scene: Scene) -> None:
    other = scene.slack.channel("ops")
    joined = {"type": "member_joined_channel", "user": scene.slack.bot(TEAM).bot_user, "channel": other}
    for _ in range(3):
        assert await scene.bot.event(joined) == 200
    assert await scene.bot.event({**joined, "user": scene.ana}) == 200
    (greeting,) = scene.slack.messages(other)
    assert "/job" in words(greeting)


async def test_coming_and_going_decide_whether_the_way_back_is_kept(scene: Scene) -> None:
    await scene.bot.event({"type": "channel_left", "channel": scene.channel})
    await scene.bot.slash("run report", scene.channel, scene.ana)
    (row,) = await scene.bot.deliveries()
    assert "response_url" in row.reference
    bot_user = scene.slack.bot(TEAM).bot_user
    await scene.bot.event({"type": "member_joined_channel", "user": bot_user, "channel": scene.channel})
    await scene.ended(1)
    await scene.bot.slash("run report", scene.channel, scene.ana)
    rows = await scene.bot.deliveries()
    assert [one.reference for one in rows] == [{"team": TEAM}] * 2
    assert scene.slack.asked("conversations.info") == []


@pytest.mark.parametrize(
    "inner", [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["UBOT000000001"]}}]
)
async def test_a_removed_app_owes_nothing_more_there_and_tells_on_another_platform_whom_it_can(
    scene: Scene, inner: dict[str, Any]
) -> None:
    await scene.bot.slash("run report do=wait", scene.channel, scene.ana)  # she has an address
    await scene.bot.slash("run report do=wait --queue", scene.channel, scene.bob)  # and he has none
    for _ in range(2):
        assert await scene.bot.event(inner) == 200
    first, second, instead = await scene.bot.deliveries()
    assert [(one.platform, one.state) for one in (first, second)] == [("slack", "suppressed")] * 2
    assert "The app was removed from the Slack workspace" in first.error
    assert (instead.platform, instead.address, instead.state) == ("email", "ana@example.com", "pending")
    assert instead.batch == first.batch
    (noted,) = [row for row in await scene.bot.rows(tables.audit) if row.action == "installation.revoked"]
    assert (noted.data["suppressed"], noted.data["diverted"]) == (2, 1)
    states = {row.state for row in await scene.bot.rows(tables.channels) if row.platform == "slack"}
    assert states == {"broken"}
    status, answer = await scene.bot.slash("list", scene.channel, scene.ana)
    assert status == 200
    assert "not (or no longer) installed" in words(answer)
    scene.bot.agent.gate.set()


async def test_tokens_of_people_that_are_revoked_change_nothing(scene: Scene) -> None:
    await scene.bot.event({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}})
    _, answer = await scene.bot.slash("list", scene.channel, scene.ana)
    assert "report" in words(answer)


@dataclass
class Many:
    """A bot that people install by OAuth."""

    slack: FakeSlack
    bot: Bot

    def offer(self, code: str, team: str, installer: str) -> None:
        self.slack.install(f"xoxb-{team}", team, SCOPES)
        self.slack.oauth_codes[code] = {
            "ok": True,
            "access_token": f"xoxb-{team}",
            "token_type": "bot",
            "scope": ",".join(sorted(SCOPES)),
            "bot_user_id": f"UBOT{team[1:]}",
            "app_id": "A000000001",
            "team": {"id": team, "name": f"Team {team}"},
            "enterprise": None,
            "authed_user": {"id": installer},
            "is_enterprise_install": False,
        }

    async def begin(self) -> str:
        async with self.bot.http.get("/slack/install", allow_redirects=False) as answer:
            assert answer.status == 302
            asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert "commands" in asked["scope"][0]
        return asked["state"][0]

    async def finish(self, code: str, state: str) -> int:
        query = {"code": code, "state": state}
        async with self.bot.http.get("/slack/oauth_redirect", params=query) as answer:
            assert "xoxb" not in await answer.text()
            return answer.status


@pytest.fixture
async def many(tmp_path: Path) -> AsyncIterator[Many]:
    store = Store(f"sqlite:///{tmp_path / 'slashjob.db'}")
    await migrate(store)
    async with (
        FakeSlack() as slack,
        Bot(store, slack, bot_token="", client_id="1.2", client_secret="s") as bot,
    ):
        await bot.http.close()
        bot.http = type(bot.http)(base_url=bot.url, cookie_jar=CookieJar(unsafe=True))
        await bot.job("report")
        yield Many(slack, bot)
    await store.close()


async def test_an_installed_workspace_is_served_its_token_sealed_its_installer_admin(many: Many) -> None:
    ana = many.slack.person("Ana", team="T000000002")
    many.offer("c1", "T000000002", ana)
    assert await many.finish("c1", await many.begin()) == 200
    (row,) = await many.bot.rows(tables.installations)
    assert row.token
    assert "xoxb" not in row.token
    channel = many.slack.channel("growth", team="T000000002", members=(ana,))
    status, answer = await many.bot.slash("role", channel, ana)
    assert status == 200
    assert "Ana" in words(answer)

    async def welcomed() -> bool:
        return len(many.slack.direct_messages(ana)) == 1

    await until(welcomed)


async def test_a_second_workspace_sees_nothing_of_the_first(many: Many) -> None:
    ana, eve = (many.slack.person(name, team=f"T00000000{n}") for n, name in ((2, "Ana"), (3, "Eve")))
    many.offer("c1", "T000000002", ana)
    many.offer("c2", "T000000003", eve)
    assert await many.finish("c1", await many.begin()) == 200
    assert await many.finish("c2", await many.begin()) == 200
    first = many.slack.channel("growth", team="T000000002", members=(ana,))
    second = many.slack.channel("growth", team="T000000003", members=(eve,))
    _, seen = await many.bot.slash("list", first, ana)
    assert "report" in words(seen)
    _, seen = await many.bot.slash("list", second, eve)
    assert "There are no jobs yet" in words(seen)


async def test_a_state_holds_once_in_its_own_browser(many: Many) -> None:
    ana = many.slack.person("Ana", team="T000000002")
    many.offer("c1", "T000000002", ana)
    many.offer("c2", "T000000002", ana)
    state = await many.begin()
    assert await many.finish("c1", "forged") == 400
    assert await many.finish("c1", state) == 200
    assert await many.finish("c2", state) == 400
    stolen = await many.begin()
    many.bot.http.cookie_jar.clear()
    assert await many.finish("c2", stolen) == 400
    assert len(await many.bot.rows(tables.installations)) == 1


async def test_a_removed_workspace_loses_its_token_and_comes_back_when_installed_again(many: Many) -> None:
    ana = many.slack.person("Ana", team="T000000002")
    many.offer("c1", "T000000002", ana)
    channel = many.slack.channel("growth", team="T000000002", members=(ana,))
    await many.finish("c1", await many.begin())
    gone = event(many.slack, {"type": "app_uninstalled"}, team_id="T000000002")
    old = {**gone, "event_time": gone["event_time"] - 600, "event_id": "Ev-old"}
    await many.bot.post(*many.slack.json(old))
    (row,) = await many.bot.rows(tables.installations)
    assert row.token is not None
    await many.bot.post(*many.slack.json(gone))
    (row,) = await many.bot.rows(tables.installations)
    assert row.token is None
    _, answer = await many.bot.slash("list", channel, ana)
    assert "installed" in words(answer)
    many.offer("c2", "T000000002", ana)
    await many.finish("c2", await many.begin())
    _, answer = await many.bot.slash("list", channel, ana)
    assert "report" in words(answer)


async def test_the_first_admin_is_welcomed_directly_with_three_things_to_try(scene: Scene) -> None:
    async with scene.bot.store.transaction() as connection:
        await connection.execute(tables.members.update().values(role=None))  # nobody is an admin yet
    _, answer = await scene.bot.slash(f"claim {CODE}", scene.channel, scene.ana)
    assert "You are now an admin" in words(answer)

    async def welcomed() -> bool:
        return bool(scene.slack.direct_messages(scene.ana))

    await until(welcomed)
    (message,) = scene.slack.direct_messages(scene.ana)
    assert all(one in words(message) for one in ("1. ", "2. ", "3. ", "/invite"))
    await scene.bot.slash(f"claim {CODE}", scene.channel, scene.bob)
    await scene.bot.slash("list", scene.channel, scene.bob)
    assert scene.slack.direct_messages(scene.bob) == []
