"""How many runs an organization may have under way is a setting, adopted at the start."""

from __future__ import annotations

from core import people
from core.store import tables
from tests.store.rig import Rig


async def test_every_organization_is_given_the_cap_of_the_setting(rig: Rig) -> None:
    await rig.turns.take(lambda turn: people.organization(turn, "other"))
    await rig.turns.take(lambda turn: people.cap(turn, 7))
    await rig.turns.take(lambda turn: people.cap(turn, 7))
    async with rig.store.reading() as connection:
        found = list(await connection.execute(tables.organizations.select()))
    assert [row.max_running for row in found] == [7, 7]
