"""SQL of deliveries: what is owed, and what has become of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import DeliveryState
from core.store import dialects
from core.store.dialects import Instant, Row
from core.store.tables import batches, channels, deliveries, identities, job_versions, jobs, members

_OWED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.SENT)


_UNDER_WAY = sa.text("deliveries.state IN ('pending', 'sending')")  # literal, as its partial index has it
_M = deliveries.alias("message")  # what a result, an alert or a mention stands in the thread of
_THREAD = sa.and_(
    _M.c.batch == deliveries.c.batch,
    _M.c.channel == deliveries.c.channel,
    _M.c.pk != deliveries.c.pk,
    _M.c.kind.in_(["status", "alert"]),
)
_ANCHOR = (
    sa.select(_M.c.external_id)
    .where(_THREAD, _M.c.external_id != "")
    .order_by(_M.c.kind.desc())  # status before alert
    .limit(1)
    .scalar_subquery()
)
_FOLLOWS = ["reminder", "paused", "recovered"]  # not before the message whose thread they go to, if any
_UNSENT = (
    sa.select(_M.c.pk)
    .where(
        _THREAD,
        _M.c.external_id == "",
        _M.c.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
    )
    .exists()
)
_MAY_GO = sa.or_(  # a result waits for the message whose thread it goes to, whatever becomes of that
    deliveries.c.kind.not_in(["result", *_FOLLOWS]),
    sa.and_(deliveries.c.kind.in_(_FOLLOWS), ~_UNSENT),
    sa.select(_M.c.pk)
    .where(
        _THREAD,
        sa.or_(
            _M.c.external_id != "",
            _M.c.state.not_in([DeliveryState.PENDING, DeliveryState.SENDING]),
        ),
    )
    .exists(),
)
_TOUCHED = (
    sa.select(deliveries.c.pk)
    .where(
        deliveries.c.batch.in_(sa.bindparam("batches", expanding=True)),
        deliveries.c.kind == sa.bindparam("the_kind"),
        deliveries.c.state.in_(_OWED),
    )
    .order_by(deliveries.c.pk)
    .with_for_update()
)
_EDITED = {
    "version": deliveries.c.version + 1,
    "state": sa.case(
        (deliveries.c.state == DeliveryState.SENT, DeliveryState.PENDING), else_=deliveries.c.state
    ),
}
_TOUCH = deliveries.update().where(deliveries.c.pk.in_(_TOUCHED)).values(_EDITED)
_ABOUT = (
    sa.select(deliveries.c.pk)
    .where(
        deliveries.c.subject.in_(sa.bindparam("subjects", expanding=True)),
        deliveries.c.kind == sa.bindparam("the_kind"),
        deliveries.c.state.in_(_OWED),
    )
    .order_by(deliveries.c.pk)
    .with_for_update()
)
_TOUCH_SUBJECTS = deliveries.update().where(deliveries.c.pk.in_(_ABOUT)).values(_EDITED)


async def owe(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Add deliveries; one that exists already is left as it is."""
    insert = dialects.insert_ignoring(
        connection.dialect.name,
        deliveries,
        deliveries.c.subject,
        deliveries.c.channel,
        deliveries.c.kind,
    )
    await connection.execute(insert, rows)


async def touch(
    connection: AsyncConnection, batch_pks: Sequence[int], kind: str, now: datetime, *, urgent: bool
) -> None:
    """Owe an edit of these messages: at once where `urgent`, else not before the pace that was set
    when the last one was brought (their `due_at`)."""
    given: dict[str, Any] = {"batches": list(batch_pks), "the_kind": kind}
    if urgent:
        given |= {"due_at": now, "urgent": True}
    await connection.execute(_TOUCH, given)


async def add_data(connection: AsyncConnection, batch: int, kind: str, data: dict[str, Any] | None) -> None:
    """Keep what rules add to the message of a batch, wherever it goes."""
    query = deliveries.update().where(deliveries.c.batch == batch, deliveries.c.kind == kind)
    await connection.execute(query.values(data=data))


async def touch_subjects(
    connection: AsyncConnection, subjects: Sequence[str], kind: str, now: datetime
) -> None:
    """Owe an edit, at once, of the messages of that kind about these subjects."""
    given = {"subjects": list(subjects), "the_kind": kind, "due_at": now, "urgent": True}
    await connection.execute(_TOUCH_SUBJECTS, given)


async def of_subjects(connection: AsyncConnection, subjects: Sequence[str], kind: str) -> list[Row]:
    """(channel, batch) of the messages of that kind about these subjects, the oldest first."""
    if not subjects:
        return []
    query = (
        sa.select(deliveries.c.channel, deliveries.c.batch)
        .where(deliveries.c.subject.in_(subjects), deliveries.c.kind == kind)
        .order_by(deliveries.c.pk)
    )
    return list(await connection.execute(query))


async def claim(
    connection: AsyncConnection, now: datetime, lease: timedelta, limit: int, platforms: Sequence[str]
) -> list[Row]:
    """Take what is due on these platforms, oldest first.

    A delivery whose sender fell silent is due too; `died` says so.
    """
    due = (
        sa.select(deliveries.c.pk)
        .join(channels, channels.c.pk == deliveries.c.channel)
        .where(
            channels.c.platform.in_(platforms),
            _UNDER_WAY,
            _MAY_GO,
            sa.or_(
                sa.and_(deliveries.c.state == DeliveryState.PENDING, deliveries.c.due_at <= now),
                sa.and_(deliveries.c.state == DeliveryState.SENDING, deliveries.c.lease_until < now),
            ),
        )
        .order_by(deliveries.c.due_at, deliveries.c.pk)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    )
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


async def get(connection: AsyncConnection, pks: Sequence[int]) -> list[Row]:
    """These deliveries with their channel, in their order."""
    if not pks:
        return []
    return list(
        await connection.execute(
            sa.select(
                deliveries,
                channels.c.platform,
                channels.c.address,
                channels.c.thread,
                channels.c.reference,
                channels.c.state.label("channel_state"),
                _ANCHOR.label("anchor"),
            )
            .join(channels, channels.c.pk == deliveries.c.channel)
            .where(deliveries.c.pk.in_(pks))
            .order_by(deliveries.c.pk)
        )
    )


async def by_id(connection: AsyncConnection, delivery_id: str) -> Row | None:
    """Where a delivery goes, what it is about and what became of it."""
    query = (
        sa.select(channels.c.name, channels.c.address, deliveries.c.error, deliveries.c.subject)
        .join(channels, channels.c.pk == deliveries.c.channel)
        .where(deliveries.c.id == delivery_id)
    )
    return (await connection.execute(query)).one_or_none()


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


async def fallback(connection: AsyncConnection, delivery: int, platform: str) -> list[Row]:
    """Who is told where a channel does not take a delivery, the first who has an identity on the platform:
    whoever started it, else the owner of its job; with the organization and the id of the batch."""
    owner = sa.select(job_versions.c.definition["job"]["owner"].as_string()).where(
        job_versions.c.pk == batches.c.version
    )
    chosen = sa.or_(
        members.c.pk == batches.c.member,
        sa.and_(
            members.c.organization == batches.c.organization,
            members.c.email != "",
            sa.func.lower(members.c.email) == sa.func.lower(owner.scalar_subquery()),
        ),
    )
    query = (
        sa.select(
            identities.c.external_id,
            identities.c.tenant,
            deliveries.c.organization,
            deliveries.c.batch,
            batches.c.id.label("batch_id"),
        )
        .select_from(deliveries)
        .join(batches, batches.c.pk == deliveries.c.batch)
        .join(members, chosen)
        .join(identities, identities.c.member == members.c.pk)
        .where(deliveries.c.pk == delivery, identities.c.platform == platform)
        .order_by(members.c.pk != sa.func.coalesce(batches.c.member, 0), identities.c.pk)
        .limit(1)
    )
    return list(await connection.execute(query))


async def only_for(connection: AsyncConnection, batch_pks: Sequence[int], kind: str) -> dict[int, str]:
    """Who alone may see the message of that kind, by batch; nothing for those that everybody may see."""
    rows = await connection.execute(
        sa.select(deliveries.c.batch, deliveries.c.only_for).where(
            deliveries.c.batch.in_(batch_pks), deliveries.c.kind == kind, deliveries.c.only_for != ""
        )
    )
    return {row.batch: row.only_for for row in rows}


async def requester(connection: AsyncConnection, delivery_id: str) -> int | None:
    """Who started the batch of a delivery; None where nobody did."""
    query = (
        sa.select(batches.c.member)
        .join(deliveries, deliveries.c.batch == batches.c.pk)
        .where(deliveries.c.id == delivery_id)
    )
    member: int | None = await connection.scalar(query)
    return member


async def mark_channel(connection: AsyncConnection, delivery: int, state: str, reason: str) -> None:
    """Say of the channel of a delivery, and of its threads, whether it takes messages."""
    place = (
        sa.select(channels.c.organization, channels.c.platform, channels.c.address)
        .join(deliveries, deliveries.c.channel == channels.c.pk)
        .where(deliveries.c.pk == delivery)
        .subquery()
    )
    await connection.execute(
        channels.update()
        .where(
            channels.c.organization == sa.select(place.c.organization).scalar_subquery(),
            channels.c.platform == sa.select(place.c.platform).scalar_subquery(),
            channels.c.address == sa.select(place.c.address).scalar_subquery(),
            sa.or_(channels.c.state != state, channels.c.state_reason != reason),
        )
        .values(state=state, state_reason=reason)
    )


async def next_due(connection: AsyncConnection) -> datetime | None:
    """The earliest instant at which something is due: to be brought, or given up by a silent sender."""
    due = sa.case(
        (deliveries.c.state == DeliveryState.PENDING, deliveries.c.due_at), else_=deliveries.c.lease_until
    )
    moment: datetime | None = await connection.scalar(
        sa.select(sa.func.min(due, type_=Instant())).where(_UNDER_WAY, _MAY_GO)
    )
    return moment


async def release(connection: AsyncConnection, now: datetime) -> int:
    """End the lease of every send that is under way: nobody is left who could be at it."""
    done = await connection.execute(
        deliveries.update()
        .where(deliveries.c.state == DeliveryState.SENDING)
        .values(lease_until=now - timedelta(seconds=1))
    )
    return done.rowcount


async def of_channel(connection: AsyncConnection, channel: int, after: int) -> list[Row]:
    """Everything sent to a channel from that number on: what a console shows."""
    pks = await connection.scalars(
        sa.select(deliveries.c.pk)
        .where(
            deliveries.c.channel == channel,
            deliveries.c.pk > after,
            deliveries.c.sent_version > 0,
        )
        .order_by(deliveries.c.pk)
    )
    return await get(connection, list(pks))


async def of_batch(connection: AsyncConnection, batch: int) -> list[Row]:
    """The deliveries of a batch with their channel."""
    pks = await connection.scalars(sa.select(deliveries.c.pk).where(deliveries.c.batch == batch))
    return await get(connection, list(pks))


async def of_job(connection: AsyncConnection, job: int, limit: int) -> list[Row]:
    """The newest deliveries of a job with their channel."""
    pks = await connection.scalars(
        sa.select(deliveries.c.pk)
        .join(batches, batches.c.pk == deliveries.c.batch)
        .join(jobs, jobs.c.pk == batches.c.job)
        .where(jobs.c.pk == job)
        .order_by(deliveries.c.pk.desc())
        .limit(limit)
    )
    return await get(connection, list(pks))
