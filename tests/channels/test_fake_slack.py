"""The fake refuses what Slack refuses: a test that passes on it means something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.channels.fake_slack import BURST, UPDATES_A_MINUTE, FakeSlack, Fault

MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Title"},
    "blocks": [{"type": "divider"}],
}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as made:
        made.stands_still()
        yield made


@pytest.fixture
async def client(slack: FakeSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(token=slack.token, base_url=slack.url, session=session, retry_handlers=[])


async def word(work: Any) -> str:
    """What Slack says no with."""
    with pytest.raises(SlackApiError) as caught:
        await work
    return str(caught.value.response["error"])


async def test_who_may_post_where(slack: FakeSlack, client: AsyncWebClient) -> None:
    public = slack.channel("public", bot=False)
    private = slack.channel("private", bot=False, private=True)
    archived = slack.channel("archived", archived=True)
    foreign = slack.channel("foreign", bot=False, team="T000000002")
    assert await word(client.chat_postMessage(channel=public, text="x")) == "not_in_channel"
    assert await word(client.chat_postMessage(channel=private, text="x")) == "channel_not_found"
    assert await word(client.chat_postMessage(channel=archived, text="x")) == "is_archived"
    assert await word(client.chat_postMessage(channel=foreign, text="x")) == "channel_not_found"
    slack.installs[slack.token].scopes |= {"chat:write.public"}
    assert (await client.chat_postMessage(channel=public, text="x"))["ok"]


async def test_tokens_and_scopes(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel("public")
    slack.installs[slack.token].scopes -= {"chat:write"}
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=channel, text="x")
    assert caught.value.response["needed"] == "chat:write"
    assert await word(client.auth_test(token="xoxb-unknown")) == "invalid_auth"
    slack.installs[slack.token].revoked = "account_inactive"
    assert await word(client.auth_test()) == "account_inactive"


async def test_a_message_that_says_nothing_or_what_is_no_block(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    channel = slack.channel("public")
    empty = client.api_call("chat.postMessage", json={"channel": channel})
    assert await word(empty) == "no_text"
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=channel, text="x", blocks=[{"type": "header"}])
    assert caught.value.response["errors"] == ["missing required field: text [json-pointer:/blocks/0]"]
    long = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3_000}}] * 5
    assert (
        await word(client.chat_postMessage(channel=channel, text="x", blocks=long)) == "msg_blocks_too_long"
    )


async def test_posting_faster_than_one_a_second_after_a_burst(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    channel = slack.channel("public")
    for _ in range(BURST):
        await client.chat_postMessage(channel=channel, text="x")
    assert await word(client.chat_postMessage(channel=channel, text="x")) == "ratelimited"
    slack.forward(1)
    await client.chat_postMessage(channel=channel, text="x")


async def test_more_edits_than_a_workspace_may_make(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel("public")
    ts = str((await client.chat_postMessage(channel=channel, text="x"))["ts"])
    for _ in range(UPDATES_A_MINUTE):
        await client.chat_update(channel=channel, ts=ts, text="y")
    assert await word(client.chat_update(channel=channel, ts=ts, text="y")) == "ratelimited"
    slack.forward(61)
    assert await word(client.chat_update(channel=channel, ts=ts, text="y" * 4_001)) == "msg_too_long"
    await client.chat_update(channel=channel, ts=ts, text="y" * 4_000)
    assert await word(client.chat_update(channel=channel, ts="1.0", text="y")) == "message_not_found"


async def test_text_alone_in_an_edit_removes_the_blocks(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel("public")
    ts = str((await client.chat_postMessage(channel=channel, text="x", blocks=[{"type": "divider"}]))["ts"])
    await client.chat_update(channel=channel, ts=ts, text="y")
    assert "blocks" not in slack.messages(channel)[0]


@pytest.mark.parametrize(("seconds", "expected"), [(2.5, ""), (3.5, "expired_trigger_id")])
async def test_a_trigger_is_good_for_three_seconds_and_once(
    slack: FakeSlack, client: AsyncWebClient, seconds: float, expected: str
) -> None:
    trigger = slack.trigger()
    slack.forward(seconds)
    if expected:
        assert await word(client.views_open(trigger_id=trigger, view=MODAL)) == expected
        return
    await client.views_open(trigger_id=trigger, view=MODAL)
    assert await word(client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    assert await word(client.views_open(trigger_id="1.2.3", view=MODAL)) == "invalid_trigger_id"


@pytest.mark.parametrize(("minutes", "status"), [(29.9, 200), (30.1, 404)])
async def test_a_response_url_is_good_for_half_an_hour_and_five_times(
    slack: FakeSlack, client: AsyncWebClient, minutes: float, status: int
) -> None:
    assert client.session is not None
    channel, ana = slack.channel("public", bot=False), slack.person("Ana")
    url = slack.response_url(channel, ana)
    slack.forward(minutes * 60)
    said = {"text": "x", "response_type": "in_channel"}
    answers = []
    for _ in range(6):
        async with client.session.post(url, json=said) as answer:
            answers.append(answer.status)
    assert answers == ([200] * 5 + [404] if status == 200 else [404] * 6)
    assert len(slack.messages(channel)) == (5 if status == 200 else 0)


async def test_an_upload_in_three_steps(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel("public")
    asked = await client.files_getUploadURLExternal(filename="a.csv", length=3)
    files: list[Any] = [{"id": asked["file_id"], "title": "a"}]
    assert await word(client.files_completeUploadExternal(files=files)) == "file_not_found"
    shown = [{"type": "image", "alt_text": "x", "slack_file": {"id": asked["file_id"]}}]
    assert await word(client.chat_postMessage(channel=channel, text="x", blocks=shown)) == "invalid_blocks"
    await client.files_upload_v2(filename="a.csv", content=b"a,b", channel=channel)
    (message,) = slack.messages(channel)
    assert message["files"][0]["name"] == "a.csv"


async def test_what_came_before_the_time_that_a_429_gave_is_written_down(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    slack.fault("auth.test", Fault(retry_after="30"))
    assert await word(client.auth_test()) == "ratelimited"
    await client.auth_test()
    assert [call.method for call in slack.impatient] == ["auth.test"]


async def test_metadata_is_read_with_the_scope_and_only_when_asked_for(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    channel = slack.channel("public")
    carried = {"event_type": "run", "event_payload": {"id": "1"}}
    await client.chat_postMessage(channel=channel, text="x", metadata=carried)
    plain = await client.conversations_history(channel=channel)
    whole = await client.conversations_history(channel=channel, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert whole["messages"][0]["metadata"] == carried
    slack.installs[slack.token].scopes -= {"channels:history"}
    assert await word(client.conversations_history(channel=channel)) == "missing_scope"


async def test_a_socket_needs_a_ticket_of_its_own(slack: FakeSlack, client: AsyncWebClient) -> None:
    assert client.session is not None
    assert await word(client.apps_connections_open(app_token=slack.token)) == "not_allowed_token_type"
    url = str((await client.apps_connections_open(app_token=slack.app_token))["url"])
    async with client.session.ws_connect(url) as link:
        assert (await link.receive_json())["type"] == "hello"
        envelope = await slack.socket.send("events_api", {"event": {}})
        assert (await link.receive_json())["envelope_id"] == envelope.id
        await link.send_json({"envelope_id": envelope.id})
        await envelope.acknowledged.wait()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.session.ws_connect(url)
