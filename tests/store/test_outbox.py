"""The outbox as a whole: order, several senders, slow places, who is told instead, what is never edited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web

from adapters.webhook import hooks
from adapters.webhook.platform import Webhook
from core import notifier as notifier_module
from core import people
from core.errors import DeliveryError
from core.lifecycles import DeliveryState, Status
from core.notifier import GIVE_UP, PATIENCE, Notifier
from core.people import Member, Speaker, Standing
from core.ports import Channel, Platform, Post, Receipt
from core.store import deliveries as rows
from core.store import people as people_rows
from core.store import tables
from core.turns import Turn
from tests.limits import within
from tests.store.rig import Mailbox, Rig, until
from tests.unit.service_rig import serving

GONE = "It is archived."


class Named(Mailbox):
    """A platform of another name that refuses at these addresses, or has to be waited for at others."""

    def __init__(self, name: str, *, refuses: Sequence[str] = (), editable: bool = True) -> None:
        super().__init__()
        self.name = name
        self.editable = editable
        self.refuses = set(refuses)
        self.gates: dict[str, asyncio.Event] = {}

    async def deliver(self, post: Post) -> Receipt:
        if post.channel.address in self.gates:
            await self.gates[post.channel.address].wait()
        if post.channel.address in self.refuses:
            raise DeliveryError(GONE, permanent=True)
        return await super().deliver(post)


def notifier(rig: Rig, *platforms: Platform) -> Notifier:
    return Notifier(rig.turns, {one.name: one for one in platforms}, rig.compose)


async def place(rig: Rig, platform: str, address: str) -> int:
    return await rig.turns.take(
        lambda turn: people.channel(turn, rig.organization, Channel(platform, address))
    )


async def result(rig: Rig, name: str, **fields: object) -> int:
    """A batch of that new job has ended; its number."""
    started = await rig.start(await rig.job(name, **fields))
    await rig.ended(started.batch)
    return started.batch


async def member(rig: Rig, platform: str, name: str, email: str = "") -> Member:
    speaker = Speaker(platform, "t", name, name, Standing.MEMBER, email)
    return await rig.turns.take(lambda turn: people.recognize(turn, speaker, organization=rig.organization))


async def alerts_to(rig: Rig, target: str) -> None:
    platform, _, address = target.partition(":")
    channel = await place(rig, platform, address)
    async with rig.store.transaction() as connection:
        await people_rows.set_alert_channel(connection, rig.organization, channel)


async def states(rig: Rig) -> list[tuple[str, str, str]]:
    """(platform:address, state, error) of every delivery in order."""
    async with rig.store.reading() as connection:
        pks = list(await connection.scalars(tables.deliveries.select().order_by(tables.deliveries.c.pk)))
        found = await rows.get(connection, pks)
    return [(f"{row.platform}:{row.address}", row.state, row.error) for row in found]


def told(platform: Mailbox) -> list[str]:
    """Where new messages went."""
    return [post.channel.address for post in platform.posts if not post.external_id]


async def test_who_started_it_is_told_then_the_owner_then_the_alert_channel(rig: Rig) -> None:
    await member(rig, "mailbox", "olga", "olga@example.com")
    await alerts_to(rig, "other:#ops")
    box, other = Named("mailbox", refuses=["general", "alice", "olga"]), Named("other")
    await result(rig, "report", owner="Olga@example.com")
    one = notifier(rig, box, other)
    while await one.deliver():
        pass
    assert [place for place, _, _ in await states(rig)] == [
        "mailbox:general",
        "mailbox:alice",
        "mailbox:olga",
        "other:#ops",
    ]
    assert [state for _, state, _ in await states(rig)] == ["failed", "failed", "failed", "sent"]
    assert told(other) == ["#ops"]


async def test_nobody_is_told_twice_and_the_chain_has_an_end(rig: Rig) -> None:
    await alerts_to(rig, "mailbox:general")  # the place that took nothing
    box = Named("mailbox", refuses=["general", "alice"])
    await result(rig, "report", owner="alice")
    one = notifier(rig, box)
    while await one.deliver():
        pass
    assert [place for place, _, _ in await states(rig)] == ["mailbox:general", "mailbox:alice"]


async def test_a_person_is_told_by_mail_where_their_platform_does_not_reach_them(rig: Rig) -> None:
    await member(rig, "elsewhere", "olga", "olga@example.com")
    box, mail = Named("mailbox", refuses=["general", "alice"]), Named("email", editable=False)
    await result(rig, "report", owner="olga@example.com")
    await result(rig, "second", owner="unmet@example.com")
    one = notifier(rig, box, mail)
    while await one.deliver():
        pass
    assert sorted(told(mail)) == ["olga@example.com", "unmet@example.com"]


async def test_what_only_one_person_may_see_goes_to_nobody_else(rig: Rig) -> None:
    await alerts_to(rig, "other:#ops")
    box, other = Named("mailbox", refuses=["general", "alice"]), Named("other")
    await result(rig, "report", owner="olga@example.com")
    async with rig.store.transaction() as connection:
        await connection.execute(tables.deliveries.update().values(only_for="alice"))
    one = notifier(rig, box, other)
    while await one.deliver():
        pass
    assert other.posts == []
    assert [place for place, _, _ in await states(rig)] == ["mailbox:general"]


async def test_a_failure_that_nobody_could_be_told_of_there_is_told_once_elsewhere(rig: Rig) -> None:
    box = Named("mailbox", refuses=["general"])
    started = await rig.start(await rig.job(), {"do": "fail"})
    await rig.ended(started.batch)
    one = notifier(rig, box)
    while await one.deliver():
        pass
    assert [(post.channel.address, post.message.text) for post in box.posts] == [("alice", "alert #1 failed")]


async def test_a_platform_that_is_away_for_long_is_told_of_elsewhere(rig: Rig) -> None:
    await alerts_to(rig, "other:#ops")
    other = Named("other")
    await result(rig, "report")
    rig.mailbox.fail = [DeliveryError("Away.")] * GIVE_UP
    one = notifier(rig, rig.mailbox, other)
    for _ in range(GIVE_UP - 1):
        await one.deliver()
        rig.store.offset += timedelta(minutes=6)
    assert [state for _, state, _ in await states(rig)] == [DeliveryState.PENDING]
    rig.store.offset += PATIENCE
    await one.deliver()
    assert [state for _, state, _ in await states(rig)] == ["failed", "sent"]


async def test_what_is_owed_on_a_platform_that_is_not_set_up_is_told_elsewhere_in_time(rig: Rig) -> None:
    await alerts_to(rig, "mailbox:ops")
    rig.channel = await place(rig, "pager", "42")
    await result(rig, "report", owner="nobody@example.com")
    async with rig.store.transaction() as connection:
        await connection.execute(tables.batches.update().values(member=None))
    patient = Notifier(rig.turns, {"mailbox": rig.mailbox}, rig.compose, orphaned=timedelta(hours=1))
    assert await patient.deliver() == 0
    rig.store.offset += timedelta(hours=1, seconds=1)
    assert await rig.notifier.deliver() == 0  # a process that is only a console leaves it to others
    await patient.deliver()
    assert await states(rig) == [
        ("pager:42", "failed", "Nothing can be sent to pager: it is not set up."),
        ("mailbox:ops", "sent", ""),
    ]


async def test_where_nothing_can_be_edited_only_the_end_is_brought(rig: Rig) -> None:
    box = Named("mailbox", editable=False)
    one = notifier(rig, box)
    started = await rig.start(await rig.job(), {"do": "wait"})
    await rig.has_status(started.batch, Status.RUNNING)
    await one.deliver()
    assert box.posts == []
    assert [state for _, state, _ in await states(rig)] == [DeliveryState.PENDING]
    assert await one.deliver() == 0
    rig.agent.gate.set()
    await rig.ended(started.batch)
    await one.deliver()
    assert [post.message.text for post in box.posts] == ["status #1 succeeded"]
    async with rig.store.transaction() as connection:
        await rows.touch(connection, [started.batch], "status", await rig.store.now(connection), urgent=True)
    await one.deliver()
    assert len(box.posts) == 1
    assert [state for _, state, _ in await states(rig)] == [DeliveryState.SENT]


async def test_a_slow_place_holds_up_no_other(rig: Rig) -> None:
    box = Named("mailbox")
    gate = box.gates["general"] = asyncio.Event()
    one = notifier(rig, box)
    await result(rig, "slow")
    sending = asyncio.create_task(one.deliver())
    await until(lambda: _is(rig, DeliveryState.SENDING))
    rig.channel = await place(rig, "mailbox", "other")
    await result(rig, "quick")
    await until(lambda: _posted(box, "other"))
    assert told(box) == ["other"]
    gate.set()
    with within(60):
        await sending
    assert told(box) == ["other", "general"]


async def test_two_senders_never_speak_in_one_channel_at_once(rig: Rig) -> None:
    box = Named("mailbox")
    gate = box.gates["general"] = asyncio.Event()
    first, second = notifier(rig, box), notifier(rig, box)
    await result(rig, "first")
    sending = asyncio.create_task(first.deliver())
    await until(lambda: _is(rig, DeliveryState.SENDING))
    await result(rig, "second")
    assert await second.deliver() == 0
    assert (await second.next_due() or timedelta(0)) > timedelta(0)  # nothing to do before the lease ends
    gate.set()
    await sending
    assert [post.message.text for post in box.posts] == ["status #1 succeeded", "status #2 succeeded"]


async def test_many_senders_bring_each_message_once_and_in_the_order_of_its_channel(rig: Rig) -> None:
    box = Named("mailbox")
    wanted: dict[str, list[str]] = {}
    for name in ("a", "b", "c"):
        rig.channel = await place(rig, "mailbox", name)
        job = await rig.job(name, overlap="allow")
        for _ in range(8):
            started = await rig.start(job)
            await rig.ended(started.batch)
            wanted.setdefault(name, []).append(f"status #{started.batch} succeeded")
    with within(60):
        await asyncio.gather(*(notifier(rig, box).deliver() for _ in range(4)))
        await notifier(rig, box).deliver()
    found: dict[str, list[str]] = {}
    for post in box.posts:
        found.setdefault(post.channel.address, []).append(post.message.text)
    assert found == wanted


async def test_a_webhook_that_takes_its_time_gets_one_message_from_two_senders(rig: Rig) -> None:
    """F11: the second sender comes while the first still waits for its answer."""
    gate = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    rig.channel = await place(rig, "webhook", "crm")
    async with serving(slow, signed=False) as service:
        platform = Webhook(hooks.read(f"crm {service.url} private"))
        first, second = (
            Notifier(rig.turns, {"webhook": platform}, rig.compose, lease=timedelta(minutes=5)) for _ in "12"
        )
        await result(rig, "report")
        sending = asyncio.create_task(first.deliver())
        await until(lambda: _said(service.said))
        assert await second.deliver() == 0
        gate.set()
        await sending
        assert await second.deliver() == 0
        assert len(service.said) == 1
    assert [state for _, state, _ in await states(rig)] == [DeliveryState.SENT]


async def test_a_channel_that_has_to_wait_delays_no_other_and_is_not_asked_before(
    rig: Rig,
) -> None:
    asked: list[str] = []

    class Limited(Named):
        async def deliver(self, post: Post) -> Receipt:
            asked.append(post.channel.address)
            if post.channel.address == "busy" and len(asked) == 1:
                raise DeliveryError("Later.", retry_after=timedelta(minutes=1))
            return await Mailbox.deliver(self, post)

    one = notifier(rig, Limited("mailbox"))
    rig.channel = await place(rig, "mailbox", "busy")
    job = await rig.job("busy", overlap="allow")
    for _ in range(60):  # more than are claimed together
        await rig.ended((await rig.start(job)).batch)
    rig.channel = await place(rig, "mailbox", "free")
    await result(rig, "free")
    with within(60):
        while await one.deliver():
            pass
    assert asked == ["busy", "free"]
    rig.store.offset += timedelta(seconds=61)
    with within(60):
        while await one.deliver():
            pass
    assert asked.count("busy") == 61


async def test_a_channel_that_takes_one_a_second_gets_them_in_their_order(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More are owed than are claimed together, and the second is over before all of them were looked at."""
    monkeypatch.setattr(notifier_module, "AT_ONCE", 2)
    free_at = rig.store.offset

    class Paced(Named):
        async def deliver(self, post: Post) -> Receipt:
            nonlocal free_at
            if rig.store.offset < free_at:
                rig.store.offset += timedelta(seconds=10)  # a slow machine
                raise DeliveryError("It is given time.", retry_after=timedelta(seconds=4))
            free_at = rig.store.offset + timedelta(seconds=4)
            return await super().deliver(post)

    box = Paced("mailbox")
    job = await rig.job("busy", overlap="allow")
    started = [await rig.start(job) for _ in range(5)]
    for one in started:
        await rig.ended(one.batch)
    with within(60):
        while len(box.posts) < len(started):
            await notifier(rig, box).deliver()
            rig.store.offset += timedelta(seconds=5)
    assert [post.message.text for post in box.posts] == [f"status #{one.batch} succeeded" for one in started]


async def _is(rig: Rig, state: DeliveryState) -> bool:
    return state in [one for _, one, _ in await states(rig)]


async def _posted(box: Mailbox, address: str) -> bool:
    return address in told(box)


async def _said(said: Sequence[object]) -> bool:
    return bool(said)


async def test_a_send_that_cannot_be_written_down_is_tried_until_it_can(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await result(rig, "report")
    settle, failures = rig.notifier._settle, [OSError("away"), OSError("away")]

    async def away(turn: Turn, outcomes: object) -> None:
        if failures:
            raise failures.pop()
        await settle(turn, outcomes)  # type: ignore[arg-type]

    monkeypatch.setattr(rig.notifier, "_settle", away)
    with within(60):
        await rig.notifier.deliver()
    assert len(rig.mailbox.posts) == 1
    assert [state for _, state, _ in await states(rig)] == [DeliveryState.SENT]


async def test_a_pass_walks_through_nothing_that_was_sent_before(rig: Rig) -> None:
    """SQLite tells its plan whatever the numbers; PostgreSQL's is told by `make bench`."""
    await result(rig, "report")
    statements: list[tuple[str, Any]] = []

    def keep(_: Any, __: Any, text: str, given: Any, *___: Any) -> None:
        statements.append((text, given))

    engines = [one.sync_engine for one in (rig.store.writer, rig.store._reader) if one is not None]
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", keep)
    await rig.notifier.next_due()
    assert await rig.notifier.deliver() == 1
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", keep)
    assert statements
    if rig.store.sqlite:
        async with rig.store.reading() as connection:
            for text, given in statements:
                if "deliveries" in text:
                    plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given)
                    told = [str(row[-1]) for row in plan]
                    walks = [one for one in told if one in ("SCAN deliveries", "SCAN message")]
                    walks += [one for one in told if "ix_deliveries_channel" in one]
                    assert walks == [], (text, told)
