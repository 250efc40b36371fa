"""ack: somebody says that they look after what keeps failing."""

from __future__ import annotations

from core import incidents, jobs
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.wording import incidents as wording


async def ack(visit: Visit) -> Reply:
    """`ack #128`, `ack NAME note=…`."""
    await targets.may_look(visit, Role.VIEWER)
    word = visit.command.word(0)
    note = visit.command.options.get("note", "")
    target = await targets.batch(visit, word)
    if target is not None:
        job, batch = await jobs.get(visit.turn, target.view.batch.job), target.view.batch.number
    else:
        job, batch = await targets.job(visit, word), None
    found = await incidents.ack(visit.turn, visit.member, job.pk, job.name, note, batch=batch)
    return Reply(wording.acked(job, found, visit.member.name, note), private=False)
