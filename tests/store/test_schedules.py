"""Schedules are made, changed, paused and timed anew; each time in one transaction with its audit row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import backfills, jobs, pauses, people, schedules, times
from core.definitions import JobDefinition, Role
from core.errors import Invalid, NotAllowed, NotFound, OutOfPlace
from core.jobs import Job
from core.people import Member, Speaker
from core.scheduled import Schedule
from core.store import tables
from core.turns import Turn
from tests.store.schedule_rig import START, Planner, hours, minutes

EIGHT = START + minutes(30)
DAY = timedelta(days=1)


async def bob(planner: Planner) -> Member:
    """An operator."""
    speaker = Speaker("mailbox", "t", "bob", "Bob")
    organization = planner.rig.organization
    return await planner.rig.turns.take(
        lambda turn: people.recognize(turn, speaker, organization=organization)
    )


async def pause(planner: Planner, job: Job, schedule: Schedule | None = None, why: str = "a move") -> None:
    rig = planner.rig
    await rig.turns.take(lambda turn: pauses.pause(turn, rig.alice, job, schedule, why, rig.vault))


async def resume(planner: Planner, job: Job, *, catch_up: bool = False) -> pauses.Resumed:
    rig = planner.rig

    async def work(turn: Turn) -> pauses.Resumed:
        now = await jobs.get(turn, job.pk)
        return await pauses.resume(turn, rig.alice, now, None, rig.vault, catch_up=catch_up)

    return await rig.turns.take(work)


# --- files ---


async def test_schedules_of_a_file_are_known_by_name_or_place(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "name": "early"}, {"when": "0 9 * * *"})
    assert [(one.name, one.origin) for one in await planner.of(job)] == [("early", "file"), ("2", "file")]


async def test_applying_again_changes_nothing(planner: Planner) -> None:
    job = await planner.apply({"when": "every weekday at 8"})
    before = await planner.of(job)
    planner.move(START + minutes(10))
    await planner.apply({"when": "every weekday at 8"})
    await planner.apply({"when": "every weekday at 8"}, timeout="5m")
    assert await planner.of(job) == before


async def test_what_no_file_has_any_more_is_off_and_comes_back_from_then_on(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "name": "early"})
    await planner.apply()
    assert await planner.of(job) == []
    assert await planner.at(EIGHT + 2 * DAY) == 0
    await planner.apply({"when": "0 8 * * *", "name": "early"})
    await planner.at(EIGHT + 2 * DAY + minutes(5))
    assert await planner.ledger() == []
    await planner.at(EIGHT + 3 * DAY)
    assert len(await planner.ledger()) == 1


async def test_a_pause_survives_an_apply(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    [schedule] = await planner.of(job)
    await pause(planner, job, schedule)
    await planner.apply({"when": "0 9 * * *"}, timeout="5m")
    [after] = await planner.of(job)
    assert (after.paused_at, after.paused_why) == (after.paused_at, "a move")
    assert after.paused_at is not None
    await planner.at(EIGHT + hours(1))
    assert await planner.told() == [("09:00", "skipped", "paused")]


async def test_a_change_of_parameters_keeps_the_times(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "parameters": {"do": "old"}})
    planner.move(START + minutes(10))
    await planner.apply({"when": "0 8 * * *", "parameters": {"do": "new"}, "catch_up": "all"})
    [schedule] = await planner.of(job)
    assert schedule.due_at == EIGHT
    assert schedule.settled_until < START + minutes(5)


async def test_a_file_does_not_take_over_what_was_made_in_chat(planner: Planner) -> None:
    job = await planner.apply()
    await planner.say(job, "0 8 * * *", name="early")
    with pytest.raises(Invalid, match="made in chat"):
        await planner.apply({"when": "0 9 * * *", "name": "early"})
    await planner.apply({"when": "0 9 * * *", "name": "late"}, timeout="5m")
    assert [one.origin for one in await planner.of(job)] == ["chat", "file"]


async def test_every_change_leaves_an_audit_row(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    made = await planner.say(job, "0 9 * * *")
    await remove(planner, job, made.name)
    async with planner.store.reading() as connection:
        actions = list(await connection.scalars(sa.select(tables.audit.c.action)))
    assert [one for one in actions if one.startswith("schedule.")] == [
        "schedule.save",
        "schedule.save",
        "schedule.remove",
    ]


# --- chat ---


async def remove(planner: Planner, job: Job, name: str) -> list[Schedule]:
    rig = planner.rig
    return await rig.turns.take(lambda turn: schedules.remove(turn, rig.alice, job, [name], rig.vault))


async def test_what_is_made_in_chat_posts_where_it_was_said(planner: Planner) -> None:
    job = await planner.apply(channel="")
    made = await planner.say(job, "tomorrow at 8")
    assert (made.name, made.origin, made.channel) == ("chat-1", "chat", planner.rig.channel)
    await planner.through(EIGHT + DAY)
    await planner.rig.notifier.deliver()
    assert [str(post.channel) for post in planner.rig.mailbox.posts] == ["mailbox:general"]


async def test_a_name_that_was_freed_is_given_again(planner: Planner) -> None:
    job = await planner.apply()
    for number in (1, 2):
        assert (await planner.say(job, "0 8 * * *")).name == f"chat-{number}"
    await remove(planner, job, "chat-1")
    assert (await planner.say(job, "0 9 * * *")).name == "chat-1"


async def test_chat_does_not_change_what_stands_in_a_file(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "name": "early"})
    with pytest.raises(OutOfPlace, match="stands in"):
        await planner.say(job, "0 9 * * *", name="early")
    with pytest.raises(OutOfPlace, match="stands in"):
        await remove(planner, job, "early")


async def test_only_an_editor_changes_schedules(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    operator = await bob(planner)
    [schedule] = await planner.of(job)
    rig = planner.rig
    draft = schedules.Draft(
        job, "", schedule.definition, schedule.timetable.expression, (), planner.rig.channel
    )
    acts: list[Any] = [
        lambda turn: schedules.save(turn, operator, draft, rig.vault),
        lambda turn: schedules.remove(turn, operator, job, ["1"], rig.vault),
        lambda turn: pauses.pause(turn, operator, job, None, "", rig.vault),
        lambda turn: pauses.resume(turn, operator, job, None, rig.vault),
        lambda turn: pauses.pause_everything(turn, operator, "", rig.vault),
        lambda turn: pauses.resume_everything(turn, operator, rig.vault),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            await rig.turns.take(act)


async def test_a_schedule_that_is_not_there_is_named_with_those_that_are(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "name": "mondays"})
    with pytest.raises(NotFound, match="no schedule mondaze") as refused:
        await planner.rig.turns.look(lambda turn: schedules.find(turn, job, "mondaze"))
    assert "mondays" in refused.value.hint
    found = await planner.rig.turns.look(lambda turn: schedules.find(turn, job, "MONDAYS"))
    assert found.name == "mondays"


async def test_secrets_in_a_schedules_parameters_are_sealed_at_rest(planner: Planner) -> None:
    parameters = {"do": {"default": "ok"}, "token": {"secret": True}}
    await planner.apply({"when": "0 8 * * *", "parameters": {"token": "hunter2"}}, parameters=parameters)
    async with planner.store.reading() as connection:
        [given] = await connection.scalars(sa.select(tables.schedules.c.given))
    assert "hunter2" not in str(given)
    await planner.through(EIGHT)
    [task] = planner.rig.agent.seen
    assert task.parameters["token"] == "hunter2"
    async with planner.store.reading() as connection:
        [stored] = await connection.scalars(sa.select(tables.runs.c.parameters))
    assert "hunter2" not in str(stored)


# --- pauses ---


async def test_nothing_old_runs_when_a_pause_of_three_days_ends(planner: Planner) -> None:
    """C9."""
    job = await planner.apply({"when": "0 8 * * *", "catch_up": "all"})
    await pause(planner, job)
    for day in range(3):
        await planner.at(EIGHT + day * DAY)
    planner.move(EIGHT + 2 * DAY + hours(2))
    assert await resume(planner, job) == pauses.Resumed(3)
    await planner.at(EIGHT + 2 * DAY + hours(3))
    assert await planner.told() == [("08:00", "skipped", "paused")] * 3
    reason = (await planner.ledger())[0].reason
    assert reason == "the job was paused by Alice: a move"
    await planner.through(EIGHT + 3 * DAY)
    assert (await planner.told())[-1] == ("08:00", "started", "")


@pytest.mark.parametrize(("policy", "run"), [("latest", [2]), ("none", [2]), ("all", [0, 1, 2])])
async def test_what_a_pause_skipped_is_run_where_it_is_asked_for_once(
    planner: Planner, policy: str, run: list[int]
) -> None:
    job = await planner.apply({"when": "0 8 * * *", "catch_up": policy})
    await pause(planner, job)
    for day in range(3):
        await planner.at(EIGHT + day * DAY)
    done = await resume(planner, job, catch_up=True)
    assert len(done.batches) == 1
    await planner.all_ended()
    assert [task.due_at for task in planner.rig.agent.seen] == [EIGHT + day * DAY for day in run]
    causes = [row.cause for row in await planner.ledger()]
    assert causes == ["asked" if day in run else "paused" for day in range(3)]
    with pytest.raises(OutOfPlace, match="nothing is left"):
        await resume(planner, job, catch_up=True)


async def test_the_pause_begins_after_what_was_due_before_it(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    planner.move(EIGHT + timedelta(seconds=5))
    await pause(planner, job)
    assert await planner.told() == [("08:00", "started", "")]


async def test_down_time_within_a_pause_is_skipped_and_not_caught_up(planner: Planner) -> None:
    job = await planner.apply({"when": "0 * * * *", "catch_up": "all"})
    await pause(planner, job)
    planner.move(EIGHT + hours(5) + minutes(1))
    assert (await resume(planner, job)).skipped == 6
    assert {cause for _, _, cause in await planner.told()} == {"paused"}
    assert await planner.rig.count(tables.batches) == 0


async def test_pausing_twice_or_resuming_what_goes_on_is_refused(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    with pytest.raises(OutOfPlace, match="not paused"):
        await resume(planner, job)
    [schedule] = await planner.of(job)
    await pause(planner, job, schedule)
    with pytest.raises(OutOfPlace, match="paused already, by Alice"):
        await pause(planner, job, schedule)


async def test_everything_may_be_paused_and_goes_on(planner: Planner) -> None:
    await planner.apply({"when": "0 * * * *"})
    rig = planner.rig
    await rig.turns.take(lambda turn: pauses.pause_everything(turn, rig.alice, "a fire", rig.vault))
    with pytest.raises(OutOfPlace):
        await rig.turns.take(lambda turn: pauses.pause_everything(turn, rig.alice, "", rig.vault))
    await planner.at(EIGHT)
    await rig.turns.take(lambda turn: pauses.resume_everything(turn, rig.alice, rig.vault))
    with pytest.raises(OutOfPlace):
        await rig.turns.take(lambda turn: pauses.resume_everything(turn, rig.alice, rig.vault))
    await planner.at(EIGHT + hours(1))
    assert await planner.told() == [("08:00", "skipped", "paused"), ("09:00", "started", "")]
    assert "a fire" in (await planner.ledger())[0].reason


# --- rules that change ---


async def test_another_zone_of_the_organization_moves_what_follows_it(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"}, {"when": "0 8 * * *", "timezone": "Asia/Tokyo"})
    turns = planner.rig.turns
    assert await schedules.refresh(turns, "Europe/Amsterdam") == 1
    assert await schedules.refresh(turns, "Europe/Amsterdam") == 0
    own, tokyo = await planner.of(job)
    assert own.due_at == EIGHT - hours(1) + DAY
    assert tokyo.due_at == EIGHT.replace(hour=23, minute=0)


async def test_new_rules_of_a_zone_move_the_next_instant_and_never_repeat_one(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await planner.apply({"when": "0 8 * * *", "timezone": "Europe/Amsterdam", "calendar": "NL"})
    await planner.through(EIGHT + DAY - hours(1))
    async with planner.store.transaction() as connection:
        later = tables.schedules.update().values(next_due_at=EIGHT + 3 * DAY)
        await connection.execute(later)
    assert await schedules.refresh(planner.rig.turns, "UTC") == 0
    monkeypatch.setattr(times, "tzdata_version", lambda: "2099a")
    assert await schedules.refresh(planner.rig.turns, "UTC") == 1
    [schedule] = await planner.of(job)
    assert schedule.due_at == EIGHT + 2 * DAY - hours(1)


async def test_a_job_that_gets_a_zone_takes_its_schedules_along(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    await planner.apply({"when": "0 8 * * *"}, timezone="America/New_York")
    [schedule] = await planner.of(job)
    assert schedule.due_at == EIGHT + hours(5)


# --- backfill ---


async def plan(planner: Planner, job: Job, days: int, **options: Any) -> backfills.Backfill:
    [schedule] = await planner.of(job)
    vault = planner.rig.vault
    return await planner.rig.turns.look(
        lambda turn: backfills.plan(turn, job, schedule, EIGHT - days * DAY, EIGHT, vault, **options)
    )


async def test_a_backfill_is_one_batch_with_a_run_for_each_past_instant(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "days_off": ["2026-02-28"]}, max_parallel=2)
    planned = await plan(planner, job, 4)
    assert (planned.runs, planned.left_out) == (3, 1)
    rig = planner.rig
    started = await rig.turns.take(
        lambda turn: backfills.start(turn, rig.alice, job, planned, channel=rig.channel, request=None)
    )
    await rig.ended(started.batch)
    due = sorted(task.due_at for task in rig.agent.seen if task.due_at)
    assert due == [EIGHT - 4 * DAY, EIGHT - 3 * DAY, EIGHT - DAY]
    assert await planner.ledger() == []


async def test_a_backfill_takes_other_values_and_refuses_too_many(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *", "parameters": {"do": "own"}})
    planned = await plan(planner, job, 2, given=({"do": "other"}, {"do": "third"}))
    assert [one["do"] for one in planned.wish.combinations] == ["other", "third"] * 2
    with pytest.raises(Invalid, match=r"more than 1,000"):
        await plan(planner, job, 1_500)
    with pytest.raises(Invalid, match="not due in that stretch"):
        await plan(planner, job, 0)
    with pytest.raises(Invalid, match="ends before"):
        await plan(planner, job, -1)


async def test_a_backfill_never_runs_what_is_ahead(planner: Planner) -> None:
    job = await planner.apply({"when": "0 * * * *"})
    planned = await plan(planner, job, 1)
    assert planned.instants[-1] <= START


async def test_an_operator_may_backfill_and_a_viewer_may_not(planner: Planner) -> None:
    job = await planner.apply({"when": "0 8 * * *"})
    planned = await plan(planner, job, 2)
    rig, operator = planner.rig, await bob(planner)
    await rig.turns.take(lambda turn: people.give_role(turn, rig.alice, operator, Role.VIEWER))
    viewer = await bob(planner)
    with pytest.raises(NotAllowed):
        await rig.turns.take(
            lambda turn: backfills.start(turn, viewer, job, planned, channel=rig.channel, request=None)
        )
    disabled = await planner.apply_jobs({"other": JobDefinition(agent="a")}, "report")
    with pytest.raises(OutOfPlace, match="disabled"):
        await rig.turns.take(
            lambda turn: backfills.start(
                turn, rig.alice, disabled, planned, channel=rig.channel, request=None
            )
        )
