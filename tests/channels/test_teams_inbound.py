"""What people say in Teams, as the line that it stands for; and answered, stored and done once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import markup as slack_markup
from adapters.teams import inbound, markup, reception, talking
from core import inbox
from core.commands import parse
from core.errors import Misunderstood
from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from tests.channels.fake_teams import FakeTeams, Fault
from tests.channels.teams_office import Scene, TeamsBot
from tests.channels.teams_tenant import BOT, Payload, words
from tests.store.rig import until

AT_BOT = {"type": "mention", "mentioned": {"id": BOT, "name": "slashjob"}, "text": "<at>slashjob</at>"}


def heard(text: str, *entities: dict[str, Any]) -> str:
    return markup.addressed(text, [AT_BOT, *entities], BOT)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<at>slashjob</at>&nbsp;job run x a=&lt;1&gt;", "job run x a=<1>"),
        ("<at>slashjob</at>\xa0job\xa0run x", "job run x"),
        ("<at>slashjob</at>", ""),
        ("<at>slashjob</at> &nbsp;\n", ""),
        ("hey <at>slashjob</at>: list", "list"),
        ("list <at>slashjob</at>", "list"),
        ("<at>slashjob</at>, list", "list"),
        ("<at>slashjob</at> run x note=a<br>b", "run x note=a\nb"),
        ("<p><at>slashjob</at> run x</p>", "run x"),
        ("<at>slashjob</at> `run x`", "run x"),
        ("<at>slashjob</at> run x a=&amp;lt;", "run x a=&lt;"),
        ("<at>slashjob</at> run x a=<1> b=2", "run x a=<1> b=2"),
        ("<at>slashjob</at> run <at>slashjob</at>", "run slashjob"),
        ("run\u200b x", "run x"),
        ("a\x00b\ud800", "ab\ufffd"),
        ("", ""),
    ],
)
def test_the_mention_goes_once_and_the_rest_stays_as_typed(text: str, line: str) -> None:
    assert heard(text) == line


@pytest.mark.parametrize("name", ["job", "report", "run", "A & B", "a.b*c"])
def test_a_bot_of_any_name_loses_nothing_but_its_mention(name: str) -> None:
    shown = name.replace("&", "&amp;")
    entity = {"type": "mention", "mentioned": {"id": BOT, "name": name}, "text": f"<at>{shown}</at>"}
    said = markup.addressed(f"<at>{shown}</at> job run weekly-report", [entity], BOT)
    assert said == "job run weekly-report"


@pytest.mark.parametrize(
    ("name", "spelled"), [("Bob", "Bob"), ("A & B", '"A & B"'), ('Bob "the" B', None), ("O'Neil", None)]
)
def test_other_people_are_named(name: str, spelled: str | None) -> None:
    shown = name.replace("&", "&amp;")
    entity = {"type": "mention", "mentioned": {"id": "29:2", "name": name}, "text": f"<at>{shown}</at>"}
    said = heard(f"<at>slashjob</at> role <at>{shown}</at> editor", entity)
    assert parse(said).words == (name, "editor")
    if spelled is not None:
        assert said == f"role {spelled} editor"


@pytest.mark.parametrize(
    "entity",
    [
        {},
        {"type": "mention"},
        {"type": "mention", "mentioned": None, "text": "x"},
        1,
        None,
        {"type": "clientInfo"},
    ],
)
def test_strange_entities_are_no_mentions(entity: Any) -> None:
    assert markup.addressed("list", [entity], BOT) == "list"


@pytest.mark.parametrize(
    "typed",
    [
        "job run x a=<1>",
        "run x a=1,2 b='c d'",
        "run name=“weekly report” —force",
        "run x note=‘x’",
        'run x note="a “b” c"',
        "run x a=1..5 –dry-run",
        "",
        "help run",
        "run x note=a&b",
    ],
)
def test_the_same_line_parses_as_in_slack(typed: str) -> None:
    """E5, E6: mentions, entities, curly quotes and dashes."""
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    slack = slack_markup.addressed(f"<@UBOT> {escaped}", "UBOT")
    teams = heard(f"<at>slashjob</at>&nbsp;{escaped}")
    assert _parsed(teams) == _parsed(slack)


def _parsed(line: str) -> str:
    try:
        return str(parse(line))
    except Misunderstood as refused:
        return f"{refused.sentence} {refused.suggestions}"


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_any_text_is_read_to_something_that_can_be_kept(text: str) -> None:
    said = heard(f"<at>slashjob</at> {text}")
    assert said.encode("utf-8").decode("utf-8") == said
    assert "\x00" not in said


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda kind: (
            st.lists(kind)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "id",
                        "conversation",
                        "recipient",
                        "from",
                        "channelData",
                        "tenant",
                        "value",
                        "entities",
                    ]
                ),
                kind,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=200)
def test_any_json_is_an_activity_or_malformed(value: Any) -> None:
    activity = value if isinstance(value, dict) else {"value": value}
    try:
        made = inbound.origin(activity)
        assert inbound.said(activity).origin == made
        assert json.loads(inbound.kept(activity)) is not None
    except inbound.Malformed:
        pass


async def test_a_bare_mention_answers_with_the_home(office: Scene) -> None:
    """E5: nothing is said but the bot's name."""
    answer = await office.asked("")
    assert "report" in words(answer)
    assert "running or waiting" in words(answer)


async def test_a_line_is_answered_in_its_thread_and_a_run_started_there(office: Scene) -> None:
    said = await office.say("run report")
    await office.ended()
    await office.deliver()
    (message,) = office.channel.messages.values()
    assert message.conversation == said["conversation"]["id"]
    assert "report" in words(message.activity)
    (row,) = [one for one in await office.bot.rows(tables.channels) if one.thread]
    assert (row.address, row.thread) == (office.channel.id, said["id"])
    assert row.reference["tenantId"] == said["channelData"]["tenant"]["id"]
    assert row.reference["conversation"]["conversationType"] == "channel"


@pytest.mark.parametrize("kind", ["personal", "group"])
async def test_a_chat_is_heard_and_answered(office: Scene, kind: str) -> None:
    place = (
        office.teams.chat(office.ana) if kind == "personal" else office.teams.group(office.ana, office.bob)
    )
    assert "report" in words(await office.asked("list", place))
    await office.say("run report", place)
    await office.ended()
    await office.deliver()
    assert len(place.messages) == 2


async def test_a_refusal_repeats_the_line_and_offers_the_nearest(office: Scene) -> None:
    answer = await office.asked("run raport")
    assert "run report" in words(answer)


async def test_one_activity_delivered_again_and_again_runs_once(office: Scene) -> None:
    """E4: three times, each with a new timestamp."""
    said = office.teams.typed("run report", office.channel, office.ana)
    look = office.teams.typed("list", office.channel, office.ana)
    for stamp in ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:15.000Z", "2026-01-01T00:00:30.000Z"):
        statuses = await asyncio.gather(
            office.bot.send(said | {"timestamp": stamp}), office.bot.send(look | {"timestamp": stamp})
        )
        assert [status for status, _ in statuses] == [200, 200]
    await office.settled()
    assert await office.batches() == 1
    assert len(office.channel.messages) == 1


async def test_an_activity_without_an_id_is_known_by_what_it_says(office: Scene) -> None:
    said = office.teams.typed("list", office.channel, office.ana)
    del said["id"]
    for stamp in ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:15.000Z"):
        await office.bot.send(said | {"timestamp": stamp})
    await office.settled()
    assert len(office.channel.messages) == 1


async def test_another_process_and_one_after_a_restart_know_what_was_answered(
    office: Scene, tmp_path: Path
) -> None:
    said = await office.say("run report")
    look = await office.say("list")
    second = Store(f"sqlite:///{tmp_path / 'slashjob.db'}")
    for _ in range(2):
        async with TeamsBot(second, office.teams, vault=office.bot.vault) as other:
            assert (await other.send(said))[0] == 200
            assert (await other.send(look))[0] == 200
    await second.close()
    await office.settled()
    assert await office.batches() == 1
    assert len(office.channel.messages) == 1


async def test_two_processes_that_get_one_activity_at_once_do_it_once(postgres_url: str) -> None:
    stores = [Store(postgres_url), Store(postgres_url)]
    await migrate(stores[0])
    async with FakeTeams() as teams:
        ana = teams.person("Ana")
        channel = teams.channel(ana)
        async with TeamsBot(stores[0], teams) as one, TeamsBot(stores[1], teams, vault=one.vault) as two:
            await one.job("report")
            scene = Scene(teams, one, channel, ana, ana)
            await scene.say("list")
            for _ in range(3):
                run = teams.typed("run report --queue", channel, ana)
                look = teams.typed("list", channel, ana)
                bots = (one, two, one, two)
                done = await asyncio.gather(*(bot.send(said) for bot in bots for said in (run, look)))
                assert {status for status, _ in done} == {200}
                await scene.settled()
            assert await scene.batches() == 3
            assert len(channel.messages) == 4
    for store in stores:
        await store.close()


async def test_it_is_answered_before_the_work_and_stored_before_that(office: Scene) -> None:
    """E4: however slow the work is."""
    gate = asyncio.Event()
    office.teams.fault("send", Fault(gate=gate, after=True, status=201))
    said = office.teams.typed("list", office.channel, office.ana)
    assert (await office.bot.send(said))[0] == 200
    (row,) = [one for one in await office.bot.rows(tables.requests) if one.source == reception.HEARD]
    assert row.answer is None
    assert "list" not in row.text
    gate.set()
    await office.settled()
    (row,) = [one for one in await office.bot.rows(tables.requests) if one.source == reception.HEARD]
    assert row.text is None


async def left(office: Scene, activity: Payload) -> None:
    """It was stored, and then its process died."""
    made, origin = office.bot.teams.reception, inbound.origin(activity)
    assert made is not None
    kept = inbound.kept(activity)
    assert await made.inbox.store(made.organization(origin), origin.key, kept) is not None


async def test_what_a_dead_process_left_is_taken_up(office: Scene) -> None:
    reception_ = office.bot.teams.reception
    assert reception_ is not None
    said = office.teams.typed("list", office.channel, office.ana)
    run = office.teams.typed("run report", office.channel, office.ana)
    for one in (said, run):
        await left(office, one)
    assert await reception_.inbox.take_up() == 0  # somebody may still be at it
    office.forward(31)
    assert await reception_.inbox.take_up() == 2
    await reception_.inbox.idle()
    assert await reception_.inbox.take_up() == 0
    assert await office.batches() == 1
    assert len(office.channel.messages) == 1


async def test_what_was_said_long_ago_is_not_done_but_told(office: Scene) -> None:
    reception_ = office.bot.teams.reception
    assert reception_ is not None
    run = office.teams.typed("run report", office.channel, office.ana)
    await left(office, run)
    office.forward(25 * 60)
    office.teams.fault("send", Fault(status=429, retry_after="1"))
    assert await reception_.inbox.take_up() == 1
    await reception_.inbox.idle()
    assert office.teams.said(office.channel) == []
    office.forward(31)  # what could not be told is told later
    assert await reception_.inbox.take_up() == 1
    await reception_.inbox.idle()
    assert await office.batches() == 0
    (answer,) = office.teams.said(office.channel)
    assert "25 minutes ago" in words(answer)
    assert "run report" in words(answer)


async def test_while_the_database_is_locked_nothing_is_acknowledged(
    office: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.say("list")
    monkeypatch.setattr(inbox, "PATIENCE", 2.0)
    other = Store(f"sqlite:///{tmp_path / 'slashjob.db'}")
    async with other.transaction():
        status, _ = await office.bot.send(office.teams.typed("run report", office.channel, office.ana))
        assert status == 503
    await other.close()
    assert await office.batches() == 0


async def test_edits_reactions_and_the_bots_own_words_do_nothing(office: Scene) -> None:
    for kind in ("messageUpdate", "messageReaction", "messageDelete", "typing", "event"):
        made = office.teams.activity(kind, office.channel, office.ana, text="run report")
        assert (await office.bot.send(made))[0] == 200
    own = office.teams.typed("run report", office.channel, office.ana)
    own["from"] = own["recipient"]
    await office.bot.send(own)
    await office.settled()
    assert await office.batches() == 0
    assert office.channel.messages == {}


async def test_an_answer_comes_while_workers_are_busy(office: Scene) -> None:
    await office.say("run report do=wait")
    assert "report" in words(await office.asked("list"))
    office.bot.agent.gate.set()


async def test_while_teams_does_not_tell_who_speaks_nothing_is_lost(office: Scene) -> None:
    office.teams.fault("member", Fault(status=500))
    said = office.teams.typed("run report", office.channel, office.ana)
    assert (await office.bot.send(said))[0] == 200
    await until(lambda: _asked(office, "member", 1))
    made = office.bot.teams.reception
    assert made is not None
    await made.inbox.idle()
    assert await office.batches() == 0
    office.forward(31)
    assert await made.inbox.take_up() == 1
    await made.inbox.idle()
    assert await office.batches() == 1


async def _asked(office: Scene, name: str, times: int) -> bool:
    return len(office.teams.asked(name)) >= times


async def test_what_one_person_says_is_answered_in_its_order_and_nobody_else_waits(
    office: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "ORDER", 3600.0)
    made = office.bot.teams.reception
    assert made is not None
    ask, gate, began = made.speakers.of, asyncio.Event(), list[str]()

    async def slow(origin: Any) -> Any:
        began.append(origin.name)
        if began == ["Ana"]:
            await gate.wait()
        return await ask(origin)

    monkeypatch.setattr(made.speakers, "of", slow)
    for line, person in (("help run", office.ana), ("list", office.ana), ("list", office.bob)):
        said = office.teams.typed(line, office.channel, person)
        assert (await office.bot.send(said))[0] == 200

    async def one_is_told() -> bool:
        return len(office.channel.messages) == 1

    await until(one_is_told)
    assert began == ["Ana", "Bob"]
    gate.set()
    await made.inbox.idle()
    assert began == ["Ana", "Bob", "Ana"]
    told = [words(one) for one in office.teams.said(office.channel)]
    assert ["campaign_id=42" in one for one in told] == [False, True, False]


@pytest.mark.parametrize(
    "more",
    [
        {"role": "guest"},
        {"role": "anonymous"},
        {"tenant": "99999999-2222-4333-8444-555555555555"},
        {"email": "eve_example.com#EXT#@contoso.onmicrosoft.com"},
    ],
)
async def test_a_guest_or_somebody_of_another_tenant_is_nobody(office: Scene, more: dict[str, str]) -> None:
    eve = office.teams.person("Eve", **more)
    office.channel.members.append(eve)
    await office.say("run report", person=eve)
    assert await office.batches() == 0
    (answer,) = office.teams.said(office.channel)
    assert "you have no role here yet" in words(answer)


async def test_people_are_known_by_the_id_of_their_directory(office: Scene) -> None:
    await office.say("list")
    await office.say("list", office.teams.chat(office.ana))
    identities = [one for one in await office.bot.rows(tables.identities) if one.platform == "teams"]
    assert [one.external_id for one in identities] == [office.ana.object_id]
    (row,) = [one for one in await office.bot.rows(tables.channels) if one.address == office.ana.object_id]
    assert row.reference["user"]["id"] == office.ana.id
    assert row.reference["conversation"]["id"] == office.teams.chat(office.ana).id


async def test_a_moved_service_is_followed_for_all_threads(office: Scene) -> None:
    await office.say("run report")
    office.teams.service_url = f"{office.teams.address}/amer/"
    await office.say("list")
    rows = [one for one in await office.bot.rows(tables.channels) if one.address == office.channel.id]
    assert len(rows) == 2
    assert {one.reference["serviceUrl"] for one in rows} == {office.teams.service_url}


HOSTILE = [
    "; touch P",
    "$(touch P)",
    "`touch P`",
    "a\nb",
    "--flag",
    "{{7*7}}",
    "%0a",
    "<at>Bob</at>",
    "<!channel>",
    "<@U1>",
]


@pytest.mark.parametrize("value", HOSTILE)
async def test_what_is_typed_reaches_the_run_exactly_and_calls_nobody(office: Scene, value: str) -> None:
    written = json.dumps(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    await office.bot.job("echo", parameters={"note": {"default": "-"}})
    await office.say(f"run echo note={written}")
    await office.ended()
    await office.deliver()
    (task,) = office.bot.agent.seen
    assert task.parameters["note"] == value
    for message in office.teams.said(office.channel):
        card = message["attachments"][0]["content"]
        assert message.get("entities", []) == []
        assert card["msteams"].get("entities", []) == []
        assert "text" not in message


async def test_a_code_that_is_asked_for_in_a_channel_comes_directly(office: Scene) -> None:
    answer = await office.asked("link")
    (told,) = office.teams.said(office.teams.chat(office.ana))
    assert "/job link" in words(told)
    assert "/job link" not in words(answer)
    assert "for you alone" in words(answer)
    await office.say("link", office.teams.chat(office.ana))
    assert len(office.teams.chat(office.ana).messages) == 2


@pytest.mark.parametrize("kind", ["personal", "channel"])
async def test_a_slow_answer_is_announced_by_typing_in_a_chat_alone(
    office: Scene, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    place = office.teams.chat(office.ana) if kind == "personal" else office.channel
    monkeypatch.setattr(talking, "MOMENT", 0.0)
    made = office.bot.teams.reception
    assert made is not None
    ask, waiting, gate = made.speakers.of, asyncio.Event(), asyncio.Event()

    async def slow(origin: Any) -> Any:
        waiting.set()
        await gate.wait()
        return await ask(origin)

    monkeypatch.setattr(made.speakers, "of", slow)
    await office.bot.send(office.teams.typed("list", place, office.ana))
    await waiting.wait()
    if kind == "personal":

        async def typing() -> bool:
            return len(office.teams.asked("typing")) == 1

        await until(typing)
    gate.set()
    await office.settled()
    assert len(office.teams.asked("typing")) == (1 if kind == "personal" else 0)
    assert len(office.teams.said(place)) == 1
