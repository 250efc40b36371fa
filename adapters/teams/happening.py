"""What happens to the bot: it is added and removed, to a person's chat, a group chat or a whole team."""

from __future__ import annotations

from functools import partial
from typing import Any

from adapters.teams import inbound
from adapters.teams.inbound import Origin
from adapters.teams.reception import Reception
from adapters.teams.references import PLATFORM
from core import installations, people
from core.turns import Turn
from core.wording import home as wording

REMOVED = "The app was removed there. Add it again in Teams."
DELETED = "The channel was deleted."
_GONE = {"channelDeleted": DELETED, "teamDeleted": REMOVED, "teamArchived": "The team is archived."}
_BACK = ("channelRestored", "teamRestored", "teamUnarchived")


async def installed(reception: Reception, origin: Origin, activity: dict[str, Any]) -> None:
    """`installationUpdate`: the app was added, upgraded or removed."""
    action = inbound.action(activity)
    if action.startswith("add"):
        await _came(reception, origin)
    elif action.startswith("remove"):
        await _went(reception, origin, origin.team, REMOVED)


async def changed(reception: Reception, origin: Origin, activity: dict[str, Any]) -> None:
    """`conversationUpdate`: members came and went, channels were deleted and restored."""
    event = inbound.event(activity)
    if origin.bot in inbound.members(activity, "membersAdded"):
        await _came(reception, origin)
    elif origin.bot in inbound.members(activity, "membersRemoved"):
        await _went(reception, origin, origin.team, REMOVED)
    elif event in _GONE:
        whole = origin.team if event.startswith("team") else ""
        await _went(reception, origin, whole, _GONE[event])
    elif event in _BACK:
        await _mended(reception, origin)


async def _came(reception: Reception, origin: Origin) -> None:
    """The bot may speak there, and greets: once, whichever of the two events tells of it first."""
    await reception.keep(origin)
    await _mended(reception, origin)
    name = origin.bot_name or "slashjob"
    message = wording.welcome_in_chat(origin.name) if origin.personal else wording.greeting_in_team(name)
    greet = partial(reception.say, origin, message)
    await reception.once(origin, f"greeting:{origin.address}", greet)


async def _mended(reception: Reception, origin: Origin) -> None:
    async def work(turn: Turn) -> None:
        organization = await people.organization(turn, reception.organization(origin))
        await installations.mend_places(turn, organization, PLATFORM, origin.address, origin.team)

    await reception.turns.take(work)


async def _went(reception: Reception, origin: Origin, team: str, why: str) -> None:
    async def work(turn: Turn) -> None:
        organization = await people.organization(turn, reception.organization(origin))
        await installations.lose_places(turn, organization, PLATFORM, origin.address, team, why=why)

    await reception.turns.take(work)
