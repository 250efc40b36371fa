"""SQL of digests: when they are due, and what was posted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import dialects
from core.store.dialects import Row
from core.store.tables import channels, digest_posts, digests

_SHOWN = sa.select(
    digests,
    channels.c.platform,
    channels.c.address,
    channels.c.name.label("channel_name"),
).join(channels, channels.c.pk == digests.c.channel)


async def next_due(connection: AsyncConnection) -> datetime | None:
    """The earliest instant at which a digest is due: the head of an index."""
    query = sa.select(digests.c.next_due_at).where(digests.c.next_due_at.is_not(None))
    moment: datetime | None = await connection.scalar(query.order_by(digests.c.next_due_at).limit(1))
    return moment


async def due(connection: AsyncConnection, now: datetime, limit: int, spared: Collection[int]) -> list[int]:
    """What is due, the oldest first; but for those that are `spared`."""
    query = (
        sa.select(digests.c.pk)
        .where(digests.c.next_due_at <= now, digests.c.pk.not_in(sorted(spared)))
        .order_by(digests.c.next_due_at, digests.c.pk)
        .limit(limit)
    )
    return list(await connection.scalars(query))


async def lock(connection: AsyncConnection, pk: int) -> Row | None:
    """Lock a digest, unless somebody else holds it."""
    query = _SHOWN.where(digests.c.pk == pk).with_for_update(skip_locked=True, of=digests)
    return (await connection.execute(query)).one_or_none()


async def advance(connection: AsyncConnection, row: Row, wake: datetime | None, settled: datetime) -> bool:
    """Move a digest on from what was read; False where somebody else was first."""
    done = await connection.execute(
        digests.update()
        .where(
            digests.c.pk == row.pk,
            digests.c.version == row.version,
            digests.c.next_due_at == row.next_due_at,
        )
        .values(next_due_at=wake, settled_until=settled)
    )
    return done.rowcount == 1


async def post(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Add the post of a due instant; False where it has one."""
    insert = dialects.insert_ignoring(
        connection.dialect.name, digest_posts, digest_posts.c.digest, digest_posts.c.due_at
    )
    added = await connection.scalar(insert.values(values).returning(digest_posts.c.pk))
    return added is not None


async def last_post(connection: AsyncConnection, digest: int) -> Row | None:
    """The newest post of a digest."""
    query = sa.select(digest_posts).where(digest_posts.c.digest == digest)
    return (await connection.execute(query.order_by(digest_posts.c.due_at.desc()).limit(1))).one_or_none()


async def post_by_id(connection: AsyncConnection, public_id: str) -> Row | None:
    """A post of that id."""
    query = sa.select(digest_posts).where(digest_posts.c.id == public_id)
    return (await connection.execute(query)).one_or_none()


async def get(connection: AsyncConnection, pk: int) -> Row:
    """One digest."""
    return (await connection.execute(_SHOWN.where(digests.c.pk == pk))).one()


async def named(connection: AsyncConnection, channel: int, name: str) -> Row | None:
    """The digest of that name in a channel, switched off or not; locked."""
    query = _SHOWN.where(digests.c.channel == channel, digests.c.name == name).with_for_update(of=digests)
    return (await connection.execute(query)).one_or_none()


async def add(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Add a digest; False where its channel has one of that name."""
    insert = dialects.insert_ignoring(connection.dialect.name, digests, digests.c.channel, digests.c.name)
    return await connection.scalar(insert.values(values).returning(digests.c.pk)) is not None


async def change(connection: AsyncConnection, pk: int, version: int, values: dict[str, Any]) -> bool:
    """Change a digest that still has that version; False where somebody else was first."""
    done = await connection.execute(
        digests.update()
        .where(digests.c.pk == pk, digests.c.version == version)
        .values(version=digests.c.version + 1, **values)
    )
    return done.rowcount == 1


async def enabled(connection: AsyncConnection, organization: int, channel: int | None) -> list[Row]:
    """The digests of an organization that are on, or those of one of its channels."""
    query = _SHOWN.where(digests.c.organization == organization, digests.c.enabled)
    if channel is not None:
        query = query.where(digests.c.channel == channel)
    return list(await connection.execute(query.order_by(digests.c.channel, digests.c.name)))


async def channels_at(connection: AsyncConnection, channel: int) -> Sequence[int]:
    """A channel with its threads: all rows of its place."""
    place = (
        sa.select(channels.c.organization, channels.c.platform, channels.c.address)
        .where(channels.c.pk == channel)
        .subquery()
    )
    query = sa.select(channels.c.pk).join(
        place,
        sa.and_(
            channels.c.organization == place.c.organization,
            channels.c.platform == place.c.platform,
            channels.c.address == place.c.address,
        ),
    )
    return list(await connection.scalars(query.order_by(channels.c.pk)))
