"""What is said of batches: outcome first, whole sentences, nothing that people cannot use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.batches import Batch, Trigger
from core.definitions import AgentDefinition, JobDefinition, Version
from core.entries import Attached, Charted, Checked, Failed, Headlined, Kept, Record, Returned
from core.jobs import Job
from core.lifecycles import BatchState, Status
from core.messages import ChartData, Code, File, Image, Message, Paragraph, Recorded
from core.runs import Run
from core.views import BatchView
from core.wording import batches, results

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def run(index: int = 1, status: Status = Status.FAILED, **fields: Any) -> Run:
    values: dict[str, Any] = {
        "pk": index,
        "id": f"run-{index}",
        "batch": 128,
        "index": index,
        "version": 1,
        "parameters": {"campaign_id": 41 + index},
        "status": status,
        "reason": "it fell",
        "attempt": 1,
        "step": "",
        "not_before": None,
        "due_at": None,
        "cancel_requested_at": None,
        "created_at": NOW - timedelta(minutes=3),
        "started_at": NOW - timedelta(minutes=3),
        "ended_at": NOW,
    }
    return Run(**(values | fields))


def view(*runs: Run, state: BatchState = BatchState.FAILED, **entries: list[Kept]) -> BatchView:
    job = JobDefinition.model_validate({"agent": "a", "title": "Weekly report", "retry": {"attempts": 3}})
    version = Version(name="weekly-report", job=job, agent=AgentDefinition(kind="report"))
    counts: dict[Status, int] = {}
    for one in runs:
        counts[one.status] = counts.get(one.status, 0) + 1
    return BatchView(
        batch=Batch(
            number=128,
            id="batch-128",
            organization=1,
            job=1,
            job_id="job",
            name="weekly-report",
            version=1,
            state=state,
            reason="",
            trigger=Trigger.CHAT,
            member=7,
            channel=1,
            total=len(runs),
            created_at=NOW - timedelta(minutes=4),
            started_at=NOW - timedelta(minutes=3),
            ended_at=NOW if state.ended else None,
            due_at=None,
            cancelled_by=None,
            rerun_of=None,
            counts=counts,
        ),
        job=Job(1, "job", 1, "weekly-report", "file", "slashjob.yml", True, 1, 1, version, None, None, ""),
        version=version,
        version_number=1,
        runs=runs,
        records={
            one.pk: [
                Record(number, one.attempt, entry, NOW)
                for number, entry in enumerate(entries.get(f"of_{one.index}", []), start=1)
            ]
            for one in runs
        },
        names={7: "Ana"},
        now=NOW,
    )


def texts(message: Message) -> list[str]:
    return [block.text for block in message.blocks if isinstance(block, Paragraph | Code)]


FAILURE = Failed("The source shop is down.", hint="Try again in a minute.", detail="connection refused")


@pytest.mark.parametrize("write", [batches.alert, batches.status, batches.shown])
def test_a_failure_says_why_what_helps_and_what_was_last_said(write: Any) -> None:
    message = write(view(run(), of_1=[FAILURE]))
    assert message.text.startswith("Failed: Weekly report · #128")
    assert [FAILURE.sentence, FAILURE.hint, FAILURE.detail] == texts(message)[:3]


@pytest.mark.parametrize("write", [batches.alert, batches.status])
def test_a_bare_reason_becomes_a_sentence(write: Any) -> None:
    message = write(view(run(status=Status.LOST, reason="its worker host:1 died")))
    assert message.title.startswith("Lost: Weekly report · #128")
    assert "Its worker host:1 died." in texts(message)


def test_the_alert_of_one_run_runs_it_again_and_of_many_what_failed() -> None:
    [again, _] = batches.alert(view(run())).buttons
    assert (again.label, again.command) == ("Run again", "run #128")
    many = view(run(1), run(2), run(3, Status.SUCCEEDED), state=BatchState.PARTLY_FAILED)
    message = batches.alert(many)
    assert message.text == "Failed: 2 of 3 runs of Weekly report · #128"
    assert (message.buttons[0].label, message.buttons[0].command) == ("Run failed again", "retry #128")


def test_the_message_says_which_attempt_failed_while_another_is_awaited() -> None:
    waiting = run(status=Status.WAITING, ended_at=None, reason="")
    message = batches.status(view(waiting, state=BatchState.ACTIVE, of_1=[FAILURE]))
    assert texts(message) == ["Attempt 1 of 3 did not succeed. The source shop is down."]


@pytest.mark.parametrize(
    ("truncated", "said"), [(True, ["There was more: the source stopped after 2 rows."]), (False, [])]
)
def test_a_result_that_was_cut_says_so(truncated: bool, said: list[str]) -> None:
    returned = Returned("days", ("day", "revenue"), (("Mon", 1), ("Tue", 2)), truncated)
    found = results.blocks([returned])
    assert [block.text for block in found if isinstance(block, Paragraph)] == said


def test_charts_tables_and_files_know_the_entry_that_they_show() -> None:
    rows = (("Mon", 12.5), ("Tue", 3))
    days = Returned("days", ("day", "revenue"), (rows[0], rows[1]))
    chart = ChartData("bar", ("day", "revenue"), rows, x="day", y="revenue")
    entries: list[Kept] = [
        Returned("other", ("day", "revenue"), (("Mon", 12.5), ("Tue", 3))),
        days,
        Charted("days", chart, "Monday 12.5"),
        Attached("plan.pdf", "application/pdf", "ab/abcd", 3),
    ]
    records = [Record(number, 1, entry) for number, entry in enumerate(entries, start=1)]
    blocks = [*results.blocks(entries, whole=True), results.csv(days, "report", "#128")]
    found = results.recorded(blocks, "run-1", records)
    known = [one.recorded for one in found if isinstance(one, Image | File)]
    assert known == [Recorded("run-1", 3), Recorded("run-1", 4), Recorded("run-1", 2)]
    unknown = results.recorded([File("x.csv", "text/csv", text="1")], "run-1", records)
    assert [one.recorded for one in unknown if isinstance(one, File)] == [None]


def test_a_failed_check_that_was_the_reason_is_not_said_twice() -> None:
    check = Checked("Over budget", "budget", False, "error", "Over budget: used 119.8 is above 100.")
    other = Checked("Low", "budget", False, "warning", "Low: 3 is below 5.")
    failed = run()
    message = batches.status(view(failed, of_1=[check, other, Failed(check.detail)]))
    assert texts(message) == [check.detail, f"Warning: {other.detail}"]


def test_a_page_of_a_run_shows_a_number_once() -> None:
    headline = Headlined("revenue", 12.5)
    entries: list[Kept] = [
        headline,
        Returned("total", ("revenue",), ((12.5,),)),
        Charted("total", ChartData("number", ("revenue",), ((12.5,),), y="revenue"), "12.5"),
        Returned("days", ("day", "revenue"), (("Mon", 12.5),)),
    ]
    found = results.blocks(entries, whole=True)
    assert [type(block).__name__ for block in found] == ["Headlines", "Table"]
    assert [type(block).__name__ for block in results.blocks(entries[1:2], whole=True)] == ["Table"]


def test_the_text_of_work_under_way_says_where_it_is() -> None:
    going = run(status=Status.RUNNING, ended_at=None, step="5 of 10 campaigns")
    message = batches.status(view(going, state=BatchState.ACTIVE))
    assert message.title == "Ana started weekly-report · #128"
    assert message.text == "Ana started weekly-report · #128 · Running: 5 of 10 campaigns"
