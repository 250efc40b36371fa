"""Who speaks: asked of Teams once, at the first contact, because that decides somebody's first role."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from adapters.teams.connector import Connector
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.inbound import Origin
from adapters.teams.references import PLATFORM
from core import people
from core.errors import Busy
from core.people import Member, Speaker, Standing
from core.turns import Turns

_log = logging.getLogger(__name__)

REMEMBERED = 3600.0  # seconds; whoever is known in the rows keeps the role that stands there anyway
MOST = 10_000  # people remembered
_GUESTS = ("guest", "anonymous")


class Speakers:
    """Knows the people of every tenant. `trusting`: whoever Teams does not know is a member all the same."""

    def __init__(self, turns: Turns, connector: Connector, *, trusting: bool = False) -> None:
        self._turns = turns
        self._connector = connector
        self._trusting = trusting
        self._known: dict[tuple[str, str], tuple[float, Speaker]] = {}

    async def of(self, origin: Origin) -> Speaker:
        """The speaker behind an activity.

        Raises:
            Busy: Teams did not tell who it is; nothing was started.
        """
        key = (origin.tenant, origin.person)
        remembered = self._known.get(key)
        if remembered is not None and remembered[0] > time.monotonic():
            return remembered[1]
        speaker = Speaker(PLATFORM, origin.tenant, origin.person, origin.name or origin.person)
        member = await self._turns.look(lambda turn: people.known(turn, speaker))
        speaker = _as(member, speaker) if member is not None else await self._ask(origin, speaker)
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = (time.monotonic() + REMEMBERED, speaker)
        return speaker

    async def _ask(self, origin: Origin, speaker: Speaker) -> Speaker:
        try:
            told = await self._connector.member(origin.service_url, origin.address, origin.user)
        except Refused as refused:
            _log.warning("teams.unknown_speaker", extra={"error": str(refused)})
            standing = Standing.MEMBER if self._trusting else Standing.GUEST
            return Speaker(PLATFORM, speaker.tenant, speaker.external_id, speaker.name, standing)
        except (Unsent, Unsure) as error:
            _log.warning("teams.unknown_speaker", extra={"error": str(error)})
            raise Busy(
                "Teams did not tell who you are just now; nothing was started.", hint="Try again in a moment."
            ) from error
        return read(told, origin)


def read(told: Mapping[str, Any], origin: Origin) -> Speaker:
    """A speaker out of what Teams says of a member of a conversation."""
    return Speaker(
        platform=PLATFORM,
        tenant=origin.tenant,
        external_id=origin.person,
        name=str(told.get("name") or origin.name or origin.person),
        standing=Standing.GUEST if _guest(told, origin) else Standing.MEMBER,
        email=str(told.get("email") or told.get("userPrincipalName") or ""),
    )


def _guest(told: Mapping[str, Any], origin: Origin) -> bool:
    """A guest account, somebody without account, or a person of another tenant (shared channels)."""
    if str(told.get("userRole") or "").casefold() in _GUESTS:
        return True
    if "#EXT#" in str(told.get("userPrincipalName") or "").upper():
        return True
    theirs = {str(told.get("tenantId") or ""), origin.user_tenant} - {""}
    return any(one.casefold() != origin.tenant.casefold() for one in theirs)


def _as(member: Member, speaker: Speaker) -> Speaker:
    return Speaker(PLATFORM, speaker.tenant, speaker.external_id, member.name, email=member.email)
