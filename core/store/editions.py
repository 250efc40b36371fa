"""SQL of what a digest tells: what became of some jobs from `start` on, and before `end`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import BatchState, DeliveryState, Status
from core.store.dialects import Row
from core.store.tables import (
    batches,
    channels,
    deliveries,
    firings,
    incidents,
    organizations,
    runs,
    schedules,
)

LATE_RECORDS = timedelta(days=40)  # how long after its instant a firing may be written
_STARTED = "started"


def _ended(jobs: Sequence[int], start: datetime, end: datetime) -> sa.ColumnElement[bool]:
    """The batches of these jobs that ended from `start` on, and before `end`."""
    return sa.and_(batches.c.job.in_(jobs), batches.c.ended_at >= start, batches.c.ended_at < end)


async def jobs_here(
    connection: AsyncConnection, organization: int, places: Sequence[int], start: datetime
) -> set[int]:
    """The jobs of a channel: whose schedules belong there, or of which something was posted there since."""
    scheduled = sa.select(schedules.c.job).where(
        schedules.c.organization == organization, schedules.c.channel.in_(places), schedules.c.enabled
    )
    posted = (
        sa.select(batches.c.job)
        .join(deliveries, deliveries.c.batch == batches.c.pk)
        .where(deliveries.c.channel.in_(places), deliveries.c.created_at >= start)
    )
    return {*await connection.scalars(scheduled.distinct()), *await connection.scalars(posted.distinct())}


async def batches_of(
    connection: AsyncConnection, jobs: Sequence[int], start: datetime, end: datetime
) -> list[Row]:
    """(job, state, number of batches, the newest of them) of what ended, skipped batches left out."""
    query = (
        sa.select(
            batches.c.job,
            batches.c.state,
            sa.func.count().label("number"),
            sa.func.max(batches.c.pk).label("newest"),
        )
        .where(_ended(jobs, start, end), batches.c.state != BatchState.SKIPPED)
        .group_by(batches.c.job, batches.c.state)
    )
    return list(await connection.execute(query))


async def quiet_of(
    connection: AsyncConnection, jobs: Sequence[int], start: datetime, end: datetime
) -> dict[int, int]:
    """job -> how many of its runs succeeded and were not posted, as its gates said."""
    query = (
        sa.select(batches.c.job, sa.func.count().label("number"))
        .join(runs, runs.c.batch == batches.c.pk)
        .where(_ended(jobs, start, end), runs.c.status == Status.SUCCEEDED, runs.c.quiet != "")
        .group_by(batches.c.job)
    )
    return {row.job: row.number for row in await connection.execute(query)}


async def incidents_of(
    connection: AsyncConnection, jobs: Sequence[int], start: datetime, end: datetime
) -> list[Row]:
    """What these jobs kept failing with: open at `end`, or over since `start`; the oldest first."""
    query = (
        sa.select(incidents)
        .where(
            incidents.c.job.in_(jobs),
            incidents.c.opened_at < end,
            sa.or_(incidents.c.ended_at.is_(None), incidents.c.ended_at >= start),
        )
        .order_by(incidents.c.pk)
    )
    return list(await connection.execute(query))


async def absences_of(
    connection: AsyncConnection, jobs: Sequence[int], start: datetime, end: datetime
) -> list[Row]:
    """(job, schedule's name, outcome, cause, instants, newest reason) of what did not start."""
    newest = (
        sa.select(
            schedules.c.job,
            schedules.c.name,
            firings.c.outcome,
            firings.c.cause,
            sa.func.sum(firings.c.instants).label("number"),
            sa.func.max(firings.c.pk).label("newest"),
        )
        .join(schedules, schedules.c.pk == firings.c.schedule)
        .where(
            schedules.c.job.in_(jobs),
            firings.c.outcome != _STARTED,
            firings.c.due_at >= start - LATE_RECORDS,
            firings.c.created_at >= start,
            firings.c.created_at < end,
        )
        .group_by(schedules.c.job, schedules.c.name, firings.c.outcome, firings.c.cause)
        .subquery()
    )
    query = sa.select(newest, firings.c.reason).join(firings, firings.c.pk == newest.c.newest)
    return list(await connection.execute(query.order_by(newest.c.job, newest.c.name, newest.c.outcome)))


async def newest_runs(
    connection: AsyncConnection, jobs: Sequence[int], start: datetime, end: datetime
) -> list[Row]:
    """(run, job, batch, print) of the newest single run of each job that succeeded."""
    newest = (
        sa.select(sa.func.max(runs.c.pk))
        .join(batches, batches.c.pk == runs.c.batch)
        .where(_ended(jobs, start, end), batches.c.total == 1, runs.c.status == Status.SUCCEEDED)
        .group_by(batches.c.job)
    )
    query = sa.select(runs.c.pk, runs.c.job, runs.c.batch, runs.c.print).where(runs.c.pk.in_(newest))
    return list(await connection.execute(query.order_by(runs.c.pk)))


async def run_before(connection: AsyncConnection, run: Row, start: datetime) -> int | None:
    """The newest run of the same job with the same parameters that succeeded before."""
    query = sa.select(sa.func.max(runs.c.pk)).where(
        runs.c.job == run.job,
        runs.c.print == run.print,
        sa.text("runs.status = 'succeeded'"),
        runs.c.pk < run.pk,
        runs.c.ended_at < start,
    )
    found: int | None = await connection.scalar(query)
    return found


async def lengths(
    connection: AsyncConnection, jobs: Sequence[int], start: datetime, end: datetime
) -> list[Row]:
    """(job, number, started_at, ended_at) of the batches of one run that succeeded."""
    query = sa.select(batches.c.job, batches.c.pk, batches.c.started_at, batches.c.ended_at).where(
        _ended(jobs, start, end),
        batches.c.total == 1,
        batches.c.state == BatchState.SUCCEEDED,
        batches.c.started_at.is_not(None),
    )
    return list(await connection.execute(query.order_by(batches.c.pk)))


async def lengths_before(connection: AsyncConnection, job: int, start: datetime, limit: int) -> list[Row]:
    """The same of one job, the newest of those that ended before."""
    query = (
        sa.select(batches.c.started_at, batches.c.ended_at)
        .where(
            batches.c.job == job,
            batches.c.ended_at < start,
            batches.c.total == 1,
            batches.c.state == BatchState.SUCCEEDED,
            batches.c.started_at.is_not(None),
        )
        .order_by(batches.c.ended_at.desc())
        .limit(limit)
    )
    return list(await connection.execute(query))


async def undelivered(
    connection: AsyncConnection, jobs: Sequence[int], start: datetime, end: datetime
) -> list[Row]:
    """(job, channel, number of messages, newest error) of what did not arrive for certain."""
    lost = (
        sa.select(
            batches.c.job,
            deliveries.c.channel,
            sa.func.count().label("number"),
            sa.func.max(deliveries.c.pk).label("newest"),
        )
        .join(deliveries, deliveries.c.batch == batches.c.pk)
        .where(
            _ended(jobs, start, end),
            deliveries.c.state.in_([DeliveryState.FAILED, DeliveryState.UNKNOWN]),
        )
        .group_by(batches.c.job, deliveries.c.channel)
        .subquery()
    )
    query = (
        sa.select(
            lost,
            deliveries.c.error,
            deliveries.c.state,
            channels.c.platform,
            channels.c.name,
            channels.c.address,
        )
        .join(deliveries, deliveries.c.pk == lost.c.newest)
        .join(channels, channels.c.pk == lost.c.channel)
    )
    return list(await connection.execute(query.order_by(lost.c.job, lost.c.channel)))


async def schedules_of(connection: AsyncConnection, jobs: Sequence[int], limit: int) -> list[Row]:
    """The enabled schedules of these jobs with their organization's zone, what is due first first."""
    query = (
        sa.select(schedules, organizations.c.timezone.label("organization_zone"))
        .join(organizations, organizations.c.pk == schedules.c.organization)
        .where(schedules.c.job.in_(jobs), schedules.c.enabled, schedules.c.next_due_at.is_not(None))
        .order_by(schedules.c.next_due_at, schedules.c.pk)
        .limit(limit)
    )
    return list(await connection.execute(query))
