"""What people say about schedules, and what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import deliveries, workspaces
from core.commands import parse
from core.composer import compose
from core.definitions import AgentDefinition, JobDefinition
from core.desk.visit import Outcome
from core.jobfiles import Workspace
from core.lifecycles import BatchState
from core.messages import Message
from core.people import Speaker, Standing
from core.scheduler import Scheduler
from core.store import deliveries as delivery_rows
from core.store import tables
from core.store.database import Store
from core.turns import Turn
from tests.store.desk_rig import BOB, Office, buttons, said
from tests.store.rig import LONG

START = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)  # a Monday
EIGHT = START + timedelta(minutes=30)
DAY = timedelta(days=1)
REPORT = {
    "agent": "a",
    "channel": "mailbox:general",
    "parameters": {"do": {"default": "ok"}, "campaign_id": {"type": "integer", "default": "1"}},
    "parameter_sets": {"emea": [{"campaign_id": 42}, {"campaign_id": 43}]},
}


class Bureau(Office):
    """An office with a scheduler and a clock that is moved."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, lease=LONG)
        self.scheduler = Scheduler(self.turns, self.vault)

    def move(self, to: datetime) -> None:
        self.store.offset = to - datetime.now(UTC)

    async def at(self, to: datetime) -> None:
        """Put the clock, settle what is due, and wait for its end."""
        self.move(to)
        await self.scheduler.tick()
        for row in await self.rows(tables.batches):
            if row.state != BatchState.SKIPPED and self.agent.gate.is_set():
                await self.ended(row.pk)

    async def files(self, *given: dict[str, Any], **fields: Any) -> None:
        job = JobDefinition.model_validate(REPORT | {"schedules": list(given)} | fields)
        workspace = Workspace(agents={"a": AgentDefinition(kind="report")}, jobs={"weekly-report": job})

        async def work(turn: Turn) -> None:
            await workspaces.apply(turn, self.alice, workspace, vault=self.vault)

        await self.turns.take(work)

    async def asked(self, line: str) -> str:
        """Say a line that is answered with a question; the line of its first button."""
        reply = await self.say(line)
        assert reply.outcome is Outcome.QUESTION, said(reply.message)
        return buttons(reply)[0]


@pytest.fixture
async def office(store: Store) -> AsyncIterator[Bureau]:
    made = Bureau(store)
    await made.prepare()
    await made.open()
    made.agent.gate.set()
    made.move(START)
    await made.files()
    yield made
    await made.close()


# schedule


async def test_a_schedule_is_shown_in_words_with_five_instants_before_it_is_saved(office: Bureau) -> None:
    reply = await office.say("schedule weekly-report every weekday at 8 campaign_id=42")
    assert reply.outcome is Outcome.QUESTION
    told = said(reply.message)
    assert "every weekday (Monday to Friday) at 08:00 (UTC)" in told
    assert told.count(" 08:00") >= 5
    assert "Mon 02 Mar 2026 08:00" in told
    assert "campaign_id: 42" in told
    assert await office.count(tables.schedules) == 0


async def test_the_button_saves_exactly_what_was_shown(office: Bureau) -> None:
    line = await office.asked("schedule weekly-report in 2 hours campaign_id=42")
    assert "--yes" in line
    assert parse(line).text.startswith("2026-03-02T09:30:0")
    office.move(START + timedelta(hours=1))
    await office.done(line)
    [row] = await office.rows(tables.schedules)
    assert row.next_due_at.replace(second=0) == START + timedelta(hours=2)


async def test_what_was_saved_runs_with_its_values_and_posts_here(office: Bureau) -> None:
    await office.done("schedule weekly-report every day at 8 campaign_id=42 --name mornings --yes")
    await office.at(EIGHT)
    assert [task.parameters["campaign_id"] for task in office.agent.seen] == [42]
    await office.notifier.deliver()
    assert [str(post.channel) for post in office.mailbox.posts] == ["mailbox:general"]


async def test_lists_and_saved_sets_become_the_runs_of_one_batch(office: Bureau) -> None:
    await office.done("schedule weekly-report 0 8 * * * do=a,b @emea --yes")
    await office.at(EIGHT)
    seen = sorted((task.parameters["campaign_id"], task.parameters["do"]) for task in office.agent.seen)
    assert seen == [(42, "a"), (42, "b"), (43, "a"), (43, "b")]


async def test_the_effect_of_a_clock_change_is_shown(office: Bureau) -> None:
    office.move(START + 4 * DAY)
    reply = await office.say("schedule weekly-report 30 2 * * * --timezone America/New_York")
    told = said(reply.message)
    assert "On 2026-03-08 clocks in America/New_York go forward" in told
    assert "will run once at 03:00" in told


async def test_days_that_are_left_out_are_marked(office: Bureau) -> None:
    office.move(datetime(2026, 4, 25, tzinfo=UTC))
    reply = await office.say(
        "schedule weekly-report 0 8 * * * --calendar NL --timezone Europe/Amsterdam --jitter 5m"
    )
    told = said(reply.message)
    assert "skipped: 27 Apr 2026 is a public holiday (NL)" in told
    line = buttons(reply)[0]
    saved = await office.done(line)
    assert "later, as its jitter says" in said(saved.message)


async def test_a_name_that_is_used_again_changes_the_schedule(office: Bureau) -> None:
    await office.done("schedule weekly-report every day at 8 --name mornings --yes")
    await office.done("schedule weekly-report every day at 9 --name mornings --yes")
    [row] = await office.rows(tables.schedules)
    assert (row.expression, row.next_due_at) == ("0 9 * * *", EIGHT + timedelta(hours=1))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("schedule weekly-report 61 * * * *", "61"),
        ("schedule weekly-report 0 0 31 2 *", "never due"),
        ("schedule weekly-report 0 8 * * * --timezone Europe/Amsterdm", "Did you mean Europe/Amsterdam?"),
        ("schedule weekly-report 0 8 * * * --calendar XX", "no calendar"),
        ("schedule weekly-report 0 8 * * * --catch-up some", "There is no catch-up some."),
        ("schedule weekly-report 0 8 * * * --jitter soon", "no length of time"),
        ("schedule weekly-report 0 8 * * * campaign_id=x", "campaign_id"),
        ("schedule weekly-report 0 8 * * * nothing=1", "nothing"),
        ("schedule weekly-report 0 8 * * * @nowhere", "@nowhere"),
        ("schedule wekly-report 0 8 * * *", "weekly-report"),
        ("unschedule weekly-report", "has no schedule"),
        ("unschedule weekly-report mondays", "no schedule mondays"),
        ("resume weekly-report", "not paused"),
        ("pause", "needs the name of a job"),
        ("backfill weekly-report --from 2026-01-01", "has no schedule"),
        ("next wekly-report", "weekly-report"),
        ("next every blue moon", "blue"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(office: Bureau, line: str, sentence: str) -> None:
    assert sentence in await office.refused(line)
    assert await office.count(tables.schedules) == 0


async def test_only_editors_schedule_and_pause(office: Bureau) -> None:
    for line in (
        "schedule weekly-report 0 8 * * * --yes",
        "unschedule weekly-report x",
        "pause weekly-report",
        "resume weekly-report",
    ):
        assert "Only an editor can" in await office.refused(line, BOB)
    for line in ("pause --everything", "resume --everything"):
        assert "Only an admin can" in await office.refused(line, BOB)


async def test_secret_values_stand_on_no_button(office: Bureau) -> None:
    await office.files(parameters={"token": {"secret": True}, "do": {"default": "ok"}})
    reply = await office.say("schedule weekly-report 0 8 * * * token=hunter2")
    assert "hunter2" not in said(reply.message)
    assert buttons(reply) == []
    await office.done("schedule weekly-report 0 8 * * * token=hunter2 --yes")
    await office.at(EIGHT)
    assert [task.parameters["token"] for task in office.agent.seen] == ["hunter2"]
    assert "hunter2" not in await office.everything()


async def test_what_is_required_is_asked_for_by_a_form(office: Bureau) -> None:
    await office.files(parameters={"campaign_id": {"type": "integer"}}, parameter_sets={})
    reply = await office.say("schedule weekly-report 0 8 * * *")
    assert reply.outcome is Outcome.FORM
    assert reply.message.form is not None
    line = f"{reply.message.form.command} campaign_id=7 --yes"
    await office.done(line)
    await office.at(EIGHT)
    assert [task.parameters["campaign_id"] for task in office.agent.seen] == [7]


# unschedule, schedules, next


async def test_a_schedule_is_removed_by_name_or_where_it_is_the_only_one(office: Bureau) -> None:
    for hour in (8, 9):
        await office.done(f"schedule weekly-report every day at {hour} --yes")
    assert "has 2 schedules: chat-1, chat-2" in await office.refused("unschedule weekly-report")
    await office.done("unschedule weekly-report chat-1")
    await office.done("unschedule weekly-report")
    assert {row.enabled for row in await office.rows(tables.schedules)} == {False}


async def test_a_schedule_of_a_file_is_not_changed_in_chat(office: Bureau) -> None:
    await office.files({"when": "0 8 * * *", "name": "mornings"})
    assert "stands in" in await office.refused("unschedule weekly-report mornings")
    told = await office.refused("schedule weekly-report 0 9 * * * --name mornings --yes")
    assert "stands in" in told


async def test_the_list_tells_when_each_is_due_next(office: Bureau) -> None:
    assert "There are no schedules" in said((await office.done("schedules")).message)
    await office.files({"when": "0 9 * * *", "name": "late"}, {"when": "0 8 * * *", "name": "early"})
    told = said((await office.done("schedules")).message)
    assert told.index("early") < told.index("late")
    assert "Mon 02 Mar 2026 08:00" in told
    assert "2 schedules of weekly-report" in said((await office.done("schedules weekly-report")).message)
    await office.done("pause weekly-report late")
    assert "paused" in said((await office.done("schedules weekly-report")).message)


async def test_next_tells_of_a_job_an_expression_or_everything(office: Bureau) -> None:
    await office.files({"when": "0 8 * * *", "name": "early"})
    told = said((await office.done("next weekly-report")).message)
    assert "weekly-report is due next on Mon 02 Mar 2026 08:00 (UTC)." in told
    assert "early: every day at 08:00 (UTC)" in told
    assert "early" in said((await office.done("next")).message)
    told = said((await office.done("next every weekday at 8 timezone=Asia/Tokyo count=3")).message)
    assert "Tue 03 Mar 2026 08:00 Mon 02 Mar 2026 23:00" in told


# pause and resume


async def test_a_pause_says_who_and_why_and_its_end_runs_nothing_old(office: Bureau) -> None:
    await office.files({"when": "0 8 * * *"})
    paused = await office.done('pause weekly-report note="data is being moved"')
    assert "data is being moved" in said(paused.message)
    assert "paused already, by Alice" in await office.refused("pause weekly-report")
    await office.at(EIGHT)
    resumed = await office.done("resume weekly-report")
    assert "1 start was skipped in the pause" in said(resumed.message)
    assert office.agent.seen == []
    line = buttons(resumed)[0]
    assert line == "resume weekly-report --catch-up"
    told = said((await office.done(line)).message)
    assert "Caught up with #1" in told
    await office.ended(1)
    assert [task.due_at for task in office.agent.seen] == [EIGHT]


async def test_a_paused_job_still_runs_by_hand_but_nothing_does_where_everything_is(office: Bureau) -> None:
    await office.done("pause weekly-report")
    assert (await office.ran("run weekly-report")).state is BatchState.SUCCEEDED
    await office.done('pause --everything note="a fire"')
    told = await office.refused("run weekly-report")
    assert "Everything is paused by Alice: a fire" in told
    await office.done("resume --everything")
    assert (await office.ran("run weekly-report")).state is BatchState.SUCCEEDED


# backfill


async def test_a_backfill_is_counted_then_confirmed_then_run(office: Bureau) -> None:
    await office.files({"when": "0 8 * * 1"})
    line = "backfill weekly-report --from 2026-02-01 --to 2026-02-28"
    dry = await office.done(f"{line} --dry-run")
    assert "4 instants" in said(dry.message)
    assert buttons(dry) == []
    yes = await office.asked(line)
    assert await office.count(tables.batches) == 0
    batch = await office.ran(yes)
    assert (batch.state, batch.total, batch.trigger) == (BatchState.SUCCEEDED, 4, "backfill")
    due = sorted(task.due_at for task in office.agent.seen if task.due_at)
    assert due == [datetime(2026, 2, day, 8, tzinfo=UTC) for day in (2, 9, 16, 23)]


async def test_a_retry_of_a_backfill_keeps_its_instants(office: Bureau) -> None:
    await office.files({"when": "0 8 * * 1", "parameters": {"do": "fail"}})
    yes = await office.asked("backfill weekly-report --from 2026-02-09 --to 2026-02-16")
    assert (await office.ran(yes)).state is BatchState.FAILED
    first = [task.due_at for task in office.agent.seen]
    office.agent.seen.clear()
    await office.ran("retry #1")
    assert sorted(map(str, first)) == sorted(str(task.due_at) for task in office.agent.seen)


async def test_a_backfill_needs_to_know_from_when(office: Bureau) -> None:
    await office.files({"when": "0 8 * * 1"})
    assert "from when" in await office.refused("backfill weekly-report")
    assert "no date" in await office.refused("backfill weekly-report --from someday")
    assert "not due in that stretch" in await office.refused(
        "backfill weekly-report --from 2027-01-01 --to 2027-02-01"
    )


# why


async def test_why_tells_what_became_of_the_last_instants_and_what_will_of_the_next(office: Bureau) -> None:
    assert "has no schedule" in said((await office.done("why weekly-report")).message)
    await office.files({"when": "0 8 * * *", "catch_up": "none"})
    assert "not been due yet" in said((await office.done("why weekly-report")).message)
    await office.at(EIGHT)
    await office.scheduler.work()
    await office.at(EIGHT + 2 * DAY)
    told = said((await office.done("why weekly-report")).message)
    assert "Mon 02 Mar 2026 08:00 ran as #1 and succeeded." in told
    assert "Wed 04 Mar 2026 08:00 ran as #2" in told
    assert (
        "Tue 03 Mar 2026 08:00 was missed: the bot was down from Mon 02 Mar 2026 08:00 "
        "to Wed 04 Mar 2026 08:00 (UTC); nothing is caught up (catch_up: none)." in told
    )
    assert "Next on Thu 05 Mar 2026 08:00, in 2" in told


async def test_why_names_what_was_in_the_way(office: Bureau) -> None:
    await office.files({"when": "0 * * * *"})
    office.agent.gate.clear()
    await office.done("run weekly-report do=wait")
    await office.at(EIGHT)
    told = said((await office.done("why weekly-report")).message)
    assert (
        "Mon 02 Mar 2026 08:00 was skipped because #1 was still running, "
        "started by Alice on Mon 02 Mar 2026 07:30." in told
    )
    assert "#1 runs now, started" in told
    assert "the next will be skipped" in told
    office.agent.gate.set()
    await office.ended(1)


async def test_why_tells_of_pauses_holidays_and_disabled_jobs(office: Bureau) -> None:
    await office.files({"when": "0 8 * * *", "days_off": ["2026-03-03", "2026-03-04"]})
    await office.at(EIGHT + DAY)
    told = said((await office.done("why weekly-report")).message)
    assert "Tue 03 Mar 2026 08:00 was skipped: 03 Mar 2026 is a day off." in told
    assert "Next on Wed 04 Mar 2026 08:00: it will be skipped, because 04 Mar 2026 is a day off." in told
    await office.done('pause weekly-report note="a move"')
    await office.at(EIGHT + 3 * DAY)
    told = said((await office.done("why weekly-report")).message)
    assert "was skipped: the job was paused by Alice: a move." in told
    assert "it will be skipped while it is paused. Say: resume weekly-report" in told


async def test_why_of_a_batch_tells_what_started_it(office: Bureau) -> None:
    await office.files({"when": "0 8 * * *", "name": "mornings"})
    await office.at(EIGHT + timedelta(hours=2))
    told = said((await office.done("why #1")).message)
    assert "was started by its schedule mornings, due on Mon 02 Mar 2026 08:00 (UTC)." in told
    assert "It came late" in told
    assert "It succeeded." in told
    await office.ran("run weekly-report do=fail")
    told = said((await office.done("why #2")).message)
    assert "was started by Alice" in told
    assert "It failed: It was told to fail." in told


async def test_many_missed_starts_are_one_line(office: Bureau) -> None:
    await office.files({"when": "*/10 * * * *", "catch_up": "none"})
    await office.at(START + timedelta(hours=10, minutes=5))
    await office.at(START + timedelta(hours=10, minutes=9))
    folded = [row for row in await office.rows(tables.firings) if row.instants > 1]
    assert [row.instants for row in folded] == [35]
    told = said((await office.done("why weekly-report")).message)
    assert "was missed: the bot did not see to it in time; nothing is caught up" in told


async def test_the_warning_of_a_job_that_is_too_slow_says_what_to_do(office: Bureau) -> None:
    await office.files({"every": "20s"})
    office.agent.gate.clear()
    await office.done("run weekly-report do=wait")
    for step in range(4):
        await office.at(EIGHT + timedelta(seconds=20 * step))
    office.agent.gate.set()
    await office.ended(1)
    [row] = [row for row in await office.rows(tables.deliveries) if row.kind == "drift"]
    message = await office.turns.look(lambda turn: _composed(turn, row.pk))
    assert "is due more often than it can keep up" in message.text
    assert "#1 was still active" in said(message)
    assert [button.command for button in message.buttons] == ["why weekly-report", "schedules weekly-report"]


async def _composed(turn: Turn, pk: int) -> Message:
    [row] = await delivery_rows.get(turn.connection, [pk])
    return await compose(turn, deliveries.read(row))


# where the reader lives

MIA = Speaker("mailbox", "t", "mia", "Mia", Standing.OWNER, timezone="america/new_york")


async def test_a_schedule_made_in_chat_is_meant_where_its_maker_lives(office: Bureau) -> None:
    await office.files()
    asked = await office.say("schedule weekly-report every weekday at 8", MIA)
    assert "(America/New_York)" in said(asked.message)
    await office.done(buttons(asked)[0], MIA)
    (row,) = await office.rows(tables.schedules)
    assert row.zone == "America/New_York"
    assert row.next_due_at == datetime(2026, 3, 2, 13, tzinfo=UTC)


async def test_an_instant_is_told_in_the_schedules_zone_and_where_it_differs_in_the_readers(
    office: Bureau,
) -> None:
    await office.files({"when": "0 8 * * *", "timezone": "Europe/Amsterdam"})
    there, here = "Tue 03 Mar 2026 08:00", "which is 02:00 in America/New_York"
    for line in ("schedules", "next weekly-report", "why weekly-report"):
        told = said((await office.done(line, MIA)).message)
        assert there in told
        assert here in told
    nobody_knows = said((await office.done("schedules")).message)
    assert there in nobody_knows
    assert "which is 07:00 in UTC" in nobody_knows


async def test_a_zone_that_does_not_exist_is_not_kept_and_one_that_is_told_later_is(office: Bureau) -> None:
    where: list[str] = []
    for zone in ("Mars/Base", "", "Asia/Tokyo", "", "Asia/Seoul"):
        await office.say("list", Speaker("mailbox", "t", "kim", "Kim", timezone=zone))
        where += [row.timezone for row in await office.rows(tables.members) if row.name == "Kim"]
    assert where == ["", "", "Asia/Tokyo", "Asia/Tokyo", "Asia/Seoul"]
