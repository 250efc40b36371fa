"""SQL of deliveries: what is owed, and what has become of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import DeliveryState
from core.store import dialects
from core.store.dialects import Row
from core.store.tables import batches, channels, deliveries, jobs

LATEST = 50  # messages of a job that are looked at for channels that are broken
_OWED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.SENT)
_UNKNOWN = sa.text("deliveries.state = 'unknown'")
MESSAGE = deliveries.alias("message")  # what a result, an alert or a mention stands in the thread of
THREAD = sa.and_(
    # `+ 0`: SQLite would walk through all that was ever sent to the channel instead of a batch's few messages
    MESSAGE.c.channel + 0 == deliveries.c.channel,
    MESSAGE.c.pk != deliveries.c.pk,
    sa.or_(
        sa.and_(MESSAGE.c.batch == deliveries.c.batch, MESSAGE.c.kind.in_(["status", "alert"])),
        sa.and_(
            deliveries.c.kind == "rest", MESSAGE.c.subject == deliveries.c.subject, MESSAGE.c.kind == "digest"
        ),
    ),
)
ANCHOR = (
    sa.select(MESSAGE.c.external_id)
    .where(THREAD, MESSAGE.c.external_id != "")
    .order_by(MESSAGE.c.kind.desc())  # status before alert
    .limit(1)
    .scalar_subquery()
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
    connection: AsyncConnection, subjects: Sequence[str], kind: str, now: datetime, *, urgent: bool
) -> None:
    """Owe an edit of the messages of that kind about these subjects, as `touch` does."""
    given: dict[str, Any] = {"subjects": list(subjects), "the_kind": kind}
    if urgent:
        given |= {"due_at": now, "urgent": True}
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
                channels.c.name.label("channel_name"),
                batches.c.id.label("batch_id"),
                batches.c.state.label("batch_state"),
                jobs.c.id.label("job_id"),
                jobs.c.name.label("job_name"),
                ANCHOR.label("anchor"),
            )
            .join(channels, channels.c.pk == deliveries.c.channel)
            .outerjoin(batches, batches.c.pk == deliveries.c.batch)
            .outerjoin(jobs, jobs.c.pk == batches.c.job)
            .where(deliveries.c.pk.in_(pks))
            .order_by(deliveries.c.pk)
        )
    )


async def by_id(connection: AsyncConnection, delivery_id: str) -> Row | None:
    """Where a delivery goes, what it is about and what became of it."""
    query = (
        sa.select(
            channels.c.name, channels.c.address, deliveries.c.error, deliveries.c.subject, deliveries.c.state
        )
        .join(channels, channels.c.pk == deliveries.c.channel)
        .where(deliveries.c.id == delivery_id)
    )
    return (await connection.execute(query)).one_or_none()


async def unsure(connection: AsyncConnection, batch: int, kind: str) -> list[Row]:
    """The messages of a batch of which nobody knows whether they arrived."""
    query = sa.select(deliveries).where(
        deliveries.c.batch == batch,
        deliveries.c.kind == kind,
        deliveries.c.state == DeliveryState.UNKNOWN,
    )
    return list(await connection.execute(query.order_by(deliveries.c.pk)))


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


async def under_way(connection: AsyncConnection, subject: str, kind: str) -> bool:
    """A message of that kind about that subject has not been settled."""
    query = sa.select(deliveries.c.pk).where(
        deliveries.c.subject == subject,
        deliveries.c.kind == kind,
        deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
    )
    return await connection.scalar(query.limit(1)) is not None


async def about(connection: AsyncConnection, subject: str, kind: str) -> list[Row]:
    """The messages of that kind about that subject with their channel, in their order."""
    query = sa.select(deliveries.c.pk).where(deliveries.c.subject == subject, deliveries.c.kind == kind)
    return await get(connection, list(await connection.scalars(query)))


async def doubtful(connection: AsyncConnection, delivery: int, *, new: bool) -> list[Row]:
    """Earlier messages of a delivery's channel that may not have arrived: kind, batch, job_name.

    Those that the delivery tells of already; of a `new` one also those that nothing tells of yet.
    """
    own = deliveries.alias("own")
    told = deliveries.c.told_by == own.c.pk
    query = (
        sa.select(deliveries.c.kind, deliveries.c.batch, jobs.c.name.label("job_name"))
        .join(own, own.c.channel == deliveries.c.channel)
        .outerjoin(batches, batches.c.pk == deliveries.c.batch)
        .outerjoin(jobs, jobs.c.pk == batches.c.job)
        .where(
            own.c.pk == delivery,
            _UNKNOWN,
            deliveries.c.pk < own.c.pk,
            sa.or_(told, deliveries.c.told_by.is_(None)) if new else told,
        )
        .order_by(deliveries.c.pk)
    )
    return list(await connection.execute(query))


async def tell_of_doubtful(connection: AsyncConnection, delivery: int) -> None:
    """A new message was brought: it told of everything doubtful in its channel that nothing told of yet."""
    own = deliveries.alias("own")
    channel = sa.select(own.c.channel).where(own.c.pk == delivery).scalar_subquery()
    await connection.execute(
        deliveries.update()
        .where(
            deliveries.c.channel == channel,
            _UNKNOWN,
            deliveries.c.told_by.is_(None),
            deliveries.c.pk < delivery,
        )
        .values(told_by=delivery)
    )


async def listing(
    connection: AsyncConnection,
    organization: int,
    *,
    job: int | None = None,
    batch: int | None = None,
    states: Sequence[str] = (),
    before: int | None = None,
    limit: int = 20,
) -> list[Row]:
    """The newest deliveries of an organization first, of one job or batch; `before` pages on."""
    query = sa.select(deliveries.c.pk).where(deliveries.c.organization == organization)
    if job is not None:
        query = query.join(batches, batches.c.pk == deliveries.c.batch).where(batches.c.job == job)
    if batch is not None:
        query = query.where(deliveries.c.batch == batch)
    if states:
        query = query.where(deliveries.c.state.in_(states))
    if before is not None:
        query = query.where(deliveries.c.pk < before)
    pks = list(await connection.scalars(query.order_by(deliveries.c.pk.desc()).limit(limit)))
    return list(reversed(await get(connection, pks)))


async def broken(connection: AsyncConnection, job: int) -> list[Row]:
    """The channels of a job's latest messages that take nothing now: platform, address, name, why."""
    latest = (
        sa.select(deliveries.c.channel)
        .join(batches, batches.c.pk == deliveries.c.batch)
        .where(batches.c.job == job)
        .order_by(deliveries.c.pk.desc())
        .limit(LATEST)
        .subquery()
    )
    query = sa.select(channels.c.platform, channels.c.address, channels.c.name, channels.c.state_reason)
    lost = channels.c.pk.in_(sa.select(latest.c.channel)) & (channels.c.state == "broken")
    return list(await connection.execute(query.where(lost).order_by(channels.c.pk)))


async def instead_of(connection: AsyncConnection, roots: Sequence[str]) -> list[Row]:
    """What stands in for these deliveries (ids) with its channel, in order."""
    subjects = [f"instead:{one}" for one in roots]
    query = sa.select(deliveries.c.pk).where(deliveries.c.subject.in_(subjects))
    return await get(connection, list(await connection.scalars(query))) if subjects else []


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
