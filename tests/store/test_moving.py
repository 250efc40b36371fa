"""Moving an installation from SQLite to PostgreSQL, row by row and proved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core import audit, chats, moving
from core.entries import Logged
from core.errors import Misconfigured
from core.store import moving as rows
from core.store.database import Store
from core.store.migrate import migrate
from core.store.tables import batches, chat_entries, deliveries, facts, metadata, runs
from core.turns import Turn
from tests.store.rig import Rig

SOME = 7  # batches on the old side


@dataclass
class Move:
    """An installation on SQLite, and an empty PostgreSQL."""

    old: Store
    new: Store

    async def go(self) -> moving.Moved:
        return await moving.move(self.old, self.new, told=lambda _: None)

    async def count(self, store: Store, table: sa.Table) -> int:
        async with store.reading() as connection:
            return await rows.count(connection, table)


@pytest.fixture
async def move(tmp_path: Path, postgres_url: str) -> AsyncIterator[Move]:
    made = Move(Store(f"sqlite:///{tmp_path / 'old.db'}"), Store(postgres_url))
    for store in (made.old, made.new):
        await migrate(store)
    rig = Rig(made.old)
    await rig.prepare()
    await rig.open()
    job = await rig.job("wöchentlich", overlap="allow", retention="90d")
    for _ in range(SOME):
        started = await rig.start(job, {"do": "table"}, {"do": "fail"})
        await rig.ended(started.batch)
    await rig.notifier.deliver()

    async def more(turn: Turn) -> None:
        run = (await turn.connection.scalar(sa.select(sa.func.min(runs.c.pk)))) or 0
        await chats.append(turn, [chats.Line(run, 99, 1, Logged("a \x00 and “ü”"), turn.now)])
        await audit.record(
            turn,
            organization=rig.organization,
            member=None,
            action="job.change",
            subject="x",
            data={"a": 1.5},
        )

    await rig.turns.take(more)
    await rig.close()
    yield made
    await made.old.close()
    await made.new.close()


async def test_every_row_arrives_as_it_was_and_the_old_side_is_left(move: Move) -> None:
    moved = await move.go()
    assert moved.rows == moved.copied > SOME * 10
    for table in (batches, runs, chat_entries, deliveries):
        assert await move.count(move.new, table) == await move.count(move.old, table) > 0
    assert "postgresql" in await moving.left(move.old)
    assert await moving.left(move.new) == ""
    assert not await moving.half_filled(move.new)


async def test_the_new_side_numbers_on_and_gives_no_number_twice(move: Move) -> None:
    async with move.old.transaction() as connection:
        last = await connection.scalar(sa.select(sa.func.max(batches.c.pk)))
        for table in (chat_entries, *(metadata.tables[name] for name in ("attempts", "run_files"))):
            chosen = sa.select(runs.c.pk).where(runs.c.batch == last)
            await connection.execute(table.delete().where(table.c.run.in_(chosen)))
        for table in (runs, deliveries):
            await connection.execute(table.delete().where(table.c.batch == last))
        await connection.execute(batches.delete().where(batches.c.pk == last))
    await move.go()
    rig = Rig(move.new)
    await rig.prepare()
    await rig.open()
    started = await rig.start(await rig.job("another"))
    await rig.ended(started.batch)
    await rig.close()
    assert started.batch == (last or 0) + 1


@pytest.mark.parametrize("statement", range(1, 40, 6))
async def test_a_move_that_dies_is_gone_on_with(
    move: Move, statement: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows.after, "__defaults__", (3,))
    whole, writes = rows.write, 0

    async def dying(*given: Any) -> None:
        nonlocal writes
        writes += 1
        if writes == statement:
            raise ConnectionError("the process dies here")
        await whole(*given)

    monkeypatch.setattr(rows, "write", dying)
    with pytest.raises(ConnectionError):
        await move.go()
    assert await moving.half_filled(move.new)
    assert await moving.left(move.old) == ""
    monkeypatch.setattr(rows, "write", whole)
    moved = await move.go()
    assert moved.copied < moved.rows or statement == 1
    assert await move.count(move.new, chat_entries) == await move.count(move.old, chat_entries)


async def test_moving_twice_copies_nothing_more(move: Move) -> None:
    first = await move.go()
    again = await move.go()
    assert (again.rows, again.copied) == (first.rows, 0)


async def test_a_target_with_rows_of_its_own_is_refused_and_kept(move: Move) -> None:
    rig = Rig(move.new)
    await rig.prepare()
    with pytest.raises(Misconfigured, match="rows of its own"):
        await move.go()
    assert await moving.left(move.old) == ""
    assert not await moving.half_filled(move.new)


async def test_a_row_that_became_another_is_found(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows.write

    async def wrong(connection: Any, table: sa.Table, some: Any) -> None:
        await whole(connection, table, some)
        if table is runs:
            await connection.execute(runs.update().where(runs.c.pk == some[2].pk).values(step="another"))

    monkeypatch.setattr(rows, "write", wrong)
    with pytest.raises(Misconfigured, match="The copy of runs differs"):
        await move.go()
    assert await moving.left(move.old) == ""
    assert await moving.half_filled(move.new)


async def test_whoever_comes_back_may_work_on_the_old_side_again(move: Move) -> None:
    await move.go()
    await moving.come_back(move.old)
    assert await moving.left(move.old) == ""
    async with move.old.reading() as connection:
        assert await connection.scalar(sa.select(facts.c.value).where(facts.c.name == rows.MARK)) is None
