"""SQL of schedules and their firings. Rows are locked in the order schedules -> jobs -> runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.scheduled import Schedule
from core.store import dialects
from core.store.dialects import Instant, Row
from core.store.tables import channels, facts, firings, job_versions, jobs, members, organizations, schedules

SEEN = "scheduler.seen_at"

_SHOWN = sa.select(schedules, organizations.c.timezone.label("organization_zone")).join(
    organizations, organizations.c.pk == schedules.c.organization
)
_NEXT = (
    sa.select(schedules.c.next_due_at)
    .where(schedules.c.next_due_at.is_not(None))
    .order_by(schedules.c.next_due_at)
    .limit(1)
)
_DUE = (
    _SHOWN.where(schedules.c.next_due_at <= sa.bindparam("moment", type_=Instant()))
    .where(schedules.c.pk.not_in(sa.bindparam("spared", expanding=True)))
    .order_by(schedules.c.next_due_at, schedules.c.pk)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .with_for_update(skip_locked=True, of=schedules)
)
_ADVANCE = (
    schedules.update()
    .where(
        schedules.c.pk == sa.bindparam("the_pk"),
        schedules.c.version == sa.bindparam("the_version"),
        schedules.c.next_due_at == sa.bindparam("the_instant", type_=Instant()),
    )
    .values(
        next_due_at=sa.bindparam("wake", type_=Instant()),
        settled_until=sa.bindparam("settled", type_=Instant()),
    )
)
_JOBS = (
    sa.select(
        jobs,
        job_versions.c.number.label("version_number"),
        job_versions.c.id.label("version_id"),
        organizations.c.paused_at.label("all_paused_at"),
        organizations.c.paused_by.label("all_paused_by"),
        organizations.c.paused_why.label("all_paused_why"),
    )
    .join_from(jobs, job_versions, job_versions.c.pk == jobs.c.version)
    .join(organizations, organizations.c.pk == jobs.c.organization)
)


_JOBS_OF = _JOBS.where(jobs.c.pk.in_(sa.bindparam("pks", expanding=True)))
_DEFINITIONS = sa.select(job_versions.c.id, job_versions.c.definition).where(
    job_versions.c.pk.in_(sa.bindparam("pks", expanding=True))
)
_FIRED = sa.select(firings.c.schedule, firings.c.due_at).where(
    firings.c.schedule.in_(sa.bindparam("schedules", expanding=True)),
    firings.c.due_at.in_(sa.bindparam("instants", expanding=True, type_=Instant())),
)
_SEEN_AT = sa.select(facts.c.value).where(facts.c.name == SEEN)


async def next_due(connection: AsyncConnection) -> datetime | None:
    """The earliest instant at which the scheduler has something to do: the head of an index."""
    moment: datetime | None = await connection.scalar(_NEXT)
    return moment


async def due(connection: AsyncConnection, now: datetime, limit: int, spared: Collection[int]) -> list[Row]:
    """Lock what is due and what nobody else holds, the oldest first; but for those that are `spared`."""
    given = {"moment": now, "most": limit, "spared": list(spared)}
    return list(await connection.execute(_DUE, given))


async def lock(connection: AsyncConnection, pks: Collection[int]) -> list[Row]:
    """Lock these schedules, in their order."""
    query = _SHOWN.where(schedules.c.pk.in_(sorted(pks))).order_by(schedules.c.pk)
    return list(await connection.execute(query.with_for_update(of=schedules)))


async def lock_of_jobs(connection: AsyncConnection, job_pks: Collection[int]) -> list[Row]:
    """Lock every schedule of these jobs, in their order: whoever changes one stands here first."""
    query = _SHOWN.where(schedules.c.job.in_(sorted(job_pks))).order_by(schedules.c.pk)
    return list(await connection.execute(query.with_for_update(of=schedules)))


async def lock_due_of(connection: AsyncConnection, organization: int, now: datetime) -> list[Row]:
    """Lock what is due in an organization, in their order."""
    query = _SHOWN.where(schedules.c.organization == organization, schedules.c.next_due_at <= now)
    return list(await connection.execute(query.order_by(schedules.c.pk).with_for_update(of=schedules)))


async def of_job(connection: AsyncConnection, job: int) -> list[Row]:
    """The enabled schedules of a job, in the order in which they were made."""
    query = _SHOWN.where(schedules.c.job == job, schedules.c.enabled).order_by(schedules.c.pk)
    return list(await connection.execute(query))


async def of_chat(connection: AsyncConnection, job_pks: Collection[int]) -> list[Row]:
    """The enabled schedules of these jobs that were made in chat, with the address of their channel."""
    query = (
        _SHOWN.add_columns(channels.c.platform, channels.c.address)
        .outerjoin(channels, channels.c.pk == schedules.c.channel)
        .where(schedules.c.job.in_(sorted(job_pks)), schedules.c.enabled, schedules.c.origin == "chat")
    )
    return list(await connection.execute(query.order_by(schedules.c.pk)))


async def of_organization(connection: AsyncConnection, organization: int, limit: int) -> list[Row]:
    """The enabled schedules of an organization, what is due first first."""
    query = (
        _SHOWN.where(schedules.c.organization == organization, schedules.c.enabled)
        .order_by(schedules.c.next_due_at.is_(None), schedules.c.next_due_at, schedules.c.pk)
        .limit(limit)
    )
    return list(await connection.execute(query))


async def outdated(
    connection: AsyncConnection, organization: int, rules: Sequence[str], limit: int
) -> list[Row]:
    """Lock schedules whose next instant was computed with other rules than these."""
    query = (
        _SHOWN.where(
            schedules.c.organization == organization,
            schedules.c.next_due_at.is_not(None),
            schedules.c.tzdata.not_in(rules),
        )
        .order_by(schedules.c.pk)
        .limit(limit)
        .with_for_update(of=schedules)
    )
    return list(await connection.execute(query))


async def organizations_with(connection: AsyncConnection) -> list[Row]:
    """Every organization with its zone."""
    return list(
        await connection.execute(
            sa.select(organizations.c.pk, organizations.c.timezone).order_by(organizations.c.pk)
        )
    )


async def jobs_of(connection: AsyncConnection, job_pks: Collection[int]) -> dict[int, Row]:
    """These jobs, which versions they have, and whether everything is paused in their organization."""
    found = await connection.execute(_JOBS_OF, {"pks": sorted(job_pks)})
    return {row.pk: row for row in found}


async def definitions(connection: AsyncConnection, version_pks: Collection[int]) -> list[Row]:
    """What these versions say: id, definition."""
    return list(await connection.execute(_DEFINITIONS, {"pks": sorted(version_pks)}))


async def insert(connection: AsyncConnection, values: dict[str, Any]) -> int:
    """Add a schedule; returns its number. Raises IntegrityError where the job has one of that name."""
    made = await connection.execute(schedules.insert().values(values).returning(schedules.c.pk))
    return int(made.scalar_one())


async def change(connection: AsyncConnection, pk: int, version: int, values: dict[str, Any]) -> bool:
    """Change a schedule that still has that version; False where somebody else was first."""
    done = await connection.execute(
        schedules.update()
        .where(schedules.c.pk == pk, schedules.c.version == version)
        .values(version=schedules.c.version + 1, **values)
    )
    return done.rowcount == 1


async def advance(
    connection: AsyncConnection, moves: Sequence[tuple[Schedule, datetime | None, datetime]]
) -> bool:
    """Move schedules on: (as it was read, when to wake next, settled until). False: not all of them were.

    Compare-and-set on (version, next_due_at): where somebody else was first the caller must give up its
    transaction.
    """
    given = [
        {
            "the_pk": one.pk,
            "the_version": one.version,
            "the_instant": one.due_at,
            "wake": wake,
            "settled": settled,
        }
        for one, wake, settled in moves
    ]
    return not given or (await connection.execute(_ADVANCE, given)).rowcount == len(given)


async def fired(
    connection: AsyncConnection, wanted: Sequence[tuple[int, datetime]]
) -> set[tuple[int, datetime]]:
    """Which of these (schedule, due instant) have a firing already."""
    if not wanted:
        return set()
    given = {"schedules": sorted({pk for pk, _ in wanted}), "instants": sorted({at for _, at in wanted})}
    found = await connection.execute(_FIRED, given)
    return {(row.schedule, row.due_at) for row in found}


async def fire(connection: AsyncConnection, made: list[dict[str, Any]]) -> None:
    """Add firings. Raises IntegrityError where one of them was added before: one per due instant."""
    if made:
        await connection.execute(firings.insert(), made)


async def latest(
    connection: AsyncConnection, schedule: int, limit: int, cause: str | None = None
) -> list[Row]:
    """The newest firings of a schedule; only those of a cause where given."""
    query = sa.select(firings).where(firings.c.schedule == schedule).order_by(firings.c.due_at.desc())
    if cause is not None:
        query = query.where(firings.c.cause == cause)
    return list(await connection.execute(query.limit(limit)))


async def since_started(connection: AsyncConnection, schedule: int, cause: str, limit: int) -> list[Row]:
    """The newest firings of that cause after the last one that started something, oldest first."""
    started = sa.select(sa.func.max(firings.c.due_at)).where(
        firings.c.schedule == schedule, firings.c.outcome == "started"
    )
    last = await connection.scalar(started)
    query = sa.select(firings).where(firings.c.schedule == schedule, firings.c.cause == cause)
    if last is not None:
        query = query.where(firings.c.due_at > last)
    found = list(await connection.execute(query.order_by(firings.c.due_at.desc()).limit(limit)))
    return found[::-1]


async def refire(connection: AsyncConnection, pk: int, cause: str, values: dict[str, Any]) -> bool:
    """Turn a firing that was skipped for that cause into another; False where somebody else did."""
    done = await connection.execute(
        firings.update().where(firings.c.pk == pk, firings.c.cause == cause).values(values)
    )
    return done.rowcount == 1


async def of_batches(connection: AsyncConnection, batch_pks: Collection[int]) -> list[Row]:
    """The firings that these batches came from, with their schedule's name."""
    return list(
        await connection.execute(
            sa.select(firings, schedules.c.name.label("schedule_name"), schedules.c.zone)
            .join(schedules, schedules.c.pk == firings.c.schedule)
            .where(firings.c.batch.in_(sorted(batch_pks)))
            .order_by(firings.c.due_at)
        )
    )


async def pause_job(connection: AsyncConnection, job: int, values: dict[str, Any]) -> None:
    """Write or end the pause of a job's schedules."""
    await connection.execute(jobs.update().where(jobs.c.pk == job).values(values))


async def names(connection: AsyncConnection, pks: Collection[int]) -> dict[int, str]:
    """Members' names by number."""
    found = await connection.execute(
        sa.select(members.c.pk, members.c.name).where(members.c.pk.in_(sorted(pks)))
    )
    return {row.pk: row.name for row in found}


async def seen_at(connection: AsyncConnection) -> datetime | None:
    """When a scheduler was last at work; nothing where none ever was."""
    value = await connection.scalar(_SEEN_AT)
    return None if value is None else datetime.fromisoformat(value)


async def see(connection: AsyncConnection, now: datetime) -> None:
    """A scheduler is at work."""
    insert = dialects.insert_ignoring(connection.dialect.name, facts, facts.c.name)
    await connection.execute(insert.values(name=SEEN, value=now.isoformat()))
    await connection.execute(facts.update().where(facts.c.name == SEEN).values(value=now.isoformat()))
