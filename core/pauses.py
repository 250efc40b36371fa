"""Pauses: a schedule, a job's schedules, or everything; with who, when and why. And the end of them.

What is due while something is paused is skipped, and written down as such. The end of a pause runs
nothing old unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import audit, batches, firings, people, schedules, sets
from core.definitions import Role
from core.errors import OutOfPlace
from core.jobs import Job
from core.lifecycles import BatchState
from core.outcomes import Cause, Outcome
from core.people import Member
from core.scheduled import Schedule, read
from core.store import people as people_rows
from core.store import schedules as rows
from core.turns import Turn
from core.vault import Vault

_GOES_ON: dict[str, Any] = {"paused_at": None, "paused_by": None, "paused_why": ""}


@dataclass(frozen=True, slots=True)
class Resumed:
    """What the end of a pause has done: how many instants were skipped in it, which batches it started."""

    skipped: int
    batches: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()  # why a schedule could not be caught up


async def pause(
    turn: Turn, actor: Member, job: Job, schedule: Schedule | None, why: str, vault: Vault
) -> None:
    """Pause a job's schedules, or one of them. What was due before it is started before it.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: it is paused already.
    """
    await people.permit(turn, actor, Role.EDITOR, f"pause {job.name}")
    found = await _current(turn, job, schedule, vault)
    paused_at, paused_by = (found.paused_at, found.paused_by) if found else (job.paused_at, job.paused_by)
    if paused_at is not None:
        names = await rows.names(turn.connection, {paused_by} if paused_by is not None else set())
        who = "the bot" if paused_by is None else names.get(paused_by, "somebody")
        raise OutOfPlace(
            f"{_called(job, found)} is paused already, by {who}.",
            hint=f"It goes on with: {_line('resume', job, found)}",
            suggestions=(_line("resume", job, found),),
        )
    values = {"paused_at": turn.now, "paused_by": actor.pk, "paused_why": why}
    await _write(turn, job, found, values)
    await _audit(turn, actor, "schedule.pause", job, found, why)


async def resume(
    turn: Turn, actor: Member, job: Job, schedule: Schedule | None, vault: Vault, *, catch_up: bool = False
) -> Resumed:
    """Let a job's schedules go on, or one of them. With `catch_up`, run what the pause has skipped.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: it is not paused, and there is nothing to catch up.
    """
    await people.permit(turn, actor, Role.EDITOR, f"resume {job.name}")
    found = await _current(turn, job, schedule, vault)
    every = [one for one in await schedules.of_job(turn, job.pk) if found is None or one.pk == found.pk]
    paused = (found.paused_at if found else job.paused_at) is not None
    resumed = await _resumed(turn, job, every, vault, catch_up=catch_up)
    if not paused and not (catch_up and (resumed.batches or resumed.refused)):
        raise OutOfPlace(
            f"{_called(job, found)} is not paused"
            + (", and nothing is left to catch up." if catch_up else "."),
            suggestions=(f"why {job.name}",),
        )
    await _write(turn, job, found, _GOES_ON)
    await _audit(turn, actor, "schedule.resume", job, found, f"{len(resumed.batches)} batches caught up")
    return resumed


async def pause_everything(turn: Turn, actor: Member, why: str, vault: Vault) -> None:
    """Nothing new starts in the organization, by hand or by itself, until it is resumed.

    Raises:
        NotAllowed: the actor is no admin.
        OutOfPlace: everything is paused already.
    """
    await people.permit(turn, actor, Role.ADMIN, "pause everything")
    if await people_rows.paused(turn.connection, [actor.organization]):
        raise OutOfPlace("Everything is paused already.", suggestions=("resume --everything",))
    await _settle_everything(turn, actor, vault)
    values = {"paused_at": turn.now, "paused_by": actor.pk, "paused_why": why}
    await people_rows.pause(turn.connection, actor.organization, values)
    await _audit(turn, actor, "organization.pause", None, None, why)


async def resume_everything(turn: Turn, actor: Member, vault: Vault) -> None:
    """End the pause of everything; what was due in it stays skipped.

    Raises:
        NotAllowed: the actor is no admin.
        OutOfPlace: everything goes on already.
    """
    await people.permit(turn, actor, Role.ADMIN, "resume everything")
    if not await people_rows.paused(turn.connection, [actor.organization]):
        raise OutOfPlace("Everything goes on already: nothing was paused as a whole.")
    await _settle_everything(turn, actor, vault)
    await people_rows.pause(turn.connection, actor.organization, _GOES_ON)
    await _audit(turn, actor, "organization.resume", None, None, "")


async def _current(turn: Turn, job: Job, schedule: Schedule | None, vault: Vault) -> Schedule | None:
    """Lock the job's schedules, settle what is due, and give the one that is meant as it is now."""
    locked = await schedules.stand_in_line(turn, [job.pk], vault)
    return None if schedule is None else next(one for one in locked if one.pk == schedule.pk)


async def _settle_everything(turn: Turn, actor: Member, vault: Vault) -> None:
    due = await rows.lock_due_of(turn.connection, actor.organization, turn.now)
    await firings.settle(turn, [read(row) for row in due], vault=vault)


async def _write(turn: Turn, job: Job, schedule: Schedule | None, values: dict[str, Any]) -> None:
    if schedule is None:
        await rows.pause_job(turn.connection, job.pk, values)
    elif not await rows.change(turn.connection, schedule.pk, schedule.version, values):
        raise firings.Beaten()


async def _resumed(
    turn: Turn, job: Job, every: Sequence[Schedule], vault: Vault, *, catch_up: bool
) -> Resumed:
    skipped, started, refused = 0, [], []
    job = await sets.with_saved(turn, job) if catch_up else job
    for one in every:
        most = one.definition.cap if one.definition.catch_up == "all" else 1
        left = await rows.since_started(turn.connection, one.pk, Cause.PAUSED, one.definition.cap)
        skipped += sum(row.instants for row in left)
        instants = [row for row in left if row.instants == 1][-most:]
        if not catch_up or not instants:
            continue
        wish = firings.wish_for(
            one,
            job.definition,
            job.id,
            job.version,
            [row.due_at for row in instants],
            vault,
            at_once=1 if len(instants) > 1 else None,
        )
        result = (await batches.start_many(turn, [wish]))[0]
        if result.state is BatchState.SKIPPED:
            refused.append(result.reason)
            continue
        started.append(result.batch)
        values = {"outcome": Outcome.STARTED, "cause": Cause.ASKED, "batch": result.batch}
        for row in instants:
            if not await rows.refire(turn.connection, row.pk, Cause.PAUSED, values):
                raise firings.Beaten()
    return Resumed(skipped, tuple(started), tuple(refused))


def _called(job: Job, schedule: Schedule | None) -> str:
    return f"The schedule {schedule.name} of {job.name}" if schedule else job.name


def _line(verb: str, job: Job, schedule: Schedule | None) -> str:
    return f"{verb} {job.name} {schedule.name}" if schedule else f"{verb} {job.name}"


async def _audit(
    turn: Turn, actor: Member, action: str, job: Job | None, schedule: Schedule | None, why: str
) -> None:
    subject = f"organization:{actor.organization}"
    if job is not None:
        subject = f"schedule:{schedule.pk}" if schedule else f"job:{job.pk}"
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action=action,
        subject=subject,
        data={
            "job": job.name if job else "",
            "schedule": schedule.name if schedule else "",
            "why": why,
        },
    )
