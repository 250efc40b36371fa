"""Jobs whose results are for one person: `visibility: requester`.

A run belongs to whoever started it; one that started by itself to the owner of its job. They are told
directly, and nobody else sees it but the owner and admins. On a console somebody is alone anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

from core import people
from core.definitions import JobDefinition, Role
from core.people import Member
from core.ports import Channel
from core.store import people as rows
from core.turns import Turn

ALONE = ("console",)  # platforms whose channels are one person's
_NO_PEOPLE = ("console", "webhook", "email")  # where nobody is told by an identity
_KEPT = ("team", "enterprise")  # what of a channel's reference also holds for its people


def is_private(job: JobDefinition) -> bool:
    """Its results are for one person."""
    return job.visibility == "requester"


def may_see(actor: Member, starter: int | None, *definitions: JobDefinition) -> bool:
    """Whether a batch that `starter` started may be seen: private where its job is now, or was then."""
    if not any(map(is_private, definitions)):
        return True
    return actor.role is Role.ADMIN or starter == actor.pk or any(_owns(actor, one) for one in definitions)


def confidential(actor: Member, jobs: Iterable[tuple[int, JobDefinition]]) -> list[int]:
    """Those of these jobs (number, definition) of which the actor sees only what they started."""
    return [pk for pk, one in jobs if not may_see(actor, None, one)]


async def place(
    turn: Turn, organization: int, job: JobDefinition, person: int | None, channel: int | None
) -> int | None:
    """Where a private job tells its person: directly, on the platform of `channel` if they are there.

    Without a `person` it is the owner. None where nobody can be told.
    """
    row = await rows.channel_of(turn.connection, channel) if channel is not None else None
    if row is not None and row.platform in ALONE and person is not None:
        return channel
    email = job.owner if person is None else ""
    if person is None and job.owner:
        person = (await people.called(turn, organization, [job.owner])).get(job.owner)
    if person is not None:
        found = await rows.identities_of(turn.connection, person)
        fitting = [one for one in found if one.platform not in _NO_PEOPLE]
        fitting.sort(key=lambda one: row is None or one.platform != row.platform)
        if fitting:
            one = fitting[0]
            reference = (row.reference or {}) if row is not None and one.platform == row.platform else {}
            kept = {key: text for key, text in reference.items() if key in _KEPT}
            direct = Channel(one.platform, one.external_id, "", kept or None)
            return await people.channel(turn, organization, direct, current=False)
        known = await rows.member(turn.connection, person)
        email = email or (known.email if known is not None else "")
    if not email:
        return None
    return await people.channel(turn, organization, Channel("email", email), name=email)


def _owns(actor: Member, job: JobDefinition) -> bool:
    own = job.owner.casefold()
    return bool(own) and own in (actor.email.casefold(), actor.name.casefold())
