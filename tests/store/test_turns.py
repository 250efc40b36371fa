"""Waiting work is bounded and fair: jobs take turns, caps hold at every moment, pauses hold back.

Scenarios A7 (many claimants), B7 (the queue is steady), D8 (a busy bot still answers), G1 (others' latency).
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.engines.embedded import Embedded
from core import runs
from core.backlog import Backlog
from core.definitions import Retry
from core.lifecycles import BatchState, Status
from core.runs import wait_before
from core.store import claims, tables
from core.store import runs as run_rows
from core.store.database import Store
from core.store.migrate import migrate
from tests.limits import within
from tests.store.desk_rig import Office, said
from tests.store.rig import LIMIT, Rig, until


async def cap(rig: Rig, most: int) -> None:
    query = tables.organizations.update().values(max_running=most)
    await rig.turns.take(lambda turn: turn.connection.execute(query))


async def claimed(rig: Rig, room: int) -> list[str]:
    """The labels of what a claim of so many gets."""
    found = await rig.turns.take(lambda turn: runs.claim(turn, room, rig.worker.number))
    return [claim.label for claim in sorted(found, key=lambda one: one.pk)]


@pytest.fixture
async def idle(store: Store) -> Any:
    """A rig whose worker claims nothing by itself."""
    made = Rig(store)
    await made.prepare()
    await made.worker.start()
    yield made
    await made.worker.close()


async def test_a_huge_batch_leaves_the_next_free_slot_to_another_job(idle: Rig) -> None:
    huge = await idle.start(await idle.job("huge", max_parallel=500), *({"do": "ok"} for _ in range(300)))
    single = await idle.start(await idle.job("single"))
    await cap(idle, 1000)
    assert await claimed(idle, 3) == [f"#{huge.batch}.1", f"#{huge.batch}.2", f"#{single.batch}.1"]
    late = await idle.start(await idle.job("late"))
    assert await claimed(idle, 1) == [f"#{late.batch}.1"]


async def test_jobs_take_turns_whatever_the_size_of_their_batches(idle: Rig) -> None:
    jobs = [await idle.job(name, max_parallel=100) for name in ("a", "b", "c")]
    sizes = (60, 6, 3)
    batches = [
        (await idle.start(job, *({"do": "ok"} for _ in range(size)))).batch
        for job, size in zip(jobs, sizes, strict=True)
    ]
    assert len(await claimed(idle, 12)) == 12
    under_way = [
        sum(1 for run in await idle.runs(number) if run.status is Status.RUNNING) for number in batches
    ]
    assert under_way == [5, 4, 3]


async def test_what_is_urgent_goes_before_every_turn(idle: Rig) -> None:
    calm = await idle.start(await idle.job("calm"), {"do": "ok"}, {"do": "ok"})
    urgent = await idle.start(await idle.job("urgent", priority=5), {"do": "ok"}, {"do": "ok"})
    assert await claimed(idle, 3) == [f"#{calm.batch}.1", f"#{urgent.batch}.1", f"#{urgent.batch}.2"]


async def test_a_jobs_cap_holds_over_all_of_its_batches(idle: Rig) -> None:
    job = await idle.job("loose", overlap="allow", max_parallel=3)
    for _ in range(5):
        await idle.start(job)
    assert len(await claimed(idle, 10)) == 3
    assert await claimed(idle, 10) == []


async def test_an_organizations_cap_holds_over_all_of_its_jobs(idle: Rig) -> None:
    await cap(idle, 4)
    for name in ("a", "b", "c"):
        await idle.start(await idle.job(name), *({"do": "ok"} for _ in range(4)))
    assert len(await claimed(idle, 10)) == 4
    assert await claimed(idle, 10) == []


async def test_racing_claims_never_exceed_a_cap(store: Store) -> None:
    """A7 with caps: four processes claim at once, and the cap holds at every moment."""
    rigs = [Rig(store) for _ in range(4)]
    for rig in rigs:
        await rig.prepare()
        await rig.worker.start()
    await cap(rigs[0], 7)
    for name in ("a", "b", "c"):
        job = await rigs[0].job(name, max_parallel=3)
        await rigs[0].start(job, *({"do": "ok"} for _ in range(20)))
    found = [one for part in await asyncio.gather(*(claimed(rig, 5) for rig in rigs)) for one in part]
    assert len(found) == len(set(found)) == 7
    for rig in rigs:
        await rig.worker.close()


async def test_what_a_cap_holds_back_goes_on_when_something_ends(rig: Rig) -> None:
    await cap(rig, 2)
    jobs = [await rig.job(name) for name in ("a", "b", "c")]
    started = [await rig.start(job, *({"do": "ok"} for _ in range(4))) for job in jobs]

    async def all_ended() -> bool:
        await rig.janitor.queue_again()  # as the loop of a process does, twice a second
        return all([(await rig.batch(one.batch)).state.ended for one in started])

    await until(all_ended)
    for one in started:
        assert (await rig.batch(one.batch)).counts == {Status.SUCCEEDED: 4}
    assert rig.agent.most_open <= 2


async def test_what_is_held_back_is_not_asked_for_again_and_again(
    idle: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cap(idle, 1)
    started = await idle.start(await idle.job("a"), *({"do": "ok"} for _ in range(4)))
    ids = [run.id for run in await idle.runs(started.batch)]
    asked = 0
    real = claims.claim

    async def counted(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        return await real(*given)

    monkeypatch.setattr("core.store.claims.claim", counted)
    backlog = Backlog(idle.turns)
    assert len(await backlog.claim(ids, idle.worker.number)) == 1
    for _ in range(20):
        assert await backlog.claim(ids[1:], idle.worker.number) == []
    assert asked == 1
    await backlog.ended()
    await backlog.claim(ids[1:], idle.worker.number)
    assert asked == 2


async def test_while_everything_is_paused_nothing_new_starts_and_what_runs_may_end(office: Office) -> None:
    """The big red button: the rest of a batch waits too."""
    await office.job("fan", max_parallel=2, parameters={"do": {"default": "ok"}, "n": {"type": "integer"}})
    await office.job("other")
    await office.done("run fan n=1..6 do=wait")

    async def two_open() -> bool:
        return office.agent.open == 2

    await until(two_open)
    await office.done("pause --everything")
    assert "Everything is paused" in await office.refused("run other")
    office.agent.gate.set()

    async def two_done() -> bool:
        return (await office.batch(1)).done == 2

    await until(two_done)
    await office.janitor.queue_again()
    await office.janitor.sweep()
    batch = await office.batch(1)
    assert (batch.state, batch.done) == (BatchState.ACTIVE, 2)
    assert len(office.agent.seen) == 2
    await office.done("resume --everything")

    async def over() -> bool:
        await office.janitor.queue_again()
        return (await office.batch(1)).state.ended

    await until(over)
    assert (await office.batch(1)).counts == {Status.SUCCEEDED: 6}


async def test_a_single_run_waits_at_most_one_runs_time_behind_a_huge_batch(store: Store) -> None:
    """Every slot is taken by the batch: the very next start is the other job's."""
    rig = Rig(store)
    await rig.prepare()
    await rig.open(concurrency=3)
    await rig.start(await rig.job("huge", max_parallel=50), *({"do": "wait"} for _ in range(50)))

    async def full() -> bool:
        return rig.agent.open == 3

    await until(full)
    single = await rig.start(await rig.job("single"))
    rig.agent.gate.set()
    await rig.ended(single.batch)
    labels = [task.label for task in rig.agent.seen]
    assert labels.index(f"#{single.batch}.1") <= 3 + 3  # at most one run of each slot came between
    await rig.close()


async def test_a_list_is_answered_while_every_worker_is_busy(office: Office) -> None:
    """D8."""
    await office.job("busy", max_parallel=50, parameters={"do": {"default": "ok"}, "n": {"type": "integer"}})
    await office.done("run busy n=1..30 do=wait")

    async def full() -> bool:
        return office.agent.open == 10

    await until(full)
    with within(60):  # `make bench` measures it
        told = said((await office.done("list")).message)
    assert "running #1" in told


async def test_a_queue_of_twenty_drains_in_order_without_gaps(office: Office) -> None:
    """B7: finish order is trigger order, each begins in the transaction that ends the one before it."""
    await office.job("line", overlap="queue")
    first = await office.done("run line do=wait")
    numbers = [first.batch or 0] + [(await office.done("run line")).batch or 0 for _ in range(19)]
    office.agent.gate.set()
    ended = [await office.ended(number) for number in numbers]
    order = sorted(ended, key=lambda batch: batch.ended_at or batch.created_at)
    assert [batch.number for batch in order] == numbers
    for before, after in itertools.pairwise(ended):
        assert after.started_at == before.ended_at is not None
    attempts = await office.rows(tables.attempts)
    assert len(attempts) == 20


async def test_a_batch_that_takes_too_long_is_ended_and_told(rig: Rig) -> None:
    """D4 for a whole batch: what runs times out, what has not begun does not begin, the lock is free."""
    job = await rig.job("slow", batch_timeout="1h", max_parallel=2, retry={"attempts": 3, "delay": "1ms"})
    started = await rig.start(job, *({"do": "forever"} for _ in range(4)))
    await rig.has_any(started.batch, Status.RUNNING)
    rig.store.offset += timedelta(hours=1)

    async def over() -> bool:
        await rig.janitor.sweep()
        return (await rig.batch(started.batch)).state.ended

    await until(over)
    batch = await rig.batch(started.batch)
    assert (batch.state, batch.counts) == (BatchState.FAILED, {Status.TIMED_OUT: 4})
    reasons = {run.reason for run in await rig.runs(started.batch)}
    assert reasons == {
        "The batch took longer than its time-out of 1h.",
        "The time-out of its batch was over before it began.",
    }
    assert await rig.count(tables.locks) == 0
    await rig.notifier.deliver()
    assert any("alert" in post.message.text for post in rig.mailbox.posts)


async def test_the_time_of_a_batch_begins_when_it_has_the_lock(rig: Rig) -> None:
    job = await rig.job("slow", batch_timeout="30m", overlap="queue")
    first = await rig.start(job, {"do": "wait"})
    second = await rig.start(job)
    assert (await rig.batch(second.batch)).until_at is None
    rig.agent.gate.set()
    await rig.ended(first.batch)
    batch = await rig.ended(second.batch)
    assert batch.started_at is not None
    assert batch.until_at == batch.started_at + timedelta(minutes=30)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 20.0), (0.5, 22.0), (1.0, 24.0)])
def test_the_wait_before_a_retry_is_longer_by_chance(chance: float, seconds: float) -> None:
    retry = Retry(attempts=3, delay=timedelta(seconds=10), backoff=2, jitter=0.2)
    assert wait_before(retry, 2, chance=chance) == timedelta(seconds=seconds)


def test_without_jitter_a_wait_is_exact_and_at_most_the_longest() -> None:
    retry = Retry(attempts=9, delay=timedelta(seconds=10), jitter=0, max_delay=timedelta(seconds=60))
    assert [wait_before(retry, number).total_seconds() for number in (1, 2, 3, 4)] == [10, 20, 40, 60]


async def test_a_claim_looks_at_what_is_queued_and_not_at_every_run_there_ever_was(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    await migrate(store)
    seen: list[tuple[str, Any]] = []

    @sa.event.listens_for(store.writer.sync_engine, "before_cursor_execute")
    def remember(_: Any, __: Any, statement: str, values: Any, ___: Any, ____: bool) -> None:
        seen.append((statement, values))

    async with store.transaction() as connection:
        await claims.claim(connection, 5, 1, await store.now(connection))
    [(statement, values)] = [one for one in seen if one[0].startswith("UPDATE runs")]
    await store.close()
    with sqlite3.connect(tmp_path / "x.db") as connection_:
        plan = [row[3] for row in connection_.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    looks = [line for line in plan if line.startswith(("SCAN runs", "SCAN running"))]
    assert looks
    assert all("ix_runs_queued" in line or "ix_runs_running" in line for line in looks), plan


async def test_news_of_an_end_that_comes_while_runs_are_claimed_is_heard_by_the_engine() -> None:
    engine, stop, asked = Embedded(), asyncio.Event(), list[list[str]]()

    async def begin(run_ids: list[str]) -> list[asyncio.Task[None]]:
        asked.append(sorted(run_ids))
        if len(asked) == 1:  # the claim has read its rows; then a run ends, and asks for what was held back
            await engine.enqueue(None, [("b", 0)])
        else:
            stop.set()
        return []

    await engine.enqueue(None, [("a", 0), ("b", 0)])
    async with asyncio.timeout(LIMIT):
        await engine.run_worker(begin, 2, stop)
    assert asked == [["a", "b"], ["b"]]


async def test_an_end_while_some_are_claimed_asks_again_for_the_rest(
    idle: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cap(idle, 2)
    started = await idle.start(await idle.job("a"), *({"do": "ok"} for _ in range(3)))
    ids = [run.id for run in await idle.runs(started.batch)]
    await idle.engine.close()  # it has heard of them already
    backlog = Backlog(idle.turns)
    real = run_rows.queued

    async def then_an_end(*given: Any) -> Any:
        found = await real(*given)
        await backlog.ended()
        return found

    monkeypatch.setattr(run_rows, "queued", then_an_end)
    assert len(await backlog.claim(ids, idle.worker.number)) == 2
    asked: list[str] = []

    async def begin(run_ids: list[str]) -> list[asyncio.Task[None]]:
        asked.extend(run_ids)
        stop.set()
        return []

    stop = asyncio.Event()
    async with asyncio.timeout(LIMIT):
        await idle.engine.run_worker(begin, 5, stop)
    assert asked == ids[2:]
