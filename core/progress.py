"""How batches go on: their next runs are queued, they end, and their locks are handed over.

Whoever calls stands in line for the jobs (`store.batches.order`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from core import deliveries, endings, incidents, results, versions
from core.definitions import JobDefinition
from core.incidents import Verdict
from core.lifecycles import BatchState, Status, ending_of
from core.people import Member
from core.store import batches as rows
from core.store import runs as run_rows
from core.store.dialects import Row
from core.turns import Turn
from core.wishes import Trigger, until

LONG = timedelta(seconds=60)  # above this the requester is mentioned: an edit notifies nobody

_OPEN = (Status.WAITING, Status.QUEUED, Status.RUNNING)
_NOBODY = timedelta(0)


async def advance(
    turn: Turn, batch_pks: Iterable[int], *, succeeded: Mapping[int, Sequence[str]] | None = None
) -> None:
    """Queue what follows in these batches, and end those whose last run has ended.

    Ending a batch frees its locks, hands them to the next in line and owes its message, all in this
    transaction. `succeeded` are the ids of the runs that just did, by batch: their results are owed.
    """
    pks = sorted(set(batch_pks))
    if not pks:
        return
    found, counted = await rows.get_counted(turn.connection, pks)
    states: dict[int, BatchState] = {}
    for pk in pks:
        row, counts = found[pk], counted[pk]
        if row.state != BatchState.ACTIVE:
            continue
        if not any(counts.get(status) for status in _OPEN):
            states[pk] = await _end(turn, row, counts)
        elif counts.get(Status.WAITING):
            room = row.cap - counts.get(Status.QUEUED, 0) - counts.get(Status.RUNNING, 0)
            if room > 0:
                turn.queued += await run_rows.queue(turn.connection, pk, room, turn.now)
    locked = [pk for pk in states if found[pk].keys]
    if locked:
        await rows.unlock(turn.connection, locked)
        await hand_over(turn, sorted({found[pk].job for pk in locked}))
    await tell(turn, [found[pk] for pk in states], states)
    going = [pk for pk in pks if pk not in states]
    if going:
        await deliveries.touched(turn, going)
    if succeeded:
        await results.owe(turn, [found[pk] for pk in succeeded], succeeded)


async def hand_over(turn: Turn, job_pks: Sequence[int]) -> None:
    """Make the next waiting batches of these jobs active where all their keys are free, in order.

    A batch that waits keeps its place: nobody behind it takes a key that it needs.
    """
    line = await rows.waiting(turn.connection, job_pks)
    spoken_for: set[str] = set()
    activated: list[int] = []
    for row in line:
        keys = set(row.keys)
        free = not (keys & spoken_for) and not await rows.holders(turn.connection, sorted(keys))
        spoken_for |= keys
        if free and await activate(turn, row, sorted(keys), BatchState.WAITING):
            activated.append(row.pk)
    await advance(turn, activated)


async def activate(turn: Turn, row: Row, keys: Sequence[str], source: BatchState) -> bool:
    """Make a batch active and give it its locks; False where it has left that state. Queues nothing yet."""
    timeout = None if row.timeout_seconds is None else timedelta(seconds=row.timeout_seconds)
    values = {
        "state": BatchState.ACTIVE,
        "started_at": turn.now,
        "reason": "",
        "until_at": until(BatchState.ACTIVE, turn.now, within=_NOBODY, timeout=timeout),
    }
    if not await rows.move(turn.connection, [row.pk], source, values):
        return False
    await rows.lock(turn.connection, keys, row.pk, turn.now)
    return True


async def withdraw(
    turn: Turn, row: Row, state: BatchState, reason: str, *, member: int | None = None
) -> bool:
    """End a batch that has not begun, as cancelled or skipped; its runs are cancelled with that reason.

    False where it has left the state that the row says.
    """
    values = {"state": state, "reason": reason, "ended_at": turn.now, "until_at": None}
    if not await rows.move(turn.connection, [row.pk], BatchState(row.state), values):
        return False
    await run_rows.cancel_unstarted(turn.connection, row.pk, None, member, reason, turn.now)
    await tell(turn, [row], {row.pk: state})
    return True


async def cancel(turn: Turn, batch: int, index: int | None, actor: Member | None, reason: str) -> None:
    """Cancel a batch, or its run of that index: what no worker holds at once, what runs is asked to stop."""
    member = actor.pk if actor else None
    [row] = await rows.get(turn.connection, [batch])
    if index is None and row.state in (BatchState.WAITING, BatchState.PROPOSED):
        await rows.move(turn.connection, [batch], BatchState(row.state), {"cancelled_by": member})
        await withdraw(turn, row, BatchState.CANCELLED, reason, member=member)
        return
    await run_rows.cancel_unstarted(turn.connection, batch, index, member, reason, turn.now)
    await run_rows.request_cancel(turn.connection, batch, index, member, turn.now)
    if index is None:
        values = {"cancelled_by": member, "reason": reason}
        await rows.move(turn.connection, [batch], BatchState(row.state), values)
    await advance(turn, [batch])


async def retried(turn: Turn, batch: int, run_id: str, attempt: int) -> None:
    """An attempt of a run failed and another follows: told wherever its failure would be."""
    [row] = await rows.get(turn.connection, [batch])
    await endings.tell_retry(turn, await _ended(turn, row, BatchState(row.state)), run_id, attempt)


async def tell(turn: Turn, ended: Sequence[Row], states: Mapping[int, BatchState]) -> None:
    """Owe the endings of these batches; their rows may be as they were before."""
    verdicts = await incidents.settle(turn, ended, states)
    made = [await _ended(turn, row, states[row.pk], verdicts.get(row.pk)) for row in ended]
    gated = [one.batch for one in made if one.definition.run_if or one.definition.post_if]
    heard = await run_rows.heard(turn.connection, gated) if gated else set()
    made = [replace(one, quiet=_is_quiet(one, gated, heard)) for one in made]
    await endings.tell(turn, made)


def _is_quiet(ended: endings.Ended, gated: Collection[int], heard: Collection[int]) -> bool:
    """It succeeded, and its gates let nothing of it through."""
    return ended.state is BatchState.SUCCEEDED and ended.batch in gated and ended.batch not in heard


async def _ended(turn: Turn, row: Row, state: BatchState, verdict: Verdict | None = None) -> endings.Ended:
    return endings.Ended(
        organization=row.organization,
        job=row.job,
        definition=await _definition(turn, row),
        channel=row.channel,
        batch=row.pk,
        batch_id=row.id,
        in_hand=Trigger(row.trigger).by_hand and row.channel is not None,
        state=state,
        long=turn.now - (row.started_at or turn.now) > LONG,
        verdict=verdict,
    )


async def _definition(turn: Turn, row: Row) -> JobDefinition:
    """The job as it was when the batch was started; read once per process."""
    known = versions.known(row.version_id)
    if known is None:
        found = await run_rows.version(turn.connection, row.version)
        known = versions.read(found.id, found.definition)
    return known.job


async def give_up(turn: Turn) -> None:
    """End what had its time: proposals that nobody answered, and what has not begun of late batches.

    What runs of a late batch is stopped by its worker.
    """
    connection = turn.connection
    unanswered = await rows.given_up(connection, BatchState.PROPOSED, turn.now, 100)
    late = await rows.given_up(connection, BatchState.ACTIVE, turn.now, 100)
    if not unanswered and not late:
        return
    await rows.order(connection, [job for _, job in [*unanswered, *late]])
    for row in await rows.get(connection, [pk for pk, _ in unanswered]):
        if row.state == BatchState.PROPOSED and row.until_at <= turn.now:
            await withdraw(turn, row, BatchState.SKIPPED, "nobody said yes in time")
    pks = [pk for pk, _ in late]
    ended = await run_rows.end_unstarted(
        connection, pks, Status.TIMED_OUT, "The time-out of its batch was over before it began.", turn.now
    )
    await advance(turn, ended)


async def _end(turn: Turn, row: Row, counts: dict[Status, int]) -> BatchState:
    succeeded = counts.get(Status.SUCCEEDED, 0)
    cancelled = counts.get(Status.CANCELLED, 0)
    failed = sum(counts.values()) - succeeded - cancelled
    state = ending_of(succeeded, failed, cancelled)
    values = {"state": state, "ended_at": turn.now}
    await rows.move(turn.connection, [row.pk], BatchState.ACTIVE, values)
    return state
