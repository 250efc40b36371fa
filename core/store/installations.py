"""SQL of installations: the workspaces in which the bot is installed, and what their loss stops."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import ids
from core.lifecycles import DeliveryState
from core.store import dialects
from core.store.dialects import Row
from core.store.tables import channels, deliveries, installations, organizations

_WITH_ORGANIZATION = sa.select(installations, organizations.c.name.label("organization_name")).join(
    organizations, organizations.c.pk == installations.c.organization
)


async def find(connection: AsyncConnection, platform: str, tenant: str, enterprise: str) -> Row | None:
    """The installation in a workspace: its own, or the one of its whole enterprise."""
    own = sa.and_(installations.c.tenant == tenant, installations.c.tenant != "")
    whole = sa.and_(
        installations.c.tenant == "",
        installations.c.enterprise == enterprise,
        installations.c.enterprise != "",
    )
    query = _WITH_ORGANIZATION.where(
        installations.c.platform == platform, sa.or_(own, whole), installations.c.revoked_at.is_(None)
    ).order_by(installations.c.tenant.desc())
    return (await connection.execute(query.limit(1))).one_or_none()


async def of_organization(connection: AsyncConnection, organization: int, platform: str) -> list[Row]:
    """The living installations of an organization, the oldest first."""
    query = _WITH_ORGANIZATION.where(
        installations.c.organization == organization,
        installations.c.platform == platform,
        installations.c.revoked_at.is_(None),
    )
    return list(await connection.execute(query.order_by(installations.c.pk)))


async def every(connection: AsyncConnection, platform: str) -> list[Row]:
    """All living installations, the oldest first."""
    query = _WITH_ORGANIZATION.where(
        installations.c.platform == platform, installations.c.revoked_at.is_(None)
    )
    return list(await connection.execute(query.order_by(installations.c.pk)))


async def known(connection: AsyncConnection, platform: str, tenant: str, enterprise: str) -> Row | None:
    """The row of exactly this installation, revoked or not."""
    query = _WITH_ORGANIZATION.where(_is(platform, tenant, enterprise))
    return (await connection.execute(query)).one_or_none()


async def any_of(connection: AsyncConnection, organization: int) -> bool:
    """Whether something was ever installed for this organization."""
    query = sa.select(installations.c.pk).where(installations.c.organization == organization).limit(1)
    return await connection.scalar(query) is not None


async def save(
    connection: AsyncConnection, platform: str, tenant: str, enterprise: str, values: dict[str, Any]
) -> None:
    """Add it, or write it anew; a revoked one lives again."""
    insert = dialects.insert_ignoring(
        connection.dialect.name,
        installations,
        installations.c.platform,
        installations.c.tenant,
        installations.c.enterprise,
    )
    place = {"platform": platform, "tenant": tenant, "enterprise": enterprise}
    made = await connection.execute(
        insert.values(id=ids.new(), **place, **values).returning(installations.c.pk)
    )
    if made.scalar_one_or_none() is None:
        await connection.execute(
            installations.update()
            .where(_is(platform, tenant, enterprise))
            .values(revoked_at=None, **{key: one for key, one in values.items() if key != "organization"})
        )


async def revoke(
    connection: AsyncConnection, platform: str, tenant: str, enterprise: str, *, told_at: datetime
) -> int | None:
    """Erase the token unless it was installed after that; the number of its organization, or None."""
    revoked = await connection.execute(
        installations.update()
        .where(
            _is(platform, tenant, enterprise),
            installations.c.revoked_at.is_(None),
            installations.c.installed_at <= told_at,
        )
        .values(token=None, revoked_at=told_at)
        .returning(installations.c.organization)
    )
    organization: int | None = revoked.scalar_one_or_none()
    return organization


async def stop_deliveries(
    connection: AsyncConnection, organization: int, platform: str, tenant: str, reason: str
) -> list[int]:
    """Suppress what is owed to the channels of a workspace, and mark them; returns what was owed, in order.

    A channel says in its reference which workspace it is of; one without belongs to the only one.
    """
    rows = await connection.execute(
        sa.select(channels.c.pk, channels.c.reference).where(
            channels.c.organization == organization, channels.c.platform == platform
        )
    )
    pks = [row.pk for row in rows if (row.reference or {}).get("team", tenant) == tenant]
    await connection.execute(
        channels.update().where(channels.c.pk.in_(pks)).values(state="broken", state_reason=reason)
    )
    stopped = await connection.execute(
        deliveries.update()
        .where(deliveries.c.channel.in_(pks), deliveries.c.state == DeliveryState.PENDING)
        .values(state=DeliveryState.SUPPRESSED, error=reason)
        .returning(deliveries.c.pk)
    )
    return sorted(stopped.scalars())


async def mend(connection: AsyncConnection, organization: int, platform: str, address: str) -> None:
    """A channel works (again): all its threads too. An empty address means every channel of the platform."""
    query = channels.update().where(
        channels.c.organization == organization,
        channels.c.platform == platform,
        channels.c.state == "broken",
    )
    if address:
        query = query.where(channels.c.address == address)
    await connection.execute(query.values(state="ok", state_reason=""))


async def mark_places(
    connection: AsyncConnection,
    organization: int,
    platform: str,
    address: str,
    team: str,
    state: str,
    reason: str,
) -> None:
    """Say of a conversation, and of all whose reference names the same team, whether it takes messages."""
    rows = await connection.execute(
        sa.select(channels.c.pk, channels.c.address, channels.c.reference).where(
            channels.c.organization == organization, channels.c.platform == platform
        )
    )
    pks = [
        row.pk
        for row in rows
        if row.address == address or (team and (row.reference or {}).get("teamId") == team)
    ]
    await connection.execute(
        channels.update()
        .where(channels.c.pk.in_(pks), sa.or_(channels.c.state != state, channels.c.state_reason != reason))
        .values(state=state, state_reason=reason)
    )


def _is(platform: str, tenant: str, enterprise: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        installations.c.platform == platform,
        installations.c.tenant == tenant,
        installations.c.enterprise == enterprise,
    )
