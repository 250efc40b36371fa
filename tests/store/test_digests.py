"""A digest is posted once for each due instant, tells what really happened, and is honest about nothing."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core import digests, editions, people, times
from core.definitions import Schedule
from core.deliveries import Kind
from core.digests import Digest, Draft
from core.editions import Chosen, Edition, Span
from core.errors import DeliveryError, Invalid, NotFound
from core.messages import Message
from core.ports import Channel
from core.scheduler import Scheduler
from core.store import tables
from core.turns import Turn
from core.wording import deliveries as delivery_wording
from core.wording import digests as wording
from tests.limits import within
from tests.store.desk_rig import Office, said
from tests.store.incident_rig import OFTEN, Watch, lasting
from tests.store.schedule_rig import START, Planner, hours, minutes

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def watch(planner: Planner) -> Watch:
    return Watch(planner)


async def test_a_digest_is_posted_when_it_is_due_and_moves_on(watch: Watch) -> None:
    await _save(watch)
    watch.planner.move(NINE)
    await watch.planner.scheduler.work()
    assert [row.due_at for row in await watch.rows(tables.digest_posts)] == [NINE]
    [row] = await watch.rows(tables.digests)
    assert row.next_due_at == NINE + timedelta(days=1)
    assert len(await watch.deliveries(Kind.DIGEST)) == 1


async def test_many_processes_post_each_instant_once(watch: Watch) -> None:
    for name in ("one", "two", "three"):
        await _save(watch, name=name)
    watch.planner.move(NINE)
    made = [Scheduler(watch.rig.turns, watch.rig.vault) for _ in range(6)]
    assert sum(await asyncio.gather(*(one.post() for one in made))) == 3
    assert len(await watch.deliveries(Kind.DIGEST)) == 3
    assert await made[0].post() == 0


async def test_after_a_time_away_only_the_latest_is_posted_and_tells_of_all_of_it(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await _save(watch)
    watch.planner.move(NINE)
    await watch.planner.scheduler.post()
    watch.at = NINE
    await watch.fires()
    watch.planner.move(NINE + timedelta(days=4, hours=3))
    await watch.planner.scheduler.post()
    posts = await watch.rows(tables.digest_posts)
    assert [(one.due_at, one.since_at) for one in posts][1:] == [(NINE + timedelta(days=4), NINE)]
    [message] = [one for one in await watch.messages() if "failed since" in one.text]
    assert message.text.startswith("1 of 1 batch failed since Mon 02 Mar 2026 09:00")


async def test_it_tells_what_ran_failed_was_skipped_and_comes_next(watch: Watch) -> None:
    await watch.planner.apply(OFTEN, title="Weekly report")
    await watch.succeeds()
    await watch.fires()
    await _pause(watch)
    watch.at += minutes(30)
    await watch.planner.at(watch.at)
    told = said(await _told(watch))
    assert "Weekly report 2 1 #2" in told
    assert "Weekly report: 1 failure since today 07:50, the newest is #2; it is paused" in told
    assert "Weekly report (often): 3 starts skipped: the job was paused by the bot" in told
    assert "today 08:30: Weekly report (often), paused: it will be skipped" in told
    assert "[View #2] show #2" in told


async def test_a_recovery_within_its_time_is_told_as_one(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await watch.fires()
    await watch.fires()
    await watch.succeeds()
    told = said(await _told(watch))
    assert re.search(rf"report: recovered with #3 after 2 failures, {lasting(20)}", told)


async def test_an_empty_digest_says_that_nothing_happened_and_what_comes(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    message = await _told(watch, ahead=minutes(20))
    assert message.text.startswith("Nothing ran since")
    assert "Nothing ran, failed, was skipped or missed." in said(message)
    assert "today 07:40: report (often)" in said(message)


async def test_a_channel_without_jobs_says_how_to_choose_some(watch: Watch) -> None:
    assert "jobs=weekly-report" in said(await _told(watch))


async def test_numbers_that_moved_and_runs_that_were_slow_are_told(watch: Watch) -> None:
    job = await watch.planner.apply(OFTEN)
    for number in range(6):
        await watch.succeeds()
        await _became(watch, number + 1, total=100.0, took=10)
    since = watch.at + minutes(1)
    await watch.succeeds()
    await _became(watch, 7, total=150.0, took=35)
    edition = await _edition(watch, Span(since, watch.at + hours(1), watch.at, ZoneInfo("UTC")))
    [moved] = edition.moved
    assert (moved.job.pk, moved.change.before, moved.change.after) == (job.pk, 100.0, 150.0)
    [slow] = edition.slow
    assert (slow.batch, slow.took, slow.usually) == (7, timedelta(seconds=35), timedelta(seconds=10))


async def test_what_a_channel_did_not_take_is_told(watch: Watch) -> None:
    await watch.planner.apply(OFTEN)
    await watch.succeeds()
    async with watch.rig.store.transaction() as connection:
        await connection.execute(tables.deliveries.update().values(state="failed", error="It is archived."))
    assert "report: 1 message to mailbox:general: It is archived." in said(await _told(watch))


async def test_jobs_are_chosen_by_name_by_tag_or_by_where_they_post(watch: Watch) -> None:
    await watch.planner.apply(OFTEN, tags=["marketing"])
    everything = await _edition(watch, chosen=Chosen(everything=True))
    elsewhere = Span(START, watch.at + hours(1), watch.at, ZoneInfo("UTC"))
    assert everything.jobs == 1
    assert (await _edition(watch, elsewhere, Chosen(tags=("Marketing",)))).jobs == 1
    assert (await _edition(watch, elsewhere, Chosen(tags=("sales",)))).jobs == 0
    assert (await _edition(watch, elsewhere, Chosen())).jobs == 1  # its schedule belongs to this channel
    alice = watch.rig.alice
    with pytest.raises(NotFound, match="No job has the tag sales"):
        await watch.rig.turns.look(lambda turn: digests.choose(turn, alice, (), ("sales",)))


async def test_a_job_that_not_everybody_may_see_is_told_only_where_it_posts(watch: Watch) -> None:
    await watch.planner.apply(OFTEN, access={"view": "admin"}, channel="mailbox:secret")
    everything = Chosen(everything=True)
    assert (await _edition(watch, chosen=everything)).jobs == 0
    [schedule] = await watch.rows(tables.schedules)
    assert (await _edition(watch, chosen=everything, channel=schedule.channel)).jobs == 1


async def test_what_does_not_fit_goes_into_its_thread_once(watch: Watch) -> None:
    await watch.planner.apply(*[{"name": f"s{n}", "when": "*/10 * * * *"} for n in range(10)])
    await _save(watch)
    await _pause(watch)
    await watch.planner.at(NINE)
    await watch.planner.scheduler.post()
    head, tail = [post for post in await _posts(watch) if "digest" in post.message.title + post.message.text]
    assert "The rest is in the thread." in said(head.message)
    assert tail.reply_to
    assert "report (s9)" not in said(head.message)
    assert "report (s9)" in said(tail.message)


async def test_a_digest_that_cannot_be_posted_keeps_no_other_from_its_time(watch: Watch) -> None:
    await _save(watch, name="broken")
    await _save(watch, name="whole")
    async with watch.rig.store.transaction() as connection:
        broken = tables.digests.update().where(tables.digests.c.name == "broken")
        await connection.execute(broken.values(expression="no expression at all"))
    watch.planner.move(NINE)
    assert await watch.planner.scheduler.post() == 1
    assert await watch.planner.scheduler.post() == 0


async def test_digests_that_others_hold_are_not_looked_for_again_and_again(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def held(turn: Turn, pk: int) -> bool:
        return False

    await _save(watch)
    monkeypatch.setattr(digests, "CHUNK", 1)
    monkeypatch.setattr(digests, "settle", held)
    watch.planner.move(NINE)
    with within(60):
        assert await watch.planner.scheduler.post() == 0


async def test_a_digest_that_its_channel_does_not_take_comes_to_the_alert_channel(watch: Watch) -> None:
    rig = watch.rig
    await watch.planner.apply(OFTEN)
    await _save(watch)
    async with rig.store.transaction() as connection:
        alerts = await people.channel(Turn(connection, START), rig.organization, Channel("mailbox", "alerts"))
        await connection.execute(tables.organizations.update().values(alert_channel=alerts))
    watch.planner.move(NINE)
    await watch.planner.scheduler.post()
    rig.mailbox.fail = [DeliveryError("It is archived.", permanent=True)]
    await _posts(watch)
    [post] = [one for one in rig.mailbox.posts if one.channel.address == "alerts"]
    assert post.message.title == "Nothing ran · digest of general"
    assert "It is archived." in said(post.message)


def test_every_kind_of_message_has_a_name_in_the_list_of_deliveries() -> None:
    assert set(delivery_wording._KINDS) == set(Kind)


async def test_saving_it_again_changes_it_and_off_ends_it(watch: Watch) -> None:
    first = await _save(watch)
    again = await _save(watch, when="every day at 10")
    assert (again.pk, again.next_at) == (first.pk, NINE + hours(1))
    rig = watch.rig
    await rig.turns.take(lambda turn: digests.off(turn, rig.alice, rig.channel))
    watch.planner.move(NINE + timedelta(days=3))
    assert await watch.planner.scheduler.post() == 0
    with pytest.raises(NotFound, match="no digest"):
        await rig.turns.take(lambda turn: digests.off(turn, rig.alice, rig.channel))
    assert (await _save(watch)).next_at is not None


async def test_a_digest_every_minute_is_refused(watch: Watch) -> None:
    with pytest.raises(Invalid, match="at most every 10 minutes"):
        await _save(watch, when="every minute")


async def test_people_save_show_and_end_digests_in_chat(office: Office) -> None:
    await office.job("report")
    await office.ran("run report")
    saved = await office.done("digest every weekday at 9")
    assert not saved.private
    assert "A digest is posted here every weekday (Monday to Friday) at 09:00 (UTC)" in said(saved.message)
    assert "All went well: 1 batch of 1 job" in said((await office.done("digest now")).message)
    await office.done("digest every friday at 16:00 jobs=report name=friday")
    shown = said((await office.done("digests")).message)
    assert "friday general every Friday at 16:00 (UTC) 1 chosen job" in shown
    await office.done("digest off name=friday")
    assert "friday" not in said((await office.done("digest")).message)
    assert "digest.off" in await office.audit()


async def test_chat_refuses_what_cannot_be_a_digest(office: Office) -> None:
    assert "There is no job called nothing" in await office.refused("digest every day at 9 jobs=nothing")
    assert "cannot be the name" in await office.refused("digest every day at 9 name=9")
    assert "no digest called x" in await office.refused("digest off name=x")
    assert "no digest called x" in await office.refused("digest now name=x")


async def _save(watch: Watch, name: str = "digest", when: str = "every day at 9") -> Digest:
    rig = watch.rig

    async def work(turn: Turn) -> Digest:
        expression = times.parse(when, zone=ZoneInfo("UTC"), now=turn.now)
        definition = Schedule(when=expression.text, timezone="UTC")
        draft = Draft(rig.channel, name, definition, expression, Chosen())
        return await digests.save(turn, rig.alice, draft)

    return await rig.turns.take(work)


async def _edition(
    watch: Watch, span: Span | None = None, chosen: Chosen | None = None, channel: int | None = None
) -> Edition:
    end = watch.at + minutes(5)
    span = span or Span(START - hours(1), end, end + hours(1), ZoneInfo("UTC"))
    rig = watch.rig
    return await rig.turns.look(
        lambda turn: editions.gather(turn, rig.organization, channel or rig.channel, chosen or Chosen(), span)
    )


async def _told(watch: Watch, ahead: timedelta = timedelta(hours=1)) -> Message:
    """What a digest says of everything so far."""
    end = watch.at + minutes(5)
    span = Span(START - hours(1), end, end + ahead, ZoneInfo("UTC"))
    return wording.now("digest", "general", await _edition(watch, span))


async def _pause(watch: Watch) -> None:
    async with watch.rig.store.transaction() as connection:
        await connection.execute(tables.jobs.update().values(paused_at=START, paused_why="too many"))
        await connection.execute(tables.incidents.update().values(paused_at=START))


async def _became(watch: Watch, number: int, *, total: float, took: int) -> None:
    """Let a batch have that headline number and have taken so many seconds."""
    ended = watch.at + timedelta(seconds=took)
    async with watch.rig.store.transaction() as connection:
        entry = {"name": "total", "value": total, "format": "number", "unit": "", "change": None}
        values = {"run": number, "sequence": 90, "attempt": 1, "kind": "headline", "data": entry, "at": ended}
        await connection.execute(tables.chat_entries.insert().values(values))
        times_ = {"started_at": watch.at, "ended_at": ended}
        for table in (tables.batches, tables.runs):
            await connection.execute(table.update().where(table.c.pk == number).values(times_))


async def _posts(watch: Watch) -> list[Any]:
    for _ in range(3):
        await watch.notifier.deliver()
    return list(watch.rig.mailbox.posts)
