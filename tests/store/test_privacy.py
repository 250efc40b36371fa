"""Jobs whose results are for one person: told directly, and seen by nobody else."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from core import jobfiles
from core.batches import Trigger
from core.desk.visit import Outcome
from core.people import Speaker
from core.store import tables
from tests.store.desk_rig import BOB, Office, said

CAROL = Speaker("mailbox", "t", "carol", "Carol", email="carol@example.com")
DAVE = Speaker("mailbox", "t", "dave", "Dave")
JOB = {
    "parameters": {"do": {"default": "table"}},
    "visibility": "requester",
    "owner": "carol@example.com",
}


async def places(office: Office) -> set[str]:
    """Where something is owed."""
    query = sa.select(tables.channels.c.platform, tables.channels.c.address).join(
        tables.deliveries, tables.deliveries.c.channel == tables.channels.c.pk
    )
    async with office.store.reading() as connection:
        return {f"{row.platform}:{row.address}" for row in await connection.execute(query)}


async def test_the_result_goes_to_whoever_asked_and_the_channel_hears_nothing(office: Office) -> None:
    await office.job("salary", **JOB)
    reply = await office.done("run salary", BOB)
    assert reply.private
    assert not reply.posted
    assert "salary · #1 is yours alone" in said(reply.message)
    assert reply.batch is not None
    await office.ended(reply.batch)
    assert await places(office) == {"mailbox:bob"}


async def test_a_failure_is_told_to_them_alone_too(office: Office) -> None:
    await office.job("salary", **JOB)
    reply = await office.done("run salary do=fail", BOB)
    await office.ended(reply.batch or 0)
    assert await places(office) == {"mailbox:bob"}


async def test_each_result_of_several_runs_goes_to_them_alone(office: Office) -> None:
    await office.job("salary", **JOB)
    reply = await office.done("run salary do=table,ok", BOB)
    await office.ended(reply.batch or 0)
    assert await office.count(tables.deliveries) == 3
    assert await places(office) == {"mailbox:bob"}


@pytest.mark.parametrize(
    "line", ["show #1", "csv #1", "status #1", "why #1", "run #1", "retry #1", "cancel #1", "show #1.1"]
)
async def test_nobody_else_sees_a_run(office: Office, line: str) -> None:
    await office.job("salary", **JOB)
    await office.ended((await office.done("run salary", BOB)).batch or 0)
    assert "There is no run #1" in await office.refused(line, DAVE)


async def test_the_starter_the_owner_and_admins_see_it(office: Office) -> None:
    await office.job("salary", **JOB)
    await office.ended((await office.done("run salary", BOB)).batch or 0)
    for who in (BOB, CAROL):
        assert "succeeded" in said((await office.done("show #1", who)).message).casefold()
        assert "#1" in said((await office.done("history", who)).message)
    assert "#1" in said((await office.done("show #1")).message)


async def test_lists_leave_out_what_is_somebody_elses(office: Office) -> None:
    await office.job("salary", **JOB)
    office.agent.gate.clear()
    started = await office.done("run salary do=wait", BOB)
    for line in (
        "history",
        "history salary",
        "status",
        "status salary",
        "list",
        "show salary",
        "deliveries",
        "/job",
    ):
        reply = await office.say(line, DAVE)
        assert reply.outcome is Outcome.DONE, line
        assert "#1" not in said(reply.message), line
    assert "#1" in said((await office.done("status", BOB)).message)
    office.agent.gate.set()
    await office.ended(started.batch or 0)
    for line in ("history", "list", "show salary", "/job"):
        assert "#1" not in said((await office.say(line, DAVE)).message), line


async def test_what_runs_by_itself_goes_to_the_owner(office: Office) -> None:
    await office.say("help", CAROL)
    made = await office.job("salary", **JOB)
    actor, office.alice = office.alice, None  # type: ignore[assignment]
    started = await office.start(made, {"do": "table"}, trigger=Trigger.SCHEDULE)
    office.alice = actor
    await office.ended(started.batch)
    assert await places(office) == {"mailbox:carol"}


async def test_an_owner_whom_nobody_has_met_gets_mail_and_no_channel_hears_of_it(office: Office) -> None:
    await office.say("notify here --alerts")
    made = await office.job("salary", **JOB)
    actor, office.alice = office.alice, None  # type: ignore[assignment]
    started = await office.start(made, {"do": "fail"}, trigger=Trigger.SCHEDULE)
    office.alice = actor
    await office.ended(started.batch)
    assert await places(office) == {"email:carol@example.com"}


async def test_no_rule_lets_a_channel_hear_of_it(office: Office) -> None:
    await office.job("salary", **JOB)
    await office.done("notify --everything on=completed_run to=webhook:ops")
    assert "no channel can hear of it" in await office.refused("notify salary here")
    await office.ended((await office.done("run salary", BOB)).batch or 0)
    assert await places(office) == {"mailbox:bob"}


async def test_a_result_is_compared_with_ones_own_past_only(office: Office) -> None:
    await office.job("salary", **JOB)
    for who in (BOB, DAVE, BOB):
        await office.ended((await office.done("run salary", who)).batch or 0)
    assert "since" not in said((await office.done("show #2", DAVE)).message)
    assert "since #1" in said((await office.done("show #3", BOB)).message)


BASE = """\
agents: {a: {kind: report, source: s}}
sources: {s: {url: "sqlite:///x.db"}}
jobs:
  salary:
    agent: a
    questions: [{name: total, sql: select 1 as total}]
    visibility: requester
"""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("channel: 'slack:#hr'", "only the person themselves is told"),
        ("notify: [{to: ['slack:#hr']}]", "write origin"),
        ("approval: {above: 1}", "who approves would see it"),
        ("schedules: [{when: '@daily'}]", "told to the owner, and there is none"),
    ],
)
def test_what_would_show_it_to_others_is_refused_in_a_file(line: str, told: str) -> None:
    with pytest.raises(jobfiles.Mistaken, match=told):
        jobfiles.read_text(BASE + f"    {line}\n")
    assert jobfiles.read_text(BASE + "    owner: ana@example.com\n    schedules: [{when: '@daily'}]\n")
