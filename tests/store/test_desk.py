"""Every command, as people say it: what is answered, what is refused and why, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from core.commands import parse
from core.desk.visit import Outcome
from core.lifecycles import BatchState, Status
from core.store import tables
from core.store.database import Store
from tests.store.desk_rig import BOB, Office, buttons, said

REPORT = {
    "title": "Weekly report",
    "parameters": {
        "do": {"default": "ok"},
        "campaign_id": {"type": "integer", "min": 1},
        "note": {"default": "-"},
        "since": {"type": "date", "default": "-7d"},
    },
}


@pytest.fixture
async def office(store: Store) -> AsyncIterator[Office]:
    made = Office(store)
    await made.prepare()
    await made.open()
    yield made
    made.agent.gate.set()
    await made.close()


# run


async def test_a_run_is_acknowledged_with_its_number_and_a_way_to_cancel_it(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    reply = await office.done("/job run weekly-report campaign_id=42", BOB)
    assert reply.message.text.startswith("Bob started weekly-report · #1")
    assert not reply.private
    assert reply.posted
    assert buttons(reply) == ["cancel #1"]
    assert (await office.ended(1)).state is BatchState.SUCCEEDED
    assert office.agent.seen[0].parameters["campaign_id"] == 42


@pytest.mark.parametrize(
    "line",
    [
        "run weekly-report campaign_id=42",
        'run "weekly-report" campaign_id=42',
        "run “weekly-report” campaign_id=42",
        "run Weekly-Report campaign_id=42",
        'run "weekly report" campaign_id=42',
        "run weekly_report campaign_id=42",
        "run weekly campaign_id=42",
        "/job run weekly-report campaign_id='42'",
        "job RUN weekly-report campaign_id=42",
    ],
)
async def test_a_job_is_found_however_its_name_is_written(office: Office, line: str) -> None:
    await office.job("weekly-report", **REPORT)
    await office.job("daily-report", **REPORT)
    assert (await office.ran(line)).name == "weekly-report"


async def test_an_unknown_job_is_refused_with_whole_lines_that_would_work(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    reply = await office.say('/job run weekly-reprot campaign_id=42 note="a b"')
    assert reply.outcome is Outcome.REFUSED
    assert "There is no job called weekly-reprot." in said(reply.message)
    assert "Did you mean weekly-report?" in said(reply.message)
    [line] = buttons(reply)
    assert parse(line) == parse('run weekly-report campaign_id=42 note="a b"')
    assert (await office.ran(line)).state is BatchState.SUCCEEDED


async def test_an_ambiguous_name_is_refused_with_its_candidates(office: Office) -> None:
    await office.job("sales-emea")
    await office.job("sales-apac")
    reply = await office.say("run sales")
    assert "sales could be sales-apac or sales-emea." in said(reply.message)
    assert buttons(reply) == ["run sales-apac", "run sales-emea"]
    assert await office.count(tables.batches) == 0


async def test_a_job_is_found_by_its_id(office: Office) -> None:
    job = await office.job("nightly")
    assert (await office.ran(f"run {job[1]}")).name == "nightly"


async def test_a_missing_parameter_is_asked_for_by_a_form_with_what_was_given(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    reply = await office.say("run weekly-report note=hello")
    form = reply.message.form
    assert reply.outcome is Outcome.FORM
    assert form is not None
    assert form.command == "run weekly-report"
    fields = {one.name: one for one in form.fields}
    assert (fields["campaign_id"].kind, fields["campaign_id"].required) == ("integer", True)
    assert (fields["note"].value, fields["note"].required) == ("hello", False)
    assert fields["since"].value == "-7d"
    assert await office.count(tables.batches) == 0


async def test_a_wrong_type_beside_a_missing_value_is_told_at_its_field(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    reply = await office.say("run weekly-report since=10:30")
    assert reply.message.form is not None
    errors = {one.name: one.error for one in reply.message.form.fields}
    assert "10:30" in errors["since"]


async def test_a_time_stays_text_where_text_is_wanted_and_is_no_number(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=7 note=10:30")
    assert office.agent.seen[0].parameters["note"] == "10:30"
    refusal = await office.refused("run weekly-report campaign_id=10:30")
    assert "'campaign_id' wants a whole number, not 10:30" in refusal


async def test_every_mistake_in_the_values_is_told_at_once(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    refusal = await office.refused("run weekly-report campaign_id=0 since=whenever campain=1")
    for part in ("campaign_id", "since", "There is no parameter 'campain'. Did you mean 'campaign_id'?"):
        assert part in refusal
    assert await office.count(tables.batches) == 0


async def test_several_values_start_one_batch_of_runs(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    batch = await office.ran("run weekly-report campaign_id=42,43,50..52")
    assert batch.counts == {Status.SUCCEEDED: 5}
    shown = await office.done(f"show #{batch.number}")
    assert "5 of 5 succeeded" in said(shown.message)


async def test_a_job_that_runs_is_skipped_saying_since_when_and_by_whom(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    first = await office.done("run weekly-report campaign_id=1 do=wait", BOB)
    reply = await office.say("run weekly-report campaign_id=2")
    assert reply.outcome is Outcome.SKIPPED
    assert "weekly-report is still running: #1, started" in reply.message.text
    assert "by Bob" in reply.message.text
    assert buttons(reply) == ["show #1", "cancel #1"]
    office.agent.gate.set()
    assert first.batch == 1
    await office.ended(1)
    history = said((await office.done("history weekly-report")).message)
    assert "skipped" in history
    assert "#1 was still active" in history


async def test_run_with_a_number_runs_again_with_the_same_parameters(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    first = await office.ran("run weekly-report campaign_id=42 since=-3d")
    again = await office.ran(f"run #{first.number}", BOB)
    assert again.rerun_of == first.number
    [run] = await office.runs(again.number)
    assert run.parameters == {"do": "ok", "campaign_id": 42, "note": "-", "since": "-3d"}


async def test_running_again_takes_no_new_values(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=42")
    assert "takes no others" in await office.refused("run #1 campaign_id=43")


async def test_one_run_of_a_batch_is_run_again_alone(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=1..3")
    again = await office.ran("run #1.2")
    assert [run.parameters["campaign_id"] for run in await office.runs(again.number)] == [2]


async def test_a_list_stays_in_the_line_that_a_form_completes(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    reply = await office.say("run weekly-report note=a,b --note why")
    form = reply.message.form
    assert form is not None
    assert "note" not in {one.name for one in form.fields}
    batch = await office.ran(f"{form.command} campaign_id=42")
    assert {run.parameters["note"] for run in await office.runs(batch.number)} == {"a", "b"}


async def test_explicit_sets_with_something_missing_are_refused_not_cut(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    assert "'campaign_id' is required" in await office.refused("run weekly-report campaign_id=1 | note=x")


async def test_a_saved_set_starts_its_runs_and_what_is_typed_goes_before_it(office: Office) -> None:
    sets = {"emea": [{"campaign_id": 42}, {"campaign_id": 43, "note": "own"}]}
    await office.job("weekly-report", **REPORT, parameter_sets=sets)
    batch = await office.ran("run weekly-report @emea")
    assert [run.parameters["campaign_id"] for run in await office.runs(batch.number)] == [42, 43]
    batch = await office.ran("run weekly-report @emea note=typed")
    assert [run.parameters["note"] for run in await office.runs(batch.number)] == ["typed", "typed"]
    reply = await office.say("run weekly-report @emae")
    assert "has no parameter set @emae" in said(reply.message)
    assert buttons(reply) == ["run weekly-report @emea"]


async def test_a_dry_run_lists_and_starts_nothing(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    reply = await office.done("run weekly-report campaign_id=1..3 --dry-run")
    assert "This would start 3 runs of weekly-report; nothing was started." in said(reply.message)
    assert await office.count(tables.batches) == 0
    [line] = buttons(reply)
    assert (await office.ran(line)).total == 3


async def test_one_may_ask_to_wait_in_line_whatever_the_policy(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.done("run weekly-report campaign_id=1 do=wait")
    reply = await office.done("run weekly-report campaign_id=2 --queue")
    assert "Waiting behind #1." in said(reply.message)
    office.agent.gate.set()
    assert (await office.ended(2)).state is BatchState.SUCCEEDED


async def test_a_run_may_be_as_of_another_instant(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=1 --as-of 2026-01-01")
    assert [task.due_at for task in office.agent.seen] == [datetime(2026, 1, 1, tzinfo=UTC)]
    await office.refused("run weekly-report campaign_id=1 --as-of someday")
    assert await office.count(tables.batches) == 1


async def test_a_note_is_kept_for_the_record(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran('run weekly-report campaign_id=1 --note "month end"')
    [note] = [row.data for row in await office.rows(tables.audit) if row.action == "batch.note"]
    assert note == {"command": "run", "note": "month end"}


async def test_a_disabled_job_does_not_start(office: Office) -> None:
    job = await office.job("old")
    await office.turns.take(
        lambda turn: turn.connection.execute(
            tables.jobs.update().where(tables.jobs.c.pk == job[0]).values(enabled=False)
        )
    )
    assert "old is disabled" in await office.refused("run old")


# retry and cancel


async def test_retry_runs_again_what_did_not_succeed(office: Office) -> None:
    await office.job("weekly-report", **REPORT, overlap="allow")
    await office.ran("run weekly-report campaign_id=1,2 do=fail")
    await office.ran("run weekly-report campaign_id=3")
    again = await office.ran("retry #1.2")
    assert [run.parameters["campaign_id"] for run in await office.runs(again.number)] == [2]
    assert (await office.ran("retry #1")).total == 2
    assert "Nothing failed in #2." in await office.refused("retry #2")


async def test_retry_by_the_jobs_name_takes_its_latest_batch(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    assert "has not run yet" in await office.refused("retry weekly-report")
    await office.ran("run weekly-report campaign_id=1 do=fail")
    assert (await office.ran("retry weekly-report")).rerun_of == 1


async def test_what_still_runs_cannot_be_retried(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.done("run weekly-report campaign_id=1 do=wait")
    assert "#1 has not ended yet." in await office.refused("retry #1")


@pytest.mark.parametrize("target", ["#1", "1", "#1.1", "weekly-report"])
async def test_cancel_stops_it_and_says_so(office: Office, target: str) -> None:
    await office.job("weekly-report", **REPORT)
    await office.done("run weekly-report campaign_id=1 do=forever")
    await office.has_status(1, Status.RUNNING)
    reply = await office.done(f"cancel {target}", BOB)
    assert "Cancelling weekly-report" in reply.message.text
    assert (await office.ended(1)).state is BatchState.CANCELLED
    assert "Cancelled by Bob." in said((await office.done("status #1")).message)


async def test_what_has_ended_or_never_began_is_not_cancelled(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    assert "weekly-report is not running." in await office.refused("cancel weekly-report")
    await office.ran("run weekly-report campaign_id=1")
    assert "already ended" in await office.refused("cancel #1")
    assert "already ended" in await office.refused("cancel #1.1")


async def test_several_batches_are_cancelled_together_only_when_told_so(office: Office) -> None:
    await office.job("weekly-report", **REPORT, overlap="allow")
    for number in (1, 2):
        await office.done(f"run weekly-report campaign_id={number} do=wait")
    reply = await office.say("cancel weekly-report")
    assert "2 active batches: #2, #1" in said(reply.message)
    assert buttons(reply)[0] == "cancel weekly-report --yes"
    await office.done("cancel weekly-report --yes")
    for number in (1, 2):
        assert (await office.ended(number)).state is BatchState.CANCELLED


# looking


async def test_list_shows_each_job_with_what_it_did_last(office: Office) -> None:
    assert "There are no jobs yet." in said((await office.done("list")).message)
    await office.job("weekly-report", **REPORT)
    await office.job("nightly")
    await office.job("hourly", overlap="allow")
    await office.ran("run nightly do=fail")
    await office.done("run hourly do=wait")
    told = said((await office.done("list")).message)
    assert "3 jobs" in told
    assert "weekly-report Weekly report never ran" in told
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


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("show #7", "There is no run #7 here."),
        ("status 7", "There is no run #7 here."),
        ("show #1.9", "#1 has 1 run; there is no #1.9."),
        ("cancel #7", "There is no run #7 here."),
        ("show nothing", "There is no job called nothing."),
        ("history wekly-report", "Did you mean weekly-report?"),
        ("history status=failt", "No batch can be failt."),
        ("help rnu", "Did you mean run?"),
        ("rnu weekly-report", "run weekly-report"),
        ("", ""),
    ],
)
async def test_what_is_not_there_is_refused_with_a_way_on(office: Office, line: str, sentence: str) -> None:
    await office.job("weekly-report", **REPORT)
    await office.ran("run weekly-report campaign_id=1")
    if not line:
        assert "1 job here, nothing running or waiting" in said((await office.done(line)).message)
        return
    reply = await office.say(line)
    assert reply.outcome is Outcome.REFUSED
    assert reply.private
    assert sentence in said(reply.message)
    for button in buttons(reply):
        parse(button)


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
