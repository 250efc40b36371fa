from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from adapters.agents.report import Report
from adapters.sources.sql import Sources
from core.definitions import AgentDefinition, JobDefinition, SourceDefinition, Version
from core.entries import (
    Answered,
    Asked,
    Charted,
    Checked,
    Entry,
    Headlined,
    Logged,
    Progressed,
    Queried,
    Returned,
    decode,
    encode,
)
from core.errors import AgentError, SourceError
from core.messages import unmarked
from core.ports import Source, Task

Kind = TypeVar("Kind")
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(
        """
        create table sales (campaign_id integer, day text, channel text, amount numeric);
        insert into sales values
            (42, '2026-03-01', 'search', 1200.5), (42, '2026-03-01', 'social', 300),
            (42, '2026-03-02', 'search', 900), (43, '2026-03-02', 'search', 12);
        """
    )
    connection.close()
    return tmp_path


TOTAL = {
    "name": "total",
    "ask": "What was the total?",
    "sql": "select coalesce(sum(amount), 0) as total from sales where campaign_id = :campaign_id",
}
REVENUE = {
    "name": "revenue",
    "sql": "select day, channel, sum(amount) as revenue from sales where campaign_id = :campaign_id "
    "and day >= :since group by 1, 2 order by 1, 2",
    "chart": {
        "type": "stacked_bar",
        "x": "day",
        "y": "revenue",
        "series": "channel",
        "title": "Revenue by day",
    },
}


class Remembering:
    """Opens real sources and remembers how often each was opened and closed."""

    def __init__(self, folder: Path) -> None:
        self._sources = Sources(folder)
        self.opened: list[str] = []
        self.closed = 0

    async def open(self, name: str, definition: SourceDefinition, environment: Mapping[str, str]) -> Source:
        source = await self._sources.open(name, definition, environment)
        self.opened.append(name)
        close = source.close

        async def closing() -> None:
            self.closed += 1
            await close()

        source.close = closing  # type: ignore[method-assign]
        return source


def task(folder: Path | Remembering, *questions: Mapping[str, Any], **given: Any) -> Task:
    parameters = given.pop("parameters", {"campaign_id": 42, "since": date(2026, 3, 1)})
    declared = given.pop("declared", {name: {} for name in parameters})
    sources = folder if isinstance(folder, Remembering) else Remembering(folder)
    job = JobDefinition.model_validate(
        {"agent": "analyst", "questions": questions, "parameters": declared, **given}
    )
    version = Version(
        name="weekly-report",
        job=job,
        agent=AgentDefinition(kind="report", source="shop"),
        sources={
            "shop": SourceDefinition(url="sqlite:///shop.db"),
            "other": SourceDefinition(url="sqlite:///no.db"),
        },
    )

    async def emit(entry: Entry) -> None:
        raise AssertionError("a report yields its entries")

    return Task(
        run_id="0197",
        label="#1.1",
        attempt=1,
        version=version,
        parameters=parameters,
        now=NOW,
        zone=ZoneInfo("Europe/Amsterdam"),
        deadline=timedelta(minutes=5),
        environment={},
        open_source=sources.open,
        emit=emit,
        lease_until=lambda: 0.0,
    )


async def run(work: Task) -> list[Entry]:
    return [entry async for entry in Report().run(work)]


async def failing(work: Task) -> tuple[list[Entry], AgentError]:
    entries = []
    try:
        async for entry in Report().run(work):
            entries.append(entry)
    except AgentError as error:
        return entries, error
    raise AssertionError("the report did not fail")


def of(entries: list[Entry], kind: type[Kind]) -> list[Kind]:
    return [entry for entry in entries if isinstance(entry, kind)]


async def test_a_report_tells_its_questions_queries_results_charts_and_answer_in_order(shop: Path) -> None:
    entries = await run(task(shop, REVENUE, TOTAL, summary="Brought *{{ total.total | number }}*."))
    assert [type(entry) for entry in entries] == [
        Progressed, Asked, Queried, Returned, Charted,
        Progressed, Asked, Queried, Returned, Headlined,
        Answered, Progressed,
    ]  # fmt: skip
    queried = of(entries, Queried)[0]
    assert queried.values == {"campaign_id": 42, "since": "2026-03-01"}
    assert queried.rows == 3
    assert queried.milliseconds > 0
    assert queried.source == "shop"
    returned = of(entries, Returned)[0]
    assert returned.columns == ("day", "channel", "revenue")
    assert returned.rows[0] == ("2026-03-01", "search", 1200.5)
    assert returned.formats == ("date", "text", "number")
    assert returned.title == "Revenue by day"
    chart = of(entries, Charted)[0]
    assert (chart.chart.type, chart.chart.x, chart.chart.y, chart.chart.series) == (
        "stacked_bar", "day", "revenue", "channel",
    )  # fmt: skip
    assert "Revenue by day" in chart.alt
    assert of(entries, Headlined) == [Headlined("Total", 2400.5, "number")]
    assert of(entries, Answered) == [Answered("Brought *2,400.5*.", marked=True)]
    assert [(one.text, one.done, one.total) for one in of(entries, Progressed)] == [
        ("question 1 of 2: revenue", 0, 2),
        ("question 2 of 2: total", 1, 2),
        ("done", 2, 2),
    ]


async def test_a_report_says_once_before_its_first_question_that_charts_are_to_come(shop: Path) -> None:
    announced: list[int] = []
    seen: list[Entry] = []
    report = Report(announce=lambda: announced.append(len(seen)))
    async for entry in report.run(task(shop, REVENUE, TOTAL)):
        seen.append(entry)
    assert of(seen, Charted)
    assert announced == [0]
    async for _ in report.run(task(shop, TOTAL)):
        pass
    assert announced == [0]


async def test_every_entry_of_a_report_can_be_kept_and_read_back(shop: Path) -> None:
    for entry in await run(task(shop, REVENUE, TOTAL)):
        if not isinstance(entry, Progressed):
            assert decode(*encode(entry)) == entry


async def test_a_source_is_opened_once_and_closed_at_the_end(shop: Path) -> None:
    sources = Remembering(shop)
    await run(task(sources, REVENUE, TOTAL))
    assert (sources.opened, sources.closed) == (["shop"], 1)


async def test_a_report_that_is_left_midway_closes_its_source(shop: Path) -> None:
    sources = Remembering(shop)
    working = Report().run(task(sources, REVENUE, TOTAL))
    async for entry in working:
        if isinstance(entry, Returned):
            break
    await working.aclose()  # type: ignore[attr-defined]
    assert (sources.opened, sources.closed) == (["shop"], 1)


async def test_without_a_summary_the_headline_numbers_are_the_answer(shop: Path) -> None:
    answer = of(await run(task(shop, REVENUE, TOTAL)), Answered)[0]
    assert answer == Answered("Total: *2,400.5*.", marked=True)


async def test_without_a_summary_and_numbers_the_rows_are_counted(shop: Path) -> None:
    answer = of(await run(task(shop, REVENUE, title="Weekly *report*")), Answered)[0]
    assert unmarked(answer.text) == "Weekly *report*: revenue (3 rows)."


@pytest.mark.parametrize(
    ("campaign", "op", "threshold", "passed", "detail"),
    [
        (43, "<", 1000, False, "Floor: total 12 is below 1,000."),
        (42, "<", 1000, True, "Floor: total 2,400.5 is not below 1,000."),
        (42, ">", 2000, False, "Floor: total 2,400.5 is above 2,000."),
        (43, "==", 12, False, "Floor: total 12 is equal to 12."),
        (43, ">=", 12, False, "Floor: total 12 is at or above 12."),
        (43, "<=", 11, True, "Floor: total 12 is not at or below 11."),
        (43, "!=", 12, True, "Floor: total 12 is not other than 12."),
    ],
)
async def test_a_threshold_is_told_in_a_sentence(
    shop: Path, campaign: int, op: str, threshold: float, detail: str, *, passed: bool
) -> None:
    question = {**TOTAL, "checks": [{"name": "Floor", "column": "total", "op": op, "threshold": threshold}]}
    entries = await run(task(shop, question, parameters={"campaign_id": campaign}))
    assert of(entries, Checked) == [Checked("Floor", "total", passed, "warning", detail)]


async def test_a_check_over_rows_names_the_worst_of_them(shop: Path) -> None:
    check = {"name": "Spike", "column": "revenue", "op": ">", "threshold": 500, "severity": "info"}
    entries = await run(task(shop, {**REVENUE, "checks": [check]}))
    told = of(entries, Checked)[0]
    assert told.passed is False
    assert told.detail == "Spike: revenue 1,200.5 is above 500 for day 2026-03-01 (2 of 3 rows)."


@pytest.mark.parametrize("sql", ["select 1 as total where 0", "select null as total", "select 'x' as total"])
async def test_a_check_without_a_number_is_neither_passed_nor_failed(shop: Path, sql: str) -> None:
    check = {"name": "Floor", "column": "total", "op": "<", "threshold": 5, "severity": "error"}
    entries = await run(task(shop, {"name": "total", "sql": sql, "checks": [check]}))
    assert of(entries, Checked)[0].passed is None


async def test_a_failed_check_of_severity_error_fails_the_run_after_its_answer(shop: Path) -> None:
    check = {"name": "Floor", "column": "total", "op": "<", "threshold": 9000, "severity": "error"}
    entries, error = await failing(task(shop, {**TOTAL, "checks": [check]}, REVENUE))
    assert len(of(entries, Answered)) == 1
    assert len(of(entries, Returned)) == 2
    assert "Floor: total 2,400.5 is below 9,000." in of(entries, Answered)[0].text
    assert error.sentence == "Floor: total 2,400.5 is below 9,000."
    assert error.permanent


async def test_a_check_of_an_unknown_column_says_what_there_is(shop: Path) -> None:
    check = {"name": "Floor", "column": "totl", "op": "<", "threshold": 9000}
    _, error = await failing(task(shop, {**TOTAL, "checks": [check]}))
    assert "looks at totl" in error.sentence
    assert error.hint == "Did you mean total?"
    assert error.permanent


async def test_a_failing_query_is_kept_with_its_error_and_fails_the_run(shop: Path) -> None:
    entries, error = await failing(task(shop, TOTAL, {"name": "broken", "sql": "select * from sale"}))
    queried = of(entries, Queried)[1]
    assert queried.rows is None
    assert "no such table: sale" in queried.error
    assert isinstance(error, SourceError)
    assert error.sentence == "The question broken: The source shop refused the query: no such table: sale."
    assert error.hint == "Did you mean sales?"
    assert error.permanent
    assert of(entries, Answered) == []


async def test_a_source_that_is_not_there_is_kept_and_may_be_tried_again(shop: Path) -> None:
    entries, error = await failing(task(shop, {**TOTAL, "source": "other"}))
    assert "does not exist: no.db" in of(entries, Queried)[0].error
    assert not error.permanent


async def test_a_source_that_the_job_does_not_name_is_told(shop: Path) -> None:
    _, error = await failing(task(shop, {**TOTAL, "source": "nowhere"}))
    assert "nowhere" in error.sentence
    assert error.permanent


async def test_only_parameters_of_the_job_can_be_bound(shop: Path) -> None:
    entries, error = await failing(task(shop, {"name": "x", "sql": "select :campain_id"}))
    assert error.sentence == "The question x uses :campain_id, which is no parameter of weekly-report."
    assert error.hint == "Did you mean :campaign_id?"
    assert error.permanent
    assert of(entries, Queried) == []


async def test_a_parameter_without_a_value_is_bound_as_nothing(shop: Path) -> None:
    work = task(
        shop, {"name": "x", "sql": "select :region as region"}, declared={"region": {}}, parameters={}
    )
    assert of(await run(work), Returned)[0].rows == ((None,),)


async def test_the_due_instant_can_be_bound(shop: Path) -> None:
    work = task(shop, {"name": "x", "sql": "select :due_at as a, :due_date as d"})
    work.due_at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    entries = await run(work)
    assert of(entries, Returned)[0].rows == (("2026-03-01T23:30:00+00:00", "2026-03-02"),)


async def test_a_secret_appears_in_no_value_answer_or_error(shop: Path) -> None:
    secret = {"token": {"secret": True}}
    work = task(
        shop,
        {"name": "x", "sql": "select length(:token) as n"},
        {"name": "y", "sql": "select * from json_each(:token)"},
        declared=secret,
        parameters={"token": "hunter2hunter2"},
        summary="{{ params.token }}",
    )
    entries, error = await failing(work)
    assert "hunter2" not in repr(entries) + str(error) + error.hint
    assert error.__cause__ is None
    work = task(
        shop,
        {"name": "x", "sql": "select length(:token) as n"},
        declared=secret,
        parameters={"token": "hunter2hunter2"},
        summary="token {{ params.token }}",
    )
    entries = await run(work)
    assert of(entries, Returned)[0].rows == ((14,),)
    assert "hunter2" not in repr(entries)


async def test_a_chart_of_an_unknown_column_is_noted_and_loses_no_result(shop: Path) -> None:
    chart = {"type": "bar", "x": "dya", "y": "revenue"}
    entries = await run(task(shop, {**REVENUE, "chart": chart}))
    assert of(entries, Charted) == []
    logged = of(entries, Logged)[0]
    assert logged.level == "warning"
    assert "no column dya; did you mean day?" in logged.text
    assert len(of(entries, Answered)) == 1


async def test_a_summary_that_cannot_be_written_fails_the_run_with_its_line(shop: Path) -> None:
    entries, error = await failing(task(shop, TOTAL, summary="one\n{{ total.totl }}"))
    assert error.sentence.startswith("Line 2 of the template")
    assert error.permanent
    assert len(of(entries, Returned)) == 1


async def test_a_summary_sees_checks_results_and_parameters(shop: Path) -> None:
    check = {"name": "Floor", "column": "total", "op": "<", "threshold": 9000}
    work = task(
        shop,
        {**TOTAL, "checks": [check]},
        summary="{% for c in checks if c.passed == false %}{{ c.detail }}{% endfor %} "
        "{{ params.campaign_id }} {{ results['total'].total }} {{ params.due_date }}",
    )
    answer = of(await run(work), Answered)[0]
    assert answer.text == "Floor: total 2,400.5 is below 9,000. 42 2400.5 2026-03-02"


async def test_a_truncated_result_says_so(shop: Path) -> None:
    sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) select i from n"
    returned = of(await run(task(shop, {"name": "many", "sql": sql})), Returned)[0]
    assert returned.truncated
    assert len(returned.rows) == 1_000
