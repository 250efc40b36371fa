"""What is removed when its time is over, and what stays."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core import chats
from core.entries import Attached
from core.lifecycles import BatchState, Status
from core.retention import NEW, Removed, Retention
from core.store import retention as rows
from core.store.database import Store
from core.store.tables import attempts, batches, chat_entries, deliveries, metadata, run_files, runs
from core.turns import Turn
from tests.store.rig import LONG, Rig
from tests.store.schedule_rig import START, Planner, hours, minutes

WEEK = timedelta(days=7)
FILE = "ab/" + "ab" * 32
OTHER = "cd/" + "cd" * 32


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[Rig]:
    """A rig whose worker's lease outlasts every jump of the clock."""
    made = Rig(store, lease=LONG)
    await made.prepare()
    await made.open()
    yield made
    await made.close()


def keeper(rig: Rig, data: Path, *, default: timedelta | None = None) -> Retention:
    return Retention(rig.turns, data, default=default, pause=0)


def file(data: Path, path: str, *, age: timedelta = NEW + timedelta(hours=1)) -> Path:
    """A file that was last used so long ago by the clock of the disk."""
    made = data / path
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text("kept")
    used = made.stat().st_mtime - age.total_seconds()
    os.utime(made, (used, used))
    return made


async def attach(rig: Rig, batch: int, *paths: str) -> None:
    run = (await rig.runs(batch))[0]

    async def work(turn: Turn) -> None:
        entries = [Attached("report.pdf", "application/pdf", path, 4) for path in paths]
        lines = [chats.Line(run.pk, 90 + place, 1, entry, turn.now) for place, entry in enumerate(entries)]
        await chats.append(turn, lines)

    await rig.turns.take(work)


async def test_what_ended_before_its_time_goes_with_all_that_belongs_to_it(rig: Rig, tmp_path: Path) -> None:
    """G4: children tables too; `make bench` clears a history of a million runs beside a writer."""
    job = await rig.job("weekly", retention="7d")
    old = await rig.start(job, {"do": "ok"}, {"do": "table"})
    await rig.ended(old.batch)
    await rig.notifier.deliver()
    rig.store.offset = WEEK + timedelta(hours=1)
    new = await rig.start(job)
    await rig.ended(new.batch)
    removed = await keeper(rig, tmp_path).clear()
    assert (removed.runs, removed.batches) == (2, 1)
    async with rig.store.reading() as connection:
        assert list(await connection.scalars(sa.select(batches.c.pk))) == [new.batch]
        left = {row.pk for row in await connection.execute(sa.select(runs.c.pk))}
        assert set(await connection.scalars(sa.select(chat_entries.c.run))) <= left
        assert set(await connection.scalars(sa.select(attempts.c.run))) == left
        assert set(await connection.scalars(sa.select(deliveries.c.batch))) <= {new.batch}
    assert await keeper(rig, tmp_path).clear() == Removed()


async def test_what_runs_stays_however_old_it_is(rig: Rig, tmp_path: Path) -> None:
    job = await rig.job("weekly", retention="7d", overlap="allow")
    running = await rig.start(job, {"do": "wait"})
    await rig.has_status(running.batch, Status.RUNNING)
    ended = await rig.start(job)
    await rig.ended(ended.batch)
    rig.store.offset = 4 * WEEK
    assert (await keeper(rig, tmp_path).clear()).batches == 1
    rig.agent.gate.set()
    assert (await rig.ended(running.batch)).state is BatchState.SUCCEEDED


async def test_a_job_without_a_word_follows_the_installation(rig: Rig, tmp_path: Path) -> None:
    silent, own = await rig.job("silent"), await rig.job("own", retention="30d")
    for job in (silent, own):
        await rig.ended((await rig.start(job)).batch)
    rig.store.offset = 2 * WEEK
    assert await keeper(rig, tmp_path).clear() == Removed()
    assert (await keeper(rig, tmp_path, default=WEEK).clear()).batches == 1
    async with rig.store.reading() as connection:
        assert list(await connection.scalars(sa.select(batches.c.job))) == [own[0]]


async def test_files_go_when_no_run_refers_to_them_any_more(rig: Rig, tmp_path: Path) -> None:
    job = await rig.job("weekly", retention="7d")
    first = await rig.start(job)
    await rig.ended(first.batch)
    await attach(rig, first.batch, FILE, OTHER)
    rig.store.offset = WEEK + timedelta(hours=1)
    second = await rig.start(job)
    await rig.ended(second.batch)
    await attach(rig, second.batch, FILE)
    shared, alone = file(tmp_path, FILE, age=timedelta(0)), file(tmp_path, OTHER, age=timedelta(0))
    assert (await keeper(rig, tmp_path).clear()).files == 1
    assert shared.exists()
    assert not alone.exists()


async def test_a_file_that_was_just_written_waits_for_its_rows(rig: Rig, tmp_path: Path) -> None:
    fresh, orphan = file(tmp_path, FILE, age=timedelta(0)), file(tmp_path, OTHER)
    assert (await keeper(rig, tmp_path).clear()).files == 1
    assert fresh.exists()
    assert not orphan.exists()


async def test_pictures_made_to_be_looked_at_go_after_a_month(rig: Rig, tmp_path: Path) -> None:
    old = file(tmp_path, "charts/0123.png", age=timedelta(days=31))
    new = file(tmp_path, "files/0123/table.csv", age=timedelta(days=29))
    assert (await keeper(rig, tmp_path).clear()).files == 1
    assert (old.exists(), new.exists()) == (False, True)


async def test_a_pass_that_is_broken_off_is_gone_on_with(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await rig.job("weekly", retention="7d")
    started = await rig.start(job, *({"do": "ok"} for _ in range(5)))
    await rig.ended(started.batch)
    rig.store.offset = WEEK + timedelta(hours=1)
    monkeypatch.setattr("core.retention.RUNS", 2)
    steps: list[int] = []
    whole = rows.remove_runs

    async def breaking(*given: Any) -> int:
        steps.append(1)
        if len(steps) == 2:
            raise ConnectionError("the process dies here")
        return await whole(*given)

    monkeypatch.setattr(rows, "remove_runs", breaking)
    with pytest.raises(ConnectionError):
        await keeper(rig, tmp_path).clear()
    assert await rig.count(runs) == 3
    assert (await keeper(rig, tmp_path).clear()).batches == 1
    assert [await rig.count(table) for table in (runs, attempts, chat_entries, run_files)] == [0, 0, 0, 0]


async def test_old_firings_go_and_new_ones_stay(planner: Planner, tmp_path: Path) -> None:
    await planner.apply({"when": "0 * * * *", "timezone": "UTC"}, retention="1d")
    for passed in (1, 2):
        await planner.through(START + hours(passed) + minutes(1))
    assert len(await planner.ledger()) == 2
    planner.move(START + hours(25) + minutes(15))
    assert (await keeper(planner.rig, tmp_path).clear()).firings == 1
    assert [row.due_at for row in await planner.ledger()] == [START + hours(1) + minutes(30)]


def test_everything_that_points_to_a_run_or_a_batch_is_removed_with_it() -> None:
    pointing: dict[str, set[str]] = {"runs": set(), "batches": set()}
    for table in metadata.tables.values():
        for key in table.foreign_keys:
            pointing.get(key.column.table.name, set()).add(table.name)
    assert pointing["runs"] == {table.name for table in rows.OF_RUNS}
    assert pointing["batches"] == {table.name for table in rows.OF_BATCHES} | {"runs"}
