"""Which runs of a batch follow is looked up once, however many wait, on either database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from core.store import runs as run_rows
from core.store import tables
from core.store.database import Store
from tests.store.rig import Rig

WAITING = 300


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of PostgreSQL's plan."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.fixture
async def rig(store: Store) -> Rig:
    """A database whose statistics know of no run that waits, as on most days; then a large batch comes."""
    made = Rig(store)
    await made.prepare()
    job = await made.job("wide", overlap="allow", max_parallel=1)
    await made.start(job, *({"do": "ok"} for _ in range(WAITING)))
    async with store.transaction() as connection:
        await connection.execute(tables.runs.update().values(status="cancelled"))
        await connection.execute(sa.text("ANALYZE"))
    await made.start(job, *({"do": "ok"} for _ in range(WAITING)))
    return made


async def test_what_follows_in_a_batch_is_looked_up_once_and_not_for_each_that_waits(rig: Rig) -> None:
    seen: list[tuple[str, Any]] = []

    @sa.event.listens_for(rig.store.writer.sync_engine, "before_cursor_execute")
    def remember(_: Any, __: Any, statement: str, values: Any, ___: Any, ____: bool) -> None:
        seen.append((statement, values))

    async with rig.store.transaction() as connection:
        assert len(await run_rows.queue(connection, 2, 10, await rig.store.now(connection))) == 10
    [(statement, values)] = [one for one in seen if one[0].startswith("UPDATE runs")]
    async with rig.store.transaction() as connection:
        if rig.store.sqlite:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps = [row._mapping["detail"] for row in plan]
            assert not [step for step in steps if step == "SCAN runs"], steps
        else:
            found = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
            explained = found.scalar_one()
            [top] = json.loads(explained) if isinstance(explained, str) else explained
            assert [node["Actual Loops"] for node in nodes(top["Plan"]) if node["Node Type"] == "Limit"] == [
                1
            ]
