"""What people say in Slack, over signed HTTP, against the strict fake."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapters.slack.speakers import Speakers
from core.store import tables
from tests.channels.fake_slack import Fault
from tests.channels.slack_office import TEAM, Scene, button, direct, mention, words
from tests.store.rig import until


async def test_a_command_starts_one_run_and_its_answer_is_left_to_the_message(scene: Scene) -> None:
    status, answer = await scene.bot.slash("run report", scene.channel, scene.ana)
    assert (status, answer) == (200, {})
    assert await scene.batches() == 1
    rows = await scene.bot.deliveries()
    assert [(row.platform, row.address, row.thread) for row in rows] == [("slack", scene.channel, "")]
    assert rows[0].reference == {"team": TEAM}
    assert scene.slack.ephemerals == []


async def test_a_read_is_answered_to_the_asker_only_by_the_commands_response_url(scene: Scene) -> None:
    status, answer = await scene.bot.slash("list", scene.channel, scene.ana)
    assert status == 200
    assert answer["response_type"] == "ephemeral"
    assert "report" in words(answer["blocks"])
    assert scene.slack.messages(scene.channel) == []


@pytest.mark.parametrize("value", ["“payload”", "payload=1", "‘payload’", "payload&payload=x"])
async def test_the_word_payload_and_curly_quotes_lose_no_command(scene: Scene, value: str) -> None:
    status, answer = await scene.bot.slash(f"run report do={value}", scene.channel, scene.ana)
    assert (status, answer) == (200, {})
    assert await scene.batches() == 1


async def test_a_bare_command_shows_the_jobs_and_what_runs(scene: Scene) -> None:
    await scene.bot.slash("run report do=wait", scene.channel, scene.ana)
    _, answer = await scene.bot.slash("", scene.channel, scene.ana)
    said = words(answer)
    assert "1 job here, 1 running or waiting" in said
    assert "#1 report" in said
    scene.bot.agent.gate.set()


async def test_a_command_delivered_four_times_runs_once(scene: Scene) -> None:
    """E2: one envelope, delivered four times."""
    fields = scene.slack.slash("run report", scene.channel, scene.ana)
    answers = [await scene.bot.send_form(fields) for _ in range(4)]
    assert {status for status, _ in answers} == {200}
    assert await scene.batches() == 1


async def test_the_same_command_again_says_that_it_is_already_running(scene: Scene) -> None:
    """E1: whoever pressed Enter again reads that it runs."""
    await scene.bot.slash("run report do=wait", scene.channel, scene.ana)
    status, answer = await scene.bot.slash("run report do=wait", scene.channel, scene.ana)
    assert status == 200
    assert "still running" in words(answer)
    assert len(scene.bot.agent.seen) <= 1
    scene.bot.agent.gate.set()


async def test_a_command_in_a_channel_without_the_bot_keeps_its_way_back(scene: Scene) -> None:
    outside = scene.slack.channel("sales", bot=False, members=(scene.ana,))
    status, answer = await scene.bot.slash("run report", outside, scene.ana)
    assert (status, answer) == (200, {})
    (row,) = await scene.bot.deliveries()
    assert row.reference["response_url"].startswith("http")
    assert (row.reference["team"], row.reference["user"]) == (TEAM, scene.ana)
    left = datetime.fromisoformat(row.reference["until"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


async def test_a_mention_runs_once_however_often_it_is_delivered(scene: Scene) -> None:
    said = mention(scene.slack, "run report", scene.channel, scene.ana)
    statuses = [await scene.bot.event(said, key="Ev1") for _ in range(4)]
    assert statuses == [200] * 4
    assert await scene.batches() == 1
    assert scene.slack.ephemerals == []


async def test_a_mention_that_only_looks_is_answered_once_to_the_asker(scene: Scene) -> None:
    said = mention(scene.slack, "list", scene.channel, scene.ana)
    for _ in range(4):
        assert await scene.bot.event(said, key="Ev1") == 200
    (told,) = scene.slack.ephemerals
    assert (told["channel"], told["user"]) == (scene.channel, scene.ana)
    assert "report" in words(told)


async def test_a_mention_in_a_thread_is_answered_in_that_thread(scene: Scene) -> None:
    parent = scene.slack.ts()
    scene.slack.places[scene.channel].messages.append({"ts": parent, "text": "hello"})
    await scene.bot.event(mention(scene.slack, "run report", scene.channel, scene.ana, thread_ts=parent))
    await scene.bot.event(mention(scene.slack, "list", scene.channel, scene.ana, thread_ts=parent))
    (row,) = await scene.bot.deliveries()
    assert row.thread == parent
    assert scene.slack.ephemerals[-1]["thread_ts"] == parent


async def test_what_is_missing_in_a_mention_is_asked_for_by_a_button(scene: Scene) -> None:
    await scene.bot.job("weekly", parameters={"campaign": {"type": "integer"}})
    await scene.bot.event(mention(scene.slack, "run weekly", scene.channel, scene.ana))
    (told,) = scene.slack.ephemerals
    buttons = [one for block in told["blocks"] for one in block.get("elements", ()) if "value" in one]
    assert [(one["text"]["text"], one["value"]) for one in buttons] == [("Fill in", "run weekly")]
    assert await scene.batches() == 0


async def test_a_direct_message_is_answered_in_the_conversation(scene: Scene) -> None:
    await scene.bot.event(direct(scene.slack, "list", scene.ana))
    (told,) = scene.slack.direct_messages(scene.ana)
    assert "report" in words(told)
    await scene.bot.event(direct(scene.slack, "run report", scene.ana))
    (row,) = await scene.bot.deliveries()
    assert row.address.startswith("D")


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B9"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"edited": {"user": "U1", "ts": "1.2"}},
        {"channel_type": "channel"},
    ],
)
async def test_bots_edits_and_talk_among_others_start_nothing(scene: Scene, more: dict[str, object]) -> None:
    said = {**direct(scene.slack, "run report", scene.ana), **more}
    assert await scene.bot.event(said) == 200
    assert await scene.batches() == 0
    assert scene.slack.direct_messages(scene.ana) == []


async def test_a_button_is_said_by_who_presses_it(scene: Scene) -> None:
    await scene.bot.slash("run report", scene.channel, scene.ana)
    await scene.ended(1)
    status, _ = await scene.bot.interact(button(scene.slack, "run #1", scene.bob, channel=scene.channel))
    assert status == 200
    await scene.ended(2)
    rows = await scene.bot.deliveries()
    assert {row.address for row in rows} == {scene.channel}
    names = [row.name for row in await scene.bot.rows(tables.members)]
    assert names.count("Bob") == 1


async def test_a_guest_may_press_but_starts_nothing_and_is_told_why(scene: Scene) -> None:
    gina = scene.slack.person("Gina", restricted=True)
    scene.slack.places[scene.channel].members.add(gina)
    status, _ = await scene.bot.interact(button(scene.slack, "run report", gina, channel=scene.channel))
    assert status == 200
    assert await scene.batches() == 0
    (told,) = scene.slack.ephemerals
    assert told["user"] == gina
    assert "Only an operator can" in words(told)


async def test_somebody_of_another_company_is_a_guest(scene: Scene) -> None:
    eve = scene.slack.person("Eve", team="T000000009")
    _, answer = await scene.bot.slash("run report", scene.channel, eve, team_id=TEAM)
    assert "Only an operator can" in words(answer)
    assert await scene.batches() == 0


async def test_a_command_while_slack_does_not_tell_who_it_is_starts_nothing_and_may_be_repeated(
    scene: Scene,
) -> None:
    scene.slack.fault("users.info", Fault(error="internal_error"))
    _, answer = await scene.bot.slash("run report", scene.channel, scene.ana)
    assert "nothing was started" in words(answer)
    assert await scene.batches() == 0
    await scene.bot.slash("run report", scene.channel, scene.ana)
    assert await scene.batches() == 1


async def test_a_command_that_started_nothing_is_not_done_by_who_takes_it_up(scene: Scene) -> None:
    await scene.bot.slash("list", scene.channel, scene.bob)
    scene.slack.fault("users.info", Fault(error="internal_error"))
    scene.slack.fault("response_url", Fault(status=500))
    scene.slack.fault("chat.postEphemeral", Fault(error="internal_error"))
    await scene.bot.slash("run report", scene.channel, scene.ana)
    assert len(scene.slack.ephemerals) == 1
    scene.bot.store.offset = timedelta(seconds=31)
    reception = scene.bot.slack.reception
    assert reception is not None
    assert await reception.inbox.take_up() == 1
    await scene.bot.answered()
    _, told = scene.slack.ephemerals
    assert "nothing was started" in words(told)
    assert await scene.batches() == 0


async def test_who_is_known_is_not_asked_for_again(scene: Scene) -> None:
    for _ in range(3):
        await scene.bot.slash("list", scene.channel, scene.ana)
    assert len(scene.slack.asked("users.info")) == 1
    assert len(scene.slack.asked("auth.test")) == 1


async def lives_in(scene: Scene) -> list[str]:
    return [row.timezone for row in await scene.bot.rows(tables.members) if row.name == "Ana"]


async def test_a_member_lives_where_slack_says_from_the_first_contact_on(scene: Scene) -> None:
    _, answer = await scene.bot.slash("next every weekday at 8", scene.channel, scene.ana)
    assert "(Europe/Amsterdam)" in words(answer)
    assert await lives_in(scene) == ["Europe/Amsterdam"]


async def test_who_moved_is_asked_about_beside_the_answer_and_never_waited_for(scene: Scene) -> None:
    await scene.bot.slash("list", scene.channel, scene.ana)
    scene.slack.people[scene.ana].tz = "America/New_York"
    reception = scene.bot.slack.reception
    assert reception is not None
    reception.speakers = Speakers(scene.bot.turns, reception.later)  # as after a restart
    gate = asyncio.Event()
    scene.slack.fault("users.info", Fault(gate=gate, after=True))
    _, answer = await scene.bot.slash("next every weekday at 8", scene.channel, scene.ana)
    assert "(Europe/Amsterdam)" in words(answer)
    gate.set()

    async def moved() -> bool:
        await scene.bot.slash("list", scene.channel, scene.ana)
        return await lives_in(scene) == ["America/New_York"]

    await until(moved)
    assert len(scene.slack.asked("users.info")) == 2


async def test_racing_deliveries_of_one_mention_answer_once(scene: Scene) -> None:
    await scene.bot.slash("list", scene.channel, scene.ana)
    said = mention(scene.slack, "list", scene.channel, scene.ana)
    statuses = await asyncio.gather(*(scene.bot.event(said, key="Ev7") for _ in range(6)))
    assert set(statuses) == {200}
    assert len(scene.slack.ephemerals) == 2  # the first is of the command


async def test_what_was_stored_before_a_crash_is_answered_after_it_as_it_would_have_been(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    reception = scene.bot.slack.reception
    assert reception is not None
    monkeypatch.setattr(reception.inbox, "begin", lambda *_, **__: None)  # the process died before it began
    outside = scene.slack.channel("sales", bot=False, members=(scene.ana,))
    at_home = button(scene.slack, "list", scene.bob, view={"type": "home"})
    await scene.bot.slash("run report do=ünï", outside, scene.ana)
    await scene.bot.slash("list", outside, scene.bob)
    await scene.bot.event(mention(scene.slack, "list", scene.channel, scene.ana))
    await scene.bot.interact(at_home)
    assert await scene.batches() == 0
    stored = [row for row in await scene.bot.rows(tables.requests) if row.answer is None]
    assert len(stored) == 4
    assert not any("report" in row.text for row in stored)
    monkeypatch.undo()
    scene.bot.store.offset = timedelta(seconds=31)
    assert await reception.inbox.take_up() == 4
    await scene.bot.answered()
    assert await scene.batches() == 1
    (row,) = await scene.bot.deliveries()
    left = datetime.fromisoformat(row.reference["until"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    told = [(one["channel"], one["user"]) for one in scene.slack.ephemerals]
    assert sorted(told) == sorted([(outside, scene.bob), (scene.channel, scene.ana)])
    assert len(scene.slack.asked("views.open")) == 1
    assert [row.text for row in await scene.bot.rows(tables.requests)] == [None] * 5


async def test_what_was_said_long_ago_is_not_done_but_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    reception = scene.bot.slack.reception
    assert reception is not None
    monkeypatch.setattr(reception.inbox, "begin", lambda *_, **__: None)
    await scene.bot.slash("run report", scene.channel, scene.ana)
    monkeypatch.undo()
    scene.bot.store.offset = timedelta(minutes=25)
    await reception.inbox.take_up()
    await scene.bot.answered()
    assert await scene.batches() == 0
    (told,) = scene.slack.ephemerals
    assert "25 minutes ago" in words(told)


async def test_an_answer_that_slack_does_not_take_is_told_later(scene: Scene) -> None:
    scene.slack.fault("response_url", Fault(status=500))
    scene.slack.fault("chat.postEphemeral", Fault(error="internal_error"))
    assert await scene.bot.slash("list", scene.channel, scene.ana) == (200, {})
    assert scene.slack.ephemerals == []
    scene.bot.store.offset = timedelta(seconds=31)
    reception = scene.bot.slack.reception
    assert reception is not None
    assert await reception.inbox.take_up() == 1
    await scene.bot.answered()
    (told,) = scene.slack.ephemerals
    assert "report" in words(told)
