"""Names such as #ops: learned once, one channel from then on, however it is addressed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from core import places
from core.batches import Trigger
from core.locator import Locator
from core.ports import Channel
from core.store import tables
from tests.store.rig import Mailbox, Rig


class Town(Mailbox):
    """A platform that knows its channels by name."""

    def __init__(self, **known: str) -> None:
        super().__init__()
        self.known = known
        self.asked = 0

    async def locate(self, channel: Channel) -> Channel | None:
        self.asked += 1
        found = self.known.get(channel.address.removeprefix("#"))
        return None if found is None else Channel("slack", found)


async def ran(rig: Rig, **job: Any) -> None:
    made = await rig.job(**job)
    started = await rig.start(made, trigger=Trigger.SCHEDULE)
    await rig.ended(started.batch)


async def owed(rig: Rig) -> list[tuple[str, str]]:
    query = (
        sa.select(tables.channels.c.address, tables.deliveries.c.state)
        .join(tables.channels, tables.channels.c.pk == tables.deliveries.c.channel)
        .order_by(tables.deliveries.c.pk)
    )
    async with rig.store.reading() as connection:
        return [(row.address, row.state) for row in await connection.execute(query)]


async def test_a_name_and_an_id_of_one_channel_owe_one_message(rig: Rig) -> None:
    town = Town(ops="C1")
    rules = [{"to": ["slack:#ops", "slack:C1"]}]
    await ran(rig, notify=rules)
    assert await owed(rig) == [("#ops", "pending"), ("C1", "pending")]
    assert await Locator(rig.turns, {"slack": town}).work() == 1
    assert await owed(rig) == [("#ops", "suppressed"), ("C1", "pending")]
    await ran(rig, notify=rules, name="other")
    assert await owed(rig) == [("#ops", "suppressed"), ("C1", "pending"), ("C1", "pending")]


async def test_what_is_owed_to_a_name_goes_to_its_channel(rig: Rig) -> None:
    await ran(rig, notify=[{"to": ["slack:#Ops"]}])
    await Locator(rig.turns, {"slack": Town(ops="C1")}).work()
    assert await owed(rig) == [("C1", "pending")]
    number = await rig.turns.take(lambda turn: places.find(turn, rig.organization, "slack:#ops"))
    assert number == await rig.turns.take(lambda turn: places.find(turn, rig.organization, "slack:C1"))


async def test_a_name_that_leads_nowhere_is_marked_and_asked_again_later(rig: Rig) -> None:
    await ran(rig, notify=[{"to": ["slack:#ops"]}])
    town = Town()
    locator = Locator(rig.turns, {"slack": town})
    for _ in range(3):
        assert await locator.work() == 0
    assert town.asked == 1
    async with rig.store.reading() as connection:
        table = tables.channels
        row = (await connection.execute(sa.select(table).where(table.c.address == "#ops"))).one()
    assert (row.state, row.state_reason) == ("broken", "There is no channel #ops that the bot can see.")
    town.known["ops"] = "C1"
    rig.store.offset += timedelta(minutes=11)
    assert await locator.work() == 1
    assert await owed(rig) == [("C1", "pending")]


async def test_where_no_platform_knows_names_nothing_is_asked(rig: Rig) -> None:
    await ran(rig, notify=[{"to": ["slack:#ops"]}])
    assert await Locator(rig.turns, {"slack": Mailbox()}).work() == 0
