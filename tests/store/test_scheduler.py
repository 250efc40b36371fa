"""What is due is started once, or written down with the reason why it was not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import deliveries, firings
from core.definitions import JobDefinition
from core.errors import Busy, OutOfPlace
from core.lifecycles import BatchState, Status
from core.outcomes import TOLD
from core.store import tables
from core.wishes import Trigger
from tests.store.schedule_rig import START, Planner, hours, minutes

EIGHT = START + minutes(30)
DAY = timedelta(days=1)


async def test_a_job_of_a_file_runs_by_itself_when_it_is_due(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    assert await planner.at(EIGHT - minutes(1)) == 0
    assert await planner.ledger() == []
    assert await planner.at(EIGHT) == 1
    [firing] = await planner.ledger()
    assert (firing.due_at, firing.outcome, firing.cause) == (EIGHT, "started", "")
    batch = await planner.rig.ended(firing.batch)
    assert (batch.state, batch.trigger) == (BatchState.SUCCEEDED, Trigger.SCHEDULE)
    assert batch.due_at == EIGHT
    [schedule] = await planner.of(job)
    assert schedule.due_at == EIGHT + DAY


async def test_a_tick_that_is_repeated_starts_nothing_again(planner: Planner) -> None:
    await planner.apply({"when": "0 8 * * *"})
    for _ in range(3):
        await planner.at(EIGHT)
    assert await planner.rig.count(tables.batches) == 1


async def test_the_agent_is_told_its_instant_and_relative_dates_count_from_it(planner: Planner) -> None:
    parameters = {"do": {"default": "ok"}, "since": {"type": "date", "default": "-7d"}}
    await planner.apply({"when": "0 8 * * *"}, parameters=parameters)
    await planner.at(START + hours(20))
    await planner.all_ended()
    [task] = planner.rig.agent.seen
    assert task.due_at == EIGHT
    assert f"{task.parameters['since']}" == "2026-02-23"


async def test_what_runs_by_itself_posts_one_message_with_its_result(planner: Planner) -> None:
    await planner.apply({"when": "0 8 * * *"})
    await planner.at(EIGHT)
    assert await planner.rig.count(tables.deliveries) == 0
    await planner.all_ended()
    await planner.rig.notifier.deliver()
    assert [post.message.text for post in planner.rig.mailbox.posts] == ["status #1 succeeded"]
    assert str(planner.rig.mailbox.posts[0].channel) == "mailbox:general"


async def test_without_a_channel_it_runs_all_the_same_and_says_so_once_in_the_log(
    planner: Planner, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        await planner.apply({"when": "0 8 * * *"}, channel="")
    await planner.at(EIGHT)
    await planner.all_ended()
    assert [row.state for row in await planner.batches()] == [BatchState.SUCCEEDED]
    assert await planner.rig.count(tables.deliveries) == 0
    assert [one.message for one in caplog.records].count("schedule.without_channel") == 1


async def test_each_schedule_of_a_job_has_its_own_parameters(planner: Planner) -> None:
    await planner.apply(
        {"when": "0 8 * * *", "parameters": {"do": "one"}},
        {"when": "0 9 * * *", "parameters": {"do": "two"}},
    )
    await planner.at(EIGHT)
    await planner.all_ended()
    await planner.at(EIGHT + hours(1))
    await planner.all_ended()
    assert [task.parameters["do"] for task in planner.rig.agent.seen] == ["one", "two"]


async def test_the_parameter_sets_of_a_schedule_are_the_runs_of_one_batch(planner: Planner) -> None:
    await planner.apply(
        {"when": "0 8 * * *", "parameter_sets": ["emea", "apac"]},
        parameter_sets={"emea": [{"do": "nl"}, {"do": "de"}], "apac": [{"do": "jp"}]},
    )
    await planner.at(EIGHT)
    await planner.all_ended()
    [row] = await planner.batches()
    assert row.total == 3
    assert sorted(task.parameters["do"] for task in planner.rig.agent.seen) == ["de", "jp", "nl"]


async def test_a_one_off_fires_once_and_is_over(planner: Planner) -> None:
    job = await planner.apply({"when": "2026-03-02T08:00"})
    for day in range(3):
        await planner.through(EIGHT + day * DAY)
    assert [row.outcome for row in await planner.ledger()] == ["started"]
    [schedule] = await planner.of(job)
    assert schedule.due_at is None
    await planner.apply({"when": "2026-03-02T08:00"}, timeout="5m")
    assert (await planner.of(job))[0].due_at is None


async def test_start_and_end_bound_what_is_due(planner: Planner) -> None:
    await planner.apply({"when": "0 8 * * *", "start_at": "2026-03-04", "end_at": "2026-03-05"})
    for day in range(6):
        await planner.through(EIGHT + day * DAY)
    assert [f"{row.due_at:%d}" for row in await planner.ledger()] == ["04", "05"]


async def test_days_off_are_skipped_with_their_reason(planner: Planner) -> None:
    await planner.apply({"when": "0 8 * * *", "days_off": ["2026-03-03"]})
    for day in range(3):
        await planner.through(EIGHT + day * DAY)
    told = await planner.ledger()
    assert [row.outcome for row in told] == ["started", "skipped", "started"]
    assert (told[1].cause, told[1].reason, told[1].batch) == ("calendar", "03 Mar 2026 is a day off", None)


async def test_a_public_holiday_of_its_calendar_is_skipped(planner: Planner) -> None:
    await planner.apply({"when": "0 8 * * *", "calendar": "NL", "timezone": "Europe/Amsterdam"})
    koningsdag = datetime(2026, 4, 27, 6, tzinfo=UTC)
    for ahead in (-1, 0, 1):
        await planner.through(koningsdag + ahead * DAY)
    told = [(f"{row.due_at:%d}", row.outcome) for row in (await planner.ledger())[-3:]]
    assert told == [("26", "started"), ("27", "skipped"), ("28", "started")]


async def test_jitter_delays_the_start_and_never_the_instant(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "jitter": "20m"})
    [schedule] = await planner.of(job)
    jitter = schedule.timetable.jitter
    assert timedelta(0) < jitter < minutes(20)
    assert schedule.due_at == EIGHT + jitter
    await planner.at(EIGHT + jitter - timedelta(seconds=1))
    assert await planner.ledger() == []
    await planner.at(EIGHT + jitter)
    assert [row.due_at for row in await planner.ledger()] == [EIGHT]
    assert (await planner.of(job))[0].due_at == EIGHT + jitter + DAY


async def test_a_disabled_job_is_skipped_with_a_reason(planner: Planner) -> None:
    await planner.apply({"when": "0 8 * * *"})
    await planner.apply_jobs({"other": JobDefinition(agent="a")}, "other")
    await planner.at(EIGHT)
    assert await planner.told() == [("08:00", "skipped", "inactive")]
    await planner.apply({"when": "0 8 * * *"})
    await planner.at(EIGHT + DAY)
    assert await planner.told() == [("08:00", "skipped", "inactive"), ("08:00", "started", "")]


async def test_parameters_that_do_not_fit_any_more_are_a_reason_not_a_crash(planner: Planner) -> None:
    parameters = {"do": {"default": "ok"}, "number": {"type": "integer"}}
    job = await planner.apply(parameters=parameters)
    await planner.say(job, "0 8 * * *", given=({"number": 3},))
    await planner.apply(parameters={"do": {"default": "ok"}, "number": {"type": "integer", "max": 2}})
    await planner.at(EIGHT)
    [row] = await planner.ledger()
    assert (row.outcome, row.cause) == ("skipped", "unfit")
    assert "number" in row.reason


async def test_an_overlap_is_skipped_with_the_batch_that_was_in_the_way(planner: Planner) -> None:
    await planner.apply({"every": "1h", "anchor": "2026-03-02T00:00", "parameters": {"do": "wait"}})
    await planner.at(EIGHT)
    await planner.at(EIGHT + hours(1))
    first, second = await planner.ledger()
    assert (first.outcome, second.outcome, second.cause) == ("started", "skipped", "overlap")
    assert second.holder == first.batch
    planner.rig.agent.gate.set()
    await planner.all_ended()
    await planner.at(EIGHT + hours(2))
    assert (await planner.ledger())[-1].outcome == "started"


async def test_a_job_too_slow_for_its_schedule_is_warned_about_once_a_day(planner: Planner) -> None:
    """C12: due every 20 s, done in 50: each lost tick has its row, and one warning is said."""
    planner.move(EIGHT - timedelta(seconds=10))
    await planner.apply({"every": "20s", "parameters": {"do": "wait"}})
    for step in range(15):
        await planner.at(EIGHT + timedelta(seconds=20 * step))
        if step % 3 == 2:
            planner.rig.agent.gate.set()
            await planner.all_ended()
            planner.rig.agent.gate.clear()
    told = await planner.told()
    assert [outcome for _, outcome, _ in told] == ["started", "skipped", "skipped"] * 5
    await planner.rig.notifier.deliver()
    texts = [post.message.text for post in planner.rig.mailbox.posts]
    assert sum(text.startswith("drift") for text in texts) == 1


async def test_a_queueing_job_lets_its_starts_wait_in_line(planner: Planner) -> None:
    await planner.apply({"every": "1h", "parameters": {"do": "wait"}}, overlap="queue")
    for step in range(3):
        await planner.at(EIGHT + hours(step))
    states = [row.state for row in await planner.batches()]
    assert states == [BatchState.ACTIVE, BatchState.WAITING, BatchState.WAITING]
    planner.rig.agent.gate.set()
    await planner.all_ended()
    assert planner.rig.agent.most_open == 1


# --- down-time (scenario C5) ---


@pytest.mark.parametrize(
    ("given", "started", "missed"),
    [
        ({"catch_up": "none"}, [], 8),
        ({"catch_up": "latest"}, ["16:00"], 7),
        ({"catch_up": "all"}, [f"{hour:02}:00" for hour in range(9, 17)], 0),
        ({"catch_up": "all", "cap": 3}, ["14:00", "15:00", "16:00"], 5),
        ({"catch_up": "all", "window": "2h"}, ["15:00", "16:00"], 6),
        ({"catch_up": "latest", "window": "10m"}, [], 8),
    ],
)
async def test_after_down_time_the_policy_decides(
    planner: Planner, given: dict[str, object], started: list[str], missed: int
) -> None:
    await planner.apply({"when": "0 * * * *"} | given)
    await planner.at(EIGHT)
    await planner.all_ended()
    await planner.scheduler.work()
    await planner.at(EIGHT + hours(8) + minutes(20))
    told = (await planner.told())[1:]
    assert [at for at, outcome, _ in told if outcome == "started"] == started
    assert {cause for _, outcome, cause in told if outcome == "started"} <= {"caught_up"}
    assert [(outcome, cause) for _, outcome, cause in told if outcome != "started"] == [
        ("missed", "down")
    ] * missed
    for row in (await planner.ledger())[1:]:
        assert "the bot was down from Mon 02 Mar 2026 08:00 to Mon 02 Mar 2026 16:20 (UTC)" in row.reason


async def test_all_are_caught_up_one_after_another_in_one_batch(planner: Planner) -> None:
    await planner.apply({"when": "0 * * * *", "catch_up": "all"}, max_parallel=4)
    await planner.at(EIGHT + hours(7) + minutes(30))
    await planner.all_ended()
    assert len(await planner.batches()) == 1
    assert planner.rig.agent.most_open == 1
    due = [task.due_at for task in planner.rig.agent.seen]
    assert due == [EIGHT + hours(number) for number in range(8)]


async def test_a_long_absence_of_a_frequent_schedule_is_a_few_rows(planner: Planner) -> None:
    await planner.apply({"every": "1s"})
    await planner.at(EIGHT + 30 * DAY)
    told = await planner.ledger()
    assert len(told) <= TOLD + 2
    assert told[0].instants >= 1_000
    assert told[0].until_at > told[0].due_at
    assert [row.outcome for row in told].count("started") == 1
    assert told[-1].outcome == "started"


async def test_a_full_count_of_what_was_missed_is_kept(planner: Planner) -> None:
    await planner.apply({"when": "*/15 * * * *", "catch_up": "none"})
    await planner.at(EIGHT + hours(24) + minutes(5))
    rows = await planner.ledger()
    assert sum(row.instants for row in rows) == 2 + 24 * 4
    assert len(rows) == TOLD + 1


# --- clocks that jump (scenario C4) ---


async def test_a_clock_that_is_put_back_fires_nothing_twice(planner: Planner) -> None:
    await planner.apply({"when": "*/1 * * * *"})
    await planner.at(EIGHT)
    await planner.at(EIGHT - minutes(2))
    await planner.at(EIGHT)
    await planner.at(EIGHT + minutes(1))
    due = [row.due_at for row in await planner.ledger()]
    assert len(due) == len(set(due))


async def test_a_clock_that_jumps_ahead_makes_no_burst(planner: Planner) -> None:
    await planner.apply({"when": "*/1 * * * *"})
    await planner.at(EIGHT)
    await planner.all_ended()
    before = len(await planner.batches())
    await planner.at(EIGHT + hours(3))
    assert len(await planner.batches()) == before + 1


async def test_the_next_look_is_never_far_away(planner: Planner) -> None:
    await planner.apply({"when": "0 8 1 1 *"})
    assert await planner.scheduler.work() <= timedelta(seconds=60)


# --- a job that lives longer than its scheduler (A5), a database that fails (C11) ---


async def test_a_scheduler_that_comes_back_starts_nothing_that_runs(planner: Planner) -> None:
    rig = planner.rig
    await planner.apply({"when": "0 8 * * *", "parameters": {"do": "wait"}})
    await planner.at(EIGHT)
    [row] = await planner.batches()
    await rig.has_status(row.pk, Status.RUNNING)
    again = Planner(rig)
    await again.at(EIGHT + timedelta(seconds=15))
    rig.agent.gate.set()
    assert (await rig.ended(row.pk)).state is BatchState.SUCCEEDED
    assert await rig.count(tables.batches) == 1
    assert len(rig.agent.seen) == 1


async def test_one_broken_schedule_keeps_nobody_else_from_its_time(
    planner: Planner, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await planner.apply({"when": "0 8 * * *"}, name="broken")
    well = JobDefinition.model_validate({"agent": "a", "schedules": [{"when": "0 8 * * *"}]})
    await planner.apply_jobs({"broken": broken.job, "well": well}, "well")
    [schedule] = await planner.of(broken)
    async with planner.store.transaction() as connection:
        query = tables.schedules.update().where(tables.schedules.c.pk == schedule.pk)
        await connection.execute(query.values(expression="no expression"))
    await planner.at(EIGHT)
    assert [row.outcome for row in await planner.ledger()] == ["started"]
    assert any(one.message == "scheduler.schedule_failed" for one in caplog.records)
    assert await planner.scheduler.work() <= timedelta(seconds=1)


async def test_a_database_that_leaves_amid_its_work_puts_no_schedule_off(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await planner.apply({"when": "0 8 * * *"})
    real, wrong = firings.settle, [RuntimeError("one of them"), Busy("The database is away.")]

    async def settle(*given: Any, **named: Any) -> int:
        if wrong:
            raise wrong.pop(0)
        return await real(*given, **named)

    monkeypatch.setattr(firings, "settle", settle)
    with pytest.raises(Busy):
        await planner.at(EIGHT)
    await planner.scheduler.tick()
    assert [row.outcome for row in await planner.ledger()] == ["started"]


async def test_what_was_cut_off_for_a_minute_is_started_late_and_once(planner: Planner) -> None:
    await planner.apply({"every": "20s"})
    await planner.at(EIGHT)
    await planner.scheduler.work()
    await planner.all_ended()
    await planner.at(EIGHT + timedelta(seconds=70))
    told = await planner.ledger()
    assert [row.outcome for row in told[-3:]] == ["missed", "missed", "started"]
    assert "busy or cut off" in told[-2].reason


async def test_messages_of_a_scheduled_failure_are_alerts(planner: Planner) -> None:
    rig = planner.rig
    await planner.apply({"when": "0 8 * * *", "parameters": {"do": "fail"}})
    await planner.at(EIGHT)
    await planner.all_ended()
    [row] = await planner.batches()
    owed = await rig.turns.look(lambda turn: deliveries.of_batch(turn, row.pk))
    assert [one.kind for one in owed] == ["alert"]


async def test_nothing_is_started_by_hand_while_everything_is_paused(planner: Planner) -> None:
    rig = planner.rig
    async with planner.store.transaction() as connection:
        await connection.execute(tables.organizations.update().values(paused_at=START, paused_why="a move"))
    job = await planner.apply({"when": "0 8 * * *"})
    with pytest.raises(OutOfPlace, match="a move"):
        await rig.start((job.pk, job.id, job.version, job.definition))
    await planner.at(EIGHT)
    assert await planner.told() == [("08:00", "skipped", "paused")]


async def test_the_wake_is_one_query_on_an_index(planner: Planner) -> None:
    query = "SELECT next_due_at FROM schedules WHERE next_due_at IS NOT NULL ORDER BY next_due_at LIMIT 1"
    plan = f"{'EXPLAIN QUERY PLAN' if planner.store.sqlite else 'EXPLAIN'} {query}"
    async with planner.store.transaction() as connection:
        if not planner.store.sqlite:
            await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        told = " ".join(str(row) for row in await connection.execute(sa.text(plan)))
    assert "ix_schedules_due" in told
