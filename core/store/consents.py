"""SQL of the channels that are shared with another company, and of who said yes to them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import DeliveryState
from core.store import dialects
from core.store.dialects import Row
from core.store.tables import channels, consents, deliveries


async def of(connection: AsyncConnection, organization: int, platform: str, address: str) -> Row | None:
    """The question about a channel, and its answer; nothing where nobody was asked yet."""
    return (
        await connection.execute(sa.select(consents).where(_of(organization, platform, address)))
    ).one_or_none()


async def ask(
    connection: AsyncConnection, organization: int, platform: str, address: str, now: datetime
) -> bool:
    """Note that somebody is asked from now on; False where somebody was asked before. Safe to race."""
    unique = (consents.c.organization, consents.c.platform, consents.c.address)
    insert = dialects.insert_ignoring(connection.dialect.name, consents, *unique)
    made = await connection.execute(
        insert.values(organization=organization, platform=platform, address=address, asked_at=now).returning(
            consents.c.pk
        )
    )
    return made.scalar_one_or_none() is not None


async def give(
    connection: AsyncConnection, organization: int, platform: str, address: str, member: int, now: datetime
) -> bool:
    """Write the yes down; False where it was given before."""
    done = await connection.execute(
        consents.update()
        .where(_of(organization, platform, address), consents.c.given_at.is_(None))
        .values(member=member, given_at=now)
    )
    return done.rowcount == 1


async def release(
    connection: AsyncConnection, organization: int, platform: str, address: str, now: datetime
) -> int:
    """What waits for a channel, its threads too, is due now; returns how many."""
    places = sa.select(channels.c.pk).where(
        channels.c.organization == organization,
        channels.c.platform == platform,
        channels.c.address == address,
    )
    done = await connection.execute(
        deliveries.update()
        .where(deliveries.c.channel.in_(places), deliveries.c.state == DeliveryState.PENDING)
        .values(due_at=now)
    )
    return done.rowcount


async def organization_of(connection: AsyncConnection, delivery_id: str) -> int | None:
    """Whose delivery that is."""
    found: int | None = await connection.scalar(
        sa.select(deliveries.c.organization).where(deliveries.c.id == delivery_id)
    )
    return found


def _of(organization: int, platform: str, address: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        consents.c.organization == organization,
        consents.c.platform == platform,
        consents.c.address == address,
    )
