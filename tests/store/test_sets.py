"""Parameter sets: saved in chat or in a file, run by name or all together, by hand and by a schedule."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.desk.visit import Outcome
from core.lifecycles import BatchState
from core.store import tables
from tests.store.desk_rig import BOB, Office, buttons, said

REPORT: dict[str, Any] = {
    "parameters": {
        "do": {"default": "ok"},
        "campaign_id": {"type": "integer"},
        "region": {"choices": ["EU", "US"], "default": "EU"},
        "since": {"type": "date", "default": "-7d"},
        "token": {"secret": True, "default": None},
    }
}
PLAIN = {"parameters": {name: one for name, one in REPORT["parameters"].items() if name != "token"}}
FILE = {"parameter_sets": {"file-one": [{"campaign_id": 7}, {"campaign_id": 8, "region": "US"}]}}


async def ids(office: Office, batch: int) -> list[Any]:
    return [run.parameters["campaign_id"] for run in await office.runs(batch)]


async def test_a_set_is_saved_shown_and_run(office: Office) -> None:
    await office.job("report", **PLAIN)
    assert "has no saved parameter sets" in said((await office.done("sets report", BOB)).message)
    reply = await office.done("sets report emea campaign_id=42,43 since=-3d")
    assert "Saved @emea of report: 2 runs." in said(reply.message)
    assert buttons(reply) == ["run report @emea"]
    told = said((await office.done("sets report", BOB)).message)
    assert "@emea 42 -3d chat" in told
    assert "@emea 43 -3d chat" in told
    batch = await office.ran("run report @emea", BOB)
    assert await ids(office, batch.number) == [42, 43]
    assert {run.parameters["since"] for run in await office.runs(batch.number)} == {"-3d"}
    assert "set.save" in await office.audit()


async def test_saving_again_replaces_and_removing_forgets(office: Office) -> None:
    await office.job("report", **PLAIN)
    await office.done("sets report emea campaign_id=1")
    await office.done("sets report emea campaign_id=2..4 region=EU,US")
    assert (await office.ran("run report @emea")).total == 6
    assert await office.count(tables.parameter_sets) == 1
    await office.done("sets report @emea --remove")
    assert await office.count(tables.parameter_sets) == 0
    assert "has no parameter set @emea" in await office.refused("run report @emea")
    assert "has no parameter set @emea" in await office.refused("sets report emea --remove")


async def test_all_is_every_set_of_file_and_chat(office: Office) -> None:
    await office.job("report", **PLAIN, **FILE)
    assert await ids(office, (await office.ran("run report @all")).number) == [7, 8]
    await office.done("sets report chat-one campaign_id=9")
    reply = await office.done("sets report")
    assert "report has 2 parameter sets, 3 runs together." in said(reply.message)
    assert buttons(reply)[-1] == "run report @all"
    assert await ids(office, (await office.ran("run report @all region=US")).number) == [9, 7, 8]
    await office.job("bare", **PLAIN)
    assert "bare has no parameter sets." in await office.refused("run bare @all")


async def test_a_set_of_a_file_is_not_changed_in_chat(office: Office) -> None:
    job = await office.job("report", **PLAIN, **FILE)
    await office.turns.take(
        lambda turn: turn.connection.execute(
            tables.jobs.update().where(tables.jobs.c.pk == job[0]).values(file="jobs/report.yml")
        )
    )
    for line in ("sets report file-one campaign_id=1", "sets report file-one --remove"):
        assert "The set @file-one of report stands in jobs/report.yml." in await office.refused(line)
    assert "@file-one 7  jobs/report.yml" in said((await office.done("sets report file-one")).message)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("sets report emea campaign_id=x", "'campaign_id' wants a whole number"),
        ("sets report emea campain_id=1", "Did you mean 'campaign_id'?"),
        ("sets report emea region=Asia", "'region' is one of EU, US"),
        ("sets report campaign_id=1", "A set needs a name"),
        ("sets report all campaign_id=1", "@all stands for every set"),
        ('sets report "a b" campaign_id=1', "No set can be called a b"),
        ("sets report --remove", "--remove needs the name of one set"),
        ("sets report nothing", "report has no set @nothing."),
        ("sets report emea campaign_id=1..500", "at most 200"),
        ("sets report emea campaign_id=1 token=hush", "'token' is secret: it is not saved in a set."),
        ("sets nothing emea campaign_id=1", "There is no job called nothing."),
    ],
)
async def test_what_cannot_be_saved_is_refused_with_its_reason(
    office: Office, line: str, sentence: str
) -> None:
    await office.job("report", **REPORT)
    assert sentence in await office.refused(line)
    assert "hush" not in await office.everything()
    assert await office.count(tables.parameter_sets) == 0


async def test_only_editors_save_and_remove(office: Office) -> None:
    await office.job("report", **PLAIN)
    assert "Only an editor can save" in await office.refused("sets report emea campaign_id=1", BOB)
    await office.done("sets report emea campaign_id=1")
    assert "Only an editor can remove" in await office.refused("sets report emea --remove", BOB)


async def test_a_near_name_is_offered_as_a_whole_line(office: Office) -> None:
    await office.job("report", **PLAIN, **FILE)
    await office.done("sets report emea campaign_id=1")
    reply = await office.say("run report @file-one @emae region=US")
    assert reply.outcome is Outcome.REFUSED
    assert buttons(reply) == ["run report region=US @file-one @emea"]


async def test_a_schedule_runs_a_set_that_chat_saved_as_it_is_then(office: Office) -> None:
    await office.job("report", **PLAIN)
    await office.done("sets report emea campaign_id=1")
    preview = await office.say("schedule report every day at 8 @emea --yes")
    assert preview.outcome is Outcome.DONE, said(preview.message)
    assert "has no parameter set @apac" in await office.refused("schedule report every day at 9 @apac --yes")
    assert (await office.say("schedule report every day at 9 @all --yes")).outcome is Outcome.DONE


async def test_racing_saves_leave_one_set(office: Office) -> None:
    await office.job("report", **PLAIN)
    await office.say("help")
    await asyncio.gather(*(office.done(f"sets report emea campaign_id={number}") for number in range(6)))
    [row] = await office.rows(tables.parameter_sets)
    assert row.rows[0]["campaign_id"] in range(6)
    assert (await office.ran("run report @emea")).state is BatchState.SUCCEEDED
