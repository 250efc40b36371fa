"""Tags: which workers may take a job's runs, and what is told where there is none of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import runs
from core.composer import compose
from core.deliveries import Kind, of_batch
from core.janitor import STUCK_AFTER
from core.lifecycles import BatchState, Status
from core.store import tables
from core.store.database import Store
from core.store.workers import anybody
from core.turns import Turn
from core.worker import Worker
from tests.store.desk_rig import Office, said
from tests.store.rig import Rig


@pytest.fixture
async def idle(store: Store) -> Rig:
    made = Rig(store)
    await made.prepare()
    return made


async def worker(rig: Rig, *tags: str, takes: bool = True) -> Worker:
    """A worker with these tags that claims nothing by itself."""
    made = Worker(
        rig.turns,
        rig.worker._equipment,
        name="other:1",
        lease=timedelta(seconds=30),
        tags=tags if takes else None,
    )
    await made.start()
    return made


async def claimed(rig: Rig, by: Worker, *tags: str) -> list[str]:
    found = await rig.turns.take(lambda turn: runs.claim(turn, 10, by.number, tags))
    return sorted(claim.label for claim in found)


async def test_only_a_worker_with_the_tag_takes_a_run_and_it_takes_others_too(idle: Rig) -> None:
    gpu = await idle.start(await idle.job("gpu", runs_on="gpu"))
    big = await idle.start(await idle.job("big", runs_on="big"))
    usual = await idle.start(await idle.job("usual"))
    plain, tagged = await worker(idle), await worker(idle, "gpu", "fast")
    assert await claimed(idle, plain) == [f"#{usual.batch}.1"]
    again = await idle.start(await idle.job("more"))
    assert await claimed(idle, tagged, "gpu", "fast") == [f"#{gpu.batch}.1", f"#{again.batch}.1"]
    assert (await idle.runs(big.batch))[0].status is Status.QUEUED
    await plain.close()
    await tagged.close()


async def test_a_flood_that_nobody_may_take_holds_back_nobody_else(idle: Rig) -> None:
    """The places of an organization's cap are for runs that can be taken."""
    query = tables.organizations.update().values(max_running=2)
    await idle.turns.take(lambda turn: turn.connection.execute(query))
    await idle.start(await idle.job("gpu", runs_on="gpu", priority=9), *({"do": "ok"} for _ in range(4)))
    usual = await idle.start(await idle.job("usual"))
    plain = await worker(idle)
    assert await claimed(idle, plain) == [f"#{usual.batch}.1"]
    await plain.close()


async def test_a_tagged_worker_executes_what_waits_for_it(rig: Rig) -> None:
    started = await rig.start(await rig.job("gpu", runs_on="gpu"))
    tagged = await worker(rig, "gpu")
    [task] = await tagged.begin([run.id for run in await rig.runs(started.batch)])
    await task
    assert (await rig.batch(started.batch)).state is BatchState.SUCCEEDED
    await tagged.close()


async def test_status_why_and_the_message_say_what_it_waits_for(office: Office) -> None:
    started = await office.start(await office.job("train", runs_on="gpu"))
    told = "aits for a worker tagged gpu"
    assert told in said((await office.done(f"status #{started.batch}")).message)
    assert told in said((await office.done(f"why #{started.batch}")).message)
    tagged = await worker(office, "gpu")
    assert told not in said((await office.done(f"status #{started.batch}")).message)
    await tagged.close()


async def stuck(rig: Rig, batch: int) -> list[Any]:
    async def look(turn: Turn) -> list[Any]:
        return [
            (await compose(turn, one)).text for one in await of_batch(turn, batch) if one.kind is Kind.STUCK
        ]

    return await rig.turns.look(look)


@pytest.mark.parametrize(("tag", "what"), [("gpu", "a worker tagged gpu"), ("", "a worker")])
async def test_what_no_worker_may_take_is_warned_of_once_after_a_while(
    idle: Rig, tag: str, what: str
) -> None:
    started = await idle.start(await idle.job("train", runs_on=tag))
    other = await worker(idle, takes=False)
    await idle.janitor.tell_of_stuck()
    assert await stuck(idle, started.batch) == []
    idle.store.offset = STUCK_AFTER + timedelta(seconds=1)
    await idle.janitor.tell_of_stuck()
    await idle.janitor.tell_of_stuck()
    [text] = await stuck(idle, started.batch)
    assert f"waits for {what}: none is running" in text
    tagged = await worker(idle, *([tag] if tag else []))
    [text] = await stuck(idle, started.batch)
    assert "which is there now" in text
    await tagged.close()
    await other.close()


async def test_what_some_worker_may_take_is_not_warned_of_however_long_it_waits(idle: Rig) -> None:
    started = await idle.start(await idle.job("train", runs_on="gpu"))
    idle.store.offset = timedelta(hours=1)
    tagged = await worker(idle, "gpu")
    await idle.janitor.tell_of_stuck()
    assert await stuck(idle, started.batch) == []
    await tagged.close()


async def test_a_process_that_takes_no_runs_is_nobody_who_executes(idle: Rig) -> None:
    other = await worker(idle, takes=False)
    assert not await idle.turns.look(lambda turn: anybody(turn.connection, turn.now))
    assert await idle.count(tables.workers) == 1
    async with idle.store.reading() as connection:
        assert (await connection.scalars(sa.select(tables.workers.c.tags))).all() == [None]
    plain = await worker(idle)
    assert await idle.turns.look(lambda turn: anybody(turn.connection, turn.now))
    await plain.close()
    await other.close()
