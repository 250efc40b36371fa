"""SQL of the keys of the HTTP API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.dialects import Row
from core.store.tables import api_keys, members, organizations

_KEY = (
    sa.select(
        api_keys,
        members.c.id.label("member_id"),
        members.c.name.label("member_name"),
        members.c.role,
        organizations.c.id.label("organization_id"),
    )
    .join(members, members.c.pk == api_keys.c.member)
    .join(organizations, organizations.c.pk == api_keys.c.organization)
)
_BY_HASH = _KEY.where(api_keys.c.hash == sa.bindparam("hash"), api_keys.c.revoked_at.is_(None))
_OF_ORGANIZATION = _KEY.where(
    api_keys.c.organization == sa.bindparam("organization"), api_keys.c.revoked_at.is_(None)
).order_by(api_keys.c.name)


async def insert(connection: AsyncConnection, values: dict[str, Any]) -> int:
    """Add a key; returns its number."""
    made = await connection.execute(api_keys.insert().values(values).returning(api_keys.c.pk))
    return int(made.scalar_one())


async def by_hash(connection: AsyncConnection, digest: str) -> Row | None:
    """The key in use with that hash, its member and its organization's id."""
    return (await connection.execute(_BY_HASH, {"hash": digest})).one_or_none()


async def every(connection: AsyncConnection, organization: int) -> Sequence[Row]:
    """The keys in use by name."""
    return (await connection.execute(_OF_ORGANIZATION, {"organization": organization})).all()


async def revoke(connection: AsyncConnection, pk: int, now: datetime) -> bool:
    """End a key; False where somebody was first."""
    ended = await connection.execute(
        api_keys.update()
        .where(api_keys.c.pk == pk, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(api_keys.c.pk)
    )
    return ended.scalar_one_or_none() is not None


async def used(connection: AsyncConnection, pk: int, now: datetime, before: datetime) -> None:
    """Record the last use where the one that stands there is older than `before`."""
    older = sa.or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < before)
    await connection.execute(api_keys.update().where(api_keys.c.pk == pk, older).values(last_used_at=now))
