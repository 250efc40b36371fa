"""deliveries, test-delivery, and what a job's page and the next message say of what did not arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core import people
from core.composer import compose
from core.errors import DeliveryError
from core.messages import Tone
from core.notifier import Notifier
from core.ports import Channel
from core.store import deliveries as rows
from core.store import tables
from core.store.database import Store
from tests.store.desk_rig import BOB, REPORT, Office, said
from tests.store.rig import Mailbox

GONE = DeliveryError("It is archived.", permanent=True)


@pytest.fixture
async def shop(store: Store) -> AsyncIterator[Office]:
    """A desk whose messages are composed as the bot does."""
    made = Office(store)
    await made.prepare()
    await made.open()
    made.notifier._compose = compose
    yield made
    made.agent.gate.set()
    await made.close()


def mailing(shop: Office) -> Mailbox:
    """A second platform that cannot edit: mail."""
    box = Mailbox()
    box.name, box.editable = "email", False
    shop.notifier = Notifier(shop.turns, {"mailbox": shop.mailbox, "email": box}, compose)
    return box


async def bring(shop: Office) -> None:
    while await shop.notifier.deliver():
        pass


async def test_deliveries_tell_where_what_and_what_instead(shop: Office) -> None:
    await shop.job("report", **REPORT)
    shop.mailbox.fail = [GONE]
    batch = await shop.ran("run report campaign_id=1", BOB)
    await bring(shop)
    told = said((await shop.done("deliveries report")).message)
    assert "message of report · #1" in told
    assert "mailbox: general (broken)" in told
    assert "failed" in told
    assert "It is archived. Instead: mailbox: Bob, directly, sent." in told
    assert "message of report · #1" in said((await shop.done(f"deliveries #{batch.number}")).message)
    stuck = said((await shop.done("deliveries state=stuck")).message)
    assert "It is archived." in stuck
    assert stuck.count("message of report") == 1
    assert "No messages of report" in said((await shop.done("deliveries report state=unknown")).message)


async def test_deliveries_come_in_pages_and_only_of_what_one_may_see(shop: Office) -> None:
    job = await shop.job("report", overlap="allow")
    await shop.job("hidden", access={"view": "admin", "run": "admin"})
    await shop.ran("run hidden")
    for _ in range(11):
        await shop.ended((await shop.start(job)).batch)
    await bring(shop)
    first = (await shop.done("deliveries", BOB)).message
    assert "hidden" not in said(first)
    assert [one.command for one in first.buttons] == ["deliveries page=2"]
    second = (await shop.done("deliveries page=2", BOB)).message
    assert said(second).count("message of report") == 1
    assert second.buttons == ()
    assert "There is no page 3" in said((await shop.done("deliveries page=3", BOB)).message)
    assert "message of hidden" in said((await shop.done("deliveries page=2")).message)
    assert "no job" in (await shop.refused("deliveries hidden", BOB)).lower()


async def test_a_state_that_there_is_not_is_refused_with_those_that_there_are(shop: Office) -> None:
    told = await shop.refused("deliveries state=faild")
    assert "No message is ever faild." in told
    assert "pending, sending, sent, unknown, failed, suppressed" in told


async def test_a_test_goes_to_every_channel_of_a_job_and_is_reported(shop: Office) -> None:
    box = mailing(shop)
    rules = [{"topics": ["failed_run"], "to": ["origin", "email:ops@example.com"]}]
    await shop.job("report", channel="email:ana@example.com", notify=rules)
    reply = await shop.done("test-delivery report")
    assert "email:ana@example.com and email:ops@example.com" in reply.message.text
    box.fail = [GONE]
    await bring(shop)
    assert [post.message.text for post in box.posts] == ["Test: messages of report arrive here"]
    [report] = shop.mailbox.posts
    assert report.message.text == "Test of report: 1 of 2 arrived"
    assert report.message.tone is Tone.FAILURE
    assert report.message.mentions == (str(shop.alice.pk),)
    assert "It is archived." in said(report.message)
    assert "delivery.test" in await shop.audit()
    kinds = [(row.kind, row.state) for row in await shop.rows(tables.deliveries)]
    assert sorted(kinds) == [("test", "failed"), ("test", "sent"), ("tested", "sent")]  # no fallback


async def test_a_test_that_is_not_known_in_time_is_reported_and_then_corrected(shop: Office) -> None:
    shop.mailbox.fail = [DeliveryError("Later.", retry_after=timedelta(minutes=1))]
    await shop.done("test-delivery")
    await bring(shop)
    assert shop.mailbox.posts == []
    shop.store.offset += timedelta(seconds=61)
    await bring(shop)
    test, report, corrected = shop.mailbox.posts
    assert test.message.text == "Test: messages arrive here"
    assert report.message.text == "Test: 0 of 1 arrived, 1 on the way"
    assert (corrected.external_id, corrected.message.text) == ("m2", "Test: 1 of 1 arrived")


async def test_a_test_that_arrives_mends_the_channel(shop: Office) -> None:
    await shop.job("report", **REPORT)
    shop.mailbox.fail = [GONE]
    await shop.ran("run report campaign_id=1")
    await bring(shop)
    shown = (await shop.done("show report")).message
    assert "Its messages do not reach mailbox:general: It is archived." in said(shown)
    assert "test-delivery report" in [one.command for one in shown.buttons]
    await shop.done("test-delivery report")
    await bring(shop)
    assert "do not reach" not in said((await shop.done("show report")).message)


async def test_tests_are_for_editors_and_for_channels_that_there_can_be(shop: Office) -> None:
    await shop.job("report")
    assert "Only an editor can send test messages" in await shop.refused("test-delivery report", BOB)
    assert "is no channel" in await shop.refused("test-delivery pager:ops")
    told = await shop.refused("test-delivery webhook:https://example.com/secret-token")
    assert "its URL stands in SLASHJOB_WEBHOOKS" in told
    assert await shop.rows(tables.deliveries) == []


async def test_the_next_message_says_that_an_earlier_one_may_not_have_arrived(shop: Office) -> None:
    job = await shop.job("report", overlap="allow")
    shop.mailbox.fail = [DeliveryError("Who knows.", unknown=True)]
    await shop.ended((await shop.start(job)).batch)
    await bring(shop)
    await shop.ended((await shop.start(job)).batch)
    await bring(shop)
    doubt = "It is not known whether message of report · #1 has arrived here before. See it with: show #1"
    assert [doubt in said(post.message) for post in shop.mailbox.posts] == [True]
    async with shop.store.transaction() as connection:
        await rows.touch(connection, [2], "status", await shop.store.now(connection), urgent=True)
    await bring(shop)
    await shop.ended((await shop.start(job)).batch)
    await bring(shop)
    assert [doubt in said(post.message) for post in shop.mailbox.posts] == [True, True, False]
    assert [post.external_id for post in shop.mailbox.posts] == ["", "m1", ""]


async def test_a_doubt_is_told_in_its_own_channel_only(shop: Office) -> None:
    job = await shop.job("report", overlap="allow")
    shop.mailbox.fail = [DeliveryError("Who knows.", unknown=True)]
    await shop.ended((await shop.start(job)).batch)
    await bring(shop)
    shop.channel = await shop.turns.take(
        lambda turn: people.channel(turn, shop.organization, Channel("mailbox", "other"))
    )
    await shop.ended((await shop.start(job)).batch)
    await bring(shop)
    assert ["not known" in said(post.message) for post in shop.mailbox.posts] == [False]
