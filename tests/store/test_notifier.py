"""What the notifier does with what platforms say: later, never, perhaps."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core import people
from core.deliveries import Delivery
from core.errors import Busy, DeliveryError
from core.lifecycles import DeliveryState
from core.messages import Message
from core.notifier import Notifier
from core.ports import Channel, Post, Receipt
from core.store import tables
from core.store.database import Store
from core.turns import Turn
from tests.store.rig import Mailbox, Rig

LATER = timedelta(seconds=5)


def later() -> DeliveryError:
    return DeliveryError("Later.", retry_after=LATER)


class Archive(Mailbox):
    """A mailbox that can be searched; `loses` takes a message and does not say so."""

    def __init__(self) -> None:
        super().__init__()
        self.searched = 0
        self.cannot: list[DeliveryError] = []

    async def find(self, post: Post) -> Receipt | None:
        self.searched += 1
        if self.cannot:
            raise self.cannot.pop(0)
        for number, one in enumerate(self.posts, start=1):
            if one.delivery_id == post.delivery_id:
                return Receipt(f"m{number}")
        return None


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[Rig]:
    made = Rig(store)
    await made.prepare()
    await made.open()
    yield made
    await made.close()


def searchable(rig: Rig) -> Archive:
    """Let the rig's platform be one that can be searched."""
    made = Archive()
    rig.mailbox = made
    rig.notifier._platforms = {"mailbox": made}
    return made


async def owed(rig: Rig, count: int = 1, name: str = "report") -> list[str]:
    """That many results, each owed to the rig's channel, as they are told in the end."""
    job = await rig.job(name, overlap="allow")
    started = [await rig.start(job) for _ in range(count)]
    for one in started:
        await rig.ended(one.batch)
    return [f"status #{one.batch} succeeded" for one in started]


def told(rig: Rig) -> list[str]:
    return [post.message.text for post in rig.mailbox.posts]


async def deliveries(rig: Rig) -> list[tuple[str, int]]:
    table = tables.deliveries
    async with rig.store.reading() as connection:
        rows = await connection.execute(table.select().order_by(table.c.pk))
        return [(row.state, row.attempts) for row in rows]


async def channel_states(rig: Rig) -> list[tuple[str, str]]:
    table = tables.channels
    async with rig.store.reading() as connection:
        rows = await connection.execute(table.select().order_by(table.c.pk))
        return [(row.address, row.state) for row in rows]


async def test_what_stands_behind_a_message_that_has_to_wait_waits_too(rig: Rig) -> None:
    wanted = await owed(rig, 4)
    rig.mailbox.fail = [later()]
    await rig.notifier.deliver()
    assert told(rig) == []
    rig.store.offset += LATER
    await rig.notifier.deliver()
    assert told(rig) == wanted


async def test_other_places_do_not_wait(rig: Rig) -> None:
    await owed(rig, 2)
    rig.channel = await rig.turns.take(
        lambda turn: people.channel(turn, rig.organization, Channel("mailbox", "other"))
    )
    wanted = await owed(rig, 1, "another")
    rig.mailbox.fail = [later()]
    posts = rig.mailbox.deliver

    async def deliver(post: Post) -> Receipt:
        if post.channel.address == "other":
            waiting, rig.mailbox.fail = rig.mailbox.fail, []
            try:
                return await posts(post)
            finally:
                rig.mailbox.fail = waiting
        return await posts(post)

    rig.mailbox.deliver = deliver  # type: ignore[method-assign]
    await rig.notifier.deliver()
    assert told(rig) == wanted


async def test_waiting_as_long_as_a_platform_asks_is_no_failure(rig: Rig) -> None:
    wanted = await owed(rig)
    rig.mailbox.fail = [later() for _ in range(25)]
    for _ in range(25):
        await rig.notifier.deliver()
        rig.store.offset += LATER
    assert await deliveries(rig) == [(DeliveryState.PENDING, 0)]
    await rig.notifier.deliver()
    assert told(rig) == wanted


async def test_a_database_that_is_away_is_no_failure_of_a_message(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = await owed(rig)
    tries: list[int] = []

    async def away_at_first(turn: Turn, delivery: Delivery) -> Message:
        tries.append(delivery.attempts)
        if len(tries) == 1:
            raise Busy("The database is away; nothing was started.")
        return await rig.compose(turn, delivery)

    notifier = Notifier(rig.turns, {"mailbox": rig.mailbox}, away_at_first)
    await notifier.deliver()
    rig.store.offset += timedelta(seconds=2)
    await notifier.deliver()
    assert told(rig) == wanted
    assert tries == [1, 1]
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_nothing_is_asked_before_the_time_that_was_named(rig: Rig) -> None:
    await owed(rig)
    rig.mailbox.fail = [DeliveryError("Later.", retry_after=timedelta(minutes=10)), later()]
    await rig.notifier.deliver()
    rig.store.offset += timedelta(minutes=9)
    await rig.notifier.deliver()
    assert len(rig.mailbox.fail) == 1


async def test_a_channel_that_takes_nothing_is_marked_and_the_starter_is_told(rig: Rig) -> None:
    wanted = await owed(rig)
    rig.mailbox.fail = [DeliveryError("It is archived.", permanent=True)]
    await rig.notifier.deliver()
    assert await channel_states(rig) == [("general", "broken"), ("alice", "ok")]
    await rig.notifier.deliver()
    assert [post.channel.address for post in rig.mailbox.posts] == ["alice"]
    assert told(rig) == wanted
    assert [state for state, _ in await deliveries(rig)] == [DeliveryState.FAILED, DeliveryState.SENT]


async def test_a_person_who_cannot_be_told_either_is_not_told_again(rig: Rig) -> None:
    await owed(rig)
    rig.mailbox.fail = [DeliveryError("No.", permanent=True), DeliveryError("No.", permanent=True)]
    await rig.notifier.deliver()
    await rig.notifier.deliver()
    assert [state for state, _ in await deliveries(rig)] == [DeliveryState.FAILED, DeliveryState.FAILED]
    assert rig.mailbox.posts == []


async def test_a_channel_that_takes_messages_again_is_mended(rig: Rig) -> None:
    await owed(rig)
    rig.mailbox.fail = [DeliveryError("It is archived.", permanent=True)]
    await rig.notifier.deliver()
    await owed(rig, 1, "another")
    await rig.notifier.deliver()
    assert (await channel_states(rig))[0] == ("general", "ok")


async def test_what_reached_somebody_elsewhere_does_not_mend_the_channel(rig: Rig) -> None:
    await owed(rig)
    rig.mailbox.fail = [DeliveryError("It is archived.", permanent=True)]
    await rig.notifier.deliver()

    async def elsewhere(post: Post) -> Receipt:
        return Receipt("m", elsewhere=True)

    rig.mailbox.deliver = elsewhere  # type: ignore[method-assign]
    await owed(rig, 1, "another")
    await rig.notifier.deliver()
    assert (await channel_states(rig))[0] == ("general", "broken")


async def test_what_may_have_arrived_stays_unknown_where_nobody_can_look(rig: Rig) -> None:
    await owed(rig)
    rig.mailbox.fail = [DeliveryError("Who knows.", unknown=True)]
    await rig.notifier.deliver()
    rig.store.offset += timedelta(minutes=10)
    await rig.notifier.deliver()
    assert [state for state, _ in await deliveries(rig)] == [DeliveryState.UNKNOWN]
    assert rig.mailbox.posts == []


async def test_what_has_arrived_is_found_and_only_edited(rig: Rig) -> None:
    archive = searchable(rig)
    await owed(rig)
    posts = archive.deliver

    async def arrives_unheard(post: Post) -> Receipt:
        archive.deliver = posts  # type: ignore[method-assign]
        await posts(post)
        raise DeliveryError("Who knows.", unknown=True)

    archive.deliver = arrives_unheard  # type: ignore[method-assign]
    await rig.notifier.deliver()
    assert [state for state, _ in await deliveries(rig)] == [DeliveryState.SENDING]
    rig.store.offset += timedelta(minutes=1)
    await rig.notifier.deliver()
    assert [post.external_id for post in archive.posts] == ["", "m1"]
    assert await deliveries(rig) == [(DeliveryState.SENT, 0)]


async def test_what_has_not_arrived_is_sent_after_a_look(rig: Rig) -> None:
    archive = searchable(rig)
    wanted = await owed(rig)
    archive.fail = [DeliveryError("Who knows.", unknown=True)]
    await rig.notifier.deliver()
    rig.store.offset += timedelta(minutes=1)
    archive.cannot = [DeliveryError("Busy.", unknown=True, retry_after=LATER), DeliveryError("Busy.")]
    await rig.notifier.deliver()
    assert told(rig) == []  # while it cannot be told, nothing is sent
    rig.store.offset += timedelta(minutes=1)
    await rig.notifier.deliver()
    assert told(rig) == []
    rig.store.offset += timedelta(minutes=1)
    await rig.notifier.deliver()
    assert told(rig) == wanted
    assert archive.searched == 3


async def test_what_can_never_be_looked_up_stays_unknown(rig: Rig) -> None:
    archive = searchable(rig)
    await owed(rig)
    archive.fail = [DeliveryError("Who knows.", unknown=True)]
    archive.cannot = [DeliveryError("It may not look.", permanent=True)]
    await rig.notifier.deliver()
    rig.store.offset += timedelta(minutes=1)
    await rig.notifier.deliver()
    rig.store.offset += timedelta(minutes=10)
    await rig.notifier.deliver()
    assert [state for state, _ in await deliveries(rig)] == [DeliveryState.UNKNOWN]
    assert archive.searched == 1
