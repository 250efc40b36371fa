"""The distributed engine: tokens in our transactions, and what becomes of lost, doubled and orphaned ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from adapters.engines import distributed
from adapters.engines.distributed import Distributed
from core.errors import Busy, Misconfigured
from core.lifecycles import BatchState, Status
from core.store import tables
from core.store.database import Store
from core.turns import Turn
from tests.store.rig import Rig, until

FAST = {"TEND": 0.1, "HEARTBEAT": 0.1, "FIRST_PAUSE": 0.05}
LASTING = FAST | {"STALE": 10_000}  # tokens are not thrown away before a slow machine has fetched them


@pytest.fixture
async def shared(migrated_postgres_url: str) -> AsyncIterator[Store]:
    made = Store(migrated_postgres_url, pool=8)
    await Distributed(made.address).setup()
    yield made
    await made.close()


class Node(Rig):
    """One process whose engine is the distributed one."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.tokens = Distributed(store.address)
        self.engine = self.tokens  # type: ignore[assignment]
        self.turns.engine = self.tokens


@pytest.fixture
async def node(shared: Store) -> AsyncIterator[Node]:
    made = Node(shared)
    await made.prepare()
    yield made
    made.agent.gate.set()
    await made.close()


async def test_without_the_database_it_is_said_that_it_cannot_be_opened() -> None:
    """A process is started while PostgreSQL is away."""
    nowhere = Distributed(sa.make_url("postgresql+psycopg://nobody:hunter2@127.0.0.1:1/none"))
    with pytest.raises(Misconfigured, match="database of the distributed engine cannot be opened") as told:
        await nowhere.setup()
    assert "hunter2" not in str(told.value)


async def tokens(store: Store, where: str = "true") -> list[str]:
    """The runs that tokens are there for, by their status."""
    async with store.reading() as connection:
        found = await connection.execute(
            sa.text(f"SELECT args->>'run' FROM procrastinate_jobs WHERE {where} ORDER BY id")
        )
        return [row[0] for row in found]


async def no_tokens(store: Store) -> None:
    async def none() -> bool:
        return await tokens(store) == []

    await until(none)


async def test_a_token_is_there_when_its_run_is_queued_and_not_before(node: Node) -> None:
    job = await node.job()
    started = await node.start(job, {"do": "ok"}, {"do": "ok"})
    assert await tokens(node.store) == [run.id for run in await node.runs(started.batch)]

    async def given_up(turn: Turn) -> None:
        turn.queued.append(("never", 0))
        await node.tokens.enqueue(turn.connection, turn.queued)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await node.turns.take(given_up)
    assert "never" not in await tokens(node.store)


async def test_as_many_as_slots_come_free_with_the_same_commit_need_no_token(node: Node) -> None:
    """Who has a free slot claims by itself; only what is more than that has to be told to others."""

    async def queued(turn: Turn) -> None:
        turn.queued += [("a", 0), ("b", 0), ("c", 0)]
        turn.freed = 2

    await node.turns.take(queued)
    assert await tokens(node.store) == ["c"]


async def test_runs_are_executed_and_nothing_is_left_of_their_tokens(node: Node) -> None:
    job = await node.job(max_parallel=5)
    before = await node.start(job, *({"do": "ok"} for _ in range(12)))
    await node.open()
    assert (await node.ended(before.batch)).counts == {Status.SUCCEEDED: 12}
    after = await node.start(job, *({"do": "ok"} for _ in range(12)))
    assert (await node.ended(after.batch)).state is BatchState.SUCCEEDED
    assert [task.attempt for task in node.agent.seen] == [1] * 24
    assert node.agent.most_open <= 5
    await no_tokens(node.store)


async def test_a_run_starts_without_the_sweep_as_soon_as_it_is_queued(node: Node) -> None:
    """Nobody calls `queue_again` here: the token alone brings it, and an end brings what a cap held back."""
    await node.open()
    job = await node.job(max_parallel=1)
    for _ in range(3):
        started = await node.start(job, *({"do": "ok"} for _ in range(4)))
        assert (await node.ended(started.batch)).state is BatchState.SUCCEEDED


async def test_what_a_cap_held_back_goes_on_without_the_sweep(node: Node) -> None:
    query = tables.organizations.update().values(max_running=2)
    await node.turns.take(lambda turn: turn.connection.execute(query))
    await node.open()
    batches = [
        (await node.start(await node.job(name), *({"do": "ok"} for _ in range(4)))).batch for name in "abc"
    ]
    for number in batches:
        assert (await node.ended(number)).counts == {Status.SUCCEEDED: 4}
    assert node.agent.most_open <= 2


async def test_doubled_and_unknown_tokens_start_nothing_twice(node: Node) -> None:
    started = await node.start(await node.job(), {"do": "ok"})
    [run] = await node.runs(started.batch)

    async def again(turn: Turn) -> None:
        await node.tokens.enqueue(turn.connection, [(run.id, 0)] * 5 + [("nobody", 9)])

    await node.turns.take(again)
    await node.open()
    assert (await node.ended(started.batch)).state is BatchState.SUCCEEDED
    await no_tokens(node.store)
    assert len(node.agent.seen) == 1


async def test_runs_whose_tokens_were_lost_are_found_by_the_sweep(node: Node) -> None:
    started = await node.start(await node.job(), {"do": "ok"}, {"do": "ok"})
    async with node.store.transaction() as connection:
        await connection.execute(sa.text("DELETE FROM procrastinate_jobs"))
    await node.open()
    await node.janitor.queue_again()
    assert (await node.ended(started.batch)).counts == {Status.SUCCEEDED: 2}


async def test_eight_workers_share_a_thousand_runs_and_none_is_done_twice(shared: Store) -> None:
    """A7: eight workers poll at once."""
    nodes = [Node(shared) for _ in range(8)]
    await nodes[0].prepare()
    job = await nodes[0].job(overlap="allow", max_parallel=1000)
    started = await nodes[0].start(job, *({"do": "ok"} for _ in range(1000)))
    async with shared.transaction() as connection:
        await connection.execute(sa.text("UPDATE organizations SET max_running = 1000"))
    for one in nodes:
        await one.open(concurrency=5)
    await until(lambda: nodes[0]._has_ended(started.batch), limit=300)
    seen = [task.run_id for one in nodes for task in one.agent.seen]
    assert len(seen) == len(set(seen)) == 1000
    await asyncio.gather(*(one.close() for one in nodes))


async def test_the_table_forgets_what_killed_workers_and_nobody_left(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in FAST.items():
        monkeypatch.setattr(distributed, name, value)
    async with node.store.transaction() as connection:
        await connection.execute(
            sa.text(
                "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)"
                " VALUES (now() - interval '1 hour') RETURNING id)"
                " INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id)"
                " SELECT 'slashjob', 'slashjob.run', '{\"run\": \"x\"}', 'doing', id FROM dead"
            )
        )
        await connection.execute(
            sa.text(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, scheduled_at) VALUES"
                " ('slashjob', 'slashjob.run', '{}', 'failed', null),"
                " ('slashjob', 'slashjob.run', '{}', 'todo', now() + interval '1 hour')"
            )
        )
    await node.open()
    await no_tokens(node.store)
    async with node.store.reading() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM procrastinate_workers")) == 1


async def test_a_session_that_broke_is_begun_again_and_hears_of_new_runs(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in LASTING.items():
        monkeypatch.setattr(distributed, name, value)
    lives: list[int] = []
    real = Distributed._tend

    async def counted(self: Distributed, *given: Any) -> None:
        lives.append(1)  # its connections are open by now: what is cut before that is not noticed
        await real(self, *given)

    monkeypatch.setattr(Distributed, "_tend", counted)
    await node.open()
    job = await node.job()
    assert (await node.ended((await node.start(job)).batch)).state is BatchState.SUCCEEDED
    for life in (1, 2):
        await until(partial(reached, lives, life))
        await cut(node.store)
    await until(partial(reached, lives, 3))
    assert (await node.ended((await node.start(job)).batch)).state is BatchState.SUCCEEDED


async def reached(lives: list[int], wanted: int) -> bool:
    return len(lives) >= wanted


async def cut(store: Store) -> None:
    """Every connection to this database is reset."""
    plain = store.address.set(drivername="postgresql")
    async with await psycopg.AsyncConnection.connect(
        plain.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def swept(node: Node) -> None:
    """The sweep has looked. Where it met a connection that was cut, it looks again, as its loop does."""

    async def looked() -> bool:
        try:
            await node.janitor.queue_again()
        except Busy:
            return False
        return True

    await until(looked)


async def test_what_runs_goes_on_where_the_session_breaks_and_keeps_its_slot(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in LASTING.items():
        monkeypatch.setattr(distributed, name, value)
    await node.open(concurrency=2)
    first = await node.start(await node.job("first"), {"do": "wait"}, {"do": "wait"})
    await node.has_status(first.batch, Status.RUNNING)
    second = await node.start(await node.job("second"), {"do": "wait"})
    await cut(node.store)
    await swept(node)
    node.agent.gate.set()

    async def over() -> bool:
        await swept(node)  # a claim may meet a connection that was cut, too
        return (await node.batch(first.batch)).state.ended and (await node.batch(second.batch)).state.ended

    await until(over)
    assert (await node.batch(first.batch)).counts == {Status.SUCCEEDED: 2}
    assert (await node.batch(second.batch)).state is BatchState.SUCCEEDED
    assert node.agent.most_open == 2


async def test_the_schema_is_made_once_however_many_race(postgres_url: str) -> None:
    store = Store(postgres_url)
    engines = [Distributed(store.address) for _ in range(6)]
    await asyncio.gather(*(one.setup() for one in engines))
    await asyncio.gather(*(one.setup() for one in engines))
    async with store.reading() as connection:
        told = await connection.scalar(sa.text("SELECT obj_description('procrastinate_jobs'::regclass)"))
    assert told.startswith("slashjob, schema 03.")
    await store.close()


@pytest.mark.parametrize(
    ("comment", "told"), [("slashjob, schema 99.00.00_01_x", "newer"), (None, "another Procrastinate")]
)
async def test_tables_that_are_not_of_this_program_are_refused(
    shared: Store, comment: str | None, told: str
) -> None:
    text = "NULL" if comment is None else f"'{comment}'"
    async with shared.transaction() as connection:
        await connection.execute(sa.text(f"COMMENT ON TABLE procrastinate_jobs IS {text}"))
    with pytest.raises(Misconfigured, match=told):
        await Distributed(shared.address).setup()
