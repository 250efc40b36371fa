"""Many at once, as people see it: one living message, results in its thread, a table ranked by any number.

Scenarios B1, B3, B5, D7, G1 and G2. D1 (kill -9 of worker, child, all) is in test_locks.py, with processes in
tests/acceptance/test_command_runs.py; D3 and D4 (children and programs that will not stop) in
tests/acceptance/test_command_tree.py.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from core.commands import parse
from core.composer import compose
from core.desk.visit import Outcome
from core.entries import Answered, Entry, Headlined
from core.errors import AgentError, DeliveryError
from core.lifecycles import BatchState, Status
from core.ports import Post, Receipt, Task
from core.store import tables
from core.store.database import Store
from core.wishes import Trigger
from tests.store.desk_rig import BOB, Office, buttons, said
from tests.store.rig import LONG, Obedient, Rig, until

FAN: dict[str, Any] = {"parameters": {"do": {"default": "ok"}, "n": {"type": "integer", "default": 1}}}
REVENUE = {1: 100.0, 2: 700.0, 3: 55.5, 4: None}


class Selling(Obedient):
    """Brings a revenue and a count for each `n`."""

    async def _work(self, task: Task) -> AsyncIterator[Entry]:
        n = task.parameters.get("n", 0)
        if task.parameters.get("do") == "fail":
            raise AgentError(f"Campaign {n} has no data.")
        if REVENUE.get(n) is not None:
            yield Headlined("revenue", REVENUE[n], "currency", "€")
        yield Headlined("orders", 10 - n, "integer")
        yield Answered(f"Campaign {n} went well.")


@pytest.fixture
async def shop(store: Store) -> AsyncIterator[Office]:
    """An office whose runs bring numbers, and whose messages are the real ones."""
    made = Office(store)
    made.agent = Selling()
    made.worker._equipment.agents["report"] = made.agent  # type: ignore[index]
    made.notifier._compose = compose
    await made.prepare()
    await made.open()
    yield made
    made.agent.gate.set()
    await made.close()


def last(office: Office, external_id: str) -> str:
    """What a message says now."""
    return said([post for post in office.mailbox.posts if post.external_id == external_id][-1].message)


async def test_one_message_lives_from_the_count_to_the_summary(shop: Office) -> None:
    await shop.job("report", **FAN, max_parallel=2)
    await shop.done("run report n=1..3", BOB)
    await shop.ended(1)
    shop.store.offset += timedelta(seconds=5)
    assert await shop.notifier.deliver() == 4
    message, *results = shop.mailbox.posts  # the results, once the message is there
    assert "3 of 3 succeeded" in said(message.message)
    assert [post.reply_to for post in results] == ["m1"] * 3
    assert {post.message.title for post in results} == {
        f"Succeeded: report · #1.{number} · n={number}" for number in (1, 2, 3)
    }
    assert "Campaign 2 went well." in "".join(said(post.message) for post in results)
    assert await shop.notifier.deliver() == 0


async def test_a_summary_names_what_failed_with_its_reason_and_runs_just_those_again(shop: Office) -> None:
    await shop.job("report", **FAN)
    await shop.done("run report n=1 | n=7 do=fail | n=8 do=fail")
    await shop.ended(1)
    told = await shop.done("status #1")
    assert "Partly failed: report · #1 · 1 of 3 succeeded · 2 failed" in told.message.text
    assert "#1.2 fail 7 failed" in said(told.message)
    assert "Campaign 7 has no data." in said(told.message)
    assert buttons(told)[0] == "retry #1"
    again = await shop.ended((await shop.done("retry #1")).batch or 0)
    assert [run.parameters["n"] for run in await shop.runs(again.number)] == [7, 8]
    await shop.notifier.deliver()
    await shop.notifier.deliver()
    alerts = [post for post in shop.mailbox.posts if "Failed: 2 of 3" in post.message.text]
    assert [post.reply_to for post in alerts] == ["m1"]  # one alert for all failures, in the thread
    assert len([post for post in shop.mailbox.posts if "went well" in said(post.message)]) == 1


async def test_the_runs_are_ranked_by_any_number(shop: Office) -> None:
    await shop.job("report", **FAN)
    await shop.ran("run report n=1..4")
    summary = await shop.done("show #1")
    assert "show #1 sort=revenue" in buttons(summary)
    assert "show #1 sort=orders" in buttons(summary)

    def order(text: str) -> list[int]:
        lines = [line for line in text.splitlines() if line.startswith("#1.")]
        return [int(line.split()[0].removeprefix("#1.")) for line in lines]

    assert order(said(summary.message)) == [1, 2, 3, 4]
    assert order(said((await shop.done("show #1 sort=revenue")).message)) == [2, 1, 3, 4]
    assert order(said((await shop.done("show #1 sort=orders")).message)) == [1, 2, 3, 4]
    assert order(said((await shop.done("show #1 sort=n")).message)) == [4, 3, 2, 1]
    assert order(said((await shop.done("show #1 sort=run")).message)) == [1, 2, 3, 4]
    assert len(order(said((await shop.done("show #1 sort=took")).message))) == 4
    refused = await shop.say("show #1 sort=revenu")
    assert "Did you mean revenue?" in said(refused.message)
    assert buttons(refused) == ["show #1 sort=revenue"]


async def test_a_large_batch_tells_its_results_in_pages_and_not_in_the_thread(shop: Office) -> None:
    await shop.job("report", **FAN, confirm_above=100, max_parallel=30)
    await shop.ran("run report n=5..50 do=ok,fail")
    first = await shop.done("show #1")
    lines = [line for line in said(first.message).splitlines() if line.startswith("#1.")]
    assert len(lines) == 20
    assert all(" failed " in line for line in lines)  # what failed comes first where not all fit
    assert "show #1 page=2" in buttons(first)
    third = await shop.done("show #1 page=5 sort=n")
    assert [line.split()[2] for line in said(third.message).splitlines() if line.startswith("#1.")][-1] == "5"
    for _ in range(4):
        shop.store.offset += timedelta(seconds=5)
        await shop.notifier.deliver()
    kinds = {row.kind for row in await shop.rows(tables.deliveries)}
    assert kinds == {"status", "alert"}


async def test_what_ran_by_itself_has_its_results_in_the_thread_of_its_one_message(shop: Office) -> None:
    job = await shop.job("report", **FAN)
    for sets in (({"n": 1}, {"n": 2}), ({"n": 1}, {"n": 2, "do": "fail"})):
        started = await shop.start(job, *sets, trigger=Trigger.SCHEDULE)
        await shop.notifier.deliver()
        await shop.ended(started.batch)
    for _ in range(3):
        await shop.notifier.deliver()
    top = [index for index, post in enumerate(shop.mailbox.posts, 1) if not post.reply_to]
    assert len(top) == 2  # a result, and an alert
    replies = [post.reply_to for post in shop.mailbox.posts if post.reply_to]
    assert sorted(replies) == sorted([f"m{top[0]}"] * 2 + [f"m{top[1]}"])


async def test_a_result_whose_message_cannot_be_brought_waits_for_nothing(shop: Office) -> None:
    await shop.job("report", **FAN)
    await shop.done("run report n=1,2")
    await shop.ended(1)
    shop.mailbox.fail = [DeliveryError("The channel is gone.", permanent=True)]
    await shop.notifier.deliver()
    await shop.notifier.deliver()
    states = {row.kind: row.state for row in await shop.rows(tables.deliveries)}
    assert states["result"] == "sent"


async def test_a_button_of_every_message_is_a_line_that_can_be_said(shop: Office) -> None:
    await shop.job("report", **FAN, confirm_above=2)
    lines = [*buttons(await shop.say("run report n=1..4")), *buttons(await shop.done("show #1"))]
    await shop.done("approve #1")
    await shop.ended(1)
    for line in ("show #1", "show #1.2", "status #1", "lock report", "sets report"):
        lines += buttons(await shop.done(line))
    assert lines
    for line in lines:
        parse(line)


# races and overlap


async def test_fifty_triggers_at_once_start_one_and_the_others_follow_the_policy(store: Store) -> None:
    """B1: four processes on one database."""
    offices = [Office(store) for _ in range(4)]
    for one in offices:
        await one.prepare()
        await one.open()
    job = await offices[0].job("report", **FAN)
    await offices[0].say("help", BOB)

    async def trigger(number: int) -> str:
        if number % 3 == 0:
            started = await offices[number % 4].start(job, {"do": "wait", "n": 1}, trigger=Trigger.SCHEDULE)
            return str(started.state)
        reply = await offices[number % 4].say("run report do=wait", BOB)
        return "active" if reply.outcome is Outcome.DONE else str(reply.outcome)

    outcomes = await asyncio.gather(*(trigger(number) for number in range(50)))
    assert sorted(outcomes) == ["active"] + ["skipped"] * 49
    rows = [row for row in await offices[0].rows(tables.batches) if row.state == "skipped"]
    assert len(rows) == 49
    assert all(row.reason.endswith("was still active") for row in rows)
    for one in offices:
        one.agent.gate.set()
    for row in await offices[0].rows(tables.batches):
        await offices[0].ended(row.pk)
    assert sum(len(one.agent.seen) for one in offices) == 1
    for one in offices:
        await one.close()


async def test_a_fan_out_of_a_job_without_overlap_ends(office: Office) -> None:
    """G2: the runs are under the lock of their batch."""
    await office.job("report", **FAN, max_parallel=1)
    batch = await office.ran("run report n=1..5")
    assert batch.counts == {Status.SUCCEEDED: 5}
    assert office.agent.most_open == 1
    assert await office.count(tables.locks) == 0


async def test_a_thousand_runs_keep_their_limit_and_edit_one_message(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G1: the limit holds at every sample, one message, at most one edit in three seconds."""
    await office.job("huge", **FAN, max_parallel=7, confirm_above=1000)
    await office.job("other", **FAN)
    reply = await office.done("run huge n=1..1000")
    posts: list[float] = []
    deliver, loop = office.mailbox.deliver, asyncio.get_running_loop()

    async def stamped(post: Post) -> Receipt:
        at = loop.time()  # before it is settled, from which on the next one's time counts
        receipt = await deliver(post)
        posts.append(at)
        return receipt

    monkeypatch.setattr(office.mailbox, "deliver", stamped)

    async def over() -> bool:
        await office.notifier.deliver()
        return (await office.batch(reply.batch or 0)).state.ended

    other = asyncio.create_task(office.ran("run other"))
    await until(over, limit=300)
    assert office.agent.most_open <= 7 + 1  # the other job's run beside them
    assert (await other).state is BatchState.SUCCEEDED
    assert (await office.batch(1)).counts == {Status.SUCCEEDED: 1000}
    edits = [
        at for at, post in zip(posts, office.mailbox.posts, strict=True) if "#1 " in f"{post.message.text} "
    ]
    assert edits
    for before, after in itertools.pairwise(edits[:-1]):  # the end is not paced
        assert after - before >= 2.9


async def test_a_run_that_waits_for_its_retry_keeps_the_lock_and_has_its_retry(office: Office) -> None:
    """B5: neither a tick nor a manual rerun comes between."""
    job = await office.job("report", **FAN, retry={"attempts": 2, "delay": "8s", "jitter": 0})
    await office.done("run report do='fail once'")

    async def waits() -> bool:
        [run] = await office.runs(1)
        return run.status is Status.WAITING and run.attempt == 1

    await until(waits)
    tick = await office.start(job, {"do": "ok", "n": 1}, trigger=Trigger.SCHEDULE)
    assert (tick.state, tick.holder) == (BatchState.SKIPPED, 1)
    assert (await office.say("run report")).outcome is Outcome.SKIPPED
    office.store.offset += timedelta(seconds=9)
    await office.janitor.sweep()
    assert (await office.ended(1)).state is BatchState.SUCCEEDED
    assert office.agent.most_open == 1


async def test_a_worker_that_was_silent_too_long_is_refused_when_it_comes_back(store: Store) -> None:
    """B3: the lease ends while the agent lives; the result of the old process is refused."""
    silent, living = Rig(store), Rig(store, lease=LONG)
    await silent.prepare()
    await living.prepare()
    await silent.open()
    job = await silent.job("report", retry={"attempts": 2, "delay": "1ms"})
    started = await silent.start(job, {"do": "wait"})
    await silent.has_status(started.batch, Status.RUNNING)
    await silent.fall_silent()
    assert await living.janitor.reap() == 1
    assert (await living.runs(started.batch))[0].status is not Status.RUNNING
    silent.agent.gate.set()  # the old agent comes to its end now
    living.agent.gate.set()
    await living.open()

    async def over() -> bool:
        await living.janitor.sweep()
        await living.janitor.queue_again()
        return (await living.batch(started.batch)).state.ended

    await until(over)
    [run] = await living.runs(started.batch)
    assert (run.status, run.attempt) == (Status.SUCCEEDED, 2)
    assert len(living.agent.seen) == 1
    await silent.close()
    await living.close()


async def test_a_stop_finishes_or_interrupts_and_the_next_start_goes_on(store: Store) -> None:
    """D7: no new claims after the stop; what could not end is interrupted and told; the queue goes on."""
    first = Office(store)
    await first.prepare()
    await first.open()
    await first.job("fan", **FAN, max_parallel=3, rerun_interrupted=True)
    await first.job("line", **FAN, overlap="queue")
    await first.done("run fan n=1..5 do=wait")
    await first.done("run line do=wait")
    await first.done("run line n=2")

    async def four_open() -> bool:
        return first.agent.open == 4

    await until(four_open)
    await first.close(drain=timedelta(milliseconds=50))
    assert (await first.batch(2)).state is BatchState.FAILED
    assert [run.status for run in await first.runs(2)] == [Status.INTERRUPTED]
    second = Office(store)
    await second.prepare()
    second.agent.gate.set()
    await second.open()

    async def over() -> bool:
        await second.janitor.queue_again()
        await second.janitor.sweep()
        states = [(await second.batch(number)).state for number in (1, 3)]
        return all(state.ended for state in states)

    await until(over)
    assert (await second.batch(1)).counts == {Status.SUCCEEDED: 5}
    assert (await second.batch(3)).state is BatchState.SUCCEEDED
    await second.close()
