"""Who is who: members by their number as people of Slack, and for whom a message is."""

from __future__ import annotations

from collections.abc import Sequence

from core import deliveries, people, sharing
from core.addresses import Address
from core.ports import Channel
from core.turns import Turns


class Directory:
    """Looks people up in the rows."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def people(self, channel: Channel, members: Sequence[str]) -> dict[str, str]:
        """member's number as text -> Slack's id of the person, in the workspace of the channel."""
        numbers = [int(one) for one in members if one.isdecimal()]
        if not numbers:
            return {}
        found = await self._turns.look(
            lambda turn: people.external_ids(turn, numbers, "slack", _tenants(channel))
        )
        return {str(number): external_id for number, external_id in found.items()}

    async def requester(self, channel: Channel, delivery_id: str) -> str:
        """Slack's id of whoever started what a message tells of; empty where nobody did."""
        member = await self._turns.look(lambda turn: deliveries.requester(turn, delivery_id))
        if member is None:
            return ""
        return (await self.people(channel, [str(member)])).get(str(member), "")

    async def shared(self, channel: Channel, delivery_id: str) -> tuple[str, ...] | None:
        """The admins to be asked now about a channel that another company reads; None where it may go."""
        place = Address("slack", channel.address)
        waits = await self._turns.take(lambda turn: sharing.waiting(turn, delivery_id, place))
        if waits is None:
            return None
        found = await self.people(channel, [str(one) for one in waits.ask])
        return tuple(found.values())


def _tenants(channel: Channel) -> tuple[str, ...]:
    reference = channel.reference or {}
    return tuple(str(reference[name]) for name in ("team", "enterprise") if reference.get(name))
