"""Channels of Slack by their names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.errors import DeliveryError
from core.ports import Channel
from tests.channels.slack_rig import Book, Desk, desk


@pytest.fixture
async def at() -> AsyncIterator[Desk]:
    async with desk(Book()) as made:
        yield made


async def test_a_message_for_a_name_goes_to_the_channel_of_that_name(at: Desk) -> None:
    post = replace(at.post(), channel=Channel("slack", "#General"))
    receipt = await at.platform.deliver(post)
    assert receipt.external_id.startswith(at.general)
    again = replace(post, external_id=receipt.external_id)
    assert (await at.platform.deliver(again)).external_id == receipt.external_id
    assert len(at.slack.asked("conversations.list")) == 1


async def test_a_name_that_nobody_has_is_a_failure_that_says_what_to_do(at: Desk) -> None:
    with pytest.raises(DeliveryError, match="no channel #nowhere that the bot can see") as raised:
        await at.platform.deliver(replace(at.post(), channel=Channel("slack", "#nowhere")))
    assert raised.value.permanent
    assert await at.platform.locate(Channel("slack", "#nowhere")) is None
