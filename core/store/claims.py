"""SQL of claims: which queued runs have their turn, and taking them.

Every process and every engine claims by this one statement: whose turn it is stands in the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.lifecycles import Status
from core.store.dialects import Instant, Row
from core.store.tables import attempts, batches, organizations, runs, workers

# Statements of the hot path are built once: building one costs more than running it.
_NOW = sa.bindparam("moment", type_=Instant())
_ME = sa.bindparam("me", type_=sa.BigInteger())
_QUEUED = sa.text("runs.status = 'queued'")  # literal: partial indexes are not used for bound values
_RUNNING = sa.text("running.status = 'running'")


def _in_turn() -> sa.Select[tuple[int]]:
    """The queued runs in the order in which they have their turn, as many as the caps leave room for.

    The most urgent first; then the job that has the fewest under way, so that jobs take turns; then who
    came first. Nothing of an organization that is paused.
    """
    other = runs.alias("running")
    # SQLite would walk through every run there ever was, in the order of an index on `job`: `+ 0` keeps it
    # from that, so that it takes the few that are queued or running and sorts them.
    its_job = sa.literal_column("running.job + 0", sa.BigInteger())
    by_job = (
        sa.select(its_job.label("job"), sa.func.count().label("number"))
        .select_from(other)
        .where(_RUNNING)
        .group_by(its_job)
    )
    of_job = by_job.subquery("of_job")
    theirs = batches.alias("their_batch")
    by_organization = (
        sa.select(theirs.c.organization, sa.func.count().label("number"))
        .select_from(other.join(theirs, theirs.c.pk == other.c.batch))
        .where(_RUNNING)
        .group_by(theirs.c.organization)
    )
    of_organization = by_organization.subquery("of_organization")
    first = runs.c.priority.desc()
    turn = sa.func.coalesce(of_job.c.number, 0) + sa.func.row_number().over(
        partition_by=sa.literal_column("runs.job + 0"), order_by=(first, runs.c.pk)
    )
    lined_up = (
        sa.select(
            runs.c.pk,
            runs.c.priority,
            turn.label("turn"),
            batches.c.job_cap,
            batches.c.organization,
            organizations.c.max_running,
            sa.func.coalesce(of_organization.c.number, 0).label("under_way"),
        )
        .join(batches, batches.c.pk == runs.c.batch)
        .join(organizations, organizations.c.pk == batches.c.organization)
        .outerjoin(of_job, of_job.c.job == runs.c.job)
        .outerjoin(of_organization, of_organization.c.organization == batches.c.organization)
        .where(
            _QUEUED,
            organizations.c.paused_at.is_(None),
            batches.c.runs_on.in_(sa.bindparam("tags", expanding=True)),
        )
        .subquery("lined_up")
    )
    order = (lined_up.c.priority.desc(), lined_up.c.turn, lined_up.c.pk)
    place = lined_up.c.under_way + sa.func.row_number().over(
        partition_by=lined_up.c.organization, order_by=order
    )
    capped = (
        sa.select(lined_up, place.label("place"))
        .where(lined_up.c.turn <= lined_up.c.job_cap)
        .subquery("capped")
    )
    return (
        sa.select(capped.c.pk)
        .where(capped.c.place <= capped.c.max_running)
        .order_by(capped.c.priority.desc(), capped.c.turn, capped.c.pk)
        .limit(sa.bindparam("room", type_=sa.Integer()))
    )


_MINE = (
    sa.select(runs.c.pk)
    .where(runs.c.pk.in_(_in_turn()), _QUEUED)
    .order_by(runs.c.pk)
    .with_for_update(skip_locked=True)
)
_WITH_WORK = (
    sa.select(organizations.c.pk)
    .where(
        organizations.c.pk.in_(
            sa.select(batches.c.organization).join(runs, runs.c.batch == batches.c.pk).where(_QUEUED)
        )
    )
    .order_by(organizations.c.pk)
    .with_for_update(key_share=True)
)
_ALIVE = (
    sa.select(workers.c.pk)
    .where(workers.c.pk == _ME, workers.c.dead_at.is_(None), workers.c.lease_until > _NOW)
    .exists()
)
_CLAIM = (
    runs.update()
    .where(runs.c.pk.in_(_MINE), runs.c.status == Status.QUEUED, _ALIVE)
    .values(
        status=Status.RUNNING,
        fence=runs.c.fence + 1,
        attempt=runs.c.attempt + 1,
        worker=_ME,
        step="",
        started_at=sa.func.coalesce(runs.c.started_at, _NOW),
    )
    .returning(*(column for column in runs.c if column.key not in ("reason", "step", "worker")))
)


async def claim(
    connection: AsyncConnection, room: int, worker: int, now: datetime, tags: Sequence[str] = ()
) -> list[Row]:
    """Claim so many queued runs for a worker whose lease is alive, those whose turn it is; of those that
    ask for a tag, only where it is among `tags`.

    Claims of one organization follow each other: two that count at once would exceed its cap. PostgreSQL
    locks its row; SQLite's writing transaction is alone anyway.
    """
    if connection.dialect.name != "sqlite":
        await connection.execute(_WITH_WORK)
    given = {"room": room, "me": worker, "moment": now, "tags": ["", *tags]}
    return list(await connection.execute(_CLAIM, given))


async def begin_attempts(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Add a row per attempt that begins."""
    await connection.execute(attempts.insert(), rows)
