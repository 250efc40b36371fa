"""Slack as a platform, call by call, on the strict fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.render import studio
from adapters.slack import faults, limits
from adapters.slack.platform import Slack
from core.errors import DeliveryError
from core.messages import Code, Message, Paragraph, Tone
from core.ports import Channel, Finder, Receipt
from tests.channels.fake_slack import Fault
from tests.channels.slack_rig import PNG, Book, Desk, desk


@pytest.fixture
async def at() -> AsyncIterator[Desk]:
    async with desk(Book()) as made:
        yield made


async def refused(at: Desk, **more: object) -> DeliveryError:
    """The error that a post ends in."""
    with pytest.raises(DeliveryError) as caught:
        await at.platform.deliver(at.post(**more))  # type: ignore[arg-type]
    return caught.value


async def test_a_message_is_posted_then_edited_in_its_place(at: Desk) -> None:
    post = at.post("acknowledgement")
    receipt = await at.platform.deliver(post)
    at.forward(3)
    again = await at.platform.deliver(replace(at.post("result"), external_id=receipt.external_id))
    assert again == receipt
    (message,) = at.slack.messages(at.general)
    assert message["text"].startswith("Succeeded: weekly-report")
    assert message["metadata"]["event_payload"] == {
        "delivery": message["metadata"]["event_payload"]["delivery"]
    }
    assert message["unfurl_links"] is False


async def test_a_chart_is_a_file_of_slack_and_never_an_address(at: Desk) -> None:
    await at.platform.deliver(at.post("result"))
    (message,) = at.slack.messages(at.general)
    (image,) = [block for block in message["blocks"] if block["type"] == "image"]
    upload = at.slack.uploads[image["slack_file"]["id"]]
    assert upload.complete
    assert upload.shared == []
    assert "image_url" not in str(message)
    at.forward(2)
    await at.platform.deliver(at.post("result"))
    assert len(at.slack.uploads) == 1  # the same chart is not uploaded twice


async def test_a_chart_is_drawn_and_uploaded_as_it_is(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "TIME_LIMIT", 120.0)  # a slow machine starts the process that draws
    platform = Slack(at._client, at.people, clock=at.clock, now=at.now)
    try:
        await platform.deliver(at.post("result"))
    finally:
        studio.close()
    (upload,) = at.slack.uploads.values()
    assert upload.data is not None
    assert upload.data.startswith(b"\x89PNG")
    assert len(upload.data) > 10_000
    assert upload.alt.startswith("Revenue by channel and day")


async def test_a_picture_that_slack_still_looks_at_is_waited_for_then_told_by_its_words(at: Desk) -> None:
    at.slack.unprocessed = 2
    post = at.post("result")
    with pytest.raises(DeliveryError) as caught:
        await at.platform.deliver(post)
    assert caught.value.retry_after == timedelta(seconds=2)
    at.forward(60)
    await at.platform.deliver(post)
    (message,) = at.slack.messages(at.general)
    assert not [block for block in message["blocks"] if block["type"] == "image"]
    assert "search leads on each of 28 days" in str(message["blocks"])
    (file,) = at.slack.messages(at.general, message["ts"])
    assert file["files"][0]["name"] == "chart.png"
    assert [one.data for one in at.slack.uploads.values()][-1] == PNG + b"Revenue by channel and day"
    at.forward(5)
    await at.platform.deliver(at.post("result", external_id=f"{at.general}:{message['ts']}"))
    assert len(at.slack.messages(at.general, message["ts"])) == 1


async def test_a_chart_that_cannot_be_uploaded_does_not_cost_the_result(at: Desk) -> None:
    at.slack.fault("files.getUploadURLExternal", Fault(error="missing_scope"))
    await at.platform.deliver(at.post("result"))
    (message,) = at.slack.messages(at.general)
    assert "search leads on each of 28 days" in str(message["blocks"])


async def test_files_come_once_into_the_thread_of_their_message(at: Desk) -> None:
    receipt = await at.platform.deliver(at.post("long_table"))
    (message,) = at.slack.messages(at.general)
    (file,) = at.slack.messages(at.general, message["ts"])
    assert file["files"][0]["name"] == "every-day.csv"
    (upload,) = at.slack.uploads.values()
    assert upload.data is not None
    assert upload.data.count(b"\r\n") == 113
    at.forward(2)
    again = await at.platform.deliver(replace(at.post("long_table"), external_id=receipt.external_id))
    assert again == receipt
    assert len(at.slack.uploads) == 1


async def test_a_file_that_cannot_be_attached_is_told_in_the_thread(at: Desk) -> None:
    at.slack.installs[at.slack.token].scopes -= {"files:write"}
    await at.platform.deliver(at.post("long_table"))
    (message,) = at.slack.messages(at.general)
    (note,) = at.slack.messages(at.general, message["ts"])
    assert note["text"].startswith("every-day.csv could not be attached: The app lacks a permission.")
    assert "files:write" in note["text"]


async def test_a_message_belongs_to_the_thread_that_it_was_asked_in(at: Desk) -> None:
    root = await at.platform.deliver(at.post("status_idle"))
    ts = root.external_id.split(":")[1]
    at.forward(2)
    await at.platform.deliver(at.post("result", channel=Channel("slack", at.general, ts)))
    at.forward(2)
    await at.platform.deliver(at.post("failure_alert", reply_to=root.external_id))
    reply, alert = at.slack.messages(at.general, ts)
    assert not reply["reply_broadcast"]
    assert alert["reply_broadcast"]


async def test_a_reply_to_a_deleted_message_is_said_in_the_channel(at: Desk) -> None:
    await at.platform.deliver(at.post("result", channel=Channel("slack", at.general, "1700000000.000001")))
    assert len(at.slack.messages(at.general)) == 1


async def test_a_deleted_message_is_posted_anew(at: Desk) -> None:
    receipt = await at.platform.deliver(at.post())
    at.slack.delete(*receipt.external_id.split(":"))
    at.forward(2)
    again = await at.platform.deliver(replace(at.post("result"), external_id=receipt.external_id))
    assert again != receipt
    (message,) = at.slack.messages(at.general)
    assert again.external_id == f"{at.general}:{message['ts']}"


async def test_what_is_for_one_person_only_they_see(at: Desk) -> None:
    receipt = await at.platform.deliver(at.post(only_for=at.ana))
    assert at.slack.messages(at.general) == []
    assert [one["user"] for one in at.slack.ephemerals] == [at.ana]
    same = await at.platform.deliver(at.post("progress", only_for=at.ana, external_id=receipt.external_id))
    assert same == receipt
    assert len(at.slack.ephemerals) == 1  # progress is told once: what cannot be edited is not repeated
    at.forward(2)
    await at.platform.deliver(at.post("result", only_for=at.ana, external_id=receipt.external_id))
    assert len(at.slack.ephemerals) == 2


async def test_one_who_left_the_channel_is_told_directly(at: Desk) -> None:
    bob = at.slack.person("Bob")
    await at.platform.deliver(at.post("result", only_for=bob))
    assert [one["text"] for one in at.slack.direct_messages(bob)]
    assert at.slack.ephemerals == []


async def test_mentions_are_those_of_the_directory_and_nobody_elses(at: Desk) -> None:
    at.people.known |= {"7": "U0ANA", "9": "U0<BOB>"}
    message = Message(text="Failed: <!channel> <@U0EVIL>", tone=Tone.FAILURE, mentions=("7", "8", "9"))
    await at.platform.deliver(at.post(message))
    (posted,) = at.slack.messages(at.general)
    sections = [block["text"]["text"] for block in posted["blocks"] if block["type"] == "section"]
    assert sections == ["<@U0ANA>"]
    assert posted["text"] == "Failed: &lt;!channel&gt; &lt;@U0EVIL&gt;"


@pytest.mark.parametrize("word", sorted(set(faults.PERMANENT) - faults.NOT_HERE))
async def test_what_cannot_get_better_by_trying_is_told_with_how_to_mend_it(at: Desk, word: str) -> None:
    at.slack.fault("chat.postMessage", Fault(error=word))
    error = await refused(at)
    assert error.permanent
    assert not error.unknown
    assert error.sentence == f"{faults.PERMANENT[word]} (Slack: {word})"


async def test_a_word_that_nobody_knows_is_tried_again(at: Desk) -> None:
    at.slack.fault("chat.postMessage", Fault(error="unheard_of"))
    error = await refused(at)
    assert not error.permanent
    assert not error.unknown
    assert error.sentence == "Slack answered unheard_of."


@pytest.mark.parametrize(
    "fault",
    [
        Fault(reset=True, after=True),
        Fault(status=500, after=True),
        Fault(status=502, after=True),
        Fault(error="internal_error", after=True),
        Fault(error="fatal_error", after=True),
    ],
)
async def test_what_may_have_arrived_is_unknown_and_can_be_found(at: Desk, fault: Fault) -> None:
    at.slack.fault("chat.postMessage", replace(fault))
    post = at.post("result")
    with pytest.raises(DeliveryError) as caught:
        await at.platform.deliver(post)
    assert caught.value.unknown
    assert len(at.slack.asked("chat.postMessage")) == 1  # nothing is repeated by itself
    (message,) = at.slack.messages(at.general)
    assert await at.platform.find(post) == Receipt(f"{at.general}:{message['ts']}")
    assert await at.platform.find(at.post("result")) is None


async def test_a_call_that_takes_too_long_is_unknown() -> None:
    gate = asyncio.Event()
    async with desk(Book(), timeout=2.0) as at:
        at.slack.fault("chat.postMessage", Fault(gate=gate))
        error = await refused(at)
        gate.set()
    assert error.unknown


async def test_an_edit_that_may_have_arrived_is_simply_made_again(at: Desk) -> None:
    receipt = await at.platform.deliver(at.post())
    at.slack.fault("chat.update", Fault(status=500, after=True))
    error = await refused(at, message="result", external_id=receipt.external_id)
    assert not error.unknown
    assert not error.permanent


async def test_a_slack_that_cannot_be_reached_has_nothing(at: Desk) -> None:
    at.client.base_url = "http://127.0.0.1:1/api/"
    error = await refused(at)
    assert not error.unknown
    assert error.sentence == "Slack cannot be reached."


async def test_a_thread_is_searched_too_and_page_by_page(at: Desk) -> None:
    root = await at.platform.deliver(at.post("status_idle"))
    ts = root.external_id.split(":")[1]
    at.forward(2)
    post = at.post("result", channel=Channel("slack", at.general, ts))
    await at.platform.deliver(post)
    for number in range(450):
        at.slack.places[at.general].messages.append(
            {"ts": at.slack.ts(), "text": str(number), "thread_ts": ts}
        )
    assert await at.platform.find(post) is not None
    assert await at.platform.find(at.post("result", channel=Channel("slack", at.general, ts))) is None
    assert len(at.slack.asked("conversations.replies")) == 4


async def test_what_was_said_in_the_channel_because_its_thread_was_deleted_is_found_there(at: Desk) -> None:
    post = at.post("result", channel=Channel("slack", at.general, "1700000000.000001"))
    receipt = await at.platform.deliver(post)
    assert await at.platform.find(post) == receipt


async def test_without_the_scope_for_it_nothing_can_be_looked_up(at: Desk) -> None:
    assert isinstance(at.platform, Finder)
    at.slack.installs[at.slack.token].scopes -= {"channels:history"}
    with pytest.raises(DeliveryError) as caught:
        await at.platform.find(at.post())
    assert caught.value.unknown
    assert caught.value.permanent
    assert "channels:history" in caught.value.sentence


@pytest.mark.parametrize(("header", "seconds"), [("30", 30), ("0", 1), ("", 10), ("soon", 10), ("0.2", 1)])
async def test_a_429_says_when_to_come_again(at: Desk, header: str, seconds: int) -> None:
    at.slack.fault("chat.postMessage", Fault(status=429, retry_after=header or None))
    error = await refused(at)
    assert error.retry_after == timedelta(seconds=seconds)
    assert not error.permanent
    other = at.slack.channel("other")
    held = await refused(at, channel=Channel("slack", other))
    assert held.retry_after == timedelta(seconds=seconds)
    assert len(at.slack.asked("chat.postMessage")) == 1  # nothing before the time given, nowhere
    at.forward(seconds)
    await at.platform.deliver(at.post(channel=Channel("slack", other)))


async def test_what_was_posted_although_it_was_answered_429_is_not_posted_twice(at: Desk) -> None:
    at.slack.fault("chat.postMessage", Fault(retry_after="5", status=429, after=True))
    post = at.post("result")
    with pytest.raises(DeliveryError):
        await at.platform.deliver(post)
    at.forward(5)
    receipt = await at.platform.deliver(post)
    (message,) = at.slack.messages(at.general)
    assert receipt.external_id == f"{at.general}:{message['ts']}"


async def test_a_channel_gets_one_message_a_second(at: Desk) -> None:
    await at.platform.deliver(at.post())
    error = await refused(at)
    assert error.retry_after == timedelta(seconds=1)
    other = Channel("slack", at.slack.channel("other"))
    await at.platform.deliver(at.post(channel=other))
    at.forward(1)
    await at.platform.deliver(at.post())
    assert len(at.slack.asked("chat.postMessage")) == 3


async def test_progress_leaves_edits_for_results(at: Desk) -> None:
    receipt = await at.platform.deliver(at.post())
    progress = limits.UPDATES - limits.UPDATES_KEPT
    for _ in range(progress):
        await at.platform.deliver(at.post("progress", external_id=receipt.external_id))
    error = await refused(at, message="progress", external_id=receipt.external_id)
    assert error.retry_after == timedelta(seconds=60)
    for _ in range(limits.UPDATES_KEPT):
        await at.platform.deliver(at.post("cancelled", external_id=receipt.external_id))
    assert (await refused(at, message="cancelled", external_id=receipt.external_id)).retry_after is not None
    assert len(at.slack.asked("chat.update")) == limits.UPDATES
    at.forward(60)
    await at.platform.deliver(at.post("progress", external_id=receipt.external_id))
    assert all(call.ok for call in at.slack.asked("chat.update"))


@pytest.mark.parametrize("word", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long"])
async def test_blocks_that_slack_refuses_come_as_text_and_file(at: Desk, word: str) -> None:
    at.slack.fault("chat.postMessage", Fault(error=word))
    await at.platform.deliver(at.post("help"))
    (message,) = at.slack.messages(at.general)
    assert "blocks" not in message
    assert "See all jobs: /job list" in message["text"]
    (file,) = at.slack.messages(at.general, message["ts"])
    assert file["files"][0]["name"] == "message.txt"


async def test_too_long_a_message_is_a_summary_and_the_whole_attached(at: Desk) -> None:
    """F5: with broken letters and ``` in it."""
    long = "ж```<&>\ud800" * 7_000
    message = Message(text=f"Failed: {long}", title="Too long", blocks=(Paragraph(long), Code(long)) * 30)
    await at.platform.deliver(at.post(message))
    (posted,) = at.slack.messages(at.general)
    assert "Cut to fit Slack: the whole is attached as message.txt." in str(posted["blocks"])
    (upload,) = at.slack.uploads.values()
    assert upload.data is not None
    assert upload.data.decode().count("ж") == 7_000 * 61
