"""Pages: what there is, newest first, a page at a time, at any page of any number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import ids, jobs, privacy
from core.jobs import Job
from core.lifecycles import Status
from core.people import Member
from core.store import pages as rows
from core.store import people as people_rows
from core.store.dialects import Row
from core.store.pages import Wanted
from core.turns import Turn

ROUNDS = 5  # times that more is read where what was read is not to be seen
SLACK = timedelta(minutes=5)  # how far the clock that makes ids may be from the database's


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A chat in a list."""

    id: str
    status: Status
    batch: int
    place: int
    batch_id: str
    job: Job
    initiator: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChatPage:
    """A page of chats. `after` is where the next one begins, None at the end; it may be a short page."""

    lines: tuple[ChatLine, ...]
    after: tuple[int, int] | None


async def chats(
    turn: Turn,
    actor: Member,
    *,
    job: Job | None = None,
    of_jobs: Sequence[int] | None = None,
    status: Status | None = None,
    since: datetime | None = None,
    before: tuple[int, int] | None = None,
    limit: int = 50,
) -> ChatPage:
    """The chats that the actor may see, newest first."""
    first = None
    if since is not None:
        found = ids.floor(round((since - SLACK).timestamp() * 1000))
        first = await rows.first_batch_since(turn.connection, found)
        if first is None:
            return ChatPage((), None)
    wanted = Wanted(job.pk if job else None, of_jobs, status, since, first)
    seen: list[tuple[Row, Job]] = []
    known: dict[int, Job] = {job.pk: job} if job else {}
    for _ in range(ROUNDS):
        found_rows = await rows.chats(
            turn.connection, actor.organization, wanted, before=before, limit=limit + 1
        )
        missing = {row.job for row in found_rows} - known.keys()
        known |= await jobs.of_pks(turn, sorted(missing))
        for row in found_rows[:limit]:
            before = (row.batch, row.place)
            if row.job in known and _may_see(actor, row, known[row.job]):
                seen.append((row, known[row.job]))
            if len(seen) == limit:
                break
        more = len(found_rows) > limit or (bool(found_rows) and before != _place(found_rows[-1]))
        if not more or len(seen) == limit:
            break
    names = await people_rows.names(
        turn.connection, {row.member for row, _ in seen if row.member is not None}
    )
    return ChatPage(tuple(_line(row, one, names) for row, one in seen), before if more else None)


def _may_see(actor: Member, row: Row, job: Job) -> bool:
    return actor.may(job.job.access.view) and privacy.may_see(actor, row.member, job.job)


def _place(row: Row) -> tuple[int, int]:
    return row.batch, row.place


def _line(row: Row, job: Job, names: dict[int, str]) -> ChatLine:
    return ChatLine(
        id=row.id,
        status=Status(row.status),
        batch=row.batch,
        place=row.place,
        batch_id=row.batch_id,
        job=job,
        initiator=names.get(row.member, "somebody") if row.member is not None else row.trigger,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
