"""What a platform delivers is stored first and done once, whoever dies in between; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from core import people, redeliveries
from core.errors import Busy
from core.inbox import Claim, Inbox, PutOff, Work
from core.store import tables
from core.store.database import Store
from core.turns import Turns
from core.vault import Vault
from tests.limits import within
from tests.store.rig import LIMIT, until

pytestmark = pytest.mark.usefixtures("patient")
VAULT = Vault([Fernet.generate_key().decode()])
OLD = redeliveries.ABANDONED + timedelta(seconds=1)


@pytest.fixture
def patient() -> Iterator[None]:
    """A slow machine's database is waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.inbox.PATIENCE", LIMIT)
        yield


class Process:
    """One process's inbox; `done` are the words that it did, in order."""

    def __init__(self, store: Store) -> None:
        self.done: list[str] = []
        self.ages: list[timedelta] = []
        self.inbox = Inbox(Turns(store), VAULT, "test:heard", self._reopen)

    def _reopen(self, text: str, age: timedelta) -> tuple[Work, str]:
        self.ages.append(age)
        return self.work(text), "everybody"

    def work(self, text: str) -> Work:
        async def work(claim: Claim) -> None:
            self.done.append(text)

        return work

    async def hear(self, key: str, text: str = "run") -> int | None:
        return await self.inbox.store(people.DEFAULT, key, text)


async def unsettled(store: Store) -> int:
    async with store.reading() as connection:
        rows = await connection.execute(tables.requests.select())
        return sum(row.answer is None for row in rows)


async def test_of_many_deliveries_of_one_thing_one_is_done(store: Store) -> None:
    processes = [Process(store) for _ in range(3)]
    numbers = await asyncio.gather(*(one.hear("k") for one in processes for _ in range(3)))
    (number,) = [one for one in numbers if one is not None]
    processes[0].inbox.begin(number, processes[0].work("run"))
    await processes[0].inbox.idle()
    assert processes[0].done == ["run"]
    assert await unsettled(store) == 0
    store.offset = OLD
    assert await processes[0].hear("k") is None


async def test_what_a_dead_process_left_is_done_by_one_of_the_others_in_order(store: Store) -> None:
    dead, *others = [Process(store) for _ in range(4)]
    for place in range(5):
        await dead.hear(f"k{place}", f"run {place}")
    assert await others[0].inbox.take_up() == 0  # somebody may still be at it
    store.offset = OLD
    assert sum(await asyncio.gather(*(one.inbox.take_up() for one in others))) == 5
    for one in others:
        await one.inbox.idle()
    done = [text for one in others for text in one.done]
    assert sorted(done) == [f"run {place}" for place in range(5)]
    assert all(one.done == sorted(one.done) for one in others)
    assert await unsettled(store) == 0


async def test_who_is_alone_takes_up_at_once_what_was_left_before_it_began(store: Store) -> None:
    dead, process = Process(store), Process(store)
    left = [f"left {place:02}" for place in range(25)]  # more than are taken at once
    for text in left:
        await dead.hear(text, text)
    process.inbox.open(alone=True)
    await until(lambda: _true(process.done == left))
    await process.inbox.close()
    assert await unsettled(store) == 0


async def test_what_takes_long_is_still_held_by_who_is_at_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.inbox.LOOK", 0.02)
    slow, other = Process(store), Process(store)
    gate = asyncio.Event()

    async def work(_: Claim) -> None:
        await gate.wait()
        slow.done.append("slow")

    number = await slow.hear("k")
    assert number is not None
    slow.inbox.begin(number, work)
    slow.inbox.open()

    async def renewed() -> bool:
        return not await other.inbox._turns.look(lambda turn: redeliveries.any_abandoned(turn, "test:heard"))

    store.offset = OLD
    await until(renewed)
    assert await other.inbox.take_up() == 0
    gate.set()
    with within(60):
        await slow.inbox.idle()
    assert (slow.done, other.done) == (["slow"], [])
    await slow.inbox.close()


async def test_what_was_told_is_not_undone_by_who_takes_it_up(store: Store) -> None:
    dead, other = Process(store), Process(store)

    async def refuses(claim: Claim) -> None:
        await claim.becomes("tell that nothing was started")
        raise PutOff("and then the process died")

    number = await dead.hear("k", "run")
    assert number is not None
    dead.inbox.begin(number, refuses)
    await dead.inbox.idle()
    store.offset = OLD
    assert await other.inbox.take_up() == 1
    await other.inbox.idle()
    assert other.done == ["tell that nothing was started"]
    assert await unsettled(store) == 0


async def test_who_was_away_for_days_still_tells_what_was_left(store: Store) -> None:
    process = Process(store)
    await process.hear("k")
    store.offset = timedelta(days=3)
    assert await process.inbox.take_up() == 1
    await process.inbox.idle()
    assert process.done == ["run"]
    assert process.ages[0] > timedelta(days=2)
    assert await unsettled(store) == 0


async def test_what_cannot_be_told_for_a_day_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(store)

    async def silent(_: Claim) -> None:
        raise PutOff("the platform is away")

    monkeypatch.setattr(process, "work", lambda _: silent)
    await process.hear("k")
    for age, left in ((OLD, 1), (timedelta(hours=23), 1), (timedelta(days=1, minutes=1), 0)):
        store.offset = age
        assert await process.inbox.take_up() == 1
        await process.inbox.idle()
        assert await unsettled(store) == left
    assert "inbox.given_up" in caplog.text


async def test_what_is_put_off_is_begun_again_and_what_fails_is_not(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(store)

    async def later(_: Claim) -> None:
        raise PutOff("not now")

    async def broken(_: Claim) -> None:
        raise ZeroDivisionError

    for key, work in (("a", later), ("b", broken)):
        number = await process.hear(key, key)
        assert number is not None
        process.inbox.begin(number, work)
    await process.inbox.idle()
    assert "inbox.put_off" in caplog.text
    assert "inbox.work_failed" in caplog.text
    store.offset = OLD
    await process.inbox.take_up()
    await process.inbox.idle()
    assert process.done == ["a"]
    assert process.ages[0] >= redeliveries.ABANDONED


async def test_one_person_is_answered_in_the_order_of_their_words(store: Store) -> None:
    process = Process(store)
    gate = asyncio.Event()

    async def first(_: Claim) -> None:
        await gate.wait()
        process.done.append("first")

    for text, work, lane in (
        ("first", first, "ana"),
        ("second", process.work("second"), "ana"),
        ("other", process.work("other"), "bob"),
    ):
        number = await process.hear(text)
        assert number is not None
        process.inbox.begin(number, work, lane=lane)
    await until(lambda: _true(process.done == ["other"]))
    gate.set()
    await process.inbox.idle()
    assert process.done == ["other", "first", "second"]


async def test_what_cannot_be_stored_in_time_is_busy_for_all_who_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(store)
    await process.hear("known")
    monkeypatch.setattr("core.inbox.PATIENCE", 2.0)
    address = store.address.render_as_string(hide_password=False)
    other = Store(address.replace("+onehop", "").replace("+psycopg", ""))
    async with other.transaction() as connection:
        if not store.sqlite:
            await connection.exec_driver_sql("LOCK TABLE requests IN EXCLUSIVE MODE")
        told = await asyncio.gather(
            *(process.hear(f"k{place}") for place in range(4)), return_exceptions=True
        )
    assert all(isinstance(one, Busy) for one in told)
    monkeypatch.undo()
    assert await process.hear("k0") is not None
    await other.close()


async def _true(value: bool) -> bool:
    return value
