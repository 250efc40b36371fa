"""The sender dies: before, during and after it speaks, and at every statement.

One message, or `unknown`; never none and never two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from core.errors import DeliveryError
from core.lifecycles import DeliveryState
from core.notifier import LEASE, Notifier
from core.ports import Post, Receipt
from core.store import tables
from core.store.database import Store
from tests.store.rig import LONG, Mailbox, Rig

MOST = 60  # statements of a pass, at the very most


class Killed(BaseException):
    """The process died here."""


class Wall(Mailbox):
    """What arrived, by delivery; `dies` is where in a send the sender does."""

    def __init__(self) -> None:
        super().__init__()
        self.dies: Literal["", "before", "after"] = ""

    async def deliver(self, post: Post) -> Receipt:
        if self.dies == "before":
            raise Killed
        receipt = await super().deliver(post)
        if self.dies == "after":
            raise Killed
        return receipt

    @property
    def arrived(self) -> Counter[str]:
        """How many new messages each delivery became."""
        return Counter(post.delivery_id for post in self.posts if not post.external_id)


class Searchable(Wall):
    """One that can be asked what it has."""

    async def find(self, post: Post) -> Receipt | None:
        for number, one in enumerate(self.posts, start=1):
            if one.delivery_id == post.delivery_id:
                return Receipt(f"m{number}")
        return None


@contextmanager
def dying(store: Store, statement: int) -> Iterator[list[str]]:
    """Die before that statement, counted from 1; yields what was executed. What was not committed is gone."""
    seen: list[str] = []
    engines = [one.sync_engine for one in (store.writer, store._reader) if one is not None]

    def count(what: str) -> None:
        seen.append(what)
        if len(seen) == statement:
            raise Killed

    def executing(_: Any, __: Any, text: str, *___: Any) -> None:
        count(text)

    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", executing)
    try:
        yield seen
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", executing)


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[Rig]:
    """A rig whose worker outlasts every jump of the clock."""
    made = Rig(store, lease=LONG)
    await made.prepare()
    await made.open()
    yield made
    await made.close()


def notifier(rig: Rig, wall: Wall) -> Notifier:
    return Notifier(rig.turns, {"mailbox": wall}, rig.compose)


async def bring(rig: Rig, wall: Wall) -> None:
    """Another process goes on, now and after the lease of the dead one."""
    for _ in range(2):
        while await notifier(rig, wall).deliver():
            pass
        rig.store.offset += LEASE + timedelta(seconds=1)


async def states(rig: Rig) -> dict[str, str]:
    async with rig.store.reading() as connection:
        rows = await connection.execute(sa.select(tables.deliveries.c.id, tables.deliveries.c.state))
        return {row.id: row.state for row in rows}


async def failed(rig: Rig, job: tuple[Any, ...]) -> None:
    """A run has failed: its message and its alert are owed."""
    started = await rig.start(job, {"do": "fail"})
    await rig.ended(started.batch)


@pytest.mark.parametrize("kind", [Wall, Searchable])
async def test_a_sender_that_dies_at_any_statement_loses_and_doubles_nothing(
    rig: Rig, kind: type[Wall]
) -> None:
    """F8: the alert of a failure arrives once, or is in doubt; with a search, once."""
    job = await rig.job(overlap="allow")
    wall = kind()
    deaths = 0
    for statement in range(1, MOST):
        await failed(rig, job)
        with dying(rig.store, statement) as seen:
            try:
                while await notifier(rig, wall).deliver():
                    pass
            except Killed:
                deaths += 1
        if len(seen) < statement:
            break
        await bring(rig, wall)
        found = await states(rig)
        assert set(found.values()) <= {DeliveryState.SENT, DeliveryState.UNKNOWN}, f"at statement {statement}"
        assert max(wall.arrived.values()) == 1, f"at statement {statement}: {seen[-1]}"
        assert all(wall.arrived[one] for one, state in found.items() if state == DeliveryState.SENT)
        if kind is Searchable:
            assert set(found.values()) == {DeliveryState.SENT}
            assert set(wall.arrived) == set(found)
    assert 10 <= deaths < MOST - 2, "there are more statements than points at which it died"


@pytest.mark.parametrize("dies", ["before", "after"])
@pytest.mark.parametrize("kind", [Wall, Searchable])
async def test_a_sender_that_dies_while_it_speaks_leaves_one_message_or_a_doubt(
    rig: Rig, kind: type[Wall], dies: Literal["before", "after"]
) -> None:
    wall = kind()
    await failed(rig, await rig.job())
    wall.dies = dies
    with pytest.raises(Killed):
        await notifier(rig, wall).deliver()
    wall.dies = ""
    await bring(rig, wall)
    found = await states(rig)
    if kind is Searchable:
        assert set(found.values()) == {DeliveryState.SENT}
        assert list(wall.arrived.values()) == [1, 1]
    else:
        assert DeliveryState.UNKNOWN in found.values()
        assert max(wall.arrived.values(), default=1) == 1


async def test_a_fallback_survives_the_death_of_the_sender_at_any_statement(rig: Rig) -> None:
    job = await rig.job(overlap="allow")

    class Closed(Searchable):
        async def deliver(self, post: Post) -> Receipt:
            if post.channel.address == "general":
                raise DeliveryError("It is archived.", permanent=True)
            return await super().deliver(post)

    wall = Closed()
    deaths = 0
    for statement in range(1, MOST):
        before = len(wall.arrived)
        started = await rig.start(job)
        await rig.ended(started.batch)
        with dying(rig.store, statement) as seen:
            try:
                while await notifier(rig, wall).deliver():
                    pass
            except Killed:
                deaths += 1
        if len(seen) < statement:
            break
        await bring(rig, wall)
        assert len(wall.arrived) == before + 1, f"at statement {statement}: {seen[-1]}"
        assert max(wall.arrived.values()) == 1
    assert 10 <= deaths < MOST - 2
