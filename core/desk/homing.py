"""What somebody sees who says nothing more than the bot's name: their home."""

from __future__ import annotations

from datetime import datetime

from core import batches, jobs, privacy, schedules, views
from core.desk.visit import Reply, Visit
from core.lifecycles import BatchState
from core.store import batches as batch_rows
from core.store import people as people_rows
from core.wording import home as wording

GOING = (BatchState.PROPOSED, BatchState.WAITING, BatchState.ACTIVE)


async def home(visit: Visit) -> Reply:
    """The jobs that the member may see, what runs, what each did last and does next."""
    turn, member = visit.turn, visit.member
    every = await jobs.every(turn, visit.organization) if member.role is not None else []
    seen = [one for one in every if one.enabled and member.may(one.job.access.view)]
    pks = [one.pk for one in seen]
    secret = privacy.confidential(member, ((one.pk, one.job) for one in seen))
    going = (
        await batches.latest(
            turn, visit.organization, states=GOING, confidential=secret, member=member.pk, limit=20
        )
        if pks
        else []
    )
    last = await batch_rows.last_ended(turn.connection, pks) if pks else {}
    numbers = [batch.number for batch in going if batch.job in pks]
    found = await views.of_batches(turn, numbers) if numbers else []
    own = (member.email.casefold(), member.name.casefold())
    shown = wording.Home(
        member=member,
        jobs=seen,
        mine=frozenset(one.pk for one in seen if one.job.owner and one.job.owner.casefold() in own),
        last={job: row for job, row in last.items() if job not in secret or row.member == member.pk},
        due=await _due(visit),
        going=sorted(found, key=lambda view: view.batch.number, reverse=True),
        now=turn.now,
        zone=visit.reader,
        admins=await people_rows.admins(turn.connection, visit.organization) if member.role is None else (),
    )
    return Reply(wording.home(shown))


async def _due(visit: Visit) -> dict[int, datetime]:
    """When each job is due next by itself."""
    due: dict[int, datetime] = {}
    for one in await schedules.of_organization(visit.turn, visit.organization):
        moment = one.next_at
        if moment is not None and moment < due.get(one.job, datetime.max.replace(tzinfo=moment.tzinfo)):
            due[one.job] = moment
    return due
