"""SQL of organizations, members, identities and channels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import ids
from core.store import dialects
from core.store.dialects import Row
from core.store.tables import channels, identities, members, organizations

_MEMBER = sa.select(
    members.c.pk,
    members.c.id,
    members.c.organization,
    members.c.name,
    members.c.role,
    members.c.email,
    members.c.timezone,
)


_BY_IDENTITY = _MEMBER.join(identities, identities.c.member == members.c.pk).where(
    identities.c.platform == sa.bindparam("platform"),
    identities.c.tenant == sa.bindparam("tenant"),
    identities.c.external_id == sa.bindparam("external_id"),
)
_PLACE = sa.and_(
    channels.c.organization == sa.bindparam("organization"),
    channels.c.platform == sa.bindparam("platform"),
    channels.c.address == sa.bindparam("address"),
    channels.c.thread == sa.bindparam("thread"),
)
_CHANNEL = sa.select(channels.c.pk, channels.c.reference, channels.c.same_as).where(_PLACE)


_ALERT_CHANNEL = sa.select(organizations.c.alert_channel).where(
    organizations.c.pk == sa.bindparam("organization")
)
_STANDING = (
    sa.select(
        organizations.c.pk,
        organizations.c.alert_channel,
        organizations.c.paused_at,
        organizations.c.paused_why,
        members.c.name.label("paused_name"),
    )
    .outerjoin(members, members.c.pk == organizations.c.paused_by)
    .where(organizations.c.pk.in_(sa.bindparam("pks", expanding=True)))
)
_PAUSED = _STANDING.where(organizations.c.paused_at.is_not(None))


async def organization(connection: AsyncConnection, name: str) -> Row | None:
    """The organization of that name."""
    return (
        await connection.execute(sa.select(organizations).where(organizations.c.name == name))
    ).one_or_none()


async def organization_of(connection: AsyncConnection, pk: int) -> Row:
    """The organization of that number."""
    return (await connection.execute(sa.select(organizations).where(organizations.c.pk == pk))).one()


async def add_organization(connection: AsyncConnection, name: str, timezone: str, now: datetime) -> None:
    """Add it unless it is there."""
    insert = dialects.insert_ignoring(connection.dialect.name, organizations, organizations.c.name)
    await connection.execute(insert.values(id=ids.new(), name=name, timezone=timezone, created_at=now))


async def member_by_identity(
    connection: AsyncConnection, platform: str, tenant: str, external_id: str
) -> Row | None:
    """The member behind a platform identity."""
    given = {"platform": platform, "tenant": tenant, "external_id": external_id}
    return (await connection.execute(_BY_IDENTITY, given)).one_or_none()


async def add_member(
    connection: AsyncConnection,
    organization: int,
    name: str,
    email: str,
    role: str | None,
    now: datetime,
    timezone: str = "",
    *,
    machine: bool = False,
) -> int:
    """Add a member; returns the number."""
    values = {"organization": organization, "name": name, "email": email, "role": role}
    made = await connection.execute(
        members.insert()
        .values(id=ids.new(), timezone=timezone, machine=machine, created_at=now, **values)
        .returning(members.c.pk)
    )
    return int(made.scalar_one())


async def add_identity(
    connection: AsyncConnection, member: int, platform: str, tenant: str, external_id: str, now: datetime
) -> bool:
    """Add an identity; False where somebody else has added it."""
    insert = dialects.insert_ignoring(
        connection.dialect.name,
        identities,
        identities.c.platform,
        identities.c.tenant,
        identities.c.external_id,
    )
    made = await connection.execute(
        insert.values(
            member=member, platform=platform, tenant=tenant, external_id=external_id, created_at=now
        ).returning(identities.c.pk)
    )
    return made.scalar_one_or_none() is not None


async def remove_member(connection: AsyncConnection, pk: int) -> None:
    """Take back a member without identity (another process made the identity first)."""
    await connection.execute(members.delete().where(members.c.pk == pk))


async def every_member(connection: AsyncConnection, organization: int) -> list[Row]:
    """All people by name; who became one with another is that one, and keys of the HTTP API are none."""
    people = sa.and_(members.c.joined.is_(None), members.c.machine.is_(False))
    return list(
        await connection.execute(
            _MEMBER.where(members.c.organization == organization, people).order_by(
                members.c.name, members.c.pk
            )
        )
    )


async def with_external_id(connection: AsyncConnection, organization: int, external_id: str) -> set[int]:
    """The members who have that id on some platform."""
    query = (
        sa.select(members.c.pk)
        .join(identities, identities.c.member == members.c.pk)
        .where(members.c.organization == organization, identities.c.external_id == external_id)
    )
    return set(await connection.scalars(query))


async def member(connection: AsyncConnection, pk: int) -> Row | None:
    """The member of that number."""
    return (await connection.execute(_MEMBER.where(members.c.pk == pk))).one_or_none()


async def names(connection: AsyncConnection, pks: set[int]) -> dict[int, str]:
    """Names by number."""
    rows = await connection.execute(sa.select(members.c.pk, members.c.name).where(members.c.pk.in_(pks)))
    return {row.pk: row.name for row in rows}


async def external_ids(connection: AsyncConnection, pks: Sequence[int], platform: str) -> list[Row]:
    """How these members are known to a platform: member, tenant, external_id, the oldest first."""
    query = sa.select(identities.c.member, identities.c.tenant, identities.c.external_id).where(
        identities.c.member.in_(pks), identities.c.platform == platform
    )
    return list(await connection.execute(query.order_by(identities.c.pk)))


async def live_in(connection: AsyncConnection, pk: int, timezone: str) -> None:
    """Keep the zone in which a member lives."""
    await connection.execute(members.update().where(members.c.pk == pk).values(timezone=timezone))


async def known_as(
    connection: AsyncConnection, organization: int, external_ids: Collection[str]
) -> list[Row]:
    """Who is known by these ids: platform, external_id, name."""
    query = (
        sa.select(identities.c.platform, identities.c.external_id, members.c.name)
        .join(members, members.c.pk == identities.c.member)
        .where(members.c.organization == organization, identities.c.external_id.in_(external_ids))
    )
    return list(await connection.execute(query)) if external_ids else []


async def identities_of(connection: AsyncConnection, member: int) -> list[Row]:
    """Everything a member is known as: platform, tenant, external_id, the oldest first."""
    query = sa.select(identities.c.platform, identities.c.tenant, identities.c.external_id)
    return list(
        await connection.execute(query.where(identities.c.member == member).order_by(identities.c.pk))
    )


async def set_role(connection: AsyncConnection, pk: int, role: str | None) -> bool:
    """Give a role; False where there is no such member."""
    return (
        await connection.execute(members.update().where(members.c.pk == pk).values(role=role))
    ).rowcount == 1


async def admins(connection: AsyncConnection, organization: int) -> list[str]:
    """The names of those who can give roles."""
    rows = await connection.scalars(
        sa.select(members.c.name)
        .where(
            members.c.organization == organization, members.c.role == "admin", members.c.machine.is_(False)
        )
        .order_by(members.c.pk)
        .limit(3)
    )
    return list(rows)


async def channel(
    connection: AsyncConnection,
    organization: int,
    platform: str,
    address: str,
    thread: str,
    name: str,
    reference: dict[str, Any] | None,
    now: datetime,
    *,
    current: bool,
) -> int:
    """The channel's number; added where it is new, its reference kept current.

    Of a name whose channel is known, the number of that channel.
    """
    place = {"organization": organization, "platform": platform, "address": address, "thread": thread}
    found = (await connection.execute(_CHANNEL, place)).one_or_none()
    if found is None:
        unique = (channels.c.organization, channels.c.platform, channels.c.address, channels.c.thread)
        insert = dialects.insert_ignoring(connection.dialect.name, channels, *unique)
        made = {"id": ids.new(), "name": name, "reference": reference, "created_at": now}
        await connection.execute(insert, {**place, **made})
        found = (await connection.execute(_CHANNEL, place)).one()
    elif reference is not None and reference != found.reference and (current or found.reference is None):
        await connection.execute(
            channels.update().where(channels.c.pk == found.pk).values(reference=reference)
        )
    return int(found.same_as or found.pk)


async def known_channel(
    connection: AsyncConnection, organization: int, platform: str, address: str
) -> int | None:
    """The number of a channel that is known; of a name whose channel is known, that of the channel."""
    place = {"organization": organization, "platform": platform, "address": address, "thread": ""}
    found = (await connection.execute(_CHANNEL, place)).one_or_none()
    return None if found is None else int(found.same_as or found.pk)


async def channel_by_id(connection: AsyncConnection, organization: int, public_id: str) -> Row | None:
    """The channel of that public id in an organization."""
    query = sa.select(channels).where(channels.c.organization == organization, channels.c.id == public_id)
    return (await connection.execute(query)).one_or_none()


async def channel_of(connection: AsyncConnection, pk: int) -> Row:
    """The channel of that number."""
    return (await connection.execute(sa.select(channels).where(channels.c.pk == pk))).one()


async def alert_channel(connection: AsyncConnection, organization: int) -> int | None:
    """The number of the channel for what has no other; None where none was chosen."""
    found: int | None = await connection.scalar(_ALERT_CHANNEL, {"organization": organization})
    return found


async def set_alert_channel(connection: AsyncConnection, organization: int, channel: int | None) -> None:
    """Choose the channel for what has no other, or none."""
    query = organizations.update().where(organizations.c.pk == organization)
    await connection.execute(query.values(alert_channel=channel))


async def refer(
    connection: AsyncConnection,
    organization: int | None,
    platform: str,
    address: str,
    reference: dict[str, Any],
) -> None:
    """Give every row of an address this reference; without an organization, in all of them."""
    query = sa.select(channels.c.pk, channels.c.reference).where(
        channels.c.platform == platform, channels.c.address == address
    )
    if organization is not None:
        query = query.where(channels.c.organization == organization)
    rows = await connection.execute(query)
    old = [row.pk for row in rows if row.reference != reference]
    if old:
        change = channels.update().where(channels.c.pk.in_(old))
        await connection.execute(change.values(reference=reference))


async def references(connection: AsyncConnection, platform: str, addresses: Sequence[str]) -> list[Row]:
    """address and reference of the channels there that have one, the oldest row last."""
    query = sa.select(channels.c.address, channels.c.reference).where(
        channels.c.platform == platform,
        channels.c.address.in_(addresses),
        channels.c.reference.is_not(None),
    )
    return list(await connection.execute(query.order_by(channels.c.pk.desc())))


async def standing(connection: AsyncConnection, pks: Sequence[int]) -> list[Row]:
    """What holds for every start in these organizations: pk, the channel for what has no other, the pause."""
    return list(await connection.execute(_STANDING, {"pks": list(pks)}))


async def paused(connection: AsyncConnection, pks: Sequence[int]) -> list[Row]:
    """Those of these organizations in which everything is paused: pk, since when, why, by whom."""
    return list(await connection.execute(_PAUSED, {"pks": list(pks)}))


async def pause(connection: AsyncConnection, organization: int, values: dict[str, Any]) -> None:
    """Write or end the pause of everything in an organization."""
    await connection.execute(organizations.update().where(organizations.c.pk == organization).values(values))


async def cap(connection: AsyncConnection, most: int) -> None:
    """Give every organization that many runs at once."""
    query = organizations.update().where(organizations.c.max_running != most)
    await connection.execute(query.values(max_running=most))


async def set_timezone(connection: AsyncConnection, organization: int, timezone: str) -> None:
    """Give an organization another zone."""
    query = organizations.update().where(organizations.c.pk == organization)
    await connection.execute(query.values(timezone=timezone))
