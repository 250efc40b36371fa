"""A job's lock can be seen, and broken where its holder cannot be reached. Scenarios B2, B11.

B2 with real processes and kill -9 is in tests/acceptance/test_command_runs.py and test_program.py; B9 (pooled
connections) needs nothing here: no lock of this program outlives its transaction but as a row.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from core import chats, holding, jobs, runs
from core.desk.visit import Outcome
from core.entries import Answered, Failed
from core.errors import OutOfPlace
from core.lifecycles import BatchState, Status
from core.runs import Ending
from core.store import tables
from core.store.database import Store
from tests.store.desk_rig import BOB, Office, buttons, said
from tests.store.rig import LONG, Rig, until

FAN: dict[str, Any] = {"parameters": {"do": {"default": "ok"}, "n": {"type": "integer", "default": 1}}}


async def test_a_lock_that_nobody_holds_says_so(office: Office) -> None:
    await office.job("report", **FAN)
    await office.job("loose", **FAN, overlap="allow")
    assert "Nobody holds the lock of report." in said((await office.done("lock report", BOB)).message)
    assert "loose has no lock" in said((await office.done("lock loose")).message)
    assert "nothing to break" in said((await office.done("unlock report")).message)
    assert "Nobody holds the lock" in await office.refused("unlock report --yes")


async def test_a_held_lock_shows_its_holder_its_age_and_who_waits(office: Office) -> None:
    await office.job("report", **FAN, overlap="queue")
    await office.done("run report n=1,2 do=wait", BOB)
    await office.has_status(1, Status.RUNNING)
    await office.done("run report n=3")
    office.store.offset += timedelta(seconds=20)
    told = said((await office.done("lock report", BOB)).message)
    assert re.search(r"#1 has held the lock of report for [2-5]\d s\.", told)
    assert "started by: Bob" in told
    assert "done: 0 of 2" in told
    assert "runs on: rig:1 (2 runs)" in told
    assert "#2 waits for it." in told


async def test_locks_per_parameter_set_are_all_shown(office: Office) -> None:
    await office.job("report", **FAN, overlap={"scope": "job+parameters"})
    for number in (1, 2):
        await office.done(f"run report n={number} do=wait")
    assert "#1 and #2 hold parts of the lock of report" in said((await office.done("lock report")).message)


async def test_breaking_a_lock_is_for_admins_confirmed_and_audited(office: Office) -> None:
    """B11: holder, age and confirmation are shown, an audit row is written."""
    await office.job("report", **FAN)
    await office.done("run report do=forever", BOB)
    await office.has_status(1, Status.RUNNING)
    assert "Only an admin can break the lock of report" in await office.refused("unlock report", BOB)
    assert "Only an admin" in await office.refused("unlock report --yes", BOB)
    asked = await office.say("unlock report")
    assert asked.outcome is Outcome.QUESTION
    assert "#1 has held the lock of report for" in said(asked.message)
    assert buttons(asked)[0] == "unlock report --yes"
    assert await office.count(tables.locks) == 1
    assert "lock.break" not in await office.audit()
    assert "is broken" in said((await office.done("unlock report --yes")).message)
    batch = await office.batch(1)
    assert (batch.state, batch.reason) == (BatchState.CANCELLED, "its lock was broken by Alice")
    assert await office.count(tables.locks) == 0
    [act] = [row for row in await office.rows(tables.audit) if row.action == "lock.break"]
    assert (act.data["job"], act.data["number"]) == ("report", 1)

    async def stopped() -> bool:
        return office.agent.open == 0

    await until(stopped)  # its worker sees that it no longer holds the run
    assert (await office.ran("run report")).state is BatchState.SUCCEEDED


async def test_what_the_old_holder_still_writes_is_refused(store: Store) -> None:
    """B11: the holder's process is frozen; when it comes back, its fence is old."""
    frozen, office = Rig(store, lease=LONG), Office(store)
    for one in (frozen, office):
        await one.prepare()
        await one.open()
    job = await frozen.job("report")
    started = await frozen.start(job, {"do": "forever"}, {"do": "forever"})
    await frozen.has_status(started.batch, Status.RUNNING)
    held = [
        Ending(
            pk=run.pk,
            fence=1,
            job=job[0],
            attempt=1,
            status=Status.SUCCEEDED,
            reason="",
            retry=job[3].job.retry,
            entries=(chats.Line(run.pk, 1, 1, Answered("too late"), run.created_at),),
        )
        for run in await frozen.runs(started.batch)
    ]
    await office.done("unlock report --yes")
    assert await frozen.turns.take(lambda turn: runs.finish(turn, held)) == set()
    for run in await office.runs(started.batch):
        assert run.status is Status.CANCELLED
        records = await office.turns.look(partial(chats.of_run, run=run.pk))
        assert [type(record.entry) for record in records] == [Failed]
    attempts = await office.rows(tables.attempts)
    assert {row.outcome for row in attempts} == {Status.CANCELLED}
    assert all(row.ended_at is not None for row in attempts)
    await frozen.close()
    await office.close()


async def test_a_broken_lock_goes_to_the_next_in_line(office: Office) -> None:
    await office.job("report", **FAN, overlap="queue")
    await office.done("run report do=forever")
    await office.done("run report n=2")
    await office.done("unlock report --yes")
    assert (await office.ended(2)).state is BatchState.SUCCEEDED


async def test_breaking_races_with_the_end_of_the_holder(office: Office) -> None:
    await office.job("report", **FAN, overlap="queue", retry={"attempts": 2, "delay": "1ms"})
    for _ in range(6):
        started = await office.done("run report n=1,2,3")
        replies = await asyncio.gather(*(office.say("unlock report --yes") for _ in range(3)))
        assert {reply.outcome for reply in replies} <= {Outcome.DONE, Outcome.REFUSED}
        batch = await office.ended(started.batch or 0)
        assert sum(batch.counts.values()) == batch.done == 3
        assert await office.count(tables.locks) == 0


async def test_a_dead_holders_lock_frees_itself(store: Store) -> None:
    """B2, without any manual act: lost, told, and the next trigger runs."""
    dead, living = Rig(store), Office(store, lease=LONG)
    await dead.prepare()
    await living.prepare()
    await living.open()
    await dead.worker.start()
    started = await dead.start(await dead.job("report"), {"do": "forever"})
    held = await dead.turns.take(lambda turn: runs.claim(turn, 5, dead.worker.number))
    assert len(held) == 1
    await dead.fall_silent()
    assert await living.janitor.reap() == 1
    assert (await living.batch(started.batch)).state.ended
    assert await living.count(tables.locks) == 0
    assert (await living.ran("run report")).state is BatchState.SUCCEEDED
    await dead.close()
    await living.close()


async def test_what_ended_cannot_be_broken(rig: Rig) -> None:

    number = (await rig.job("report"))[0]
    job = await rig.turns.look(lambda turn: jobs.get(turn, number))
    with pytest.raises(OutOfPlace, match="Nobody holds"):
        await rig.turns.take(lambda turn: holding.break_lock(turn, rig.alice, job))
