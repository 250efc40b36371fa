"""lock, unlock: who holds a job's lock, and breaking it."""

from __future__ import annotations

from core import holding, people, views
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Outcome, Reply, Visit
from core.wording import locks as wording


async def lock(visit: Visit) -> Reply:
    """`lock NAME`: the holder, its age, and who waits."""
    await targets.may_look(visit, Role.VIEWER)
    job = await targets.job(visit, visit.command.word(0))
    held = await holding.holders(visit.turn, job)
    found = await views.of_batches(visit.turn, [one.batch.number for one in held])
    return Reply(wording.held(job, held, found, await holding.line(visit.turn, job), visit.turn.now))


async def unlock(visit: Visit) -> Reply:
    """`unlock NAME`: shown first, broken with --yes."""
    await targets.may_look(visit, Role.VIEWER)
    job = await targets.job(visit, visit.command.word(0))
    await people.permit(visit.turn, visit.member, Role.ADMIN, f"break the lock of {job.name}")
    if "yes" in visit.command.flags:
        broken = await holding.break_lock(visit.turn, visit.member, job)
        return Reply(wording.broken(job, broken, visit.turn.now), private=False)
    held = await holding.holders(visit.turn, job)
    found = await views.of_batches(visit.turn, [one.batch.number for one in held])
    outcome = Outcome.QUESTION if held else Outcome.DONE
    return Reply(wording.unlocking(job, held, found, visit.turn.now), outcome)
