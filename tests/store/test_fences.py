"""The last lines of defence, each alone: what the database refuses though everybody before it was fooled.

Scenarios A2, A7, B3 and D5 where they come down to one statement.
"""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from core import runs
from core.lifecycles import BatchState, Status
from core.store import schedules as schedule_rows
from core.store import tables
from core.store.database import Store
from core.turns import Turn
from tests.store.rig import LONG, Rig, until
from tests.store.schedule_rig import Planner


async def test_one_due_instant_has_one_row_whoever_adds_it(planner: Planner) -> None:
    await planner.apply({"when": "* * * * *"})
    await planner.rig.turns.take(_fired_at)
    async with planner.rig.store.reading() as connection:
        [row] = (await connection.execute(sa.select(tables.firings))).mappings().all()
    again = {name: value for name, value in row.items() if name != "pk"}
    again["id"] = "another"

    async def add(turn: Turn) -> None:
        await schedule_rows.fire(turn.connection, [again])

    raced = await asyncio.gather(*(planner.rig.turns.take(add) for _ in range(4)), return_exceptions=True)
    assert all(isinstance(one, sa.exc.IntegrityError) for one in raced)


async def _fired_at(turn: Turn) -> None:
    [pk] = await turn.connection.scalars(sa.select(tables.schedules.c.pk))
    values = {"id": "first", "schedule": pk, "due_at": turn.now, "outcome": "started", "created_at": turn.now}
    await turn.connection.execute(tables.firings.insert(), [values])


@pytest.mark.parametrize("why", ["declared dead", "lease over"])
async def test_a_worker_without_a_lease_claims_nothing(store: Store, why: str) -> None:
    rig = Rig(store)
    await rig.prepare()
    await rig.worker.start()
    started = await rig.start(await rig.job())
    workers = tables.workers

    async def fool(turn: Turn) -> list[runs.Claim]:
        values = {"dead_at": turn.now} if why == "declared dead" else {"lease_until": turn.now}
        await turn.connection.execute(workers.update().values(values))
        return await runs.claim(turn, 5, rig.worker.number)

    assert await rig.turns.take(fool) == []
    assert (await rig.runs(started.batch))[0].status is Status.QUEUED
    await rig.worker.close()


async def test_a_claim_whose_process_died_before_it_began_is_taken_again_and_blocks_nobody(
    store: Store,
) -> None:
    """D5: claimed, then the process is gone before anything was started."""
    dead, living = Rig(store), Rig(store, lease=LONG)
    await dead.prepare()
    await living.prepare()
    await dead.worker.start()
    job = await dead.job(retry={"attempts": 2, "delay": "1ms"})
    started = await dead.start(job)
    [claim] = await dead.turns.take(lambda turn: runs.claim(turn, 1, dead.worker.number))
    await dead.fall_silent()
    other = await living.start(await living.job("other"))
    await living.open()
    assert (await living.ended(other.batch)).state is BatchState.SUCCEEDED

    async def over() -> bool:
        await living.janitor.reap()
        await living.janitor.sweep()
        await living.janitor.queue_again()
        return (await living.batch(started.batch)).state.ended

    await until(over)
    [run] = await living.runs(started.batch)
    assert (run.status, run.attempt) == (Status.SUCCEEDED, 2)
    assert [task.attempt for task in living.agent.seen if task.run_id == claim.id] == [2]
    await living.close()
    await dead.worker.close()
