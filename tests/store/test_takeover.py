"""What a process left behind: its sends, its lease; and the database leaving for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import runs
from core.deliveries import Delivery
from core.entries import Answered, Entry
from core.errors import DeliveryError
from core.janitor import REAP_EVERY, Janitor
from core.lifecycles import BatchState, Status
from core.messages import Message
from core.notifier import Notifier
from core.ports import Post, Receipt, Task
from core.store import deliveries as rows
from core.store import outbox as outbox_rows
from core.store import tables
from core.store.database import Store
from core.turns import Turn
from tests.store.desk_rig import Office, said
from tests.store.rig import Mailbox, Rig, until

REACH = outbox_rows.Reach(("mailbox",))


async def sending(rig: Rig) -> None:
    """A message is owed, and its sender dies while it sends."""

    async def claim(turn: Turn) -> None:
        await outbox_rows.claim(turn.connection, turn.now, timedelta(seconds=60), 10, REACH)

    started = await rig.start(await rig.job())
    await rig.ended(started.batch)
    await rig.turns.take(claim)


async def test_a_send_whose_sender_fell_silent_is_due_when_its_lease_ends(rig: Rig) -> None:
    await sending(rig)

    async def due(turn: Turn) -> float:
        moment = await outbox_rows.next_due(turn.connection, turn.now, REACH)
        assert moment is not None
        return (moment - turn.now).total_seconds()

    assert 0 < await rig.turns.look(due) <= 60
    rig.store.offset += timedelta(seconds=61)
    assert await rig.turns.look(due) < 0
    assert await rig.notifier.deliver() == 1


async def test_who_takes_over_looks_at_the_sends_of_the_dead_at_once(rig: Rig) -> None:
    await sending(rig)
    assert await rig.notifier.deliver() == 0
    await rig.janitor.take_over(rig.worker.number)
    assert await rig.notifier.deliver() == 1
    [delivery] = await rig.turns.look(lambda turn: rows.of_batch(turn.connection, 1))
    assert delivery.state == "unknown"  # the platform may have it


class Found(Mailbox):
    """A mailbox that has the message already: its sender died before it could write that down."""

    async def find(self, post: Post) -> Receipt | None:
        return Receipt("there already")


async def test_what_a_dead_sender_may_have_sent_is_looked_up_though_the_database_fails_first(
    rig: Rig,
) -> None:
    """Found by chaos: composing failed, the delivery was pending again, and was sent a second time."""
    await sending(rig)
    mailbox, composed = Found(), 0

    async def compose(turn: Turn, delivery: Delivery) -> Message:
        nonlocal composed
        composed += 1
        if composed == 1:
            raise sa.exc.OperationalError("select", None, Exception("the database is away"))
        return await rig.compose(turn, delivery)

    notifier = Notifier(rig.turns, {"mailbox": mailbox}, compose)
    for _ in range(2):
        rig.store.offset += timedelta(seconds=61)
        assert await notifier.deliver() == 1
    [post] = mailbox.posts
    assert post.external_id == "there already"  # an edit, and no second message
    [delivery] = await rig.turns.look(lambda turn: rows.of_batch(turn.connection, 1))
    assert delivery.state == "sent"


async def test_a_dead_process_is_found_within_its_lease_and_ten_seconds(store: Store) -> None:
    """D1, B2: its run is lost, the channel is told, the lock is free, and not while it may still live."""
    dead, living = Rig(store), Rig(store)
    await dead.prepare()
    await living.prepare()
    await dead.worker.start()
    started = await dead.start(await dead.job(), {"do": "forever"})
    [_] = await dead.turns.take(lambda turn: runs.claim(turn, 5, dead.worker.number))
    dead.worker._lease._stop.set()  # type: ignore[union-attr]  # its thread renews no more: it was killed
    store.offset += timedelta(seconds=15)
    assert await living.janitor.reap() == 0
    store.offset += timedelta(seconds=25) - REAP_EVERY  # the last look before the promise is broken
    assert await living.janitor.reap() == 1
    assert (await living.runs(started.batch))[0].status is Status.LOST
    assert await living.count(tables.locks) == 0
    await living.notifier.deliver()
    assert any(post.message.text.startswith("alert #1") for post in living.mailbox.posts)
    await dead.worker.close()


@pytest.mark.parametrize(
    "error",
    [DeliveryError("Later.", retry_after=timedelta(seconds=5)), DeliveryError("It cannot be reached.")],
    ids=["later", "not reached"],
)
async def test_what_was_found_is_not_sent_anew_though_its_edit_fails_first(
    rig: Rig, error: DeliveryError
) -> None:
    """Found by chaos: it was there, its edit was put off, and with that it was forgotten where it is."""
    await sending(rig)
    mailbox = Found()
    mailbox.fail = [error]
    notifier = Notifier(rig.turns, {"mailbox": mailbox}, rig.compose)
    for _ in range(2):
        rig.store.offset += timedelta(seconds=61)
        assert await notifier.deliver() == 1
    assert [post.external_id for post in mailbox.posts] == ["there already"]
    [delivery] = await rig.turns.look(lambda turn: rows.of_batch(turn.connection, 1))
    assert delivery.state == "sent"


async def test_a_worker_that_was_declared_dead_knows_and_claims_no_more(store: Store) -> None:
    frozen, living = Rig(store, lease=timedelta(seconds=1)), Rig(store)
    await frozen.prepare()
    await living.prepare()
    await frozen.open()
    await living.worker.start()
    assert not frozen.worker.buried
    await living.janitor.take_over(living.worker.number)

    async def knows() -> bool:
        return frozen.worker.buried

    await until(knows)
    started = await frozen.start(await frozen.job())
    [run] = await frozen.runs(started.batch)
    assert await frozen.worker.begin([run.id]) == []
    await frozen.close()
    await living.worker.close()


async def test_a_full_disk_is_told_and_nothing_is_started(store: Store) -> None:
    office = Office(store)
    await office.prepare()
    await office.job("nightly")
    await limit_disk(store, full=True)
    note = "x" * 7900  # more than the free room of the last pages
    told = await office.refused(f'run nightly do="{note}"')
    assert "disk of the bot's database is full; nothing was started" in told
    assert await office.count(tables.batches) == 0
    await limit_disk(store, full=False)
    assert "started nightly" in said((await office.done("run nightly")).message)


async def test_a_clock_that_is_put_forward_takes_no_run_from_a_process_that_is_well(rig: Rig) -> None:
    """The lease is over by the wall's clock, and was not by the one that counts how long it was silent."""
    janitor = Janitor(rig.turns, lease=timedelta(seconds=30), own=lambda: rig.worker.trusted)
    started = await rig.start(await rig.job(), {"do": "wait"})
    await rig.has_status(started.batch, Status.RUNNING)
    rig.store.offset += timedelta(hours=3)
    assert await janitor.reap() == 0
    rig.store.offset -= timedelta(hours=6)
    assert await janitor.reap() == 0
    rig.agent.gate.set()
    assert (await rig.ended(started.batch)).state is BatchState.SUCCEEDED
    assert not rig.worker.buried


async def test_an_end_that_finds_the_disk_full_is_written_when_there_is_room(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(store)
    await rig.prepare()

    async def wordy(task: Task) -> AsyncIterator[Entry]:
        await rig.agent.gate.wait()
        yield Answered("word " * 20_000)  # more than the free room of the last pages

    monkeypatch.setattr(rig.agent, "run", wordy)
    await rig.open()
    started = await rig.start(await rig.job(), {"do": "wait"})
    await rig.has_status(started.batch, Status.RUNNING)
    await limit_disk(store, full=True)
    rig.agent.gate.set()

    async def refused() -> bool:
        return "run.end_failed" in caplog.text

    await until(refused)
    assert (await rig.batch(started.batch)).state is BatchState.ACTIVE
    await limit_disk(store, full=False)
    assert (await rig.ended(started.batch)).state is BatchState.SUCCEEDED
    await rig.close()


async def limit_disk(store: Store, *, full: bool) -> None:
    """A SQLite file that may not grow any more, or again. On PostgreSQL a table that grows with every wish
    and every end says what a full disk says: the server has no limit of its own to set."""
    async with store.transaction() as connection:
        if store.sqlite:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages if full else 1073741823}")
            return
        for table in GROWING:
            if not full:
                await connection.exec_driver_sql(f"DROP TRIGGER full_disk ON {table}")
                continue
            await connection.exec_driver_sql(FULL_DISK)
            await connection.exec_driver_sql(
                f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk()"
            )


GROWING = ("batches", "chat_entries")
FULL_DISK = """
    CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END $$
"""
