"""What was due and never began: if late it is an alert, skips and misses are told where rules say."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.deliveries import Kind
from core.lifecycles import Status
from core.store import schedules as schedule_rows
from core.store import tables
from core.turns import Turn
from core.wishes import Trigger
from tests.store.incident_rig import OFTEN, Watch
from tests.store.rig import until
from tests.store.schedule_rig import Planner, hours, minutes

SKIPPED = {"topics": ["skipped"], "to": ["origin"]}


@pytest.fixture
async def watch(planner: Planner) -> Watch:
    return Watch(planner)


async def test_a_batch_that_nobody_begins_is_alerted_once(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    watch.rig.stop.set()  # no worker takes anything
    watch.at += minutes(10)
    await watch.planner.at(watch.at)
    watch.wait(minutes(14))
    assert await watch.rig.janitor.warn() == 0
    watch.wait(minutes(2))
    await asyncio.gather(*(watch.rig.janitor.warn() for _ in range(4)))
    [told] = await watch.told()
    assert told == "Not begun in time: report · #1, due today 07:40: no worker has taken it."
    assert await watch.rig.janitor.warn() == 0


async def test_what_waits_in_line_for_long_is_alerted_and_what_runs_for_long_is_not(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN, overlap="queue", timeout="5h")
    rig = watch.rig
    wish = (job.pk, job.id, job.version, job.definition)
    first = await rig.start(wish, {"do": "wait"})
    await rig.has_status(first.batch, Status.RUNNING)
    second = await rig.start(wish, trigger=Trigger.API)
    watch.wait(minutes(59))
    assert await rig.janitor.warn() == 0
    watch.wait(minutes(2))
    assert await rig.janitor.warn() == 1
    [late] = await watch.deliveries(Kind.LATE)
    assert late.batch == second.batch
    rig.agent.gate.set()
    await rig.ended(second.batch)
    assert any("it is succeeded now" in one for one in await watch.told())


async def test_a_schedule_that_the_scheduler_passes_over_is_alerted_once_a_day(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    watch.wait(hours(1))
    assert await watch.rig.janitor.warn() == 0  # no scheduler was at work: it catches up when it is
    scheduler = watch.planner.scheduler
    [row] = await watch.rows(tables.schedules)
    scheduler._spared[row.pk] = watch.at + timedelta(days=9)
    await scheduler.work()
    assert await watch.rig.janitor.warn() == 1
    assert await watch.rig.janitor.warn() == 0
    assert await watch.told() == ["Not started in time: report, due today 07:40 by its schedule often."]
    watch.wait(timedelta(days=1))
    await watch.rig.turns.take(_seen)
    assert await watch.rig.janitor.warn() == 1


async def test_nobody_hears_of_skips_without_a_rule(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await _paused(watch)
    assert await watch.deliveries(Kind.ABSENCE) == []


async def test_skips_of_a_day_are_one_message_that_counts_them(watch: Watch) -> None:
    await watch.planner.apply(OFTEN, notify=[{"topics": ["failed_run"]}, SKIPPED])
    await _paused(watch)
    said = [one for one in await watch.told() if "skipped" in one]
    assert said == ["report: 1 start was skipped on Mon 02 Mar 2026 (often): the job was paused by the bot."]
    watch.at += minutes(30)
    await watch.planner.at(watch.at)
    await until(lambda: _edited(watch))
    [post] = watch.rig.mailbox.posts[-1:]
    assert post.external_id
    assert post.message.title == "report: 4 starts were skipped on Mon 02 Mar 2026 (often)"


async def test_what_was_missed_is_told_with_the_reason_where_a_rule_asks(watch: Watch) -> None:
    never = OFTEN | {"catch_up": "none"}
    await watch.planner.apply(never, notify=[{"topics": ["missed"], "to": ["origin"]}])
    watch.at += hours(2)
    await watch.planner.at(watch.at + minutes(5))
    [told] = [one for one in await watch.told() if "missed" in one]
    assert told.startswith("report: 12 starts were missed on Mon 02 Mar 2026 (often): the bot did not see")


async def _paused(watch: Watch) -> None:
    """Pause the job as the bot does, and let its next instant be skipped."""
    async with watch.rig.store.transaction() as connection:
        await connection.execute(tables.jobs.update().values(paused_at=watch.at))
    watch.at += minutes(10)
    await watch.planner.at(watch.at)


async def _edited(watch: Watch) -> bool:
    watch.wait(minutes(1))
    return any(one.startswith("edit: ") for one in await watch.told())


async def _seen(turn: Turn) -> None:
    await schedule_rows.see(turn.connection, turn.now)
