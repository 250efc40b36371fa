"""csv: the whole tables of a run as files."""

from __future__ import annotations

import pytest

from core import views
from core.messages import File
from core.wording import batches
from tests.store.desk_rig import Office, buttons


def files(reply: object) -> list[File]:
    return [block for block in reply.message.blocks if isinstance(block, File)]  # type: ignore[attr-defined]


async def test_the_tables_of_a_run_come_as_files_named_after_it(office: Office) -> None:
    await office.job("weekly-report")
    await office.ran("run weekly-report do=table")
    [file] = files(await office.done("csv #1"))
    assert file.name == "weekly-report-1-days.csv"
    assert file.table is not None
    assert file.table.rows == (("Mon", 1), ("Tue", 2))


async def test_one_question_is_asked_for_by_its_name(office: Office) -> None:
    await office.job("weekly-report")
    await office.ran("run weekly-report do=table")
    [file] = files(await office.done("csv #1 total"))
    assert file.table is not None
    assert file.table.rows == ((3,),)


async def test_of_several_runs_one_is_named(office: Office) -> None:
    await office.job("weekly-report")
    await office.ran("run weekly-report do=table,ok")
    reply = await office.say("csv #1")
    assert buttons(reply) == ["csv #1.1"]
    assert [file.name for file in files(await office.done("csv #1.1"))] == ["weekly-report-1-1-days.csv"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("csv #1 totl", "Its tables are total, days"),
        ("csv #2", "returned no table"),
        ("csv #9", "There is no run #9"),
        ("csv weekly-report", "Tables belong to a run"),
    ],
)
async def test_what_has_no_table_is_refused_with_a_way_on(office: Office, line: str, words: str) -> None:
    await office.job("weekly-report")
    await office.ran("run weekly-report do=table")
    await office.ran("run weekly-report")
    assert words in await office.refused(line)


async def test_what_a_job_attaches_comes_with_its_result(office: Office) -> None:
    await office.job("weekly-report", attach=["csv"])
    await office.ran("run weekly-report do=table")
    view = await office.turns.look(lambda turn: views.of_batch(turn, 1))
    message = batches.status(view)
    assert [block.name for block in message.blocks if isinstance(block, File)] == ["weekly-report-1-days.csv"]
    assert [one.label for one in message.buttons] == ["Run again", "View", "CSV"]
