"""SQL of fallbacks: who stands behind a delivery, and where it has been tried."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.dialects import Row as Row
from core.store.tables import batches, channels, deliveries, job_versions, members


async def beginning(connection: AsyncConnection, root: str) -> Row:
    """The delivery of that id, which others stand in for: organization, platform, address, only_for."""
    query = (
        sa.select(
            deliveries.c.organization,
            deliveries.c.only_for,
            channels.c.platform,
            channels.c.address,
            channels.c.reference,
        )
        .join(channels, channels.c.pk == deliveries.c.channel)
        .where(deliveries.c.id == root)
    )
    return (await connection.execute(query)).one()


async def tried(connection: AsyncConnection, root: str) -> list[Row]:
    """Where a delivery was brought or tried: its own channel, and those of what stands in for it."""
    query = (
        sa.select(channels.c.platform, channels.c.address)
        .join(deliveries, deliveries.c.channel == channels.c.pk)
        .where(sa.or_(deliveries.c.id == root, deliveries.c.subject == f"instead:{root}"))
    )
    return list(await connection.execute(query))


async def people(connection: AsyncConnection, batch: int) -> list[Row]:
    """Who stands behind a batch: whoever started it, then the owner of its job; pk, email, started.

    An owner whom nobody has met yet has no number but an address.
    """
    owner = sa.select(job_versions.c.definition["job"]["owner"].as_string().label("owner"), batches)
    found = (
        await connection.execute(
            owner.join(batches, batches.c.version == job_versions.c.pk).where(batches.c.pk == batch)
        )
    ).one()
    made: list[Row] = []
    who = sa.select(members.c.pk, members.c.email)
    if found.member is not None:
        starter = who.add_columns(sa.literal(True).label("started"))
        made += await connection.execute(starter.where(members.c.pk == found.member))
    if found.owner:
        query = who.add_columns(sa.literal(False).label("started")).where(
            members.c.organization == found.organization,
            sa.func.lower(members.c.email) == found.owner.lower(),
        )
        met = list(await connection.execute(query.order_by(members.c.pk)))
        unmet = sa.select(
            sa.null().label("pk"), sa.literal(found.owner).label("email"), sa.literal(False).label("started")
        )
        made += met or await connection.execute(unmet)
    return made


async def for_one_person(connection: AsyncConnection, batch: int) -> bool:
    """The results of its job are for one person."""
    query = (
        sa.select(job_versions.c.definition["job"]["visibility"].as_string())
        .join(batches, batches.c.version == job_versions.c.pk)
        .where(batches.c.pk == batch)
    )
    return await connection.scalar(query) == "requester"


async def has_alert(connection: AsyncConnection, delivery: int) -> bool:
    """The same channel is owed an alert of the same batch."""
    own, alert = deliveries.alias("own"), deliveries.alias("alert")
    query = (
        sa.select(alert.c.pk)
        .join(own, sa.and_(own.c.batch == alert.c.batch, own.c.channel == alert.c.channel))
        .where(own.c.pk == delivery, alert.c.kind == "alert")
        .limit(1)
    )
    return await connection.scalar(query) is not None
