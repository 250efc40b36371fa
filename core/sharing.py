"""Channels that another company reads too: nothing is posted there before an admin has said yes, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core import audit, people
from core.addresses import Address
from core.definitions import Role
from core.errors import NotFound
from core.people import Member
from core.store import consents as rows
from core.turns import Turn


@dataclass(frozen=True, slots=True)
class Waiting:
    """The yes is not there yet; `ask` are the admins to be asked now, nobody where they were before."""

    ask: Sequence[int] = ()


async def waiting(turn: Turn, delivery_id: str, address: Address) -> Waiting | None:
    """Whether a delivery to a shared channel has to wait; None where it may go. Safe to race."""
    organization = await rows.organization_of(turn.connection, delivery_id)
    if organization is None:
        return None
    known = await rows.of(turn.connection, organization, address.platform, address.address)
    if known is not None:
        return None if known.given_at is not None else Waiting()
    if not await rows.ask(turn.connection, organization, address.platform, address.address, turn.now):
        return Waiting()
    admins = [one.pk for one in await people.everyone(turn, organization) if one.role is Role.ADMIN]
    return Waiting(admins)


async def allow(turn: Turn, actor: Member, address: Address) -> int:
    """Say yes to a channel; returns how many messages waited for it, which are due now. Safe to repeat.

    Raises:
        NotAllowed: the actor is no admin.
        NotFound: nobody was asked about that channel.
    """
    await people.permit(turn, actor, Role.ADMIN, "allow a channel that is shared with another company")
    place = (actor.organization, address.platform, address.address)
    if await rows.of(turn.connection, *place) is None:
        raise NotFound(
            f"Nothing waits for {address.platform}:{address.address[:60]}.",
            hint="A channel that is shared with another company is asked about when something is owed there.",
        )
    if not await rows.give(turn.connection, *place, actor.pk, turn.now):
        return 0
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action="channel.allow",
        subject=f"{address.platform}:{address.address}",
        data={"channel": f"{address.platform}:{address.address}"},
    )
    turn.owed = True
    return await rows.release(turn.connection, *place, turn.now)
