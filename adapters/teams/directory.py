"""Who is who and where: members as people of Teams, and the stored references of places and people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.teams.references import PLATFORM
from adapters.teams.render import Mention
from core import people
from core.ports import Channel
from core.turns import Turn, Turns


class Directory:
    """Looks into the rows."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def mentions(self, members: Sequence[str]) -> dict[str, Mention]:
        """member's number as text -> whom Teams is to call."""
        numbers = [int(one) for one in members if one.isdecimal()]
        if not numbers:
            return {}

        async def look(turn: Turn) -> dict[str, Mention]:
            found = await people.external_ids(turn, numbers, PLATFORM)
            known = await people.references(turn, PLATFORM, list(found.values()))
            made = {}
            for number, person in found.items():
                user = known.get(person, {}).get("user") or {}
                made[str(number)] = Mention(str(user.get("id") or person), str(user.get("name") or person))
            return made

        return await self._turns.look(look)

    async def reference(self, address: str) -> dict[str, Any] | None:
        """What is known of how to reach a conversation or a person."""
        found = await self._turns.look(lambda turn: people.references(turn, PLATFORM, [address]))
        return found.get(address)

    async def remember(self, address: str, reference: dict[str, Any]) -> None:
        """Keep what was learned of how to reach a person."""
        await self._turns.take(lambda turn: people.learn(turn, Channel(PLATFORM, address, "", reference)))
