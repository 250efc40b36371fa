"""SQL of the outbox: which deliveries are due, who has them, and what became of each send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import DeliveryState
from core.store import dialects
from core.store.deliveries import MESSAGE, THREAD, get
from core.store.dialects import Instant, Row
from core.store.tables import batches, channels, deliveries

# Literal: partial indexes are not used for bound values.
_PENDING = sa.text("deliveries.state = 'pending'")
_SENDING = sa.text("deliveries.state = 'sending'")
_LINE = 0x736C64656C  # "sldel": who claims stands in this line
_FOLLOWS = [
    "reminder",
    "paused",
    "recovered",
    "rest",
]  # not before the message whose thread they go to, if any
_UNSENT = (
    sa.select(MESSAGE.c.pk)
    .where(
        THREAD,
        MESSAGE.c.external_id == "",
        MESSAGE.c.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
    )
    .exists()
)
_MAY_GO = sa.or_(  # a result waits for the message whose thread it goes to, whatever becomes of that
    deliveries.c.kind.not_in(["result", *_FOLLOWS]),
    sa.and_(deliveries.c.kind.in_(_FOLLOWS), ~_UNSENT),
    sa.select(MESSAGE.c.pk)
    .where(
        THREAD,
        sa.or_(
            MESSAGE.c.external_id != "",
            MESSAGE.c.state.not_in([DeliveryState.PENDING, DeliveryState.SENDING]),
        ),
    )
    .exists(),
)
_BUSY = deliveries.alias("busy")
_FREE = ~(  # nobody is at another message of the channel: its messages arrive in their order
    sa.select(_BUSY.c.pk)
    .where(sa.text("busy.state = 'sending'"), _BUSY.c.channel == deliveries.c.channel)
    .exists()
)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a process may bring: to these platforms; after `orphaned`, also what is owed on any other, to be
    told elsewhere (None: never)."""

    platforms: tuple[str, ...]
    orphaned: timedelta | None = None

    def condition(self, now: datetime) -> sa.ColumnElement[bool]:
        """The condition on a delivery. Not a join: databases would begin with the channels then, and walk
        through everything that was ever sent there."""
        platform = sa.select(channels.c.platform).where(channels.c.pk == deliveries.c.channel)
        ours = platform.scalar_subquery().in_(self.platforms)
        return ours if self.orphaned is None else sa.or_(ours, deliveries.c.due_at < now - self.orphaned)


async def claim(
    connection: AsyncConnection, now: datetime, lease: timedelta, limit: int, reach: Reach
) -> list[Row]:
    """Take what is due and within reach, oldest first, of channels where nothing is under way.

    A delivery whose sender fell silent is due too; `died` says so. Who claims does so one after the other,
    so that two processes never bring messages of one channel at once.
    """
    await dialects.stand_in_line(connection, _LINE)
    due = await _due(connection, now, limit, reach)
    if not due:
        return []
    taken = await connection.scalars(
        deliveries.update()
        .where(deliveries.c.pk.in_(due))
        .values(
            state=DeliveryState.SENDING,
            died=deliveries.c.state == DeliveryState.SENDING,
            lease_until=now + lease,
            fence=deliveries.c.fence + 1,
            attempts=deliveries.c.attempts + 1,
        )
        .returning(deliveries.c.pk)
    )
    return await get(connection, sorted(taken))


async def has_newer(connection: AsyncConnection, pk: int, version: int) -> bool:
    """The batch of a delivery has ended, and there is more to tell of it than that version did."""
    query = (
        sa.select(deliveries.c.pk)
        .join(batches, batches.c.pk == deliveries.c.batch)
        .where(deliveries.c.pk == pk, deliveries.c.version > version, batches.c.ended_at.is_not(None))
    )
    return await connection.scalar(query) is not None


async def settle(connection: AsyncConnection, pk: int, fence: int, values: dict[str, Any]) -> bool:
    """Write what became of a delivery that we hold; False where somebody else holds it now."""
    done = await connection.execute(
        deliveries.update()
        .where(
            deliveries.c.pk == pk, deliveries.c.fence == fence, deliveries.c.state == DeliveryState.SENDING
        )
        .values({"lease_until": None} | values)
    )
    return done.rowcount == 1


async def put_off(
    connection: AsyncConnection, held: Sequence[tuple[int, int]], due_at: datetime, error: str
) -> None:
    """Give back deliveries (number, fence) that were not tried: pending again, as if not claimed."""
    await connection.execute(
        deliveries.update()
        .where(
            sa.tuple_(deliveries.c.pk, deliveries.c.fence).in_(held),
            deliveries.c.state == DeliveryState.SENDING,
        )
        .values(
            state=DeliveryState.PENDING,
            attempts=deliveries.c.attempts - 1,
            lease_until=None,
            due_at=due_at,
            error=error,
        )
    )


async def hold(connection: AsyncConnection, pks: Sequence[int], until: datetime, why: str) -> None:
    """Nothing new goes to the channels of these deliveries before that time; edits may."""
    one = deliveries.alias("one")
    channel = sa.select(one.c.channel).where(one.c.pk.in_(pks))
    await connection.execute(
        deliveries.update()
        .where(
            _PENDING,
            deliveries.c.channel.in_(channel),
            deliveries.c.external_id == "",
            deliveries.c.due_at < until,
        )
        .values(due_at=until, error=why)
    )


async def sent(
    connection: AsyncConnection,
    pk: int,
    fence: int,
    version: int,
    external_id: str,
    now: datetime,
    *,
    pace: timedelta,
) -> bool:
    """It was brought as that version; pending again, `pace` from now, where there is a newer one.

    A newer one that is due at once (an end) stays due at once.
    """
    newest = deliveries.c.version == version
    return await settle(
        connection,
        pk,
        fence,
        {
            "state": sa.case((newest, DeliveryState.SENT), else_=DeliveryState.PENDING),
            "sent_version": version,
            "external_id": external_id,
            "sent_at": now,
            "due_at": sa.case(
                (deliveries.c.urgent, sa.literal(now, Instant)), else_=sa.literal(now + pace, Instant)
            ),
            "urgent": sa.false(),
            "attempts": 0,
            "error": "",
        },
    )


async def next_due(connection: AsyncConnection, now: datetime, reach: Reach) -> datetime | None:
    """The earliest instant at which something is due: to be brought, or given up by a silent sender."""
    pending = (
        sa.select(deliveries.c.due_at)
        .where(_PENDING, _MAY_GO, _FREE, reach.condition(now))
        .order_by(deliveries.c.due_at, deliveries.c.pk)
        .limit(1)
    )
    silent = (
        sa.select(deliveries.c.lease_until)
        .where(_SENDING, reach.condition(now))
        .order_by(deliveries.c.lease_until)
        .limit(1)
    )
    both = sa.select(
        sa.type_coerce(pending.scalar_subquery(), Instant()),
        sa.type_coerce(silent.scalar_subquery(), Instant()),
    )
    found = (await connection.execute(both)).one()
    return min((one for one in found if one is not None), default=None)


async def release(connection: AsyncConnection, now: datetime) -> int:
    """End the lease of every send that is under way: nobody is left who could be at it."""
    done = await connection.execute(
        deliveries.update()
        .where(deliveries.c.state == DeliveryState.SENDING)
        .values(lease_until=now - timedelta(seconds=1))
    )
    return done.rowcount


async def _due(connection: AsyncConnection, now: datetime, limit: int, reach: Reach) -> list[int]:
    """The numbers of what may be claimed, locked."""
    silent = (
        sa.select(deliveries.c.pk)
        .where(_SENDING, deliveries.c.lease_until < now, reach.condition(now))
        .order_by(deliveries.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    found = list(await connection.scalars(silent))
    pending = (
        sa.select(deliveries.c.pk)
        .where(_PENDING, deliveries.c.due_at <= now, _MAY_GO, _FREE, reach.condition(now))
        .order_by(deliveries.c.due_at, deliveries.c.pk)
        .limit(limit - len(found))
        .with_for_update(skip_locked=True, of=deliveries)
    )
    return found + (list(await connection.scalars(pending)) if len(found) < limit else [])
