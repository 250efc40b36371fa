"""SQL of channels that are known by a name alone, such as #ops."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import DeliveryState
from core.store.dialects import Row
from core.store.tables import channels, deliveries


async def unlocated(connection: AsyncConnection, platforms: Sequence[str]) -> list[Row]:
    """The channels of these platforms that are known by a name alone."""
    query = sa.select(channels).where(
        channels.c.platform.in_(platforms), channels.c.address.startswith("#"), channels.c.same_as.is_(None)
    )
    return list(await connection.execute(query.order_by(channels.c.pk)))


async def located(connection: AsyncConnection, pk: int, channel: int) -> None:
    """The name of that row means that channel. What is owed there and not sent yet is owed to the channel,
    unless the channel is owed it already."""
    await connection.execute(channels.update().where(channels.c.pk == pk).values(same_as=channel))
    mine, other = deliveries, deliveries.alias("other")
    unsent = sa.and_(mine.c.channel == pk, mine.c.sent_version == 0, mine.c.state == DeliveryState.PENDING)
    there = sa.select(other.c.pk).where(
        other.c.channel == channel, other.c.subject == mine.c.subject, other.c.kind == mine.c.kind
    )
    await connection.execute(
        mine.update()
        .where(unsent, there.exists())
        .values(state=DeliveryState.SUPPRESSED, error="The same channel has it by its id.")
    )
    await connection.execute(mine.update().where(unsent).values(channel=channel))


async def mark_lost(connection: AsyncConnection, pk: int, why: str) -> None:
    """A channel that cannot be found takes nothing until it can."""
    query = channels.update().where(channels.c.pk == pk)
    await connection.execute(query.values(state="broken", state_reason=why))
