"""Start a batch (any wish, any number of runs), follow it, end it.

A batch is what one wish starts. It holds the job's locks from its start until its last run has ended,
retries included. Starts, ends and cancels of one job stand in one line (`store.batches.order`), and
the primary key of `locks` is the backstop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core import audit, deliveries, locks
from core.errors import OutOfPlace
from core.lifecycles import BatchState, Status, ending_of
from core.people import Member
from core.store import batches as rows
from core.store import people as people_rows
from core.store import runs as run_rows
from core.store.dialects import Row
from core.turns import Turn
from core.wishes import Decided, batch_row, decide
from core.wishes import Started as Started
from core.wishes import Trigger as Trigger
from core.wishes import Wish as Wish
from core.wishes import run_rows as run_row_values

LONG = timedelta(seconds=60)  # above this the requester is mentioned: an edit notifies nobody


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands. `counts` says how many runs are in each status."""

    number: int
    id: str
    organization: int
    job: int
    job_id: str
    name: str
    version: int
    state: BatchState
    reason: str
    trigger: Trigger
    member: int | None
    channel: int | None
    total: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    cancelled_by: int | None
    rerun_of: int | None
    counts: dict[Status, int]

    @property
    def done(self) -> int:
        """Runs that have ended."""
        return sum(number for status, number in self.counts.items() if status.ended)


async def start(turn: Turn, wish: Wish) -> Started:
    """Start a batch, or record why not; in the caller's transaction.

    1. Stand in line for the job. 2. Decide by its overlap policy. 3. The batch's row, its locks, its
    runs, the message that is owed, the audit row. A crash before the commit leaves none of them.

    Raises:
        OutOfPlace: everything is paused in the organization, and the wish was made by hand.
    """
    return (await start_many(turn, [wish]))[0]


async def start_many(turn: Turn, wishes: Sequence[Wish]) -> list[Started]:
    """Start batches as `start` does, in as few statements as may be; what became of each, in order.

    Wishes of different jobs go together; those of one job follow each other.
    """
    await rows.order(turn.connection, [wish.job for wish in wishes])
    await _refuse_where_paused(turn, wishes)
    started: dict[int, Started] = {}
    waiting = list(range(len(wishes)))
    while waiting:
        first: dict[int, int] = {}
        for place in waiting:
            first.setdefault(wishes[place].job, place)
        waiting = [place for place in waiting if first[wishes[place].job] != place]
        places = list(first.values())
        made = await _start_together(turn, [wishes[place] for place in places])
        started |= dict(zip(places, made, strict=True))
    return [started[place] for place in range(len(wishes))]


async def advance(turn: Turn, batch_pks: Iterable[int]) -> None:
    """Queue what follows in these batches, and end those whose last run has ended.

    The caller stands in line for their jobs. Ending a batch frees its locks, hands them to the next in
    line and owes its message, all in this transaction.
    """
    pks = sorted(set(batch_pks))
    if not pks:
        return
    counted = await rows.counts(turn.connection, pks)
    found = {row.pk: row for row in await rows.get(turn.connection, pks)}
    ended: list[int] = []
    endings: dict[int, BatchState] = {}
    for pk in pks:
        row, counts = found[pk], counted[pk]
        if row.state != BatchState.ACTIVE:
            continue
        if sum(counts.get(status, 0) for status in (Status.WAITING, Status.QUEUED, Status.RUNNING)) == 0:
            endings[pk] = await _end(turn, row, counts)
            ended.append(pk)
        elif counts.get(Status.WAITING):
            room = row.cap - counts.get(Status.QUEUED, 0) - counts.get(Status.RUNNING, 0)
            if room > 0:
                turn.queued += await run_rows.queue(turn.connection, pk, room, turn.now)
    if ended:
        locked = [pk for pk in ended if found[pk].keys]
        if locked:
            await rows.unlock(turn.connection, locked)
            await hand_over(turn, sorted({found[pk].job for pk in locked}))
        await _tell(turn, [found[pk] for pk in ended], {pk: endings[pk] for pk in ended})
    going = [pk for pk in pks if pk not in ended]
    if going:
        await deliveries.touched(turn, going)


async def hand_over(turn: Turn, job_pks: Sequence[int]) -> None:
    """Make the next waiting batches of these jobs active where all their keys are free, in order.

    The caller stands in line for the jobs. A batch that waits keeps its place: nobody behind it takes
    a key that it needs.
    """
    line = await rows.waiting(turn.connection, job_pks)
    spoken_for: set[str] = set()
    activated: list[int] = []
    for row in line:
        keys = set(row.keys)
        free = not (keys & spoken_for) and not await rows.holders(turn.connection, sorted(keys))
        spoken_for |= keys
        if not free:
            continue
        values = {"state": BatchState.ACTIVE, "started_at": turn.now, "reason": ""}
        if await rows.move(turn.connection, [row.pk], BatchState.WAITING, values):
            await rows.lock(turn.connection, sorted(keys), row.pk, turn.now)
            activated.append(row.pk)
    await advance(turn, activated)


async def cancel(turn: Turn, batch: Batch, index: int | None, actor: Member) -> None:
    """Cancel a batch, or its run of that index.

    What no worker holds is cancelled at once; what runs is asked to stop, and is cancelled when it has
    really stopped. Calling it twice is safe.

    Raises:
        OutOfPlace: it has ended already.
    """
    await rows.order(turn.connection, [batch.job])
    now = await _one(turn, batch.number)
    if now.state.ended:
        raise OutOfPlace(
            f"#{batch.number} has already ended: {now.state}.", suggestions=(f"show #{batch.number}",)
        )
    await _cancel(turn, batch.number, index, actor, f"cancelled by {actor.name}")
    await audit.record(
        turn,
        organization=batch.organization,
        member=actor.pk,
        action="batch.cancel",
        subject=f"batch:{batch.id}",
        data={"number": batch.number, "run": index},
    )


async def get(turn: Turn, pks: Sequence[int]) -> list[Batch]:
    """These batches as they stand, by number."""
    found = await rows.get(turn.connection, pks)
    counted = await rows.counts(turn.connection, pks)
    return [_batch(row, counted[row.pk]) for row in found]


async def latest(
    turn: Turn,
    organization: int,
    *,
    job: int | None = None,
    states: Iterable[BatchState] | None = None,
    before: int | None = None,
    limit: int = 10,
) -> list[Batch]:
    """The newest batches first; `before` pages on."""
    found = await rows.latest(
        turn.connection, organization, job=job, states=states, before=before, limit=limit
    )
    counted = await rows.counts(turn.connection, [row.pk for row in found])
    return [_batch(row, counted[row.pk]) for row in found]


async def number_of(turn: Turn, organization: int, public_id: str) -> int | None:
    """The number of a batch by its id or the id of one of its runs."""
    return await rows.by_id(turn.connection, organization, public_id)


async def idle(turn: Turn) -> bool:
    """There is nothing that `sweep` could do."""
    due = await run_rows.batches_with_due(turn.connection, turn.now, 1)
    return not due and not await rows.jobs_with_waiting(turn.connection)


async def sweep(turn: Turn) -> None:
    """Hand free locks to waiting batches, and queue retries whose time has come. Safe to repeat."""
    due = await run_rows.batches_with_due(turn.connection, turn.now, 100)
    found = await rows.get(turn.connection, due)
    job_pks = sorted({*await rows.jobs_with_waiting(turn.connection), *(row.job for row in found)})
    if not job_pks:
        return
    await rows.order(turn.connection, job_pks)
    await hand_over(turn, job_pks)
    await advance(turn, due)


async def _start_together(turn: Turn, wishes: Sequence[Wish]) -> list[Started]:
    """Start batches of different jobs; the caller stands in line for them."""
    connection = turn.connection
    keys = [locks.keys(wish.job_id, wish.definition.job.overlap, wish.prints) for wish in wishes]
    held = await rows.holding(connection, [key for one in keys for key in one])
    line = await rows.waiting(connection, [wish.job for wish in wishes])
    decided = [decide(wish, held, [row for row in line if row.job == wish.job]) for wish in wishes]
    made = [batch_row(one.wish, one.keys, one.state, one.reason, turn.now) for one in decided]
    numbers = await rows.insert_many(connection, made)
    together = list(zip(decided, made, numbers, strict=True))
    active = [(one, number) for one, _, number in together if one.state is BatchState.ACTIVE]
    await rows.lock_many(connection, [(key, number) for one, number in active for key in one.keys], turn.now)
    started = [
        Started(number, row["id"], one.state, one.reason, next(iter(one.others), None))
        for one, row, number in together
    ]
    started = await _insert_runs(turn, wishes, started)
    for one, row, number in together:
        if one.state is not BatchState.SKIPPED and one.wish.channel is not None and one.wish.trigger.by_hand:
            place = (one.wish.organization, one.wish.channel)
            await deliveries.owe(turn, *place, number, row["id"], only_for=one.wish.only_for)
        if one.decision is locks.Decision.REPLACE:
            for other in dict.fromkeys(one.others):
                await _cancel(turn, other, None, one.wish.actor, f"replaced by #{number}")
    await audit.record_many(turn, [_audited(one, row["id"], number) for one, row, number in together])
    return started


def _audited(one: Decided, batch_id: str, number: int) -> audit.Act:
    wish = one.wish
    return audit.Act(
        organization=wish.organization,
        member=wish.actor.pk if wish.actor else None,
        action="batch.skip" if one.state is BatchState.SKIPPED else "batch.start",
        subject=f"batch:{batch_id}",
        data={
            "job": wish.definition.name,
            "number": number,
            "runs": len(wish.combinations),
            "why": one.reason,
        },
    )


async def _insert_runs(turn: Turn, wishes: Sequence[Wish], started: Sequence[Started]) -> list[Started]:
    """Add the runs of what was not skipped; gives the same with the runs' ids."""
    every: list[dict[str, Any]] = []
    told = []
    for wish, one in zip(wishes, started, strict=True):
        if one.state is BatchState.SKIPPED:
            told.append(one)
            continue
        made = run_row_values(wish, one.batch, turn.now, active=one.state is BatchState.ACTIVE)
        told.append(replace(one, runs=tuple(run["id"] for run in made)))
        every += made
    if every:
        await run_rows.insert(turn.connection, every)
        turn.queued += [(run["id"], run["priority"]) for run in every if run["status"] is Status.QUEUED]
    return told


async def _refuse_where_paused(turn: Turn, wishes: Sequence[Wish]) -> None:
    """Nothing new starts where everything is paused; a schedule records that by itself."""
    asked = {wish.organization for wish in wishes if wish.trigger is not Trigger.SCHEDULE}
    for row in await people_rows.paused(turn.connection, sorted(asked)) if asked else []:
        why = f": {row.paused_why}" if row.paused_why else ""
        raise OutOfPlace(
            f"Everything is paused by {row.paused_name or 'somebody'}{why}. Nothing was started.",
            hint="An admin lets it go on with: resume --everything",
        )


async def _end(turn: Turn, row: Row, counts: dict[Status, int]) -> BatchState:
    succeeded = counts.get(Status.SUCCEEDED, 0)
    cancelled = counts.get(Status.CANCELLED, 0)
    failed = sum(counts.values()) - succeeded - cancelled
    state = ending_of(succeeded, failed, cancelled)
    values = {"state": state, "ended_at": turn.now}
    await rows.move(turn.connection, [row.pk], BatchState.ACTIVE, values)
    return state


async def _cancel(turn: Turn, batch: int, index: int | None, actor: Member | None, reason: str) -> None:
    member = actor.pk if actor else None
    await run_rows.cancel_unstarted(turn.connection, batch, index, member, reason, turn.now)
    await run_rows.request_cancel(turn.connection, batch, index, member, turn.now)
    row = (await rows.get(turn.connection, [batch]))[0]
    if index is None:
        await rows.move(
            turn.connection, [batch], BatchState(row.state), {"cancelled_by": member, "reason": reason}
        )
    if row.state == BatchState.WAITING and index is None:
        values = {"state": BatchState.CANCELLED, "ended_at": turn.now}
        await rows.move(turn.connection, [batch], BatchState.WAITING, values)
        await _tell(turn, [row], {batch: BatchState.CANCELLED})
    else:
        await advance(turn, [batch])


async def _tell(turn: Turn, ended: Sequence[Row], endings: Mapping[int, BatchState]) -> None:
    """Owe the endings of these batches; their rows may be as they were before."""
    for row in ended:
        if row.channel is None:
            continue
        took = turn.now - (row.started_at or row.created_at)
        await deliveries.ended(
            turn,
            deliveries.Ended(
                organization=row.organization,
                channel=row.channel,
                batch=row.pk,
                batch_id=row.id,
                by_hand=Trigger(row.trigger).by_hand,
                failed=endings[row.pk] in (BatchState.FAILED, BatchState.PARTLY_FAILED),
                long=took > LONG,
            ),
        )


async def _one(turn: Turn, pk: int) -> Batch:
    return (await get(turn, [pk]))[0]


def _batch(row: Row, counts: dict[Status, int]) -> Batch:
    return Batch(
        number=row.pk,
        id=row.id,
        organization=row.organization,
        job=row.job,
        job_id=row.job_id,
        name=row.job_name,
        version=row.version,
        state=BatchState(row.state),
        reason=row.reason,
        trigger=Trigger(row.trigger),
        member=row.member,
        channel=row.channel,
        total=row.total,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        due_at=row.due_at,
        cancelled_by=row.cancelled_by,
        rerun_of=row.rerun_of,
        counts=counts,
    )
