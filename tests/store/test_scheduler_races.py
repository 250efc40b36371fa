"""Exactly once, whoever else is at work: other schedulers, editors, crashes, clocks that change."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core.definitions import JobDefinition
from core.lifecycles import BatchState
from core.scheduler import Scheduler
from core.store import tables
from core.store.database import Store
from core.turns import Turns
from tests.store.schedule_rig import START, Planner, hours, minutes, schedulers

EIGHT = START + minutes(30)
DAY = timedelta(days=1)


class Crash(Exception):
    """The process died here."""


async def test_four_schedulers_start_each_due_instant_once(planner: Planner) -> None:
    """A1, A6: thirty minutes of a job that is due each minute, with four schedulers that tick at once."""
    await planner.apply({"when": "* * * * *"})
    several = schedulers(planner.rig, 4)
    for minute in range(30):
        planner.move(EIGHT + minutes(minute))
        await asyncio.gather(*(one.tick() for one in several))
        await planner.all_ended()
    fired = [row for row in await planner.ledger() if row.due_at >= EIGHT]
    assert [row.due_at for row in fired] == [EIGHT + minutes(number) for number in range(30)]
    assert {row.outcome for row in fired} == {"started"}
    started = [task.due_at for task in planner.rig.agent.seen if task.due_at and task.due_at >= EIGHT]
    assert len(started) == len(set(started)) == 30


async def test_schedulers_whose_clocks_differ_fire_each_instant_once(
    database_url: str, store: Store, planner: Planner
) -> None:
    """A1: two seconds ahead, two seconds behind; the ledger's key decides."""
    await planner.apply({"every": "5s"}, overlap="allow")
    skewed = []
    for seconds in (-2, -1, 0, 1, 2):
        other = Store(database_url)
        skewed.append((other, timedelta(seconds=seconds), Scheduler(Turns(other), planner.rig.vault)))
    for step in range(12):
        planner.move(EIGHT + timedelta(seconds=2 * step))
        for other, skew, _ in skewed:
            other.offset = store.offset + skew
        await asyncio.gather(*(one.tick() for _, _, one in skewed))
    for other, _, _ in skewed:
        await other.close()
    due = [row.due_at for row in await planner.ledger() if row.due_at >= EIGHT]
    assert due == [EIGHT + timedelta(seconds=5 * number) for number in range(len(due))]
    assert len(due) >= 4


async def test_many_schedules_due_at_once_are_shared_without_a_double(planner: Planner) -> None:
    rig = planner.rig
    made = {
        f"job-{number}": JobDefinition.model_validate(
            {"agent": "a", "schedules": [{"when": "0 8 * * *"}, {"when": "0 8 * * *", "name": "twin"}]}
        )
        for number in range(60)
    }
    await planner.apply_jobs(made, "job-1")
    planner.move(EIGHT)
    counts = await asyncio.gather(*(one.tick() for one in schedulers(rig, 5)))
    assert sum(counts) == 120
    told = await planner.ledger()
    assert len({row.schedule for row in told}) == len(told) == 120
    outcomes = sorted(row.outcome for row in told)
    assert outcomes == ["skipped"] * 60 + ["started"] * 60
    assert await rig.count(tables.locks) <= 60


async def test_twenty_edits_in_a_race_with_the_scheduler_run_once_at_the_new_time(planner: Planner) -> None:
    """A3: it fired today at 01:15 and is edited to 02:15, again and again, while four schedulers tick."""
    planner.move(START.replace(hour=1, minute=0))
    job = await planner.apply()
    await planner.say(job, "15 1 * * *", name="night")
    first = START.replace(hour=1, minute=15)
    await planner.through(first)
    planner.move(START.replace(hour=1, minute=30))
    several = schedulers(planner.rig, 4)

    async def edit(number: int) -> None:
        await planner.say(job, "15 2 * * *", name="night", jitter="0s", window=f"{number + 1}h")

    await asyncio.gather(*(edit(number) for number in range(20)), *(one.tick() for one in several))
    assert [row.due_at for row in await planner.ledger()] == [first]
    planner.move(START.replace(hour=2, minute=15))
    await asyncio.gather(
        *(edit(number) for number in range(20)), *(one.tick() for one in several for _ in range(3))
    )
    await planner.all_ended()
    fired = await planner.ledger()
    assert [row.due_at for row in fired] == [first, START.replace(hour=2, minute=15)]
    assert [row.outcome for row in fired] == ["started", "started"]
    assert len(planner.rig.agent.seen) == 2


async def test_an_edit_settles_first_what_was_due_before_it(planner: Planner) -> None:
    job = await planner.apply()
    await planner.say(job, "0 8 * * *", name="early")
    planner.move(EIGHT + timedelta(seconds=1))
    await planner.say(job, "0 9 * * *", name="early")
    await planner.at(EIGHT + minutes(59))
    assert await planner.told() == [("08:00", "started", "")]
    await planner.all_ended()
    await planner.at(EIGHT + hours(1))
    assert [at for at, _, _ in await planner.told()] == ["08:00", "09:00"]


async def test_a_job_runs_as_its_newest_definition_says(planner: Planner) -> None:
    await planner.apply({"when": "0 8 * * *", "parameters": {"do": "old"}})
    await planner.apply({"when": "0 8 * * *", "parameters": {"do": "new"}})
    await planner.through(EIGHT)
    assert [task.parameters["do"] for task in planner.rig.agent.seen] == ["new"]


async def test_applies_racing_with_schedulers_lose_and_double_nothing(planner: Planner) -> None:
    """Files change the parameters of a schedule while it is due: one run a minute, never two."""
    rig = planner.rig

    async def apply(number: int) -> None:
        await planner.apply({"when": "* * * * *", "parameters": {"do": f"n{number}"}}, overlap="allow")

    await apply(0)
    several = schedulers(rig, 4)
    for minute in range(6):
        planner.move(EIGHT + minutes(minute))
        await asyncio.gather(*(one.tick() for one in several), *(apply(10 * minute + n) for n in range(3)))
    due = [row.due_at for row in await planner.ledger() if row.due_at >= EIGHT]
    assert due == [EIGHT + minutes(number) for number in range(6)]


async def test_a_frozen_scheduler_finds_its_instant_settled(planner: Planner) -> None:
    """A2, as far as one process goes: A read what is due and stood still; B took over; A goes on."""
    rig = planner.rig
    await planner.apply({"when": "0 8 * * *"})
    planner.move(EIGHT)
    frozen, other = schedulers(rig, 2)
    thawed, reached = asyncio.Event(), asyncio.Event()
    look = frozen._look

    async def stand_still() -> Any:
        found = await look()
        reached.set()
        await thawed.wait()
        return found

    frozen._look = stand_still  # type: ignore[method-assign]
    working = asyncio.create_task(frozen.work())
    await reached.wait()
    assert await other.tick() == 1
    planner.move(EIGHT + timedelta(seconds=30))
    thawed.set()
    await working
    await planner.all_ended()
    assert await planner.told() == [("08:00", "started", "")]
    assert len(rig.agent.seen) == 1


@pytest.mark.parametrize("policy", ["skip", "queue"])
async def test_a_crash_at_any_statement_of_the_tick_loses_and_doubles_nothing(
    planner: Planner, policy: str
) -> None:
    """C7: the process dies before each statement of the tick once; then the next one finishes the work."""
    rig = planner.rig
    await planner.apply(
        {"when": "0 * * * *", "catch_up": "all"},
        {"when": "30 * * * *", "name": "half"},
        overlap=policy,
    )
    statements = 0
    limit = 10_000

    mine = asyncio.current_task()

    def count(*_: Any) -> None:
        nonlocal statements
        statements += asyncio.current_task() is mine
        if statements > limit:
            raise Crash

    engine = planner.store.writer.sync_engine
    sa.event.listen(engine, "before_cursor_execute", count)
    crashes = 0
    try:
        for hour in range(26):
            statements, limit = 0, hour
            planner.move(EIGHT + hours(hour))
            dying = Scheduler(rig.turns, rig.vault)
            try:
                await rig.turns.take(lambda turn, one=dying: one._settle(turn, None))  # type: ignore[misc]
            except Crash:
                crashes += 1
            limit = 10_000
            await planner.scheduler.tick()
            await planner.all_ended()
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
    assert crashes >= 10
    assert crashes < 26, "it never came through: there are more statements than crash points"
    told = await planner.ledger()
    due = [row.due_at for row in told]
    assert due == [START + minutes(30 * number) for number in range(1, len(due) + 1)]
    assert due[-1] == EIGHT + hours(25)
    assert all(row.batch or row.reason for row in told)
    runs = [task.due_at for task in rig.agent.seen]
    assert len(runs) == len(set(runs)) == sum(row.outcome == "started" for row in told)


async def test_what_fired_before_the_clock_was_put_back_does_not_fire_again(planner: Planner) -> None:
    """C4: it fired ahead of time, the clock was put right, somebody edits it, and the instant comes again."""
    job = await planner.apply()
    await planner.say(job, "0 8 * * *", name="early")
    other = JobDefinition.model_validate({"agent": "a", "schedules": [{"when": "0 8 * * *"}]})
    await planner.through(EIGHT + timedelta(seconds=1))
    planner.move(EIGHT - minutes(20))
    await planner.say(job, "0 8 * * *", name="early", jitter="0s", days_off=["2030-01-01"])
    await planner.apply_jobs({"report": job.job, "other": other}, "other")
    await planner.through(EIGHT + timedelta(seconds=2))
    await planner.through(EIGHT + timedelta(seconds=3))
    told = await planner.ledger()
    assert [row.outcome for row in told] == ["started", "started"]
    assert len({row.schedule for row in told}) == 2
    assert {one.due_at for one in await planner.of(job)} == {EIGHT + DAY}


async def test_a_crash_between_the_commit_and_the_engine_is_made_good(planner: Planner) -> None:
    rig = planner.rig
    await planner.apply({"when": "0 8 * * *"})
    engine, rig.turns.engine = rig.turns.engine, None
    await planner.at(EIGHT)
    rig.turns.engine = engine
    assert [row.state for row in await planner.batches()] == [BatchState.ACTIVE]
    await rig.janitor.queue_again()
    await planner.all_ended()
    assert len(rig.agent.seen) == 1


async def test_a_database_that_is_cut_off_stops_nothing_for_good(planner: Planner) -> None:
    """C11, as far as one process goes: every statement fails for a while, then none does."""
    await planner.apply({"when": "* * * * *"})
    engine = planner.store.writer.sync_engine

    mine = asyncio.current_task()

    def cut(*_: Any) -> None:
        if asyncio.current_task() is not mine:
            return
        raise sa.exc.OperationalError("SELECT", {}, Exception("the server closed the connection"))

    planner.move(EIGHT)
    sa.event.listen(engine, "before_cursor_execute", cut)
    for _ in range(3):
        with pytest.raises(sa.exc.OperationalError):
            await planner.scheduler.tick()
    sa.event.remove(engine, "before_cursor_execute", cut)
    await planner.through(EIGHT + timedelta(seconds=59))
    await planner.through(EIGHT + minutes(1))
    told = [row.outcome for row in await planner.ledger() if row.due_at >= EIGHT]
    assert told == ["started", "started"]


async def test_chaos_of_schedulers_pauses_and_edits_keeps_the_ledger_whole(planner: Planner) -> None:
    """Every instant of an hour has exactly one firing, whatever happens beside it."""
    rig = planner.rig
    chance = random.Random(7)
    job = await planner.apply({"when": "* * * * *", "name": "each"}, overlap="allow")
    several = schedulers(rig, 4)
    for minute in range(20):
        planner.move(EIGHT + minutes(minute) + timedelta(seconds=chance.uniform(0, 40)))
        work: list[Any] = [one.tick() for one in chance.sample(several, 3)]
        if minute % 4 == 1:
            work.append(planner.say(job, f"{minute} 9 * * *", name="other"))
        if minute % 5 == 2:
            work.append(
                planner.apply({"when": "* * * * *", "name": "each"}, overlap="allow", timeout=f"{minute}m")
            )
        await asyncio.gather(*work)
    [each] = [one for one in await planner.of(job) if one.name == "each"]
    due = [row.due_at for row in await planner.ledger() if row.schedule == each.pk and row.due_at >= EIGHT]
    assert due == [EIGHT + minutes(number) for number in range(20)]


# --- clocks that change: C1, C2, C3 ---


@pytest.mark.parametrize(
    ("when", "given", "day", "fired"),
    [
        ("30 2 * * *", {}, "2026-03-08", ["07:00"]),
        ("30 2 * * *", {"gap": "skip"}, "2026-03-08", []),
        ("30 1 * * *", {}, "2026-11-01", ["05:30"]),
        ("30 1 * * *", {"fold": "second"}, "2026-11-01", ["06:30"]),
        ("30 1 * * *", {"fold": "both"}, "2026-11-01", ["05:30", "06:30"]),
    ],
)
async def test_a_day_on_which_clocks_change_runs_by_policy(
    planner: Planner, when: str, given: dict[str, Any], day: str, fired: list[str]
) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    planner.move(midnight)
    await planner.apply({"when": when, "timezone": "America/New_York"} | given, overlap="allow")
    for half in range(1, 29):
        await planner.at(midnight + minutes(30 * half))
    assert [at for at, outcome, _ in await planner.told() if outcome == "started"] == fired


async def test_every_half_hour_stays_so_through_the_hour_that_comes_twice(planner: Planner) -> None:
    midnight = datetime(2026, 11, 1, 4, tzinfo=UTC)  # in New York
    planner.move(midnight - timedelta(seconds=1))
    await planner.apply({"when": "*/30 * * * *", "timezone": "America/New_York"}, overlap="allow")
    for half in range(50):
        await planner.at(midnight + minutes(30 * half))
    due = [row.due_at for row in await planner.ledger()]
    assert due == [midnight + minutes(30 * number) for number in range(50)]
    assert {row.outcome for row in await planner.ledger()} == {"started"}
