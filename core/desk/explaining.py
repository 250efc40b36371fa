"""why: what happened at the last due instants, and what will happen at the next."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from core import batches, schedules, views
from core.definitions import Role
from core.desk import scheduling, targets
from core.desk.visit import Reply, Visit
from core.lifecycles import BatchState
from core.store import schedules as rows
from core.wording import firings as wording

FIRINGS = 5  # due instants of each schedule


async def why(visit: Visit) -> Reply:
    """`why NAME`, `why #128`."""
    await targets.may_look(visit, Role.VIEWER)
    word = visit.command.word(0)
    target = await targets.batch(visit, word)
    connection = visit.turn.connection
    if target is not None:
        found = await rows.of_batches(connection, [target.view.batch.number])
        firing = found[-1] if found else None
        zone = ZoneInfo(firing.zone) if firing is not None and firing.zone else visit.zone
        return Reply(wording.why_batch(target.view, firing, zone, visit.reader))
    job = await targets.job(visit, word)
    histories = [
        wording.History(one, await rows.latest(connection, one.pk, FIRINGS))
        for one in await schedules.of_job(visit.turn, job.pk)
    ]
    fired = [row for one in histories for row in one.firings]
    numbers = {number for row in fired for number in (row.batch, row.holder) if number is not None}
    active = await batches.latest(
        visit.turn, visit.organization, job=job.pk, states=(BatchState.ACTIVE,), limit=1
    )
    numbers |= {one.number for one in active}
    seen = {view.batch.number: view for view in await views.of_batches(visit.turn, sorted(numbers))}
    going = seen[active[0].number] if active else None
    paused = await scheduling.paused_everything(visit)
    return Reply(wording.why_job(job, histories, seen, going, paused, visit.turn.now, visit.reader))
