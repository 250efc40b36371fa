"""csv: the whole tables of a run as files."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from core import views
from core.desk.desk import Desk
from core.errors import Fault
from core.messages import Document, Facts, File, Table
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


async def test_all_of_a_run_comes_as_a_pdf_set_after_the_turn(office: Office) -> None:
    await office.job("weekly-report", title="Weekly report")
    await office.ran("run weekly-report do=table")
    seen: list[Document] = []

    async def pages(document: Document) -> bytes:
        seen.append(document)
        if len(seen) > 1:
            raise Fault("The PDF could not be made: it takes longer than 15 seconds.")
        return b"%PDF-"

    office.desk = Desk(office.turns, office.vault, zone=ZoneInfo("UTC"), pages=pages)
    [file] = files(await office.done("csv #1 --pdf"))
    assert (file.name, file.media_type, file.data) == ("weekly-report-1.pdf", "application/pdf", b"%PDF-")
    assert file.document is None
    [document] = seen
    assert (document.message.title, document.foot) == ("Weekly report", "weekly-report · #1")
    assert document.message.text == "Succeeded · weekly-report · #1"
    facts = dict(one for block in document.message.blocks if isinstance(block, Facts) for one in block.items)
    assert facts["do"] == "table"
    assert {"started by", "started", "took", "version"} <= set(facts)
    assert [one.title for one in document.message.blocks if isinstance(one, Table)] == ["total", "days"]
    reply = await office.done("csv #1 --pdf")
    assert files(reply) == []
    assert "it takes longer than 15 seconds" in str(reply.message.blocks)


@pytest.mark.parametrize(
    ("line", "words"),
    [("csv #1 days --pdf", "all of a run"), ("csv #2 --pdf", "say which"), ("csv #3 --pdf", "not ended yet")],
)
async def test_what_cannot_be_a_pdf_is_refused(office: Office, line: str, words: str) -> None:
    await office.job("weekly-report", overlap={"policy": "allow"})
    await office.ran("run weekly-report do=table")
    await office.ran("run weekly-report do=table,ok")
    await office.done("run weekly-report do=wait")
    assert words in (await office.say(line)).message.text
