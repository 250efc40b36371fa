"""Where a name such as `slack:#ops` leads: the channel's row, always of the organization that asks."""

from __future__ import annotations

from core import addresses, people
from core.addresses import Address
from core.ports import Channel
from core.store import installations as installation_rows
from core.store import people as rows
from core.turns import Turn

KNOWN = "channel:"  # before the id of a channel that is known already: how chat keeps "here"


async def find(turn: Turn, organization: int, target: str) -> int | None:
    """The number of the channel that a target names, known from now on; None where it is no more.

    A target is an address, or `channel:` with the id of a channel of the organization.
    """
    if target.startswith(KNOWN):
        row = await rows.channel_by_id(turn.connection, organization, target.removeprefix(KNOWN))
        return None if row is None else int(row.same_as or row.pk)
    return await channel(turn, organization, addresses.read(target))


async def channel(turn: Turn, organization: int, address: Address) -> int:
    """The number of the channel of an address, known from now on.

    Its reference names the organization's own workspace, so that no other one's channel is ever meant.
    """
    own = await installation_rows.of_organization(turn.connection, organization, address.platform)
    reference = {"team": own[0].tenant, "enterprise": own[0].enterprise} if own else None
    place = Channel(address.platform, address.address, "", reference)
    return await people.channel(turn, organization, place, name=address.address, current=False)


async def known(turn: Turn, organization: int, address: Address) -> int | None:
    """The number of the channel of an address that is known already; nothing is written."""
    return await rows.known_channel(turn.connection, organization, address.platform, address.address)


async def origin(turn: Turn, organization: int, channel: int | None) -> int | None:
    """Where something belongs that has that channel; without one, the organization's alert channel."""
    return channel or await rows.alert_channel(turn.connection, organization)


async def shown(turn: Turn, organization: int, target: str) -> str:
    """A target as people read it."""
    if not target.startswith(KNOWN):
        return target
    row = await rows.channel_by_id(turn.connection, organization, target.removeprefix(KNOWN))
    return "a channel that is gone" if row is None else f"{row.platform}:{row.name or row.address}"
