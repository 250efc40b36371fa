"""Backfills: a job run for past instants of its own schedule, each run with the instant that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core import batches, firings
from core.batches import Started, Wish
from core.definitions import Role
from core.errors import Invalid, OutOfPlace
from core.jobs import Job, may_start
from core.people import Member, permit
from core.scheduled import Schedule
from core.turns import Turn
from core.vault import Vault
from core.wishes import Trigger

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill would run: the instants in order, and the wish for all of them."""

    schedule: Schedule
    instants: tuple[datetime, ...]
    wish: Wish
    left_out: int  # instants on holidays and days off

    @property
    def runs(self) -> int:
        """How many runs it would be."""
        return len(self.wish.combinations)


async def plan(
    turn: Turn,
    job: Job,
    schedule: Schedule,
    start: datetime,
    end: datetime,
    vault: Vault,
    *,
    sets: tuple[str, ...] = (),
    given: tuple[Mapping[str, Any], ...] = (),
) -> Backfill:
    """Every instant of the schedule from `start` up to `end`, both included; never one that is ahead.

    `sets` and `given` (rows of values, secrets sealed) stand for those of the schedule where they are
    given.

    Raises:
        Invalid: the stretch holds no instant, too many, or it ends before it begins.
        Refusal: the parameters do not fit the job.
    """
    if end < start:
        raise Invalid("The stretch ends before it begins.", hint="Write --from the earlier day.")
    table = schedule.timetable
    until = min(end, turn.now)
    every = list(table.between(start - _SECOND, until, limit=firings.MOST_RUNS + 1))
    if len(every) > firings.MOST_RUNS:
        raise Invalid(
            f"That would be more than {firings.MOST_RUNS:,} instants of {job.name}.",
            hint="Take a shorter stretch of time.",
        )
    instants = [at for at in every if not table.left_out(at)]
    if not instants:
        raise Invalid(
            f"{job.name} was not due in that stretch of time.",
            hint=f"Its schedule {schedule.name}: {table.expression.describe()} ({table.zone.key}).",
        )
    meant = _meant(schedule, sets, given)
    wish = firings.wish_for(meant, job.definition, job.id, job.version, instants, vault)
    return Backfill(schedule, tuple(instants), wish, len(every) - len(instants))


async def start(
    turn: Turn, actor: Member, job: Job, planned: Backfill, *, channel: int, request: int | None
) -> Started:
    """Start it as one batch, in the actor's name.

    Raises:
        NotAllowed: the actor may not run the job.
        OutOfPlace: the job is disabled, or everything is paused.
    """
    await permit(
        turn, actor, max(job.job.access.run, Role.OPERATOR, key=lambda one: one.rank), f"run {job.name}"
    )
    may_start(job)
    if planned.instants[-1] > turn.now:
        raise OutOfPlace("A backfill is for instants that are past.")
    wish = replace(
        planned.wish,
        trigger=Trigger.BACKFILL,
        actor=actor,
        channel=channel,
        request=request,
        due_at=None,
    )
    return await batches.start(turn, wish)


def _meant(schedule: Schedule, sets: tuple[str, ...], given: tuple[Mapping[str, Any], ...]) -> Schedule:
    if not sets and not given:
        return schedule
    definition = schedule.definition.model_copy(update={"parameter_sets": sets} if sets else {})
    if sets and not given:
        return replace(schedule, definition=definition)
    own = schedule.given or ({},)
    rows = tuple({**row, **dict(one)} for row in own for one in given)
    return replace(schedule, definition=definition, given=rows)
