"""Channels that another company reads too: nothing goes there before an admin has said yes, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest

from core import people
from core.batches import Trigger
from core.desk.desk import Desk
from core.desk.visit import Outcome, Request
from core.people import Speaker
from core.ports import Channel
from core.store import tables
from core.store.database import Store
from tests.channels.slack_rig import SlackRig, desk
from tests.store.desk_rig import said


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[SlackRig]:
    async with desk() as at:
        made = SlackRig(store, at)
        await made.prepare()
        await made.open()
        yield made
        await made.close()


async def owe(rig: SlackRig, channel: str, count: int = 1) -> None:
    """Results of schedules that belong to a channel."""
    await rig.place(Channel("slack", channel, "", {"team": "T000000001"}))
    job = await rig.job(f"job-{channel.lower()}")
    for _ in range(count):
        started = await rig.start(job, trigger=Trigger.SCHEDULE)
        await rig.ended(started.batch)


async def say(rig: SlackRig, line: str, who: str) -> tuple[Outcome, str]:
    """What somebody of the workspace is answered."""
    at_desk = Desk(rig.turns, rig.vault, zone=ZoneInfo("UTC"))
    speaker = Speaker("slack", "T000000001", who, "somebody")
    reply = await at_desk.answer(Request(speaker, Channel("slack", rig.at.general), line, key=line + who))
    return reply.outcome, said(reply.message)


async def test_messages_wait_until_an_admin_who_is_asked_directly_says_yes(rig: SlackRig) -> None:
    shared = rig.slack.channel("partners", shared=True, members=(rig.at.ana,))
    await owe(rig, shared, 2)
    for _ in range(3):
        await rig.notifier.deliver()
        rig.forward(601)
    assert rig.slack.messages(shared) == []
    (question,) = rig.slack.direct_messages(rig.at.ana)
    assert "#partners is shared with another company" in str(question["blocks"])
    assert f"allow slack:{shared}" in str(question["blocks"])
    rows = await rig.rows(tables.deliveries)
    assert {row.state for row in rows} == {"pending"}
    assert all("no admin has allowed it yet" in row.error for row in rows)
    outcome, told = await say(rig, f"allow slack:{shared}", rig.at.ana)
    assert outcome is Outcome.DONE
    assert "2 messages waited" in told
    while "pending" in await rig.states():
        await rig.notifier.deliver()
        rig.forward(2)
    assert len(rig.slack.messages(shared)) == 2
    assert "channel.allow" in [row.action for row in await rig.rows(tables.audit)]
    await say(rig, f"allow  slack:{shared}", rig.at.ana)
    assert [row.action for row in await rig.rows(tables.audit)].count("channel.allow") == 1


async def test_only_an_admin_says_yes_and_only_to_what_was_asked(rig: SlackRig) -> None:
    shared = rig.slack.channel("partners", shared=True)
    await owe(rig, shared)
    await rig.notifier.deliver()
    bob = rig.slack.person("Bob")
    outcome, told = await say(rig, f"allow slack:{shared}", bob)
    assert outcome is Outcome.REFUSED
    assert "Only an admin can allow" in told
    outcome, told = await say(rig, "allow slack:C0000NONE", rig.at.ana)
    assert "Nothing waits for slack:C0000NONE" in told
    outcome, told = await say(rig, "allow partners", rig.at.ana)
    assert outcome is Outcome.REFUSED
    rig.forward(601)
    await rig.notifier.deliver()
    assert rig.slack.messages(shared) == []


async def test_a_channel_of_the_company_itself_is_not_asked_about(rig: SlackRig) -> None:
    await owe(rig, rig.at.general)
    await rig.notifier.deliver()
    assert len(rig.slack.messages(rig.at.general)) == 1
    assert rig.slack.direct_messages(rig.at.ana) == []
    everyone = await rig.turns.look(lambda turn: people.everyone(turn, rig.organization))
    assert [one.name for one in everyone] == ["Ana"]
