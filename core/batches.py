"""Start a batch (any wish, any number of runs), follow it, cancel it.

A batch is what one wish starts. It holds the job's locks from its start until its last run has ended,
retries included. Starts, ends and cancels of one job stand in one line (`store.batches.order`), and
the primary key of `locks` is the backstop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core import audit, deliveries, locks, privacy, progress
from core.errors import OutOfPlace
from core.lifecycles import BatchState, Status
from core.people import Member
from core.privacy import is_private
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

_ACTIONS = {BatchState.SKIPPED: "batch.skip", BatchState.PROPOSED: "batch.propose"}
_WITH_AN_END = (BatchState.PROPOSED, BatchState.ACTIVE)


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
    until_at: datetime | None = None
    agreed_by: int | None = None

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
    standing = await _standing(turn, wishes)
    _refuse_where_paused(wishes, standing)
    wishes = await _with_places(turn, wishes, standing)
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
    await progress.cancel(turn, batch.number, index, actor, f"cancelled by {actor.name}")
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
    hidden: Sequence[int] = (),
    confidential: Sequence[int] = (),
    member: int | None = None,
    skip: int = 0,
    before: int | None = None,
    limit: int = 10,
) -> list[Batch]:
    """The newest batches first, without those of `hidden` jobs; `skip`, or the number `before`, pages on.

    Of `confidential` jobs only those that the `member` started.
    """
    found = await rows.latest(
        turn.connection,
        organization,
        job=job,
        states=states,
        hidden=hidden,
        confidential=confidential,
        member=member,
        skip=skip,
        before=before,
        limit=limit,
    )
    counted = await rows.counts(turn.connection, [row.pk for row in found])
    return [_batch(row, counted[row.pk]) for row in found]


async def number_of(turn: Turn, organization: int, public_id: str) -> int | None:
    """The number of a batch by its id or the id of one of its runs."""
    return await rows.by_id(turn.connection, organization, public_id)


async def idle(turn: Turn) -> bool:
    """There is nothing that `sweep` could do."""
    connection = turn.connection
    if await run_rows.batches_with_due(connection, turn.now, 1) or await rows.jobs_with_waiting(connection):
        return False
    given_up = [await rows.given_up(connection, state, turn.now, 1) for state in _WITH_AN_END]
    return not any(given_up)


async def sweep(turn: Turn) -> None:
    """Hand free locks to waiting batches, queue retries whose time has come, give up what had its time.

    Safe to repeat.
    """
    due = await run_rows.batches_with_due(turn.connection, turn.now, 100)
    found = await rows.get(turn.connection, due)
    job_pks = sorted({*await rows.jobs_with_waiting(turn.connection), *(row.job for row in found)})
    if job_pks:
        await rows.order(turn.connection, job_pks)
        await progress.hand_over(turn, job_pks)
        await progress.advance(turn, due)


async def _start_together(turn: Turn, wishes: Sequence[Wish]) -> list[Started]:
    """Start batches of different jobs; the caller stands in line for them."""
    connection = turn.connection
    keys = [locks.keys(wish.job_id, wish.definition.job.overlap, wish.prints) for wish in wishes]
    held = await rows.holding(connection, [key for one in keys for key in one])
    lined = [wish.job for wish, one in zip(wishes, keys, strict=True) if one]
    line = await rows.waiting(connection, lined) if lined else []  # who needs no lock waits behind nobody
    decided = [decide(wish, held, [row for row in line if row.job == wish.job]) for wish in wishes]
    made = [batch_row(one.wish, one.keys, one.state, one.reason, turn.now) for one in decided]
    numbers = await rows.insert_many(connection, made)
    together = list(zip(decided, made, numbers, strict=True))
    active = [(one, number) for one, _, number in together if one.state is BatchState.ACTIVE]
    await rows.lock_many(connection, [(key, number) for one, number in active for key in one.keys], turn.now)
    started = await _insert_runs(turn, together)
    for one, row, number in together:
        if one.state is not BatchState.SKIPPED and one.wish.channel is not None and one.wish.trigger.by_hand:
            place = (one.wish.organization, one.wish.channel)
            await deliveries.owe(turn, *place, number, row["id"], only_for=one.wish.only_for)
        if one.decision is locks.Decision.REPLACE:
            for other in dict.fromkeys(one.others):
                await progress.cancel(turn, other, None, one.wish.actor, f"replaced by #{number}")
    await audit.record_many(turn, [_audited(one, row["id"], number) for one, row, number in together])
    return started


def _audited(one: Decided, batch_id: str, number: int) -> audit.Act:
    wish = one.wish
    return audit.Act(
        organization=wish.organization,
        member=wish.actor.pk if wish.actor else None,
        action=_ACTIONS.get(one.state, "batch.start"),
        subject=f"batch:{batch_id}",
        data={
            "job": wish.definition.name,
            "number": number,
            "runs": len(wish.combinations),
            "why": one.reason,
        },
    )


async def _insert_runs(turn: Turn, together: Sequence[tuple[Decided, dict[str, Any], int]]) -> list[Started]:
    """Add the runs of what was not skipped; what became of each wish, with the ids of its runs."""
    every: list[dict[str, Any]] = []
    started = []
    for one, row, number in together:
        state, made = one.state, []
        if state is not BatchState.SKIPPED:
            made = run_row_values(one.wish, number, turn.now, active=state is BatchState.ACTIVE)
            every += made
        holder = one.others[0] if one.others else None
        started.append(
            Started(number, row["id"], state, one.reason, holder, tuple([run["id"] for run in made]))
        )
    if every:
        await run_rows.insert(turn.connection, every)
        turn.queued += [(run["id"], run["priority"]) for run in every if run["status"] is Status.QUEUED]
    return started


async def _standing(turn: Turn, wishes: Sequence[Wish]) -> dict[int, Row]:
    """What has to be known of the organizations of these wishes, by number."""
    every = {wish.organization for wish in wishes if wish.trigger is not Trigger.SCHEDULE or _homeless(wish)}
    wanted = sorted(every)
    if not wanted:
        return {}
    name = ("standing", *map(str, wanted))
    found = await turn.once(name, lambda: people_rows.standing(turn.connection, wanted))
    return {row.pk: row for row in found}


async def _with_places(turn: Turn, wishes: Sequence[Wish], standing: Mapping[int, Row]) -> Sequence[Wish]:
    """What is for one person is told them; what belongs to no channel, the organization's alert channel."""
    return [
        replace(wish, channel=await _privately(turn, wish))
        if is_private(wish.definition.job)
        else replace(wish, channel=standing[wish.organization].alert_channel)
        if _homeless(wish)
        else wish
        for wish in wishes
    ]


def _homeless(wish: Wish) -> bool:
    """It belongs to no channel, and is not for one person."""
    return wish.channel is None and not is_private(wish.definition.job)


async def _privately(turn: Turn, wish: Wish) -> int | None:
    person = wish.actor.pk if wish.actor is not None else None
    return await privacy.place(turn, wish.organization, wish.definition.job, person, wish.channel)


def _refuse_where_paused(wishes: Sequence[Wish], standing: Mapping[int, Row]) -> None:
    """Nothing new starts where everything is paused; a schedule records that by itself."""
    for organization in sorted({one.organization for one in wishes if one.trigger is not Trigger.SCHEDULE}):
        row = standing[organization]
        if row.paused_at is None:
            continue
        why = f": {row.paused_why}" if row.paused_why else ""
        raise OutOfPlace(
            f"Everything is paused by {row.paused_name or 'somebody'}{why}. Nothing was started.",
            hint="An admin lets it go on with: resume --everything",
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
        until_at=row.until_at,
        agreed_by=row.agreed_by,
    )
