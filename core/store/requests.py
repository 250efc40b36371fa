"""SQL of requests: what came in, and the first answer to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import ids
from core.store import dialects
from core.store.database import Store
from core.store.dialects import Row
from core.store.tables import requests

_ANSWER = requests.update().where(requests.c.pk == sa.bindparam("the_pk"))


async def add(
    connection: AsyncConnection,
    organization: int,
    source: str,
    key: str,
    digest: str,
    text: str | None,
    now: datetime,
) -> int | None:
    """Add a request; None where the same one came before (a redelivery)."""
    made = await connection.execute(
        _adding(connection.dialect.name),
        _row(organization, source, key, digest, text, now),
    )
    pk: int | None = made.scalar_one_or_none()
    return pk


async def add_at_once(
    store: Store, source: str, items: Sequence[tuple[int, str, str]], *, patience: timedelta
) -> list[int | None]:
    """Add each (organization, key, text), in one transaction of its own; None for what came before.

    Raises as `Store.insert`.
    """

    def rows(now: datetime) -> list[dict[str, Any]]:
        return [_row(organization, source, key, "", text, now) for organization, key, text in items]

    return await store.insert(_adding(store.writer.dialect.name), rows, patience=patience)


async def first(connection: AsyncConnection, organization: int, source: str, key: str) -> Row:
    """The request that came first under this key."""
    found = await find(connection, organization, source, key)
    if found is None:
        raise LookupError(f"there is no request {key}")
    return found


async def find(connection: AsyncConnection, organization: int, source: str, key: str) -> Row | None:
    """The request under this key."""
    query = sa.select(requests).where(_is(organization, source, key))
    return (await connection.execute(query)).one_or_none()


async def take_over(
    connection: AsyncConnection, organization: int, source: str, key: str, now: datetime, before: datetime
) -> int | None:
    """Begin again what was added before that instant and never answered; None where it is not so."""
    taken = await connection.execute(
        requests.update()
        .where(_is(organization, source, key), requests.c.answer.is_(None), requests.c.created_at <= before)
        .values(created_at=now)
        .returning(requests.c.pk)
    )
    pk: int | None = taken.scalar_one_or_none()
    return pk


async def take_over_texts(
    connection: AsyncConnection, source: str, now: datetime, before: datetime, limit: int
) -> list[Row]:
    """Begin again, oldest first, what was added with a text before that instant and never answered:
    pk, id, text."""
    waiting = _waiting(source, before)
    oldest = sa.select(requests.c.pk).where(waiting).order_by(requests.c.pk).limit(limit)
    taken = await connection.execute(
        requests.update()
        .where(requests.c.pk.in_(oldest), waiting)
        .values(created_at=now)
        .returning(requests.c.pk, requests.c.id, requests.c.text)
    )
    return sorted(taken, key=lambda row: int(row.pk))


async def any_texts(connection: AsyncConnection, source: str, before: datetime) -> bool:
    """Something was added with a text before that instant and never answered."""
    query = sa.select(requests.c.pk).where(_waiting(source, before)).limit(1)
    return await connection.scalar(query) is not None


async def renew(connection: AsyncConnection, pks: Collection[int], now: datetime) -> None:
    """Begin the wait of those anew that were not answered yet."""
    mine = sa.and_(requests.c.pk.in_(pks), requests.c.answer.is_(None))
    await connection.execute(requests.update().where(mine).values(created_at=now))


async def rewrite(connection: AsyncConnection, pk: int, text: str) -> None:
    """Let another text stand in one that was not answered yet."""
    mine = sa.and_(requests.c.pk == pk, requests.c.answer.is_(None))
    await connection.execute(requests.update().where(mine).values(text=text))


async def remove(connection: AsyncConnection, pk: int) -> None:
    """Forget one."""
    await connection.execute(requests.delete().where(requests.c.pk == pk))


async def answer(connection: AsyncConnection, pk: int, answer: dict[str, Any]) -> None:
    """Keep the answer and erase the text."""
    await connection.execute(_ANSWER, {"the_pk": pk, "answer": answer, "text": None})


async def forget(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete old requests, at most that many; returns how many."""
    old = sa.select(requests.c.pk).where(requests.c.created_at < before).limit(limit)
    return (await connection.execute(requests.delete().where(requests.c.pk.in_(old)))).rowcount


def _row(
    organization: int, source: str, key: str, digest: str, text: str | None, now: datetime
) -> dict[str, Any]:
    return {
        "id": ids.new(),
        "organization": organization,
        "source": source,
        "key": key,
        "hash": digest,
        "text": text,
        "created_at": now,
    }


def _waiting(source: str, before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        requests.c.source == source,
        requests.c.created_at <= before,
        requests.c.answer.is_(None),
        requests.c.text.is_not(None),
    )


def _is(organization: int, source: str, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        requests.c.organization == organization, requests.c.source == source, requests.c.key == key
    )


@lru_cache(maxsize=2)
def _adding(dialect: str) -> Any:
    unique = (requests.c.organization, requests.c.source, requests.c.key)
    return dialects.insert_ignoring(dialect, requests, *unique).returning(requests.c.pk)
