"""One continuing failure is told once, joined quietly, reminded of, looked after, and over with a success."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import batches, ids, incidents, jobs, pauses, runs
from core.definitions import Retry
from core.deliveries import Kind
from core.errors import OutOfPlace
from core.lifecycles import BatchState, Status
from core.store import batches as batch_rows
from core.store import incidents as rows
from core.store import tables
from core.store.dialects import Row
from core.turns import Turn
from core.wishes import Trigger
from tests.store.incident_rig import OFTEN, WHY, Watch, lasting
from tests.store.rig import Rig, until
from tests.store.schedule_rig import Planner, minutes


@pytest.fixture
async def watch(planner: Planner) -> Watch:
    return Watch(planner)


async def test_the_first_failure_alerts_and_those_after_it_edit_that_alert(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await watch.fires()
    assert await watch.told() == [f"Failed: report · #1. {WHY}"]
    await watch.fires()
    await watch.fires()
    assert await watch.told() == [f"edit: Failed 3 times since 07:40: Failed: report · #3. {WHY}"]
    [one] = await watch.incidents()
    assert (one.failures, one.first_batch, one.last_batch, one.ended_at) == (3, 1, 3, None)


async def test_a_success_ends_it_with_a_notice_at_the_alert(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    for _ in range(3):
        await watch.fires()
    await watch.told()
    await watch.succeeds()
    said = await watch.told()
    recovered = rf"reply: Recovered: report · #4 succeeded after 3 failures, {lasting(30)}\."
    assert any(re.fullmatch(recovered, one) for one in said)
    assert any(one.startswith("edit: Recovered: report · after 3 failures") for one in said)
    [one] = await watch.incidents()
    assert one.ended_by == 4
    await watch.succeeds()
    [only] = await watch.told()
    assert only.startswith("Succeeded: report · #5")


async def test_a_failure_after_the_recovery_is_another_incident_with_its_own_alert(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await watch.fires()
    await watch.succeeds()
    await watch.told()
    await watch.fires()
    assert f"Failed: report · #3. {WHY}" in await watch.told()
    assert [one.failures for one in await watch.incidents()] == [1, 1]


async def test_another_kind_of_failure_alerts_again_and_one_success_ends_both(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await watch.fires()
    await watch.fires("The table sales is gone.")
    alerts = await watch.told()
    assert [one.partition(" · ")[2] for one in alerts] == [f"#1. {WHY}", "#2. The table sales is gone."]
    await watch.fires()
    await watch.succeeds()
    [notice] = [one for one in await watch.told() if "succeeded after" in one]
    recovered = rf"reply: Recovered: report · #4 succeeded after 3 failures, {lasting(30)}\."
    assert re.fullmatch(recovered, notice)
    assert all(one.ended_by == 4 for one in await watch.incidents())


async def test_what_words_itself_anew_each_time_does_not_alert_for_ever(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    for word in ("one", "two", "three", "four", "five", "six", "seven", "eight"):
        await watch.fires(f"It met {word}.")
    assert len(await watch.deliveries(Kind.ALERT)) == incidents.MOST_KINDS
    assert sum(one.failures for one in await watch.incidents()) == 8


async def test_numbers_quotes_and_references_make_no_other_failure(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await watch.fires("Row 17 of 'sales' is odd (reference a1b2c3d4).")
    await watch.fires("Row 404 of 'orders' is odd (reference feedbeef).")
    assert len(await watch.incidents()) == 1


@pytest.mark.parametrize("alert_after", [2, 3])
async def test_a_schedule_alerts_after_so_many_failures_in_a_row(watch: Watch, alert_after: int) -> None:
    await watch.planner.apply(OFTEN, alert_after=alert_after)
    for _ in range(alert_after - 1):
        await watch.fires()
    assert await watch.told() == []
    await watch.succeeds()
    assert [one.partition(":")[0] for one in await watch.told()] == ["Succeeded"]
    for number in range(alert_after):
        assert await watch.told() == []
        await watch.fires("Again." if number else WHY)  # of whatever kind
    [alert] = await watch.told()
    assert alert.startswith("Failed")


async def test_who_runs_it_by_hand_is_always_told_at_their_own_message(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN, alert_after=5)
    await watch.by_hand(job, WHY)
    first = await watch.told()
    assert f"reply: Failed: report · #1. {WHY}" in first
    await watch.by_hand(job, WHY)
    assert f"reply: Failed: report · #2. {WHY}" in await watch.told()
    [one] = await watch.incidents()
    assert (one.failures, one.alerted_at) == (2, None)


async def test_a_failure_by_hand_joins_that_of_the_schedule_and_edits_its_alert(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN)
    await watch.fires()
    await watch.told()
    await watch.by_hand(job, WHY)
    said = await watch.messages()
    own = next(one for one in said if one.text == f"Failed: report · #2. {WHY}")
    assert own.mentions == (str(watch.rig.alice.pk),)
    assert any("Failed 2 times since 07:40" in str(block) for block in own.blocks)
    assert any(one.text.startswith("Failed 2 times since 07:40") for one in said)
    assert [one.failures for one in await watch.incidents()] == [2]


async def test_a_success_by_hand_ends_what_a_schedule_saw_fail(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN)
    await watch.fires()
    await watch.told()
    await watch.by_hand(job)
    assert [one for one in await watch.told() if "#2 succeeded after 1 failure" in one]


async def test_a_schedule_that_fails_is_not_healed_by_another_that_succeeds(watch: Watch) -> None:
    await watch.planner.apply(OFTEN, {"name": "other", "when": "45 7 * * *"})
    await watch.fires()
    watch.rig.agent.fails = ""
    await watch.planner.through(watch.at + minutes(5))
    assert [one.ended_at for one in await watch.incidents()] == [None]
    await watch.planner.through(watch.at + minutes(10))
    assert [one.ended_by for one in await watch.incidents()] == [3]


async def test_parameters_that_lock_apart_fail_apart(watch: Watch) -> None:
    overlap = {"policy": "skip", "scope": "job+parameters"}
    other = {"name": "other", "when": "*/10 * * * *", "parameters": {"do": "table"}}
    await watch.planner.apply(OFTEN, other, overlap=overlap)
    await watch.fires()
    assert [one.failures for one in await watch.incidents()] == [1, 1]
    assert len(await watch.deliveries(Kind.ALERT)) == 2
    await watch.succeeds()
    assert all(one.ended_at is not None for one in await watch.incidents())


async def test_what_was_cancelled_neither_joins_nor_ends_it(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN)
    await watch.fires()
    rig = watch.rig
    rig.agent.fails = ""
    started = await rig.start((job.pk, job.id, job.version, job.definition), {"do": "wait"})
    batch = await rig.batch(started.batch)
    await rig.turns.take(lambda turn: batches.cancel(turn, batch, None, rig.alice))
    assert (await rig.ended(batch.number)).state is BatchState.CANCELLED
    assert [(one.failures, one.ended_at) for one in await watch.incidents()] == [(1, None)]


async def test_a_batch_that_failed_in_part_is_a_failure(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN)
    started = await watch.rig.start(
        (job.pk, job.id, job.version, job.definition), {"do": "ok"}, {"do": "fail"}
    )
    assert (await watch.rig.ended(started.batch)).state is BatchState.PARTLY_FAILED
    assert [one.cause for one in await watch.incidents()] == ["failed: it was told to fail."]


@pytest.mark.parametrize("together", [4, 8])
async def test_failures_that_end_at_once_are_one_incident_with_one_alert(rig: Rig, together: int) -> None:
    job = await rig.job(overlap="allow", max_parallel=together)
    rig.agent.fails = WHY
    started = await asyncio.gather(*(rig.start(job, trigger=Trigger.API) for _ in range(together)))
    for one in started:
        await rig.ended(one.batch)
    async with rig.store.reading() as connection:
        found = list(await connection.execute(sa.select(tables.incidents)))
        alerts = await connection.scalar(
            sa.select(sa.func.count()).where(tables.deliveries.c.kind == Kind.ALERT)
        )
    assert [one.failures for one in found] == [together]
    assert alerts == 1


async def test_opening_one_cause_at_once_opens_it_once_without_any_line(rig: Rig) -> None:
    job = await rig.job()
    batch = (await rig.start(job)).batch
    gate = asyncio.Barrier(8)

    async def add() -> bool:
        await gate.wait()

        async def work(turn: Turn) -> bool:
            values = {
                "organization": rig.organization,
                "job": job[0],
                "keys": [],
                "cause": "failed: x",
                "sources": [],
                "first_batch": batch,
                "last_batch": batch,
                "opened_at": turn.now,
                "last_at": turn.now,
            }
            return await rows.add(turn.connection, {"id": ids.new()} | values)

        return await rig.turns.take(work)

    assert sum(await asyncio.gather(*(add() for _ in range(8)))) == 1
    assert await rig.count(tables.incidents) == 1


async def test_a_reminder_comes_as_often_as_the_job_says_and_once_from_many_processes(watch: Watch) -> None:
    await watch.planner.apply(OFTEN, remind_every="1h")
    await watch.fires()
    await watch.told()
    assert await watch.rig.janitor.remind() == 0
    watch.wait(timedelta(hours=1, minutes=1, seconds=30))
    await asyncio.gather(*(watch.rig.janitor.remind() for _ in range(6)))
    assert await watch.told() == [
        "reply: Still failing: report, 1 failure in 1 h 1 min. Nobody looks after it yet."
    ]
    assert await watch.rig.janitor.remind() == 0
    watch.wait(timedelta(hours=1, minutes=1))
    assert await watch.rig.janitor.remind() == 1
    assert len(await watch.deliveries(Kind.REMINDER)) == 2


async def test_looking_after_it_stops_the_reminders_and_shows_on_the_alert(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN, remind_every="1h")
    await watch.fires()
    await watch.told()
    alice = watch.rig.alice
    await watch.rig.turns.take(lambda turn: incidents.ack(turn, alice, job.pk, job.name, "on it", batch=1))
    [edited] = await watch.messages()
    assert ("looked after by", "Alice: on it") in [
        item for block in edited.blocks for item in getattr(block, "items", ())
    ]
    assert not any(button.command.startswith("ack") for button in edited.buttons)
    watch.wait(timedelta(hours=5))
    assert await watch.rig.janitor.remind() == 0
    await watch.fires()
    watch.wait(timedelta(hours=5))
    assert await watch.rig.janitor.remind() == 0


async def test_what_does_not_fail_cannot_be_looked_after(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN)
    await watch.succeeds()
    alice = watch.rig.alice
    with pytest.raises(OutOfPlace, match="is not failing now"):
        await watch.rig.turns.take(lambda turn: incidents.ack(turn, alice, job.pk, job.name))


async def test_too_many_failures_in_a_row_pause_the_job_and_say_so(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN, pause_after=3)
    await watch.fires()
    await watch.fires()
    await watch.told()
    await watch.fires()
    said = await watch.messages()
    note = next(one for one in said if one.title == "Paused: report")
    assert "3 failures in a row, the last was #3" in note.text
    alert = next(one for one in said if one.title.startswith("Failed 3 times"))
    assert "resume report" in [button.command for button in alert.buttons]
    found = await watch.rig.turns.look(lambda turn: jobs.get(turn, job.pk))
    assert (found.paused_by, found.paused_why) == (None, "3 failures in a row, the last was #3")
    audit = [row for row in await watch.rows(tables.audit) if row.action == "schedule.pause"]
    assert [(row.member, row.data["why"]) for row in audit] == [(None, found.paused_why)]
    await watch.planner.at(watch.at + minutes(10))
    assert [row.reason for row in await watch.planner.ledger()][-1].startswith(
        "the job was paused by the bot"
    )


async def test_a_resumed_job_that_fails_once_more_is_paused_again(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN, pause_after=2, alert_after=4)
    await watch.fires()
    await watch.fires()
    assert [one.partition(":")[0] for one in await watch.told()] == ["Failed 2 times since 07"]
    rig = watch.rig
    paused = await rig.turns.look(lambda turn: jobs.get(turn, job.pk))
    await rig.turns.take(lambda turn: pauses.resume(turn, rig.alice, paused, None, rig.vault))
    await watch.fires()
    assert (await rig.turns.look(lambda turn: jobs.get(turn, job.pk))).paused_at is not None


async def test_the_owner_is_mentioned_where_a_schedule_fails(watch: Watch) -> None:
    await watch.planner.apply(OFTEN, owner="alice@example.com")
    async with watch.rig.store.transaction() as connection:
        await connection.execute(tables.members.update().values(email="alice@example.com"))
    await watch.fires()
    [alert] = await watch.messages()
    assert alert.mentions == (str(watch.rig.alice.pk),)


async def test_retries_alert_only_at_the_end(watch: Watch) -> None:
    """F9: three tries, one final alert."""
    await watch.planner.apply(OFTEN, retry={"attempts": 3, "delay": "0s"})
    await _tried(watch)
    assert await watch.told() == [f"Failed: report · #1. {WHY}"]


async def test_each_retry_is_told_where_the_job_asks_for_it_and_then_the_recovery(watch: Watch) -> None:
    """F9: with `every` three; a recovery notice after the success."""
    await watch.planner.apply(OFTEN, retry={"attempts": 3, "delay": "0s", "alert": "every"})
    await _tried(watch)
    assert await watch.told() == [
        f"Attempt 1 of 3 failed: report · #1. {WHY}",
        f"Attempt 2 of 3 failed: report · #1. {WHY}",
        f"Failed: report · #1. {WHY}",
    ]
    await watch.succeeds()
    assert [one for one in await watch.told() if "succeeded after 1 failure" in one]


async def _tried(watch: Watch) -> None:
    """Let the schedule fire once, and its retries be queued until the batch has ended."""
    watch.rig.agent.fails = WHY
    watch.at += minutes(10)
    await watch.planner.at(watch.at)
    [batch] = await watch.planner.batches()

    async def over() -> bool:
        await watch.rig.janitor.sweep()
        return (await watch.rig.batch(batch.pk)).state.ended

    await until(over)


async def test_a_failure_that_is_undone_leaves_no_incident_and_no_alert(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN)
    batch = await watch.by_hand(job)

    async def dies(turn: Turn) -> None:
        [row] = await _batch_rows(turn, batch.number)
        await incidents.settle(turn, [row], {row.pk: BatchState.FAILED})
        raise KeyError("the process died here")

    with pytest.raises(KeyError):
        await watch.rig.turns.take(dies)
    assert await watch.incidents() == []
    assert await watch.deliveries(Kind.ALERT) == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.SUCCEEDED])
async def test_a_crash_at_any_statement_of_an_end_leaves_all_of_it_or_nothing(
    watch: Watch, status: Status
) -> None:
    """The process dies before each statement once; incident, alert, pause and recovery come with the end."""
    rig = watch.rig
    job = await watch.planner.apply(OFTEN, pause_after=2, remind_every="1h", overlap="allow")
    await watch.fires()
    await watch.told()
    rig.agent.fails = ""
    started = await rig.start((job.pk, job.id, job.version, job.definition), {"do": "wait"})
    await rig.has_status(started.batch, Status.RUNNING)
    before = await _all_of(watch, started.batch)
    ending = await _ending(watch, started.batch, status)
    crashes = 0
    while not await _ends(watch, ending, crashes + 1):
        crashes += 1
        assert await _all_of(watch, started.batch) == before
    assert crashes >= 8
    [incident] = await watch.incidents()
    failed = status is Status.FAILED
    assert (incident.failures, incident.ended_by) == ((2, None) if failed else (1, started.batch))
    assert (incident.paused_at is not None) is failed
    long = Kind.MENTION  # where a slow machine takes more than a minute for it, that is told as well
    kinds = sorted(row.kind for row in await watch.rows(tables.deliveries) if row.kind != long)
    assert kinds == (["alert", "alert", "paused", "status"] if failed else ["alert", "recovered", "status"])


class Crash(BaseException):
    """The process died."""


async def _ends(watch: Watch, ending: runs.Ending, at: int) -> bool:
    """End a run, and die before that statement; whether it came through before."""
    mine, count = asyncio.current_task(), 0

    def die(*_: Any) -> None:
        nonlocal count
        count += asyncio.current_task() is mine
        if count > at:
            raise Crash

    engine = watch.rig.store.writer.sync_engine
    sa.event.listen(engine, "before_cursor_execute", die)
    try:
        await watch.rig.turns.take(lambda turn: runs.finish(turn, [ending]))
    except Crash:
        return False
    finally:
        sa.event.remove(engine, "before_cursor_execute", die)
    return True


async def _ending(watch: Watch, batch: int, status: Status) -> runs.Ending:
    [row] = [one for one in await watch.rows(tables.runs) if one.batch == batch]
    return runs.Ending(
        pk=row.pk, fence=row.fence, job=row.job, attempt=1, status=status, reason=WHY, retry=Retry()
    )


async def _all_of(watch: Watch, batch: int) -> list[object]:
    """What an end changes."""
    [incident] = await watch.incidents()
    told = [(row.kind, row.version) for row in await watch.rows(tables.deliveries) if row.kind != "status"]
    [job] = await watch.rows(tables.jobs)
    return [incident, told, job.paused_at, (await watch.rig.batch(batch)).state]


async def _batch_rows(turn: Turn, number: int) -> list[Row]:
    return await batch_rows.get(turn.connection, [number])
