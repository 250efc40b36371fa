"""audit: who did what."""

from __future__ import annotations

from core import people, trail
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.wording import trail as wording


async def audit(visit: Visit) -> Reply:
    """`audit`, `audit NAME page=2`, `audit #128`: the newest first."""
    await targets.may_look(visit, Role.VIEWER)
    await people.permit(visit.turn, visit.member, Role.ADMIN, "see who did what")
    word, page = visit.command.word(0), visit.command.number("page", 1)
    job, batch, about = None, None, ""
    if word:
        target = await targets.batch(visit, word)
        if target is not None:
            batch, about = target.view.batch.id, f"#{target.view.batch.number}"
        else:
            found = await targets.job(visit, word)
            job, about = found.pk, found.name
    deeds, more = await trail.read(visit.turn, visit.member, job=job, batch=batch, page=page)
    return Reply(wording.page(deeds, about, page, visit.reader, more=more))
