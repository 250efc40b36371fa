"""The demo's workspace: its files are right, every query runs on the shop, and the outcomes are as told."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.agents.command import Command
from adapters.agents.guards import boottime
from adapters.agents.report import Report
from adapters.sources.sql import Sources
from bot.demo import data
from core import jobfiles, parameters
from core.definitions import Version
from core.entries import Answered, Charted, Checked, Entry, Headlined, Progressed, Queried, Returned
from core.errors import AgentError
from core.ports import Task

WORKSPACE = Path(data.__file__).parent / "workspace"
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "workspace"
    shutil.copytree(WORKSPACE, folder)
    (folder / "refresh.py").chmod(0o755)
    data.make(folder / "shop.db", today=date(2026, 3, 4))
    return folder


@pytest.fixture
def scripts(home: Path) -> Iterator[Command]:
    made = Command([home / "refresh.py"], folder=home)
    yield made
    made.close()


def task(home: Path, job: str, **given: str) -> Task:
    workspace = jobfiles.read(home)
    definition = workspace.jobs[job]
    agent = workspace.agents[definition.agent]
    bound = parameters.bind(definition.parameters, given, now=NOW, zone=UTC_ZONE)

    async def emit(entry: Entry) -> None:
        raise AssertionError(f"said on the side: {entry}")

    return Task(
        run_id="demo",
        label="#1",
        attempt=1,
        version=Version(name=job, job=definition, agent=agent, sources=workspace.sources),
        parameters=parameters.settle(definition.parameters, bound, now=NOW, zone=UTC_ZONE),
        now=NOW,
        zone=UTC_ZONE,
        deadline=timedelta(minutes=1),
        environment=os.environ,
        open_source=Sources(home).open,
        emit=emit,
        lease_until=lambda: boottime() + 30,
    )


async def run(agent: Report | Command, asked: Task, said: list[Entry]) -> list[Entry]:
    entries: AsyncIterator[Entry] = agent.run(asked)
    async with aclosing(entries) as each:  # type: ignore[type-var]
        async for entry in each:
            said.append(entry)
    return said


def of(kind: type[Any], said: list[Entry]) -> list[Any]:
    return [entry for entry in said if isinstance(entry, kind)]


def test_every_file_is_right_and_small() -> None:
    assert jobfiles.examine(WORKSPACE).mistakes == ()
    assert all(file.stat().st_size < 200_000 for file in WORKSPACE.rglob("*") if file.is_file())
    assert (WORKSPACE / "refresh.py").stat().st_mode & 0o100


async def test_the_main_report_is_worth_showing(home: Path) -> None:
    said = await run(Report(), task(home, "weekly-report", campaign_id="42"), [])
    assert [one.name for one in of(Headlined, said)] == ["Revenue", "Orders", "Spend", "ROAS"]
    assert all(one.passed for one in of(Checked, said))
    charts = of(Charted, said)
    assert charts[0].chart.type == "stacked_bar"
    assert len({row[0] for row in charts[0].chart.rows}) == 7
    tables = {one.name: one for one in of(Returned, said)}
    assert len(tables["best_sellers"].rows) == 5
    answer = of(Answered, said)[-1].text
    assert answer.startswith("*City bikes* (campaign 42) brought *€")
    assert "against the days before" in answer
    assert max(one.milliseconds for one in of(Queried, said)) < 500


@pytest.mark.parametrize(
    ("campaign", "answer"),
    [
        ("49", "*Loyalty pilot* (campaign 49) has no data since 25 Feb 2026."),
        ("48", "*Night rides* (campaign 48) has no data since 25 Feb 2026."),
        ("999", "There is no campaign 999."),
    ],
)
async def test_a_campaign_without_data_is_told_in_a_sentence(home: Path, campaign: str, answer: str) -> None:
    said = await run(Report(), task(home, "weekly-report", campaign_id=campaign), [])
    assert of(Answered, said)[-1].text == answer


@pytest.mark.parametrize("region", ["EU", "US", "APAC"])
@pytest.mark.parametrize("campaign", [str(number) for number in range(40, 48)])
async def test_every_living_campaign_has_a_report_in_every_region(
    home: Path, campaign: str, region: str
) -> None:
    asked = task(home, "weekly-report", campaign_id=campaign, region=region, since="-30d")
    answer = of(Answered, await run(Report(), asked, []))[-1].text
    assert f"(campaign {campaign}) brought *€" in answer
    assert "None" not in answer


async def test_the_budget_check_fails_for_exactly_one_campaign(home: Path) -> None:
    failed = {}
    for number in range(40, 50):
        said: list[Entry] = []
        try:
            await run(Report(), task(home, "budget-check", campaign_id=str(number)), said)
        except AgentError as error:
            failed[number] = error.sentence
        assert of(Answered, said), number
    assert list(failed) == [45]
    assert failed[45].startswith("Over budget: ")


async def test_the_other_reports_answer(home: Path) -> None:
    compared = await run(Report(), task(home, "campaign-compare"), [])
    assert "Best was *City bikes*" in of(Answered, compared)[-1].text
    early = await run(Report(), task(home, "campaign-compare", since="2026-03-04"), [])
    assert of(Answered, early)[-1].text == "Nothing was sold since 04 Mar 2026."
    for channel in data.CHANNELS:
        said = await run(Report(), task(home, "channel-trend", channel=channel), [])
        assert len(of(Charted, said)[0].chart.rows) == 23
        assert "None" not in of(Answered, said)[-1].text


async def test_refreshing_adds_up_the_same_numbers_and_tells_its_progress(
    home: Path, scripts: Command
) -> None:
    def sales() -> list[Any]:
        with closing(sqlite3.connect(home / "shop.db")) as shop:
            return shop.execute("select * from sales").fetchall()

    before = sales()
    said = await run(scripts, task(home, "refresh-numbers", pause="0.1"), [])
    assert sales() == before
    assert of(Progressed, said)[-1] == Progressed("done", 10, 10)
    assert [one.name for one in of(Headlined, said)] == ["Revenue", "Orders", "Refunded"]
    assert len(of(Returned, said)[0].rows) == 10
    assert of(Charted, said)[0].chart.x == "campaign"
    assert "orders* of 10 campaigns were added up" in of(Answered, said)[-1].text
