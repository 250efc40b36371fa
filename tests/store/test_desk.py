"""run, retry, cancel as people say them: what is answered, what is refused and why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.commands import parse
from core.desk.visit import Outcome
from core.lifecycles import BatchState, Status
from core.store import tables
from tests.store.desk_rig import BOB, REPORT, Office, buttons, said

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


async def test_a_job_is_found_however_its_name_is_written(office: Office) -> None:
    await office.job("weekly-report", **REPORT)
    await office.job("daily-report", **REPORT)
    for line in (
        "run weekly-report campaign_id=42",
        'run "weekly-report" campaign_id=42',
        "run “weekly-report” campaign_id=42",
        "run Weekly-Report campaign_id=42",
        'run "weekly report" campaign_id=42',
        "run weekly_report campaign_id=42",
        "run weekly campaign_id=42",
        "/job run weekly-report campaign_id='42'",
        "job RUN weekly-report campaign_id=42",
    ):
        assert (await office.ran(line)).name == "weekly-report", line


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
    assert buttons(reply) == ["show #1", "cancel #1", "run weekly-report campaign_id=2 --queue"]
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
