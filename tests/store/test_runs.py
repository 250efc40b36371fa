"""A run from its start to its end, and whatever may come between."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import batches, chats, runs
from core.entries import Answered, Failed
from core.errors import OutOfPlace
from core.lifecycles import BatchState, Status
from core.store import tables
from core.store.database import Store
from core.turns import Turn
from tests.store.rig import LONG, Rig, until


async def test_a_run_succeeds_and_frees_its_lock(rig: Rig) -> None:
    started = await rig.start(await rig.job())
    assert started.state is BatchState.ACTIVE
    batch = await rig.ended(started.batch)
    assert batch.state is BatchState.SUCCEEDED
    assert [run.status for run in await rig.runs(started.batch)] == [Status.SUCCEEDED]
    assert await rig.count(tables.locks) == 0
    assert batch.ended_at is not None


async def test_its_chat_and_its_attempt_are_kept(rig: Rig) -> None:
    started = await rig.start(await rig.job())
    await rig.ended(started.batch)
    [run] = await rig.runs(started.batch)
    records = await rig.turns.look(lambda turn: chats.of_run(turn, run.pk))
    assert [record.entry for record in records] == [Answered("done")]
    async with rig.store.reading() as connection:
        [attempt] = await connection.execute(sa.select(tables.attempts))
    assert (attempt.number, attempt.outcome) == (1, Status.SUCCEEDED)
    assert attempt.ended_at is not None


async def test_a_second_start_is_skipped_and_recorded_with_its_reason(rig: Rig) -> None:
    job = await rig.job()
    first = await rig.start(job, {"do": "wait"})
    second = await rig.start(job)
    assert (second.state, second.holder) == (BatchState.SKIPPED, first.batch)
    assert f"#{first.batch}" in (await rig.batch(second.batch)).reason
    assert await rig.runs(second.batch) == []
    rig.agent.gate.set()
    await rig.ended(first.batch)
    assert (await rig.start(job)).state is BatchState.ACTIVE


async def test_racing_starts_of_one_job_never_overlap(rig: Rig) -> None:
    job = await rig.job()
    started = await asyncio.gather(*(rig.start(job, {"do": "wait"}) for _ in range(12)))
    states = sorted(one.state for one in started)
    assert states == [BatchState.ACTIVE] + [BatchState.SKIPPED] * 11
    rig.agent.gate.set()
    for one in started:
        await rig.ended(one.batch)
    assert rig.agent.most_open == 1


async def test_a_queue_drains_in_the_order_of_its_starts(rig: Rig) -> None:
    job = await rig.job(overlap={"policy": "queue", "cap": 30})
    numbers = [(await rig.start(job)).batch for _ in range(12)]
    for number in numbers:
        assert (await rig.ended(number)).state is BatchState.SUCCEEDED
    assert rig.agent.most_open == 1
    assert [task.label for task in rig.agent.seen] == [f"#{number}.1" for number in numbers]


async def test_a_full_queue_refuses(rig: Rig) -> None:
    job = await rig.job(overlap={"policy": "queue", "cap": 1})
    states = [(await rig.start(job, {"do": "wait"})).state for _ in range(3)]
    assert states == [BatchState.ACTIVE, BatchState.WAITING, BatchState.SKIPPED]


async def test_replace_cancels_the_holder_and_starts_when_it_is_gone(rig: Rig) -> None:
    job = await rig.job(overlap={"policy": "replace"})
    first = await rig.start(job, {"do": "forever"})
    await rig.has_status(first.batch, Status.RUNNING)
    second = await rig.start(job)
    assert (await rig.ended(first.batch)).state is BatchState.CANCELLED
    assert (await rig.ended(second.batch)).state is BatchState.SUCCEEDED
    assert rig.agent.most_open == 1


async def test_locks_per_parameter_set_exclude_only_the_same_set(rig: Rig) -> None:
    job = await rig.job(
        overlap={"scope": "job+parameters"}, parameters={"do": {"default": "ok"}, "id": {"type": "integer"}}
    )
    one, two = {"do": "wait", "id": 42}, {"do": "wait", "id": 43}
    assert (await rig.start(job, one, two)).state is BatchState.ACTIVE
    assert (await rig.start(job, two)).state is BatchState.SKIPPED
    assert (await rig.start(job, {"do": "wait", "id": 44})).state is BatchState.ACTIVE


async def test_allow_lets_any_number_run(rig: Rig) -> None:
    job = await rig.job(overlap={"policy": "allow"})
    states = {(await rig.start(job, {"do": "wait"})).state for _ in range(3)}
    assert states == {BatchState.ACTIVE}


async def test_a_fan_out_keeps_its_cap_and_ends_partly_failed(rig: Rig) -> None:
    job = await rig.job(max_parallel=3)
    sets = [{"do": "fail" if index == 4 else "wait"} for index in range(9)]
    started = await rig.start(job, *sets)

    async def three_open() -> bool:
        return rig.agent.open == 3

    await until(three_open)
    rig.agent.gate.set()
    batch = await rig.ended(started.batch)
    assert rig.agent.most_open == 3
    assert batch.state is BatchState.PARTLY_FAILED
    assert batch.counts == {Status.SUCCEEDED: 8, Status.FAILED: 1}


@pytest.mark.parametrize(
    ("do", "attempts", "ending"),
    [
        ("fail once", 2, Status.SUCCEEDED),
        ("fail", 3, Status.FAILED),
        ("fail for good", 1, Status.FAILED),
        ("crash", 3, Status.FAILED),
    ],
)
async def test_the_retry_policy_is_kept(rig: Rig, do: str, attempts: int, ending: Status) -> None:
    job = await rig.job(retry={"attempts": 3, "delay": "10ms"})
    started = await rig.start(job, {"do": do})

    async def over() -> bool:
        await rig.janitor.sweep()
        return (await rig.batch(started.batch)).state.ended

    await until(over)
    [run] = await rig.runs(started.batch)
    assert (run.status, run.attempt) == (ending, attempts)
    assert len(rig.agent.seen) == attempts


async def test_a_crash_is_told_by_a_reference_and_without_its_detail(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    started = await rig.start(await rig.job(), {"do": "crash"})
    await rig.ended(started.batch)
    [run] = await rig.runs(started.batch)
    assert "reference" in run.reason
    assert "secret detail" not in run.reason
    reference = run.reason.split("reference ")[1][:8]
    assert any(getattr(record, "reference", "") == reference for record in caplog.records)


async def test_a_time_out_ends_the_run_and_says_so(rig: Rig) -> None:
    started = await rig.start(await rig.job(timeout="100ms"), {"do": "forever"})
    await rig.ended(started.batch)
    [run] = await rig.runs(started.batch)
    assert run.status is Status.TIMED_OUT
    assert "100ms" in run.reason
    assert rig.agent.open == 0


async def test_cancelling_stops_what_runs_and_what_waits(rig: Rig) -> None:
    job = await rig.job(max_parallel=2, retry={"attempts": 3, "delay": "1ms"})
    started = await rig.start(job, *({"do": "forever"} for _ in range(5)))

    async def two_open() -> bool:
        return rig.agent.open == 2

    await until(two_open)
    batch = await rig.batch(started.batch)
    await rig.turns.take(lambda turn: batches.cancel(turn, batch, None, rig.alice))
    assert (await rig.ended(started.batch)).state is BatchState.CANCELLED
    assert {run.status for run in await rig.runs(started.batch)} == {Status.CANCELLED}
    assert rig.agent.open == 0
    assert await rig.count(tables.locks) == 0


async def test_cancelling_one_run_leaves_the_others(rig: Rig) -> None:
    started = await rig.start(await rig.job(), {"do": "forever"}, {"do": "wait"})
    await rig.has_status(started.batch, Status.RUNNING)
    batch = await rig.batch(started.batch)
    await rig.turns.take(lambda turn: batches.cancel(turn, batch, 1, rig.alice))
    rig.agent.gate.set()
    await rig.ended(started.batch)
    assert [run.status for run in await rig.runs(started.batch)] == [Status.CANCELLED, Status.SUCCEEDED]


async def test_what_has_ended_cannot_be_cancelled(rig: Rig) -> None:
    started = await rig.start(await rig.job())
    batch = await rig.ended(started.batch)
    with pytest.raises(OutOfPlace, match="already ended"):
        await rig.turns.take(lambda turn: batches.cancel(turn, batch, None, rig.alice))


async def test_a_cancel_racing_with_claims_and_ends_leaves_no_run_open(rig: Rig) -> None:
    job = await rig.job(overlap={"policy": "allow"})

    async def start_and_cancel() -> int:
        started = await rig.start(job)
        batch = await rig.batch(started.batch)
        try:
            await rig.turns.take(lambda turn: batches.cancel(turn, batch, None, rig.alice))
        except OutOfPlace:
            return started.batch
        return started.batch

    numbers = await asyncio.gather(*(start_and_cancel() for _ in range(20)))
    for number in numbers:
        batch = await rig.ended(number)
        assert batch.state in (BatchState.SUCCEEDED, BatchState.CANCELLED)
        assert sum(batch.counts.values()) == batch.total


async def test_many_claimants_of_the_same_runs_each_get_different_ones(store: Store) -> None:
    rigs = [Rig(store) for _ in range(4)]
    for rig in rigs:
        await rig.prepare()
        await rig.worker.start()
    job = await rigs[0].job(max_parallel=50)
    started = await rigs[0].start(job, *({"do": "ok"} for _ in range(40)))
    ids = [run.id for run in await rigs[0].runs(started.batch)]

    def claim(rig: Rig) -> object:
        return rig.turns.take(lambda turn: runs.claim(turn, len(ids), rig.worker.number))

    claims = await asyncio.gather(*(claim(rig) for rig in rigs))  # type: ignore[call-overload]
    claimed = [claim.pk for group in claims for claim in group]
    assert len(claimed) == len(set(claimed)) == 40
    for rig in rigs:
        await rig.worker.close()


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
async def test_a_late_worker_cannot_end_a_run_that_was_taken_over(rig: Rig, status: Status) -> None:
    started = await rig.start(await rig.job(), {"do": "wait"})
    await rig.has_status(started.batch, Status.RUNNING)
    [run] = await rig.runs(started.batch)
    job = await rig.batch(started.batch)
    late = runs.Ending(
        pk=run.pk,
        fence=0,
        job=job.job,
        attempt=1,
        status=status,
        reason="",
        retry=(await rig.job("other"))[3].job.retry,
    )
    assert await rig.turns.take(lambda turn: runs.finish(turn, [late])) == set()
    assert (await rig.runs(started.batch))[0].status is Status.RUNNING
    rig.agent.gate.set()
    assert (await rig.ended(started.batch)).state is BatchState.SUCCEEDED


async def test_a_dead_workers_runs_are_lost_told_and_their_lock_is_free(store: Store) -> None:
    dead, living = Rig(store), Rig(store, lease=LONG)
    await dead.prepare()
    await living.prepare()
    await dead.open()
    started = await dead.start(await dead.job(), {"do": "forever"})
    await dead.has_status(started.batch, Status.RUNNING)
    await dead.fall_silent()
    assert await living.janitor.reap() == 1
    assert (await living.batch(started.batch)).state.ended
    [run] = await living.runs(started.batch)
    assert run.status is Status.LOST
    assert "died" in run.reason
    records = await living.turns.look(lambda turn: chats.of_run(turn, run.pk))
    assert isinstance(records[-1].entry, Failed)
    assert await living.count(tables.locks) == 0
    await living.notifier.deliver()
    assert any("alert" in post.message.text for post in living.mailbox.posts)
    await dead.close()
    assert (await living.runs(started.batch))[0].status is Status.LOST


async def test_a_graceful_stop_interrupts_and_the_next_start_runs_again(store: Store) -> None:
    first = Rig(store)
    await first.prepare()
    await first.open()
    again = await first.start(await first.job("again", rerun_interrupted=True), {"do": "wait"})
    once = await first.start(await first.job("once"), {"do": "wait"})
    for number in (again.batch, once.batch):
        await first.has_status(number, Status.RUNNING)
    await first.close(drain=timedelta(milliseconds=50))
    assert [run.status for run in await first.runs(once.batch)] == [Status.INTERRUPTED]
    assert [run.status for run in await first.runs(again.batch)] == [Status.QUEUED]
    assert (await first.batch(once.batch)).state is BatchState.FAILED
    second = Rig(store)
    await second.prepare()
    second.agent.gate.set()
    await second.open()
    await second.janitor.queue_again()
    assert (await second.ended(again.batch)).state is BatchState.SUCCEEDED
    await second.close()


async def test_queued_runs_that_an_engine_lost_are_handed_over_again(store: Store) -> None:
    rig = Rig(store)
    await rig.prepare()
    rig.turns.engine = None
    started = await rig.start(await rig.job())
    rig.turns.engine = rig.engine
    await rig.open()
    assert (await rig.runs(started.batch))[0].status is Status.QUEUED
    await rig.janitor.queue_again()
    assert (await rig.ended(started.batch)).state is BatchState.SUCCEEDED
    await rig.close()


async def test_counts_of_a_large_batch_add_up(rig: Rig) -> None:
    job = await rig.job(max_parallel=20)
    started = await rig.start(job, *({"do": "ok"} for _ in range(200)))
    batch = await rig.ended(started.batch)
    assert (batch.state, batch.total, batch.done) == (BatchState.SUCCEEDED, 200, 200)
    assert batch.counts == {Status.SUCCEEDED: 200}


async def test_a_status_that_is_none_is_refused_by_the_database(rig: Rig) -> None:
    started = await rig.start(await rig.job(), {"do": "wait"})

    async def rest(turn: Turn) -> None:
        await turn.connection.execute(tables.runs.update().values(status="resting"))

    with pytest.raises(sa.exc.IntegrityError):
        await rig.turns.take(rest)
    assert (await rig.runs(started.batch))[0].status is not None


async def test_an_end_that_cannot_be_written_does_not_leave_the_run_stuck(store: Store) -> None:
    rig = Rig(store, lease=timedelta(seconds=1))
    await rig.prepare()
    await rig.open()
    started = await rig.start(await rig.job(), {"do": "unstorable"})
    assert (await rig.ended(started.batch)).state is BatchState.FAILED
    [run] = await rig.runs(started.batch)
    assert run.status in (Status.INTERRUPTED, Status.LOST)
    assert await rig.count(tables.locks) == 0
    await rig.close()
