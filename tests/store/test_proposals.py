"""A large batch is asked about first: by whom it may be agreed to, what a yes, a no and silence do.

Scenario B6 (a proposal and the lock), the questions of G1, and what never hangs.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.desk.visit import Outcome
from core.lifecycles import BatchState, Status
from core.people import Speaker, Standing
from core.store import tables
from core.wishes import Trigger
from tests.store.desk_rig import ALICE, BOB, Office, buttons, said
from tests.store.rig import until

FAN = {
    "parameters": {"do": {"default": "ok"}, "n": {"type": "integer"}},
    "confirm_above": 3,
    "max_parallel": 4,
}
FOUR_EYES = FAN | {"approval": {"above": 3, "by": "editor", "within": "10m"}}


async def ask(office: Office, line: str = "run fan n=1..8", **kwargs: Any) -> int:
    """Say a line that is answered with a question; the number of the proposal."""
    reply = await office.say(line, **kwargs)
    assert reply.outcome is Outcome.QUESTION, said(reply.message)
    assert reply.batch is not None
    return reply.batch


async def test_a_large_batch_is_a_question_with_its_count_and_starts_nothing(office: Office) -> None:
    await office.job("fan", **FAN)
    reply = await office.say("run fan n=1..8", BOB)
    assert reply.outcome is Outcome.QUESTION
    assert "Bob wants to start 8 runs of fan · #1" in reply.message.text
    assert buttons(reply) == ["approve #1", "approve #1 first=5", "reject #1"]
    assert (await office.batch(1)).state is BatchState.PROPOSED
    assert {run.status for run in await office.runs(1)} == {Status.WAITING}
    assert await office.count(tables.locks) == 0
    assert (await office.say("run fan n=1..3")).outcome is Outcome.DONE  # not above the limit


async def test_a_yes_starts_all_of_it(office: Office) -> None:
    await office.job("fan", **FAN)
    number = await ask(office)
    assert "Started 8 runs of fan" in said((await office.done(f"approve #{number}", BOB)).message)
    batch = await office.ended(number)
    assert (batch.state, batch.counts) == (BatchState.SUCCEEDED, {Status.SUCCEEDED: 8})
    assert "batch.approve" in await office.audit()
    assert "is not" not in await office.refused(f"approve #{number}")
    assert "does not wait for a yes" in await office.refused(f"reject #{number}")


async def test_a_careful_yes_runs_only_the_first(office: Office) -> None:
    await office.job("fan", **FAN)
    number = await ask(office)
    await office.done(f"approve #{number} first=5")
    batch = await office.ended(number)
    assert (batch.total, batch.counts) == (5, {Status.SUCCEEDED: 5})
    assert [run.parameters["n"] for run in await office.runs(number)] == [1, 2, 3, 4, 5]
    other = await ask(office)
    assert "has only 8 runs" in await office.refused(f"approve #{other} first=9")


async def test_a_careful_yes_takes_the_locks_of_its_runs_only(office: Office) -> None:
    await office.job("fan", **FAN, overlap={"scope": "job+parameters"})
    number = await ask(office, "run fan n=1..8 do=wait")
    await office.done(f"approve #{number} first=2")
    assert await office.count(tables.locks) == 2
    assert (await office.say("run fan n=8 do=wait")).outcome is Outcome.DONE
    assert (await office.say("run fan n=2 do=wait")).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("line", ["reject #1 note=late", "cancel #1"])
async def test_a_no_ends_it_and_its_runs(office: Office, line: str) -> None:
    await office.job("fan", **FAN)
    number = await ask(office)
    await office.done(line)
    batch = await office.batch(number)
    assert batch.state is (BatchState.SKIPPED if line.startswith("reject") else BatchState.CANCELLED)
    assert batch.counts == {Status.CANCELLED: 8}
    assert batch.done == batch.total
    if line.startswith("reject"):
        told = said((await office.done("show #1")).message)
        assert "turned down by Alice: late" in told
        assert "[Ask again] run #1" in told


async def test_silence_is_a_no_in_time_and_the_message_says_so(office: Office) -> None:
    await office.job("fan", **FAN)
    number = await ask(office)
    await office.notifier.deliver()
    await office.janitor.sweep()
    assert (await office.batch(number)).state is BatchState.PROPOSED
    office.store.offset += timedelta(minutes=61)
    assert "too long" in await office.refused(f"approve #{number}")
    await office.janitor.sweep()
    batch = await office.batch(number)
    assert (batch.state, batch.reason) == (BatchState.SKIPPED, "nobody said yes in time")
    assert batch.counts == {Status.CANCELLED: 8}
    assert await office.notifier.deliver() == 1
    assert office.mailbox.posts[-1].external_id == "m1"  # the same message, edited
    assert "nobody said yes in time" in said((await office.done(f"status #{number}")).message)


async def test_a_proposal_holds_no_lock_and_follows_the_policy_once_agreed_to(office: Office) -> None:
    """B6: the rule is the same each time."""
    await office.job("fan", **FAN)
    number = await ask(office)
    small = await office.done("run fan n=1 do=wait", BOB)
    told = await office.refused(f"approve #{number}")
    assert f"#{small.batch} was still active" in told
    assert f"#{number} still waits for a yes" in told
    office.agent.gate.set()
    await office.ended(small.batch or 0)
    await office.done(f"approve #{number}")
    assert (await office.ended(number)).state is BatchState.SUCCEEDED


async def test_an_agreed_proposal_stands_behind_those_who_waited_already(office: Office) -> None:
    await office.job("fan", **FAN, overlap="queue")
    first = await office.done("run fan n=1 do=wait")
    number = await ask(office)
    second = await office.done("run fan n=2")
    assert "waits behind" in said((await office.done(f"approve #{number}")).message)
    third = await office.done("run fan n=3")
    office.agent.gate.set()
    ended = [await office.ended(one.batch or 0) for one in (first, second, third)]
    proposed = await office.ended(number)
    starts = [batch.started_at for batch in (ended[0], ended[1], proposed, ended[2])]
    assert starts == sorted(starts)  # type: ignore[type-var]
    assert office.agent.most_open <= 4


async def test_an_approval_is_another_persons_of_that_role(office: Office) -> None:
    await office.job("fan", **FOUR_EYES)
    await office.say("help", BOB)
    number = await ask(office, speaker=ALICE)
    told = await office.refused(f"approve #{number}")
    assert "approval of another person" in told
    told = await office.refused(f"approve #{number}", BOB)
    assert "Only an editor can approve fan; you are an operator." in told
    await office.done("role Bob editor")
    shown = await office.done(f"show #{number}")
    members = {row.name: str(row.pk) for row in await office.rows(tables.members)}
    assert shown.message.mentions == (members["Bob"],)
    assert buttons(shown) == [f"approve #{number}", f"approve #{number} first=5", f"reject #{number}"]
    await office.done(f"approve #{number}", BOB)
    assert (await office.ended(number)).state is BatchState.SUCCEEDED


async def test_who_asked_may_take_it_back_without_the_role(office: Office) -> None:
    await office.job("fan", **FOUR_EYES)
    number = await ask(office, speaker=BOB)
    await office.done(f"reject #{number}", BOB)
    assert (await office.batch(number)).state is BatchState.SKIPPED


async def test_at_most_three_people_are_mentioned(office: Office) -> None:
    await office.job("fan", **FOUR_EYES)
    for name in ("Dora", "Emil", "Fay", "Gus", "Hal"):
        await office.say("help", Speaker("mailbox", "t", name, name, Standing.OWNER))
    number = await ask(office, speaker=BOB)
    assert len((await office.done(f"show #{number}")).message.mentions) == 3


@pytest.mark.parametrize("trigger", [Trigger.SCHEDULE, Trigger.API])
async def test_what_runs_by_itself_is_never_asked_about(office: Office, trigger: Trigger) -> None:
    plain, strict = await office.job("plain", **FAN), await office.job("strict", **FOUR_EYES)
    sets = [{"do": "ok", "n": number} for number in range(8)]
    started = await office.start(plain, *sets, trigger=trigger)
    assert started.state is BatchState.ACTIVE
    refused = await office.start(strict, *sets, trigger=trigger)
    assert refused.state is BatchState.SKIPPED
    assert refused.reason == "8 runs need the approval of an editor, and nobody is there to be asked"
    assert (await office.start(strict, *sets[:3], trigger=trigger)).state is BatchState.ACTIVE
    await office.ended(started.batch)


async def test_running_the_failed_again_is_asked_about_too(office: Office) -> None:
    await office.job("fan", **FAN)
    number = await ask(office, "run fan n=1..8 do=fail")
    await office.done(f"approve #{number}")
    await office.ended(number)
    again = await ask(office, f"retry #{number}")
    assert (await office.batch(again)).rerun_of == number


async def test_nothing_is_agreed_to_while_everything_is_paused(office: Office) -> None:
    await office.job("fan", **FAN)
    number = await ask(office)
    await office.done("pause --everything")
    assert "Everything is paused by Alice" in await office.refused(f"approve #{number}")
    await office.done("resume --everything")
    await office.done(f"approve #{number}")
    await office.ended(number)


async def test_racing_answers_decide_once(office: Office) -> None:
    await office.job("fan", **FAN)
    await office.say("help", BOB)
    number = await ask(office)
    lines = [f"approve #{number}", f"reject #{number}", f"approve #{number} first=2", f"cancel #{number}"] * 3
    replies = await asyncio.gather(*(office.say(line) for line in lines))
    batch = await office.ended(number)
    assert sum(batch.counts.values()) == batch.total
    decisions = {"batch.approve", "batch.reject"}
    assert len([one for one in await office.audit() if one in decisions]) <= 1
    assert sum(1 for reply in replies if reply.outcome is Outcome.DONE) >= 1


async def test_a_redelivered_question_is_the_same_question(office: Office) -> None:
    await office.job("fan", **FAN)
    first = await office.say("run fan n=1..8", key="e")
    again = await office.say("run fan n=1..8", key="e")
    assert (again.outcome, again.batch) == (Outcome.QUESTION, first.batch)
    assert await office.count(tables.batches) == 1


@pytest.mark.parametrize("line", ["run fan n=1..1000 do=a,b,c", "run fan n=1..1000,2000..9000000"])
async def test_more_than_may_be_started_at_once_is_counted_and_refused(office: Office, line: str) -> None:
    """G1: the count comes before anything is made."""
    await office.job("fan", **FAN)
    assert "at most 1,000 may be started at once" in await office.refused(line)
    assert await office.count(tables.runs) == 0


async def test_a_question_is_answered_only_by_its_number(office: Office) -> None:
    await office.job("fan", **FAN)
    assert "needs the number of a batch" in await office.refused("approve fan")
    assert "There is no run #7 here." in await office.refused("reject #7")


async def test_the_message_becomes_the_batch_once_agreed_to(office: Office) -> None:
    await office.job("fan", **FAN)
    number = await ask(office, "run fan n=1..8 do=wait")
    assert await office.notifier.deliver() == 1
    await office.done(f"approve #{number}", BOB)
    office.store.offset += timedelta(seconds=5)

    async def edited() -> bool:
        await office.notifier.deliver()
        return len(office.mailbox.posts) > 1

    await until(edited)
    assert office.mailbox.posts[1].external_id == "m1"
    assert "0 of 8 done" in said((await office.done(f"status #{number}")).message)
