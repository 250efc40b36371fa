"""Which endings are told where: rules of files, of chat and of the organization, conditions, quiet hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from core import ids, people
from core.batches import Trigger
from core.people import Speaker
from core.store import notices as notice_rows
from core.store import people as people_rows
from core.store import tables
from core.turns import Turn
from tests.store.rig import Rig

OPS = "webhook:ops"


async def told(rig: Rig) -> set[tuple[str, str]]:
    """(channel, kind) of everything that is owed."""
    query = sa.select(tables.channels.c.address, tables.deliveries.c.kind).join(
        tables.channels, tables.channels.c.pk == tables.deliveries.c.channel
    )
    async with rig.store.reading() as connection:
        return {(row.address, row.kind) for row in await connection.execute(query)}


async def owed(rig: Rig) -> list[Any]:
    async with rig.store.reading() as connection:
        return list(await connection.execute(sa.select(tables.deliveries).order_by(tables.deliveries.c.pk)))


async def run(rig: Rig, do: str = "table", *, by_hand: bool = False, name: str = "report", **job: Any) -> int:
    """Run a job once, by its schedule unless by hand; the number of its batch."""
    made = await rig.job(name, **job)
    return await again(rig, made, do, by_hand=by_hand)


async def again(rig: Rig, made: Any, do: str = "table", *, by_hand: bool = False) -> int:
    trigger = Trigger.CHAT if by_hand else Trigger.SCHEDULE
    started = await rig.start(made, {"do": do}, trigger=trigger)
    await rig.ended(started.batch)
    return started.batch


async def add(rig: Rig, job: int | None, **definition: Any) -> None:
    """Add a rule as chat does."""

    async def work(turn: Turn) -> None:
        values = {
            "id": ids.new(),
            "organization": rig.organization,
            "job": job,
            "definition": definition,
            "created_at": turn.now,
        }
        await notice_rows.add(turn.connection, values)

    await rig.turns.take(work)


async def test_without_rules_both_endings_go_to_the_origin(rig: Rig) -> None:
    await run(rig)
    assert await told(rig) == {("general", "status")}
    await run(rig, "fail", name="other")
    assert await told(rig) == {("general", "status"), ("general", "alert")}


async def test_failures_may_go_elsewhere_than_results(rig: Rig) -> None:
    rules = [{"topics": ["failed_run"], "to": [OPS]}]
    await run(rig, notify=rules)
    assert await told(rig) == {("general", "status")}
    await run(rig, "fail", notify=rules, name="other")
    assert await told(rig) == {("general", "status"), ("ops", "alert")}


async def test_several_rules_for_a_place_owe_one_message(rig: Rig) -> None:
    await run(
        rig,
        notify=[
            {"to": ["origin", OPS], "attach": ["csv"]},
            {"topics": ["completed_run", "changed"], "to": [OPS], "attach": ["chart"]},
        ],
    )
    assert await told(rig) == {("general", "status"), ("ops", "status")}
    assert [one.data for one in await owed(rig)] == [
        {"attach": ["csv"], "mentions": [], "broke": []},
        {"attach": ["csv", "chart"], "mentions": [], "broke": []},
    ]


async def test_a_condition_that_holds_sends_and_one_that_does_not_keeps_still(rig: Rig) -> None:
    def rules(condition: str) -> list[dict[str, Any]]:
        return [{"topics": ["completed_run"], "if": condition, "to": [OPS]}]

    await run(rig, notify=rules("total.sum > 3"))
    assert await told(rig) == set()
    await run(rig, notify=rules("total.sum == 3 and rows(days) == 2"), name="other")
    assert await told(rig) == {("ops", "status")}


async def test_a_condition_that_cannot_be_told_sends_and_says_so(rig: Rig) -> None:
    await run(rig, notify=[{"topics": ["completed_run"], "if": "total.amount > 3", "to": [OPS]}])
    [one] = await owed(rig)
    assert 'The condition "total.amount > 3" could not be told' in one.data["broke"][0]
    assert "did you mean" in one.data["broke"][0] or "no column" in one.data["broke"][0]


async def test_a_failure_that_no_condition_takes_is_told_at_the_origin(rig: Rig) -> None:
    await run(rig, "fail", notify=[{"topics": ["failed_run"], "if": "not failed", "to": [OPS]}])
    assert await told(rig) == {("general", "alert")}


async def test_by_hand_the_origin_is_told_whatever_the_rules_say(rig: Rig) -> None:
    await run(rig, "fail", by_hand=True, notify=[{"topics": ["failed_run"], "to": [OPS]}])
    assert await told(rig) == {("general", "status"), ("general", "alert"), ("ops", "alert")}


async def test_a_level_keeps_what_is_less_away(rig: Rig) -> None:
    rules = [{"level": "error", "to": [OPS]}]
    await run(rig, notify=rules)
    assert await told(rig) == set()
    await run(rig, "fail", notify=rules, name="other")
    assert await told(rig) == {("ops", "alert")}


async def test_the_first_result_is_a_change_and_the_same_again_is_none(rig: Rig) -> None:
    job = await rig.job(
        notify=[{"topics": ["changed"], "to": [OPS]}, {"topics": ["completed_run"], "if": "changed"}]
    )
    await again(rig, job)
    assert await told(rig) == {("ops", "status"), ("general", "status")}
    await again(rig, job)
    assert len(await owed(rig)) == 2


async def test_chat_adds_to_the_rules_of_the_file(rig: Rig) -> None:
    job = await rig.job(notify=[{"to": [OPS]}])
    await add(rig, job[0], topics=["failed_run"], to=["webhook:more"])
    await again(rig, job)
    assert await told(rig) == {("ops", "status")}
    await again(rig, job, "fail")
    assert await told(rig) == {("ops", "status"), ("ops", "alert"), ("more", "alert")}


async def test_the_organizations_rules_hold_where_the_job_names_no_rule(rig: Rig) -> None:
    await add(rig, None, topics=["failed_run"], to=[OPS])
    await run(rig, "fail")
    assert await told(rig) == {("ops", "alert")}
    await run(rig, "fail", name="own", notify=[{"topics": ["failed_run"], "to": ["webhook:own"]}])
    assert await told(rig) == {("ops", "alert"), ("own", "alert")}


async def test_a_rule_of_another_organization_is_not_seen(rig: Rig) -> None:
    async def work(turn: Turn) -> int:
        return await people.organization(turn, "other")

    mine, rig.organization = rig.organization, await rig.turns.take(work)
    await add(rig, None, topics=["completed_run"], to=[OPS])
    rig.organization = mine
    await run(rig)
    assert await told(rig) == {("general", "status")}


async def test_what_has_no_channel_goes_to_the_alert_channel(rig: Rig) -> None:
    async def work(turn: Turn) -> None:
        await people_rows.set_alert_channel(turn.connection, rig.organization, rig.channel)

    await rig.turns.take(work)
    job = await rig.job()
    channel, rig.channel = rig.channel, None  # type: ignore[assignment]
    await again(rig, job, "fail")
    rig.channel = channel
    assert await told(rig) == {("general", "alert")}


async def test_the_owner_and_members_are_mentioned_by_address_or_name(rig: Rig) -> None:
    async def meet(turn: Turn) -> tuple[int, int]:
        bob = Speaker("mailbox", "t", "bob", "Bob Lee", email="bob@example.com")
        eve = Speaker("mailbox", "t", "eve", "Eve", email="eve@example.com")
        return (
            (await people.recognize(turn, bob, organization=rig.organization)).pk,
            (await people.recognize(turn, eve, organization=rig.organization)).pk,
        )

    bob, eve = await rig.turns.take(meet)
    await run(
        rig,
        "fail",
        owner="Eve@example.com",
        notify=[{"topics": ["failed_run"], "mention": ["owner", "bob lee", "nobody@example.com"]}],
    )
    [one] = await owed(rig)
    assert one.data["mentions"] == sorted([bob, eve])
    assert one.data["broke"] == ["nobody@example.com was to be mentioned, and nobody here is called so."]


async def quiet_now(rig: Rig) -> dict[str, str]:
    """Quiet hours that began an hour ago and last two hours more."""
    now = await rig.turns.look(_now)
    return {"start": f"{now - timedelta(hours=1):%H:%M}", "end": f"{now + timedelta(hours=2):%H:%M}"}


async def _now(turn: Turn) -> Any:
    return turn.now


async def test_quiet_hours_hold_results_back_until_they_end_but_no_failure(rig: Rig) -> None:
    hours = await quiet_now(rig)
    await run(rig, quiet_hours=hours)
    await run(rig, "fail", quiet_hours=hours, name="other")
    result, alert = await owed(rig)
    now = await rig.turns.look(_now)
    assert now + timedelta(hours=1, minutes=58) < result.due_at <= now + timedelta(hours=2)
    assert f"{result.due_at:%H:%M:%S}" == f"{hours['end']}:00"
    assert alert.due_at <= now
    await rig.notifier.deliver()
    assert len(rig.mailbox.posts) == 1
    rig.store.offset += timedelta(hours=2)
    await rig.notifier.deliver()
    assert len(rig.mailbox.posts) == 2


async def test_quiet_hours_hold_failures_back_where_the_rule_says_so(rig: Rig) -> None:
    hours = await quiet_now(rig)
    rules = [{"topics": ["failed_run"], "hold_errors": True}]
    await run(rig, "fail", quiet_hours=hours, notify=rules)
    [alert] = await owed(rig)
    assert alert.due_at > await rig.turns.look(_now)


async def test_what_somebody_waits_for_is_not_held_back(rig: Rig) -> None:
    await run(rig, by_hand=True, quiet_hours=await quiet_now(rig))
    assert [one.due_at <= await rig.turns.look(_now) for one in await owed(rig)] == [True]


async def test_a_result_that_post_if_does_not_let_through_is_kept_and_not_posted(rig: Rig) -> None:
    number = await run(rig, post_if="total.sum > 3")
    [one] = await rig.runs(number)
    assert (one.status, one.quiet, one.reason) == (
        "succeeded",
        "post_if",
        "post_if did not hold: total.sum > 3",
    )
    assert await told(rig) == set()
    await run(rig, post_if="total.sum > 2", name="other")
    assert await told(rig) == {("general", "status")}


async def test_post_if_never_holds_a_failure_back(rig: Rig) -> None:
    await run(rig, "fail", post_if="total.sum > 3")
    assert await told(rig) == {("general", "alert")}


async def test_a_post_if_that_cannot_be_told_posts_and_is_kept(rig: Rig) -> None:
    number = await run(rig, post_if="nothing.here > 3")
    [one] = await rig.runs(number)
    assert one.quiet == ""
    assert await told(rig) == {("general", "status")}
    async with rig.store.reading() as connection:
        kinds = list(await connection.scalars(sa.select(tables.chat_entries.c.kind)))
    assert "gate" in kinds


async def test_post_if_changed_posts_the_first_and_then_only_what_is_new(rig: Rig) -> None:
    job = await rig.job(post_if="changed")
    quiet = []
    for do in ("table", "table", "ok", "table"):  # other parameters are compared with their own past
        number = await again(rig, job, do)
        quiet.append((await rig.runs(number))[0].quiet)
    assert quiet == ["", "post_if", "", "post_if"]


async def test_of_several_runs_one_that_is_not_quiet_is_enough(rig: Rig) -> None:
    job = await rig.job(post_if="rows > 0")
    started = await rig.start(job, {"do": "ok"}, {"do": "table"}, trigger=Trigger.SCHEDULE)
    await rig.ended(started.batch)
    assert sorted(one.quiet for one in await rig.runs(started.batch)) == ["", "post_if"]
    assert await told(rig) == {("general", "status"), ("general", "result")}
    results = [one for one in await owed(rig) if one.kind == "result"]
    assert len(results) == 1


async def test_by_hand_a_quiet_run_still_answers(rig: Rig) -> None:
    await run(rig, by_hand=True, post_if="false")
    assert await told(rig) == {("general", "status")}
    [one] = await owed(rig)
    assert one.version > 1
