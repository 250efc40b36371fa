"""notify: who is told what, said and changed in chat."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from core import ids
from core.commands import parse
from core.desk.visit import Outcome, Request
from core.store import tables
from tests.store.desk_rig import ALICE, BOB, GENERAL, Office, buttons, said
from tests.store.rig import until

JOB = {
    "parameters": {"do": {"default": "table"}},
    "questions": [{"name": "total", "sql": "select 1"}, {"name": "days", "sql": "select 1"}],
    "notify": [{"topics": ["failed_run"], "to": ["slack:#ops"]}],
}


async def rules(office: Office) -> list[dict[str, object]]:
    return [row.definition for row in await office.rows(tables.notify_rules)]


async def test_the_rules_of_a_job_are_shown_wherever_they_come_from(office: Office) -> None:
    await office.job("weekly", **JOB)
    await office.done("notify weekly here")
    await office.done("notify --everything on=missed to=slack:#Ops")
    told = said((await office.done("notify weekly")).message)
    assert "slash" not in told
    assert "failed slack:#ops" in told
    assert "1, Alice completed or failed mailbox:general" in told
    assert "for every job missed slack:#ops" in told
    assert "[Remove 1] notify weekly remove=1" in told
    assert "Remove 2" not in told


async def test_a_rule_added_in_chat_is_kept_told_and_audited(office: Office) -> None:
    await office.job("weekly", **JOB)
    reply = await office.done(
        'notify weekly on=failed_run,changed to=webhook:ops,here if="total.total < 1000" level=warning '
        "attach=csv mention=Alice"
    )
    assert "hears of weekly: failed or changed" in said(reply.message)
    assert "mentioning Alice" in said(reply.message)
    [kept] = await rules(office)
    assert kept["if"] == "total.total < 1000"
    assert kept["topics"] == ["failed_run", "changed"]
    assert "notify.add" in await office.audit()
    again = await office.done(buttons(reply)[0])
    assert "Rule 1 is gone" in said(again.message)
    assert await rules(office) == []
    assert "notify.remove" in await office.audit()


async def test_saying_it_twice_adds_one_rule(office: Office) -> None:
    await office.job("weekly", **JOB)
    await office.done("notify weekly here")
    await office.done("notify weekly here")
    assert len(await rules(office)) == 1


async def test_a_channel_that_was_added_gets_what_a_schedule_finds(office: Office) -> None:
    made = await office.job("weekly", **JOB)
    elsewhere = replace(GENERAL, address="growth", thread="1.2")
    asked = Request(speaker=ALICE, channel=elsewhere, text="notify weekly here", key=ids.new())
    assert (await office.desk.answer(asked)).outcome is Outcome.DONE
    started = await office.start(made, {"do": "table"})
    await office.ended(started.batch)
    query = sa.select(tables.channels.c.address, tables.channels.c.thread).join(
        tables.deliveries, tables.deliveries.c.channel == tables.channels.c.pk
    )

    async def posted() -> bool:
        async with office.store.reading() as connection:
            found = [tuple(row) for row in await connection.execute(query)]
        return ("growth", "") in found

    await until(posted)


async def test_here_is_enough_where_only_one_job_was_run(office: Office) -> None:
    assert "None was run from here yet" in await office.refused("notify here")
    await office.job("weekly", **JOB)
    await office.ran("run weekly")
    assert "hears of weekly" in said((await office.done("notify here")).message)
    await office.job("other", **JOB)
    await office.ran("run other")
    told = await office.refused("notify here")
    assert "Several were run from here" in told
    assert "notify weekly here" in told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("notify weekly on=faild_run here", "Did you mean failed_run?"),
        ("notify weekly to=slak:#ops", "'slak:#ops' is no channel"),
        ("notify weekly to=slack:ops", "'ops' is no channel of Slack"),
        ("notify weekly to=email:nobody", "is no e-mail address"),
        ('notify weekly here if="totl.total < 3"', "did you mean total?"),
        ('notify weekly here if="total.total <"', "The condition is wrong: the end is not expected there."),
        ("notify weekly here level=loud", "There is no level 'loud'"),
        ("notify weekly here attach=pdf", "There is no file 'pdf'"),
        ("notify weekly here mention=zoe", "Nobody here is called zoe"),
        ("notify weekly here mention=owner", "weekly has no owner"),
        ("notify weekly remove=7", "weekly has no rule 7 that was made in chat"),
        ("notify weekly there", "After the job comes 'here'"),
        ("notify weekly --everything", "Say one job, or --everything."),
        ("notify wekly here", "Did you mean weekly?"),
    ],
)
async def test_what_cannot_be_is_refused_with_what_would_work(office: Office, line: str, told: str) -> None:
    await office.job("weekly", **JOB)
    assert told in await office.refused(line)
    assert await rules(office) == []


async def test_who_may_only_run_jobs_may_look_and_not_change(office: Office) -> None:
    await office.job("weekly", **JOB)
    assert "failed slack:#ops" in said((await office.done("notify weekly", BOB)).message)
    assert "Only an editor can say who is told of weekly" in await office.refused("notify weekly here", BOB)
    assert "Only an admin can" in await office.refused("notify --everything here", BOB)
    assert "Only an admin can" in await office.refused("notify here --alerts", BOB)
    assert await rules(office) == []


async def test_the_alert_channel_is_chosen_in_chat(office: Office) -> None:
    assert "There is no alert channel" in said((await office.done("notify --alerts")).message)
    assert "told in mailbox:general" in said((await office.done("notify here --alerts")).message)
    assert "told in slack:#ops" in said((await office.done("notify --alerts to=slack:#ops")).message)
    assert "told in slack:#ops" in said((await office.done("notify --alerts")).message)
    assert "There is no alert channel" in said((await office.done("notify --alerts to=off")).message)


async def test_a_platform_that_is_not_set_up_is_a_warning(office: Office) -> None:
    await office.job("weekly", **JOB)
    office.desk._platforms = ("console",)
    told = said((await office.done("notify weekly to=slack:#ops")).message)
    assert "Slack is not set up here: what is owed there waits." in told


async def test_a_redelivered_line_adds_one_rule(office: Office) -> None:
    await office.job("weekly", **JOB)
    for _ in range(2):
        await office.say("notify weekly to=webhook:x", key="same")
    assert len(await rules(office)) == 1


def test_a_line_with_every_option_is_read() -> None:
    line = 'notify weekly-report on=failed_run to=slack:#ops if="total.total < 1000"'
    assert parse(line).options == {"on": "failed_run", "to": "slack:#ops", "if": "total.total < 1000"}
