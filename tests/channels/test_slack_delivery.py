"""Slack behind the real notifier, wording and store: what is owed arrives once, in order, somewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from core.batches import Trigger
from core.lifecycles import BatchState, DeliveryState
from core.ports import Channel
from core.store import tables
from core.store.database import Store
from tests.channels.fake_slack import Fault
from tests.channels.slack_rig import SlackRig, desk

RESULTS, FEW = 100, 12


class Died(BaseException):
    """The process is no more."""


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[SlackRig]:
    """One process on each database, its platform the fake Slack."""
    async with desk() as at:
        made = SlackRig(store, at)
        await made.prepare()
        await made.open()
        yield made
        await made.close()


async def results(rig: SlackRig, count: int = 1, **fields: Any) -> list[int]:
    """Batches of schedules that have ended: each owes its one message."""
    job = await rig.job(**fields)
    started = [await rig.start(job, trigger=Trigger.SCHEDULE) for _ in range(count)]
    for one in started:
        await rig.ended(one.batch)
    return [one.batch for one in started]


async def bring(rig: SlackRig, *, seconds: float = 1.0, passes: int = 400) -> None:
    """Let time pass until nothing is on its way any more."""
    for _ in range(passes):
        await rig.notifier.deliver()
        if not {"pending", "sending"} & set(await rig.states()):
            return
        rig.forward(seconds)
    raise AssertionError(f"still on its way: {await rig.states()}")


def numbers(rig: SlackRig, channel: str) -> list[int]:
    """The batches that a channel was told of, in its order."""
    return [int(one["text"].split("#")[1].split(" ")[0]) for one in rig.slack.messages(channel)]


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(status=429, retry_after="30")],
        [Fault(status=429, retry_after="0", times=3)],
        [Fault(status=429)],
        [
            Fault(status=429, retry_after="7", after=True),
            Fault(status=429, retry_after="2", after=True, times=4),
        ],
        [Fault(reset=True, after=True, times=3), Fault(status=500), Fault(status=502, after=True)],
    ],
    ids=["for 30 s", "for 0 s", "without a header", "although posted", "broken off"],
)
async def test_results_arrive_once_and_in_order_through_429s(rig: SlackRig, faults: list[Fault]) -> None:
    """F1: whatever Retry-After says, also where it was posted."""
    wanted = await results(rig, RESULTS if len(faults) > 1 else FEW, overlap="allow")
    for fault in faults:
        rig.slack.fault("chat.postMessage", replace(fault))
    await bring(rig)
    told = numbers(rig, rig.at.general)
    assert sorted(told) == sorted(wanted)
    if faults[0].status == 429:
        assert told == sorted(told)
    assert rig.slack.impatient == []
    assert set(await rig.states()) == {DeliveryState.SENT}


async def test_channels_do_not_wait_for_each_other(rig: SlackRig) -> None:
    await results(rig, 5, name="first", overlap="allow")
    other = rig.slack.channel("other")
    await rig.place(Channel("slack", other))
    await results(rig, 1, name="second")
    await rig.notifier.deliver()
    assert len(rig.slack.messages(rig.at.general)) == 1
    assert len(rig.slack.messages(other)) == 1


async def test_waiting_for_a_turn_costs_no_try(rig: SlackRig) -> None:
    rig.slack.fault("chat.postMessage", Fault(status=429, retry_after="1", times=25))
    await results(rig)
    await bring(rig)
    assert len(rig.slack.messages(rig.at.general)) == 1


async def test_a_message_follows_its_run_as_one_message_and_the_newest_state_wins(rig: SlackRig) -> None:
    job = await rig.job(parameters={"do": {"default": "wait"}})
    started = await rig.start(job, {"do": "wait"})
    await rig.notifier.deliver()
    rig.agent.gate.set()
    await rig.ended(started.batch)
    rig.forward(5)
    await bring(rig)
    (message,) = rig.slack.messages(rig.at.general)
    assert message["text"].startswith("Succeeded: report · #1")
    assert message["edits"] == 1


async def test_a_sender_that_died_after_posting_does_not_post_again(rig: SlackRig) -> None:
    await results(rig)
    post = rig.platform.deliver

    async def dies(given: Any) -> Any:
        await post(given)
        raise Died

    rig.platform.deliver = dies  # type: ignore[assignment, method-assign]
    with pytest.raises(Died):
        await rig.notifier.deliver()
    rig.platform.deliver = post  # type: ignore[method-assign]
    assert await rig.states() == [DeliveryState.SENDING]
    rig.forward(61)
    await bring(rig)
    assert len(rig.slack.messages(rig.at.general)) == 1
    assert await rig.states() == [DeliveryState.SENT]


async def test_a_sender_that_died_before_posting_is_made_good(rig: SlackRig) -> None:
    await results(rig)
    post = rig.platform.deliver

    async def dies(given: Any) -> Any:
        raise Died

    rig.platform.deliver = dies  # type: ignore[assignment, method-assign]
    with pytest.raises(Died):
        await rig.notifier.deliver()
    rig.platform.deliver = post  # type: ignore[method-assign]
    rig.forward(61)
    await bring(rig)
    assert len(rig.slack.messages(rig.at.general)) == 1


async def test_what_cannot_be_looked_up_stays_unknown_and_is_not_sent_again(rig: SlackRig) -> None:
    rig.slack.installs[rig.slack.token].scopes -= {"channels:history"}
    rig.slack.fault("chat.postMessage", Fault(reset=True, after=True))
    await results(rig)
    await bring(rig)
    assert await rig.states() == [DeliveryState.UNKNOWN]
    assert len(rig.slack.asked("chat.postMessage")) == 1


async def test_while_looking_up_is_not_possible_nothing_is_sent(rig: SlackRig) -> None:
    rig.slack.fault("chat.postMessage", Fault(reset=True, after=True))
    rig.slack.fault("conversations.history", Fault(status=429, retry_after="20", times=2))
    await results(rig)
    await bring(rig)
    assert len(rig.slack.messages(rig.at.general)) == 1
    assert len(rig.slack.asked("chat.postMessage")) == 1
    assert await rig.states() == [DeliveryState.SENT]


@pytest.mark.parametrize(
    "word", ["is_archived", "restricted_action", "missing_scope", "channel_type_not_supported"]
)
async def test_where_a_channel_takes_nothing_whoever_started_it_is_told(rig: SlackRig, word: str) -> None:
    """F7: the run's status stays, the channel is shown as broken."""
    rig.slack.fault("chat.postMessage", Fault(error=word))
    job = await rig.job()
    started = await rig.start(job)
    batch = await rig.ended(started.batch)
    await bring(rig)
    assert batch.state is BatchState.SUCCEEDED  # the job's status is not touched
    (message,) = rig.slack.direct_messages(rig.at.ana)
    assert message["text"].startswith("Succeeded: report")
    assert "could not be posted in" in str(message["blocks"])
    assert f"(Slack: {word})" in str(message["blocks"])
    general, person = await rig.rows(tables.channels)
    assert (general.state, person.state) == ("broken", "ok")
    assert word in general.state_reason


async def test_the_owner_is_told_where_a_schedule_started_it(rig: SlackRig) -> None:
    rig.slack.places[rig.at.general].archived = True
    job = await rig.job(owner="Ana@Example.com")
    rig.alice = None  # type: ignore[assignment]
    started = await rig.start(job, trigger=Trigger.SCHEDULE)
    await rig.ended(started.batch)
    await bring(rig)
    assert len(rig.slack.direct_messages(rig.at.ana)) == 1


async def test_a_dead_token_ends_in_failed_and_marks_the_channel(rig: SlackRig) -> None:
    rig.slack.installs[rig.slack.token].revoked = "token_revoked"
    await results(rig)
    await bring(rig)
    assert set(await rig.states()) == {DeliveryState.FAILED}
    general = (await rig.rows(tables.channels))[0]
    assert general.state == "broken"
    assert "Install the app again" in general.state_reason
    assert len(rig.slack.calls) == 3  # whose the channel is, the channel, the person: no storm


async def test_a_channel_that_works_again_is_no_longer_broken(rig: SlackRig) -> None:
    rig.slack.places[rig.at.general].archived = True
    await results(rig, 1, name="first")
    await bring(rig)
    rig.slack.places[rig.at.general].archived = False
    await results(rig, 1, name="second")
    await bring(rig)
    assert (await rig.rows(tables.channels))[0].state == "ok"


async def test_an_outsider_s_run_of_45_minutes_reaches_whoever_asked(rig: SlackRig) -> None:
    """F6: the response_url has ended by then."""
    channel = rig.at.by_url()
    await rig.place(channel)
    job = await rig.job(parameters={"do": {"default": "wait"}})
    started = await rig.start(job, {"do": "wait"})
    await rig.notifier.deliver()
    (acknowledged,) = rig.slack.messages(channel.address)
    assert acknowledged["text"].startswith("Ana started report")
    rig.forward(45 * 60)
    rig.agent.gate.set()
    await rig.ended(started.batch)
    await bring(rig)
    assert [one["text"].split(":")[0] for one in rig.slack.direct_messages(rig.at.ana)] == ["Succeeded"]
    assert len(rig.slack.messages(channel.address)) == 1


async def test_in_a_thread_the_result_reaches_the_thread_however_long_it_took(rig: SlackRig) -> None:
    """F6: into the thread it was asked in."""
    root = await rig.at.client.chat_postMessage(channel=rig.at.general, text="a question")
    await rig.place(Channel("slack", rig.at.general, str(root["ts"])))
    job = await rig.job(parameters={"do": {"default": "wait"}})
    started = await rig.start(job, {"do": "wait"})
    rig.forward(2)
    await rig.notifier.deliver()
    rig.forward(45 * 60)
    rig.agent.gate.set()
    await rig.ended(started.batch)
    await bring(rig)
    said = rig.slack.messages(rig.at.general, str(root["ts"]))
    assert said[0]["text"].startswith("Succeeded")


HOSTILE = ["; touch P", "$(touch P)", "`touch P`", "a\nb", "--flag", "{{7*7}}", "%0a", "<!channel>", "<@U1>"]


async def test_whatever_a_value_holds_the_echo_in_chat_pings_nobody(rig: SlackRig) -> None:
    job = await rig.job(parameters={"do": {"default": "ok"}, "value": {"default": ""}}, overlap="allow")
    for value in HOSTILE:
        await rig.start(job, {"do": "ok", "value": value})
    await bring(rig, seconds=2)
    messages = rig.slack.messages(rig.at.general)
    assert len(messages) == len(HOSTILE)
    for message, value in zip(messages, HOSTILE, strict=True):
        assert value in _literal(message["blocks"])
        for text in [message["text"], *_parsed(message["blocks"])]:
            assert "<" not in text
            assert ">" not in text


def _parsed(value: Any) -> list[str]:
    """Every text that Slack reads marks and mentions in."""
    if isinstance(value, list):
        return [text for one in value for text in _parsed(one)]
    if not isinstance(value, dict):
        return []
    if value.get("type") == "mrkdwn":
        return [value["text"]]
    assert value.get("type") not in ("user", "broadcast", "usergroup", "link", "channel")
    return [text for one in value.values() for text in _parsed(one)]


def _literal(value: Any) -> str:
    """Every text as people read it."""
    if isinstance(value, list):
        return "\n".join(_literal(one) for one in value)
    if not isinstance(value, dict):
        return ""
    own = value["text"] if isinstance(value.get("text"), str) else ""
    own = (
        own.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        if value.get("type") == "mrkdwn"
        else own
    )
    return "\n".join([own, *(_literal(one) for one in value.values())])
