"""approve, reject: the answers to a batch that waits for a yes."""

from __future__ import annotations

from core import approvals, views
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.errors import Misunderstood
from core.wording import proposals as wording


async def approve(visit: Visit) -> Reply:
    """`approve #128`, `approve #128 first=5`: let it start, or only its first runs."""
    number = await _meant(visit)
    first = visit.command.number("first", 0) or None
    holder = await approvals.approve(visit.turn, visit.member, number, first=first)
    view = await views.of_batch(visit.turn, number, whole=False)
    return Reply(wording.approved(view, holder), batch=number)


async def reject(visit: Visit) -> Reply:
    """`reject #128 note=…`: turn it down; who asked for it takes it back."""
    number = await _meant(visit)
    await approvals.reject(visit.turn, visit.member, number, visit.command.options.get("note", ""))
    view = await views.of_batch(visit.turn, number, whole=False)
    return Reply(wording.rejected(view), batch=number)


async def _meant(visit: Visit) -> int:
    await targets.may_act(visit)
    word = visit.command.word(0)
    target = await targets.batch(visit, word)
    if target is None:
        raise Misunderstood(
            f"{visit.command.name} needs the number of a batch, not {word[:40]}.",
            hint="Batches are numbered like #128.",
            suggestions=("status",),
        )
    return target.view.batch.number
