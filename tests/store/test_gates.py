"""run_if: a query decides whether the agent is run at all; what it cannot say never hides anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from core.batches import Trigger
from core.definitions import AgentDefinition, SourceDefinition, Version
from core.entries import Judged
from core.errors import SourceError
from core.messages import Cell, Message
from core.ports import Rows, Source
from core.store import tables
from core.turns import Turn
from core.views import BatchView, compared, of_batch
from core.wording import batches as wording
from core.wording import jobs as job_wording
from tests.store.desk_rig import said
from tests.store.rig import Rig

Job = tuple[int, str, int, Version]


class Answering:
    """A source that answers every query alike, and remembers what it was asked with."""

    def __init__(self, *rows: tuple[Cell, ...], fails: str = "") -> None:
        self.rows = rows
        self.fails = fails
        self.asked: list[Mapping[str, Any]] = []
        self.closed = False

    async def query(self, sql: str, values: Mapping[str, Any]) -> Rows:
        self.asked.append(values)
        if self.fails:
            raise SourceError(self.fails)
        return Rows(("answer",), self.rows, False, 0.1)

    async def close(self) -> None:
        self.closed = True


async def gated(rig: Rig, source: Answering, sql: str = "select 1", **fields: Any) -> Job:
    """A job whose agent has that source, and whose gate asks it."""
    job = await rig.job(run_if=sql, **fields)
    definition = job[3].model_copy(
        update={
            "agent": AgentDefinition(kind="report", source="shop"),
            "sources": {"shop": SourceDefinition(url="sqlite:///shop.db")},
        }
    )
    table = tables.job_versions

    async def write(turn: Turn) -> None:
        values = {"definition": definition.model_dump(mode="json", exclude_defaults=True)}
        await turn.connection.execute(table.update().where(table.c.pk == job[2]).values(values))

    await rig.turns.take(write)

    async def open_source(name: str, definition: SourceDefinition, environment: Mapping[str, str]) -> Source:
        return source

    rig.worker._equipment = replace(rig.worker._equipment, open_source=open_source)
    return (job[0], job[1], job[2], definition)


async def ran(rig: Rig, job: Job, *, by_hand: bool = False, do: str = "table") -> BatchView:
    trigger = Trigger.CHAT if by_hand else Trigger.SCHEDULE
    started = await rig.start(job, {"do": do}, trigger=trigger)
    await rig.ended(started.batch)

    async def look(turn: Turn) -> BatchView:
        view = await of_batch(turn, started.batch)
        return await compared(turn, view, view.runs[0])

    return await rig.turns.look(look)


async def owed(rig: Rig) -> int:
    return await rig.count(tables.deliveries)


def gate(view: BatchView) -> Judged:
    [found] = [one.entry for one in view.latest(view.runs[0]) if isinstance(one.entry, Judged)]
    return found


@pytest.mark.parametrize("cells", [(), ((0,),), ((None,),), (("false",),), ((False,),), (("",),)])
async def test_where_the_gate_says_no_the_agent_is_not_run(
    rig: Rig, cells: tuple[tuple[Cell, ...], ...]
) -> None:
    source = Answering(*cells)
    view = await ran(rig, await gated(rig, source))
    assert rig.agent.seen == []
    assert (view.runs[0].status, view.runs[0].quiet) == ("succeeded", "run_if")
    assert view.runs[0].reason.startswith("run_if ")
    assert gate(view).holds is False
    assert view.quiet
    assert await owed(rig) == 0
    assert source.closed


@pytest.mark.parametrize("cell", [1, 0.5, "yes", True, "2026-03-02"])
async def test_where_the_gate_says_yes_the_agent_is_run(rig: Rig, cell: Cell) -> None:
    view = await ran(rig, await gated(rig, Answering((cell,))))
    assert len(rig.agent.seen) == 1
    assert view.runs[0].quiet == ""
    assert gate(view).holds is True
    assert await owed(rig) == 1


async def test_a_gate_that_cannot_be_asked_lets_the_run_go_on_and_says_so(rig: Rig) -> None:
    view = await ran(rig, await gated(rig, Answering(fails="There is no table sales.")))
    assert len(rig.agent.seen) == 1
    assert view.runs[0].quiet == ""
    told = said(wording.status(view))
    assert "run_if could not be told, so the agent was run: There is no table sales." in told


async def test_by_hand_a_closed_gate_is_told(rig: Rig) -> None:
    view = await ran(rig, await gated(rig, Answering()), by_hand=True)
    told = said(wording.status(view))
    assert "succeeded, quietly" in said(job_wording.history([view], None, view.now, 1, more=False))
    assert "Succeeded, quietly: report · #1" in told
    assert "run_if returned no row. The agent was not run; a schedule posts nothing then." in told


async def test_the_gate_is_given_the_parameters_and_when_the_run_was_due(rig: Rig) -> None:
    source = Answering((1,))
    view = await ran(rig, await gated(rig, source, "select :do, :due_date, :unknown"))
    [values] = source.asked
    started = view.runs[0].started_at
    assert started is not None
    assert values == {"do": "table", "due_date": started.date(), "unknown": None}


async def test_a_run_whose_gate_was_closed_is_nothing_to_compare_with(rig: Rig) -> None:
    source = Answering((1,))
    job = await gated(rig, source)
    await ran(rig, job)
    source.rows = ()
    await ran(rig, job)
    source.rows = ((1,),)
    view = await ran(rig, job)
    earlier = view.earlier[view.runs[0].pk]
    assert earlier.label == "#1"
    assert not earlier.changes.any
    assert "Nothing has changed since #1" in said(wording.status(view))


async def test_a_result_is_compared_with_the_last_that_succeeded_with_the_same_parameters(rig: Rig) -> None:
    job = await rig.job()
    for do in ("table", "ok", "fail"):
        await ran(rig, job, do=do)
    view = await ran(rig, job)
    assert view.earlier[view.runs[0].pk].label == "#1"
    other = await ran(rig, job, do="ok")
    assert other.earlier[other.runs[0].pk].label == "#2"


async def test_a_job_that_was_changed_in_between_is_told(rig: Rig) -> None:
    job = await rig.job()
    await ran(rig, job)
    table = tables.job_versions

    async def another(turn: Turn) -> int:
        old = (await turn.connection.execute(sa.select(table).where(table.c.pk == job[2]))).one()
        values = {"id": "another", "job": job[0], "number": 2, "definition": old.definition}
        made = table.insert().values(**values, created_at=turn.now).returning(table.c.pk)
        return int((await turn.connection.execute(made)).scalar_one())

    second = await rig.turns.take(another)
    view = await ran(rig, (job[0], job[1], second, job[3]))
    message: Message = wording.status(view)
    assert "The job was changed in between (version 1, now 2), which may be why." in said(message)
