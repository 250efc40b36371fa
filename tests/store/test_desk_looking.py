"""list, show, history, status, help, next; redeliveries; and what is kept of a request."""

from __future__ import annotations

import asyncio

import pytest

from core.commands import parse
from core.desk.visit import Outcome
from core.messages import Table
from core.store import tables
from tests.store.desk_rig import BOB, REPORT, Office, buttons, said


async def test_list_shows_each_job_with_what_it_did_last(office: Office) -> None:
    assert "There are no jobs yet." in said((await office.done("list")).message)
    await office.job("weekly-report", **REPORT)
    await office.job("nightly")
    await office.job("hourly", overlap="allow")
    await office.ran("run nightly do=fail")
    await office.done("run hourly do=wait")
    told = said((await office.done("list")).message)
    assert "3 jobs" in told
    assert "weekly-report Weekly report never" in told
    assert "nightly  failed" in told
    assert "hourly  running #2" in told
    assert "1 job matching night" in said((await office.done("list night")).message)
    assert "No job matches zebra." in said((await office.done("list zebra")).message)


async def test_a_long_list_has_pages(office: Office) -> None:
    for number in range(12):
        await office.job(f"job-{number:02}")
    first, second = await office.done("list"), await office.done("list page=2")
    assert "list page=2" in buttons(first)
    assert "job-11" in said(second.message)
    assert "job-01" not in said(second.message)


async def test_show_tells_of_a_job_and_how_to_run_it(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    told = said((await office.done("show weekly-report")).message)
    assert "/job run weekly-report [do=…] campaign_id=… [note=…] [since=…]" in told
    assert "campaign_id integer required" in told


async def test_show_tells_of_a_batch_one_run_and_an_id(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=8,9")
    run = (await office.runs(1))[1]
    for target in ("#1.2", run.id):
        told = said((await office.done(f"show {target}")).message)
        assert "Succeeded: Weekly report · #1.2" in told
        assert "campaign_id: 9" in told
        assert "done" in told
    assert "2 of 2 succeeded" in said((await office.done("show #1")).message)


async def test_what_is_not_there_is_refused_with_a_way_on(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=1")
    for line, sentence in (
        ("show #7", "There is no run #7 here."),
        ("status 7", "There is no run #7 here."),
        ("show #1.9", "#1 has 1 run; there is no #1.9."),
        ("cancel #7", "There is no run #7 here."),
        ("show nothing", "There is no job called nothing."),
        ("history wekly-report", "Did you mean weekly-report?"),
        ("history status=failt", "No batch can be failt."),
        ("help rnu", "Did you mean run?"),
        ("rnu weekly-report", "run weekly-report"),
    ):
        reply = await office.say(line)
        assert reply.outcome is Outcome.REFUSED, line
        assert reply.private
        assert sentence in said(reply.message), line
        for button in buttons(reply):
            parse(button)


async def test_an_empty_line_is_answered_with_what_is_here(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    assert "1 job here, nothing running or waiting" in said((await office.done("")).message)


async def test_history_is_newest_first_in_pages_and_by_state(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.job("nightly")
    assert "Nothing has run yet" in said((await office.done("history")).message)
    await office.ran("run nightly do=fail")
    for number in range(11):
        await office.ran(f"run weekly-report campaign_id={number + 1}")
    first = await office.done("history")
    assert said(first.message).index("#12") < said(first.message).index("#11")
    assert "history page=2" in buttons(first)
    assert "#1 nightly failed" in said((await office.done("history page=2")).message)
    failed = said((await office.done("history status=failed")).message)
    assert "#1 nightly failed" in failed
    assert "weekly-report" not in failed
    assert "no page 9" in said((await office.done("history page=9")).message)


async def test_status_tells_what_runs_and_what_waits(office: Office) -> None:
    assert "Nothing runs or waits now." in said((await office.done("status")).message)
    await office.job("weekly-report", **REPORT, overlap="queue")
    await office.done("run weekly-report campaign_id=1 do=wait", BOB)
    await office.done("run weekly-report campaign_id=2")
    told = said((await office.done("status")).message)
    assert "2 batches running or waiting" in told
    assert "#1 weekly-report running Bob" in told
    assert "Waiting behind #1." in said((await office.done("status #2")).message)
    assert "#2 weekly-report waiting" in said((await office.done("status weekly-report")).message)


async def test_help_lists_what_works_and_explains_one(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    told = said((await office.done("help")).message)
    assert "`run JOB [name=value]`: Run a job now" in told
    assert "weekly-report" in told
    assert "/job run weekly-report campaign_id=42" in said((await office.done("help run")).message)


async def test_next_reads_an_expression_back_with_its_instants(office: Office) -> None:
    told = said((await office.done("next every weekday at 8 timezone=Europe/Amsterdam count=3")).message)
    assert "08:00" in told
    assert "Europe/Amsterdam" in told
    assert "No such time zone" not in told
    assert "Europe/Amsterdam" in await office.refused("next every weekday at 8 timezone=Europe/Amsterdm")
    await office.refused("next 61 * * * *")


# redelivery


async def test_a_redelivery_gets_the_first_answer_and_starts_nothing(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    first = await office.say("run weekly-report campaign_id=42", key="envelope-1")
    await office.ended(1)
    again = await office.say("run weekly-report campaign_id=42", key="envelope-1")
    assert (again.batch, again.outcome) == (first.batch, Outcome.DONE)
    assert "#1" in again.message.text
    assert await office.count(tables.batches) == 1
    assert (await office.audit()).count("batch.start") == 1


async def test_a_redelivered_change_is_answered_as_before(office: Office) -> None:
    await office.say("help", BOB)
    first = await office.say("role Bob editor", key="e")
    again = await office.say("role Bob editor", key="e")
    assert again.message.text == first.message.text == "Bob is now editor."
    assert (await office.audit()).count("member.role") == 1


async def test_racing_redeliveries_start_one_batch_with_one_message(office: Office) -> None:
    await office.job("weekly-report", **REPORT, overlap="allow")
    replies = await asyncio.gather(
        *(office.say("run weekly-report campaign_id=42", BOB, key="envelope-1") for _ in range(8))
    )
    assert {reply.batch for reply in replies} == {replies[0].batch}
    assert {reply.outcome for reply in replies} == {Outcome.DONE}
    await office.ended(replies[0].batch or 0)
    for table in (tables.batches, tables.runs, tables.requests, tables.deliveries):
        assert await office.count(table) == 1, table.name
    assert (await office.audit()).count("batch.start") == 1
    assert (await office.audit()).count("member.met") == 2


async def test_different_requests_racing_for_a_job_start_it_once(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    replies = await asyncio.gather(
        *(office.say("run weekly-report campaign_id=42 do=wait", BOB) for _ in range(8))
    )
    outcomes = sorted(reply.outcome for reply in replies)
    assert outcomes == [Outcome.DONE] + [Outcome.SKIPPED] * 7
    assert office.agent.most_open <= 1


# what is kept


async def test_every_start_and_change_leaves_an_audit_row(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.done("run weekly-report campaign_id=1 do=forever", BOB)
    await office.say("run weekly-report campaign_id=2", BOB)
    await office.done("cancel #1")
    await office.done("role Bob editor")
    assert await office.audit() == [
        "member.met",
        "member.met",
        "batch.start",
        "batch.skip",
        "batch.cancel",
        "member.role",
    ]
    members = {row.pk: row.name for row in await office.rows(tables.members)}
    by = [members[row.member] for row in await office.rows(tables.audit)]
    assert by == ["Alice", "Bob", "Bob", "Bob", "Alice", "Alice"]


async def test_a_refused_request_leaves_no_row_half_made(office: Office) -> None:
    await office.job("weekly-report", **REPORT, access={"run": "admin"})
    await office.say("help", BOB)
    kept = [tables.requests, tables.batches, tables.runs, tables.locks, tables.deliveries, tables.audit]
    before = [await office.count(table) for table in kept]
    for line in ("run weekly-report campaign_id=1", "run weekly-report", "run weekly-report campaign_id=x"):
        await office.refused(line, BOB)
    await office.refused("run weekly-report campaign_id=x")
    await office.refused("cancel #9")
    await office.refused("role Bob king")
    assert [await office.count(table) for table in kept] == before


async def test_the_text_of_a_request_is_erased_once_it_is_answered(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=42 note=distinctive")
    [request] = await office.rows(tables.requests)
    assert request.text is None
    assert request.answer["batch"] == 1


async def test_a_fault_of_the_bot_is_told_by_a_reference_only(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inner detail")

    monkeypatch.setattr("core.jobs.find", broken)
    reply = await office.say("run weekly-report")
    assert reply.outcome is Outcome.REFUSED
    assert "inner detail" not in said(reply.message)
    reference = reply.message.text.split("reference ")[1][:8]
    assert any(getattr(record, "reference", "") == reference for record in caplog.records)


# one question of a run


async def test_one_question_is_shown_alone(office: Office) -> None:
    await office.job("weekly-report")
    await office.ran("run weekly-report do=table")
    whole = said((await office.done("show #1")).message)
    assert "Tue 2" in whole
    reply = await office.done("show #1 TOTAL")
    told = said(reply.message)
    assert "Tue 2" not in told
    assert "total of weekly-report" in told
    assert [one.rows for one in reply.message.blocks if isinstance(one, Table)] == [((3,),)]
    assert buttons(reply) == ["csv #1 total", "show #1"]


async def test_a_long_answer_is_shown_page_by_page(office: Office) -> None:
    await office.job("weekly-report")
    await office.ran("run weekly-report do=long")
    reply = await office.done("show #1 many")
    assert "show #1 many page=2" in buttons(reply)
    reply = await office.done("show #1 many page=3")
    (table,) = [one for one in reply.message.blocks if isinstance(one, Table)]
    assert (table.rows[0], table.rows[-1], table.total_rows) == ((100,), (119,), 120)
    assert "has 3 pages" in await office.refused("show #1 many page=4")


@pytest.mark.parametrize(
    ("line", "told", "suggested"),
    [
        ("show #1 totl", "Did you mean total?", "show #1 total"),
        ("show #2 total", "say which", "show #2.1 total"),
        ("show weekly-report total", "belongs to a run", "history weekly-report"),
        ("show #1 revenue", "Its questions are total, days.", "show #1"),
    ],
)
async def test_a_question_that_there_is_not_is_refused_with_the_nearest(
    office: Office, line: str, told: str, suggested: str
) -> None:
    await office.job("weekly-report")
    await office.ran("run weekly-report do=table")
    await office.ran("run weekly-report do=table,ok")
    reply = await office.say(line)
    assert reply.outcome is Outcome.REFUSED
    assert told in said(reply.message)
    assert buttons(reply)[0] == suggested
