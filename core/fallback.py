"""Who is told where a channel did not take a message: each once, in turn, never in a loop.

First whoever started it, directly; then the owner of its job; at last the organization's alert channel. Of a
person, the platform of the channel goes first, then others that know them, then their mail. The next is told
only where the one before could not be. What only one person may see goes to nobody else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from core import audit, deliveries, people
from core.deliveries import Delivery, Kind
from core.ports import Channel
from core.store import deliveries as delivery_rows
from core.store import fallback as rows
from core.store import installations as installation_rows
from core.store import people as people_rows
from core.turns import Turn

EMAIL = "email"
_SELF_TOLD = (  # another message tells of it, and goes there; of a test, its report
    Kind.RESULT,
    Kind.MENTION,
    Kind.REST,
    Kind.TEST,
    Kind.TESTED,
)
_NO_PEOPLE = ("console", "webhook", EMAIL)  # platforms on which nobody is told directly by an identity
_KEPT = ("team", "enterprise")  # what of a channel's reference also holds for its people


async def divert(turn: Turn, delivery: Delivery, platforms: Collection[str]) -> bool:
    """Owe to the next in turn what a channel did not take; `platforms` are those that are set up.

    False where nobody is left, or where nothing is lost. Safe to call twice.
    """
    if delivery.kind in _SELF_TOLD:
        return False
    if delivery.kind is Kind.STATUS and await rows.has_alert(turn.connection, delivery.pk):
        return False  # the alert tells of it, and goes there
    root = delivery.instead_of or delivery.id
    tried = {(row.platform, row.address) for row in await rows.tried(turn.connection, root)}
    beginning = await rows.beginning(turn.connection, root)
    people_told = [beginning.only_for] if beginning.only_for else []
    tried |= {(beginning.platform, one) for one in people_told}
    first = replace(delivery, channel=Channel(beginning.platform, beginning.address, "", beginning.reference))
    for place in await _places(turn, first, beginning.organization, platforms, private=bool(people_told)):
        if (place.platform, place.address) not in tried:
            channel = await people.channel(turn, beginning.organization, place, name=_name(place))
            await deliveries.owe_instead(turn, delivery, root, beginning.organization, channel)
            return True
    return False


async def leave(
    turn: Turn, organization: int, platform: str, tenant: str, others: Collection[str], *, why: str
) -> tuple[int, int]:
    """Bring nothing more to a workspace's channels: what is owed there is suppressed, and owed on `others`,
    the platforms that are set up beside, where somebody is to be reached; (how many, how many of them so).
    """
    owed = await installation_rows.stop_deliveries(turn.connection, organization, platform, tenant, why)
    elsewhere = frozenset(others) - {platform}
    diverted = 0
    for row in await delivery_rows.get(turn.connection, owed):
        diverted += await divert(turn, deliveries.read(row), elsewhere)
    await audit.record(
        turn,
        organization=organization,
        member=None,
        action="installation.revoked",
        subject=f"{platform}:{tenant}",
        data={"why": why, "suppressed": len(owed), "diverted": diverted},
    )
    return len(owed), diverted


async def _places(
    turn: Turn, first: Delivery, organization: int, platforms: Collection[str], *, private: bool
) -> list[Channel]:
    """Everywhere it may be told, in turn."""
    known = await rows.people(turn.connection, first.batch) if first.batch else []
    wanted = known[:1] if private else known
    if private and (not known or not known[0].started):
        return []
    found: list[Channel] = []
    for person in wanted:
        ids = await people_rows.identities_of(turn.connection, person.pk) if person.pk is not None else []
        own = sorted(ids, key=lambda row: row.platform != first.channel.platform)
        found += _directly(first.channel, own, platforms)
        if person.email and EMAIL in platforms:
            found.append(Channel(EMAIL, person.email))
    if not private and not (first.batch and await rows.for_one_person(turn.connection, first.batch)):
        alerts = await people_rows.alert_channel(turn.connection, organization)
        row = None if alerts is None else await people_rows.channel_of(turn.connection, alerts)
        if row is not None and row.platform in platforms:
            found.append(Channel(row.platform, row.address, row.thread, row.reference))
    return found


def _directly(channel: Channel, ids: Collection[rows.Row], platforms: Collection[str]) -> Iterator[Channel]:
    """A person by their identities; what the channel's reference says of a workspace holds for them too."""
    reference = {key: one for key, one in (channel.reference or {}).items() if key in _KEPT}
    for row in ids:
        if row.platform in platforms and row.platform not in _NO_PEOPLE:
            same = row.platform == channel.platform
            yield Channel(row.platform, row.external_id, "", (reference or None) if same else None)


def _name(place: Channel) -> str:
    return place.address if place.platform == EMAIL or place.address.startswith("#") else ""
