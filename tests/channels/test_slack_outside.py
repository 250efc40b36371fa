"""Where the bot is no member of the channel: response_url while it lasts, then a direct message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.errors import DeliveryError
from core.messages import Message
from core.ports import About
from tests.channels.slack_rig import Book, Desk, desk


@pytest.fixture
async def at() -> AsyncIterator[Desk]:
    async with desk(Book()) as made:
        yield made


async def test_an_outsider_answers_through_the_response_url_while_it_lasts(at: Desk) -> None:
    channel = at.by_url()
    first = await at.platform.deliver(at.post(channel=channel))
    assert first.elsewhere
    going = await at.platform.deliver(at.post("progress", channel=channel, external_id=first.external_id))
    assert going.external_id == first.external_id
    at.forward(20 * 60)
    await at.platform.deliver(at.post("result", channel=channel, external_id=first.external_id))
    said = at.slack.messages(channel.address)
    assert [one["text"].split(" ")[0] for one in said] == ["Ana", "Succeeded:"]
    assert at.slack.direct_messages(at.ana) == []


async def test_after_45_minutes_the_result_comes_directly_and_says_how_to_invite(at: Desk) -> None:
    channel = at.by_url()
    first = await at.platform.deliver(at.post(channel=channel))
    at.forward(45 * 60)
    last = await at.platform.deliver(at.post("result", channel=channel, external_id=first.external_id))
    (message,) = at.slack.direct_messages(at.ana)
    assert message["text"].startswith("Succeeded:")
    assert f"<#{channel.address}>" in str(message["blocks"])
    assert "/invite @slashjob" in str(message["blocks"])
    assert last.elsewhere
    at.forward(5)
    assert await at.platform.deliver(
        at.post("result", channel=channel, external_id=last.external_id)
    ) == replace(last, elsewhere=True)
    assert len(at.slack.direct_messages(at.ana)) == 1  # it is edited from then on


async def test_a_response_url_that_is_used_up_leads_to_a_direct_message(at: Desk) -> None:
    channel = at.by_url()
    for _ in range(5):
        await at.platform.deliver(at.post("cancelled", channel=channel))
        at.forward(2)
    await at.platform.deliver(at.post("result", channel=channel))
    assert len(at.slack.messages(channel.address)) == 5
    assert len(at.slack.direct_messages(at.ana)) == 1


async def test_an_outsider_without_a_response_url_tells_whoever_asked(at: Desk) -> None:
    at.people.asked_by = at.ana
    nothing = await at.platform.deliver(at.post("progress", channel=at.outside()))
    assert nothing.elsewhere
    assert at.slack.direct_messages(at.ana) == []  # progress is not worth a direct message
    at.forward(2)
    await at.platform.deliver(at.post("long_table", channel=at.outside()))
    message, file = at.slack.direct_messages(at.ana)
    assert message["text"].startswith("Succeeded:")
    assert file["files"][0]["name"] == "every-day.csv"


async def test_an_outsider_whom_nobody_asked_says_that_the_channel_does_not_work(at: Desk) -> None:
    with pytest.raises(DeliveryError) as caught:
        await at.platform.deliver(at.post("result", channel=at.outside()))
    assert caught.value.permanent
    assert "/invite @slashjob" in caught.value.sentence


async def test_a_bot_that_was_invited_meanwhile_posts_in_the_channel(at: Desk) -> None:
    channel = at.by_url()
    first = await at.platform.deliver(at.post(channel=channel))
    at.slack.places[channel.address].members.add(at.slack.bot("T000000001").bot_user)
    at.forward(2)
    last = await at.platform.deliver(at.post("result", channel=channel, external_id=first.external_id))
    assert not last.elsewhere
    assert last.external_id.startswith(channel.address)


async def test_who_was_told_directly_is_not_mentioned_there_once_more(at: Desk) -> None:
    at.people.asked_by = at.ana
    channel = at.outside()
    told = await at.platform.deliver(at.post("result", channel=channel))
    at.forward(2)
    mention = Message(text="Succeeded: Weekly report after 3 min", mentions=("1",))
    about = About(kind="mention")
    again = await at.platform.deliver(
        at.post(mention, channel=channel, reply_to=told.external_id, about=about)
    )
    assert again.elsewhere
    assert len(at.slack.direct_messages(at.ana)) == 1
    at.forward(2)
    await at.platform.deliver(at.post("failure_alert", channel=channel, reply_to=told.external_id))
    assert len(at.slack.direct_messages(at.ana)) == 2
