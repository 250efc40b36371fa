"""Teams behind the real notifier, wording and store: what is owed arrives once, somewhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from adapters.teams.faults import Refused
from core import people
from core.batches import Trigger
from core.composer import compose
from core.lifecycles import BatchState, DeliveryState
from core.messages import Code, Message, Paragraph, Table, Tone
from core.messages import Column as TableColumn
from core.notifier import Notifier
from core.ports import Channel, Platform, Post
from core.store import tables
from tests.channels.fake_teams import SIZE, Fault
from tests.channels.gallery import GALLERY
from tests.channels.teams_office import Scene
from tests.channels.teams_tenant import Conversation, Payload, actions, words
from tests.store.rig import Mailbox, until


async def started(office: Scene, line: str = "run report", place: Conversation | None = None) -> Payload:
    """Ana starts a run, and it has ended."""
    said = await office.say(line, place)
    await office.ended()
    return said


async def states(office: Scene) -> list[str]:
    return [row.state for row in await office.bot.rows(tables.deliveries)]


async def bring(office: Scene, *, seconds: float = 1.0, passes: int = 400) -> None:
    """Let time pass until nothing is on its way any more."""
    for _ in range(passes):
        await office.deliver()
        if not {"pending", "sending"} & set(await states(office)):
            return
        office.forward(seconds)
    raise AssertionError(f"still on its way: {await states(office)}")


def said(office: Scene, place: Conversation | None = None) -> list[str]:
    return [words(one) for one in office.teams.said(place or office.channel)]


async def test_one_message_follows_its_run_and_the_newest_state_wins(office: Scene) -> None:
    await office.say("run report do=wait")
    await office.deliver()
    (message,) = office.channel.messages.values()
    assert "Yes, cancel" in actions(message.activity)
    office.bot.agent.gate.set()
    await office.ended()
    await bring(office)
    (message,) = office.channel.messages.values()
    assert message.edits == 1
    assert "Succeeded: report" in words(message.activity)
    assert await states(office) == [DeliveryState.SENT]


async def test_a_failure_is_a_new_message_below_the_first_and_calls_who_started_it(office: Scene) -> None:
    typed = await started(office, 'run report do="fail for good"')
    await bring(office)
    message, alert = office.channel.messages.values()
    assert message.conversation == alert.conversation == typed["conversation"]["id"]
    entities = alert.activity["attachments"][0]["content"]["msteams"]["entities"]
    assert [one["mentioned"]["id"] for one in entities] == [office.ana.id]
    assert "Run again" in actions(alert.activity)


async def test_what_a_schedule_found_is_posted_by_itself_and_its_alert_stands_alone(office: Scene) -> None:
    await office.say("list")
    before = len(office.channel.messages)
    await scheduled(office, do="fail for good")
    await bring(office)
    (alert,) = list(office.channel.messages.values())[before:]
    assert alert.conversation == office.channel.id
    assert "fail" in words(alert.activity)


async def scheduled(office: Scene, place: Channel | None = None, **parameters: Any) -> int:
    """A schedule's run in the channel has ended; its batch."""
    bot = office.bot
    channel = place or Channel("teams", office.channel.id)
    bot.channel = await bot.turns.take(lambda turn: people.channel(turn, bot.organization, channel))
    job = await bot.job(f"nightly{office.teams.number()}", owner="ana@example.com")
    one = await bot.start(job, parameters or {"do": "ok"}, trigger=Trigger.SCHEDULE)
    await bot.ended(one.batch)
    return one.batch


async def test_a_message_that_was_deleted_is_posted_anew(office: Scene) -> None:
    await office.say("run report do=wait")
    await office.deliver()
    office.channel.messages.clear()
    office.bot.agent.gate.set()
    await office.ended()
    await bring(office)
    (message,) = office.channel.messages.values()
    assert "Succeeded: report" in words(message.activity)


async def test_a_thread_whose_beginning_was_deleted_goes_on_in_the_channel(office: Scene) -> None:
    typed = await started(office)
    office.channel.roots.discard(typed["id"])
    await bring(office)
    (message,) = office.channel.messages.values()
    assert message.conversation == office.channel.id


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, retry_after="30"),
        Fault(status=429),
        Fault(status=412, times=3),
        Fault(status=429, retry_after="2", times=25),
    ],
    ids=["429 for 30 s", "429 without a header", "412", "many"],
)
async def test_what_teams_asks_to_wait_for_arrives_once_and_not_before(office: Scene, fault: Fault) -> None:
    await started(office)
    office.teams.fault("send", fault)
    await bring(office)
    assert len(office.channel.messages) == 1
    assert office.teams.impatient == []
    assert await states(office) == [DeliveryState.SENT]


async def test_many_results_arrive_within_the_limits_of_a_conversation(office: Scene) -> None:
    await office.say("list")
    before = len(office.channel.messages)
    bot = office.bot
    bot.channel = await bot.turns.take(
        lambda turn: people.channel(turn, bot.organization, Channel("teams", office.channel.id))
    )
    job = await bot.job("many", overlap="allow")
    for _ in range(40):
        one = await bot.start(job, trigger=Trigger.SCHEDULE)
        await bot.ended(one.batch)
    office.stand_still()
    await bring(office)
    assert len(office.channel.messages) == before + 40
    assert not [call for call in office.teams.calls if call.status == 429]


AMBIGUOUS = [
    Fault(status=500, after=True),
    Fault(status=502, html=True, after=True),
    Fault(status=504, after=True),
    Fault(status=408, after=True),
    Fault(reset=True, after=True),
]
IDS = ["500", "502", "504", "408", "reset"]


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=IDS)
async def test_a_send_that_may_have_arrived_is_unknown_and_never_repeated(
    office: Scene, fault: Fault
) -> None:
    """F2: and the next message in the thread says so."""
    await office.say("run report do=wait")
    office.teams.fault("send", fault)
    await office.deliver()
    assert await states(office) == [DeliveryState.UNKNOWN]
    office.forward(3600)
    await office.deliver()
    assert len(office.channel.messages) == 1
    assert len(office.teams.asked("send")) == 1
    office.bot.agent.gate.set()
    await office.ended()
    await bring(office)
    first, second, mention = said(office)  # the end has never been told: it is, and says so
    assert "after 1 h" in mention
    assert "Succeeded: report" not in first
    assert "Succeeded: report" in second
    assert "not known whether" in second
    assert await states(office) == [DeliveryState.UNKNOWN, DeliveryState.SENT, DeliveryState.SENT]


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=IDS)
async def test_an_end_that_came_while_the_first_message_went_out_is_told(office: Scene, fault: Fault) -> None:
    await office.say("run report do=wait")
    gate = asyncio.Event()
    fault = replace(fault, gate=gate)
    office.teams.fault("send", fault)
    bringing = asyncio.create_task(office.deliver())

    async def under_way() -> bool:
        return bool(office.teams.asked("send"))

    await until(under_way)
    office.bot.agent.gate.set()
    await office.ended()
    gate.set()
    await bringing
    await bring(office)
    assert len(office.channel.messages) == 2
    assert "Succeeded: report" in said(office)[-1]
    assert await states(office) == [DeliveryState.UNKNOWN, DeliveryState.SENT]


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=IDS)
async def test_an_alert_that_may_have_arrived_goes_to_the_fallback_too(office: Scene, fault: Fault) -> None:
    await office.say("list")
    before = len(office.channel.messages)
    await scheduled(office, do="fail for good")
    office.teams.fault("send", fault)
    await bring(office)
    assert len(office.channel.messages) == before + 1
    (told,) = said(office, office.teams.chat(office.ana))
    assert "may or may not have been posted" in told
    assert await states(office) == [DeliveryState.UNKNOWN, DeliveryState.SENT]


@pytest.mark.parametrize("fault", AMBIGUOUS, ids=IDS)
async def test_an_edit_that_may_have_arrived_is_simply_repeated(office: Scene, fault: Fault) -> None:
    await office.say("run report do=wait")
    await office.deliver()
    office.bot.agent.gate.set()
    await office.ended()
    office.teams.fault("update", fault)
    await bring(office)
    (message,) = office.channel.messages.values()
    assert "Succeeded: report" in words(message.activity)
    assert await states(office) == [DeliveryState.SENT]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("BotNotInConversationRoster", 403),
        ("MessageWritesBlocked", 403),
        ("ConversationNotFound", 404),
        ("BotDisabledByAdmin", 403),
    ],
)
async def test_where_the_bot_may_not_speak_whoever_started_it_is_told_once(
    office: Scene, code: str, status: int
) -> None:
    """F4: one call, no storm, told once elsewhere."""
    place = office.teams.group(office.ana)
    await started(office, place=place)
    if status == 404:
        del office.teams.conversations[place.id]
    else:
        place.blocked = code
    await bring(office)
    office.forward(3600)
    await bring(office)
    (told,) = said(office, office.teams.chat(office.ana))
    assert "Succeeded: report" in told
    assert "could not be posted" in told
    assert len([call for call in office.teams.asked("send") if call.conversation == place.id]) == 1
    (run,) = await office.bot.rows(tables.runs)
    assert run.status == "succeeded"  # the job's status is not touched
    (row,) = [one for one in await office.bot.rows(tables.channels) if one.address == place.id]
    assert row.state == "broken"
    assert code in row.state_reason


async def test_the_owner_is_told_where_a_schedule_started_it(office: Scene) -> None:
    await office.say("list")
    office.channel.bot = False
    office.bot.alice = None  # type: ignore[assignment]
    await scheduled(office)
    await bring(office)
    assert "could not be posted" in said(office, office.teams.chat(office.ana))[0]


async def test_after_the_app_came_back_the_channel_is_spoken_to_again(office: Scene) -> None:
    """F4: an installationUpdate mends it."""
    await office.say("list")
    office.channel.bot = False
    await scheduled(office)
    await bring(office)
    assert {row.state for row in await channel_rows(office)} == {"broken"}
    office.channel.bot = True
    await happens(office, "installationUpdate", action="add")
    assert {row.state for row in await channel_rows(office)} == {"ok"}
    before = len(office.channel.messages)
    await scheduled(office)
    await bring(office)
    assert len(office.channel.messages) == before + 1


async def channel_rows(office: Scene) -> list[Any]:
    rows = await office.bot.rows(tables.channels)
    return [row for row in rows if row.address == office.channel.id]


async def happens(office: Scene, kind: str, place: Conversation | None = None, **more: Any) -> Payload:
    """Something happens to the bot."""
    activity = office.teams.activity(kind, place or office.channel, office.ana, **more)
    assert (await office.bot.send(activity))[0] == 200
    await office.settled()
    return activity


async def test_a_channel_that_nobody_has_spoken_in_is_told_of(office: Scene) -> None:
    await scheduled(office, Channel("teams", "19:nobody@thread.tacv2"))
    await office.deliver()
    (row, *_) = await office.bot.rows(tables.deliveries)
    assert row.state == DeliveryState.FAILED
    assert "never been there" in row.error


async def test_a_revoked_secret_loses_nothing(office: Scene) -> None:
    await started(office)
    office.teams.tokens.clear()
    office.teams.fault("token", Fault(status=401, code="AADSTS7000222", times=3))
    await office.deliver()
    (row,) = await office.bot.rows(tables.deliveries)
    assert row.state == DeliveryState.PENDING
    assert "AADSTS7000222" in row.error
    office.teams.mend()
    await bring(office, seconds=61)
    assert len(office.channel.messages) == 1


@pytest.mark.parametrize("barred", ["login", "token"])
async def test_a_bot_that_is_turned_away_for_long_tells_elsewhere(office: Scene, barred: str) -> None:
    await started(office, 'run report do="fail for good"')
    office.teams.tokens.clear()
    if barred == "login":
        office.teams.fault("token", Fault(status=401, code="AADSTS7000222", times=10_000))
    else:
        office.teams.fault("send", Fault(status=401, code="Unauthorized", times=10_000))
    mailbox = Mailbox()
    platforms: dict[str, Platform] = {"teams": office.bot.teams.platform(), "email": mailbox}
    office.bot.notifier = Notifier(office.bot.turns, platforms, compose)
    before = office.teams.logins
    await bring(office, seconds=30, passes=60)
    assert office.teams.logins - before < 40
    [mail] = [one for one in mailbox.posts if "Failed" in one.message.text]
    assert mail.channel.address == "ana@example.com"
    assert "could not be posted" in str(mail.message.blocks)
    (run,) = await office.bot.rows(tables.runs)
    assert run.status == "failed"  # the job's status is not touched
    reasons = {row.state_reason for row in await channel_rows(office) if row.state == "broken"}
    assert all(("AADSTS7000222" if barred == "login" else "Azure Bot") in one for one in reasons)
    assert reasons
    office.teams.mend()
    office.forward(60)
    await posted(office, Message(text="it speaks again as soon as that is mended"))
    assert len(office.channel.messages) == 1


# What happens to the bot


@pytest.mark.parametrize("kind", ["channel", "group", "personal"])
async def test_the_bot_greets_once_whichever_event_tells_that_it_came(office: Scene, kind: str) -> None:
    chat, group = office.teams.chat(office.ana), office.teams.group(office.ana)
    place = {"channel": office.channel, "group": group, "personal": chat}[kind]
    bot = {"id": office.teams.activity("x", place, None)["recipient"]["id"]}
    first = await happens(office, "installationUpdate", place, action="add")
    await happens(office, "conversationUpdate", place, membersAdded=[{"id": office.ana.id}, bot])
    await office.bot.send(first)
    await office.settled()
    (greeting,) = said(office, place)
    assert ("Welcome, Ana" in greeting) is (kind == "personal")
    assert ("slashjob is here" in greeting) is True


async def test_people_who_come_are_not_greeted(office: Scene) -> None:
    await happens(office, "conversationUpdate", membersAdded=[{"id": office.bob.id}])
    await happens(office, "conversationUpdate", channelData={"eventType": "channelRenamed"})
    assert office.channel.messages == {}


async def test_a_team_that_loses_the_bot_loses_all_its_channels(office: Scene) -> None:
    other = office.teams.channel(office.ana, team=office.channel.team)
    elsewhere = office.teams.channel(office.ana)
    for place in (office.channel, other, elsewhere):
        await office.say("list", place)
    await happens(office, "installationUpdate", action="remove")
    states = {row.address: row.state for row in await office.bot.rows(tables.channels)}
    assert [states[one.id] for one in (office.channel, other, elsewhere)] == ["broken", "broken", "ok"]
    bot = {"id": office.teams.activity("x", other, None)["recipient"]["id"]}
    await happens(office, "conversationUpdate", other, membersAdded=[bot])
    states = {row.address: row.state for row in await office.bot.rows(tables.channels)}
    assert [states[one.id] for one in (office.channel, other, elsewhere)] == ["ok", "ok", "ok"]


async def test_a_deleted_channel_is_broken_until_it_is_restored(office: Scene) -> None:
    await office.say("list")
    data = office.teams.activity("x", office.channel, None)["channelData"]
    await happens(office, "conversationUpdate", channelData={**data, "eventType": "channelDeleted"})
    assert {row.state for row in await channel_rows(office)} == {"broken"}
    await happens(office, "conversationUpdate", channelData={**data, "eventType": "channelRestored"})
    assert {row.state for row in await channel_rows(office)} == {"ok"}


async def test_where_the_first_greeting_could_not_be_said_it_is_said_later(office: Scene) -> None:
    office.teams.fault("send", Fault(status=429, retry_after="1"))
    await office.bot.send(
        office.teams.activity("installationUpdate", office.channel, office.ana, action="add")
    )

    async def put_off() -> bool:
        return len(office.teams.asked("send")) == 1

    await until(put_off)
    reception = office.bot.teams.reception
    assert reception is not None
    await reception.inbox.idle()
    office.forward(31)
    assert await reception.inbox.take_up() == 1
    await reception.inbox.idle()
    assert len(office.channel.messages) == 1


# Sizes, places, people


LONG = "x" * 2_999, "y" * 3_001, "z\n" * 25_000, "```\n" * 2_000, "\udcff broken \ud800 " * 50, "🙂" * 20_000


@pytest.mark.parametrize("text", LONG, ids=["2,999", "3,001", "50,000", "fences", "surrogates", "emoji"])
@pytest.mark.parametrize("block", [Paragraph, Code])
async def test_what_is_too_long_is_still_said(
    office: Scene, text: str, block: type[Paragraph | Code]
) -> None:
    message = Message(text="Succeeded: report · #1", tone=Tone.SUCCESS, blocks=(block(text),))
    await posted(office, message)
    assert office.channel.messages
    assert not [call for call in office.teams.asked("send") if call.status != 201]


async def test_more_blocks_than_a_card_holds_follow_in_the_thread(office: Scene) -> None:
    rows = tuple((f"row {number}", "v" * 250) for number in range(50))
    table = Table((TableColumn("name"), TableColumn("value")), rows, shown_rows=50)
    message = Message(text="Succeeded", blocks=tuple([Paragraph("p" * 900), table] * 26))
    receipt = await posted(office, message)
    first, *rest = office.channel.messages.values()
    assert rest
    assert {one.conversation for one in rest} == {f"{office.channel.id};messageid={first.id}"}
    again = await posted(office, message, external_id=receipt)
    assert again == receipt
    assert len(office.channel.messages) == 1 + len(rest)
    assert [one.edits for one in rest] == [0] * len(rest)  # they say the same


async def posted(office: Scene, message: Message, **more: Any) -> str:
    """Post to the channel; the external id."""
    if not await channel_rows(office):
        await office.say("list")
        office.channel.messages.clear()
        office.teams.calls.clear()
    channel = Channel("teams", office.channel.id, "", (await channel_rows(office))[0].reference)
    post = Post(delivery_id="d", channel=channel, message=message, **more)
    receipt = await office.bot.teams.platform().deliver(post)
    return receipt.external_id


@pytest.mark.parametrize("name", GALLERY)
async def test_every_message_of_the_gallery_is_taken(office: Scene, name: str) -> None:
    await posted(office, GALLERY[name])
    assert {call.status for call in office.teams.asked("send")} == {201}


async def test_a_card_that_teams_refuses_is_said_as_text(office: Scene) -> None:
    office.teams.fault("send", Fault(status=413, code="MessageSizeTooBig"))
    await office.say("list")
    (message,) = office.teams.said(office.channel)
    assert message["text"]
    assert "attachments" not in message


async def test_what_only_one_person_may_see_comes_directly(office: Scene) -> None:
    await office.say("list")
    office.channel.messages.clear()
    await posted(office, Message(text="for you alone"), only_for=office.ana.object_id)
    assert office.channel.messages == {}
    (told,) = said(office, office.teams.chat(office.ana))
    assert "for you alone" in told
    await posted(office, Message(text="again"), only_for=office.ana.object_id)
    assert len(office.teams.asked("create")) == 1  # the chat is known from then on


async def test_opening_a_chat_is_repeated_where_nobody_knows_whether_it_was(office: Scene) -> None:
    await office.say("list")
    office.channel.bot = False
    await scheduled(office)
    office.teams.fault("create", Fault(status=502, html=True))
    await bring(office, seconds=30)
    assert len(office.teams.said(office.teams.chat(office.ana))) == 1


async def test_the_fake_itself_refuses_what_is_too_big(office: Scene) -> None:
    where = office.teams.activity("message", office.channel, None, text="x" * SIZE)
    await office.say("list")
    connector = office.bot.teams.connector
    with pytest.raises(Refused) as refused:
        await connector.send(office.teams.service_url, office.channel.id, where)
    assert refused.value.status == 413


async def test_batches_end_as_they_did_whatever_teams_says(office: Scene) -> None:
    await office.say("list")
    office.channel.blocked = "MessageWritesBlocked"
    batch = await scheduled(office)
    await bring(office)
    assert (await office.bot.batch(batch)).state is BatchState.SUCCEEDED
