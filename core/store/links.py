"""SQL of links: the codes that join accounts, and what moves when two members become one."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import dialects
from core.store.dialects import Row
from core.store.tables import batches, identities, link_codes, members


async def keep(
    connection: AsyncConnection, organization: int, member: int, digest: str, ends_at: datetime
) -> None:
    """Keep a member's code; an earlier one of theirs holds no more."""
    values = {"organization": organization, "hash": digest, "ends_at": ends_at}
    insert = dialects.insert_ignoring(connection.dialect.name, link_codes, link_codes.c.member)
    made = await connection.execute(insert.values(member=member, **values).returning(link_codes.c.pk))
    if made.scalar_one_or_none() is None:
        await connection.execute(link_codes.update().where(link_codes.c.member == member).values(values))


async def burn(connection: AsyncConnection, organization: int, digest: str, now: datetime) -> int | None:
    """Use a code up: whose it was, for the first who says it in time; None for everybody else."""
    used = await connection.execute(
        link_codes.delete()
        .where(
            link_codes.c.organization == organization,
            link_codes.c.hash == digest,
            link_codes.c.ends_at > now,
        )
        .returning(link_codes.c.member)
    )
    member: int | None = used.scalar_one_or_none()
    return member


async def accounts(connection: AsyncConnection, member: int) -> list[Row]:
    """platform and tenant of a member's identities, the oldest first."""
    query = sa.select(identities.c.platform, identities.c.tenant).where(identities.c.member == member)
    return list(await connection.execute(query.order_by(identities.c.pk)))


async def join(connection: AsyncConnection, gone: int, stays: int, email: str) -> None:
    """Give one member's identities and batches to another; who is gone keeps only their acts."""
    await connection.execute(identities.update().where(identities.c.member == gone).values(member=stays))
    await connection.execute(batches.update().where(batches.c.member == gone).values(member=stays))
    await connection.execute(link_codes.delete().where(link_codes.c.member == gone))
    await connection.execute(
        members.update().where(members.c.pk == gone).values(role=None, email="", joined=stays)
    )
    await connection.execute(members.update().where(members.c.pk == stays).values(email=email))
