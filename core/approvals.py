"""Approvals: a proposed batch is started, cut to its first runs, or turned down.

A proposal holds no lock and blocks nothing. Once somebody agrees, it does what any newcomer would do: it
starts, stands at the end of the line, or, where the job is active and its policy is `skip`, the yes is
refused and the proposal stays. Without an answer in time it is skipped (`progress.give_up`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core import audit, consent, jobs, locks, parameters, people, progress
from core.consent import Consent
from core.definitions import Version
from core.errors import Invalid, NotAllowed, OutOfPlace
from core.lifecycles import BatchState
from core.people import Member
from core.runs import version_of
from core.store import batches as rows
from core.store import people as people_rows
from core.store import runs as run_rows
from core.store.dialects import Row
from core.turns import Turn
from core.vault import sealed
from core.wishes import Trigger, overlapping

ASKED = 3  # people who are mentioned where another person's approval is asked for


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A batch that waits for a yes, with its job's version and the yes that it needs."""

    row: Row
    version: Version
    yes: Consent


async def approve(turn: Turn, actor: Member, batch: int, *, first: int | None = None) -> int | None:
    """Let a proposed batch start, with `first` only so many of its runs.

    Returns the batch that it waits behind, None where it has started. 1. Stand in line for the job.
    2. See that it still waits for a yes, and that the actor may say it. 3. Cut it. 4. Start it or let it
    stand in line, by the job's overlap policy.

    Raises:
        NotAllowed: the actor lacks the role, or is who asked where another person is wanted.
        OutOfPlace: it is decided already, too late, the job is active, disabled, or everything is paused.
    """
    found = await _waiting_for_a_yes(turn, batch)
    await _may_agree(turn, actor, found)
    job = await jobs.get(turn, found.row.job)
    jobs.may_start(job)
    await _refuse_where_paused(turn, found.row)
    kept = await _cut(turn, found, first) if first is not None else found.row.total
    keys = found.row.keys if kept == found.row.total else await _keys(turn, found)
    values = {"total": kept, "keys": list(keys), "agreed_by": actor.pk}
    holder = await _begin(turn, actor, found, values)
    await _audit(turn, actor, found.row, "batch.approve", {"runs": kept, "of": found.row.total})
    return holder


async def reject(turn: Turn, actor: Member, batch: int, why: str = "") -> None:
    """Turn a proposed batch down. Who asked for it may take it back; else who could have said yes.

    Raises:
        NotAllowed: the actor is neither.
        OutOfPlace: it is decided already.
    """
    found = await _waiting_for_a_yes(turn, batch)
    if actor.pk != found.row.member:
        await people.permit(turn, actor, found.yes.by, f"turn down {found.row.job_name}")
    reason = f"turned down by {actor.name}" + (f": {why}" if why else "")
    await rows.move(turn.connection, [batch], BatchState.PROPOSED, {"agreed_by": actor.pk})
    await progress.withdraw(turn, found.row, BatchState.SKIPPED, reason, member=actor.pk)
    await _audit(turn, actor, found.row, "batch.reject", {"why": why})


async def approvers(turn: Turn, row_member: int | None, organization: int, yes: Consent) -> list[Member]:
    """Some of those who can say yes, the lowest fitting role first: at most three."""
    everyone = await people.everyone(turn, organization)
    fitting = [one for one in everyone if one.may(yes.by) and not (yes.not_self and one.pk == row_member)]
    fitting.sort(key=lambda one: (one.role.rank if one.role else 0, one.pk))
    return fitting[:ASKED]


async def _waiting_for_a_yes(turn: Turn, batch: int) -> _Proposal:
    [before] = await rows.get(turn.connection, [batch])
    await rows.order(turn.connection, [before.job])
    [row] = await rows.get(turn.connection, [batch])
    version = await version_of(turn, row.version)
    asked = Trigger(row.trigger).asked
    yes = consent.needed(version.job, row.total, asked=asked)
    if row.state != BatchState.PROPOSED or yes is None:
        how = row.reason or BatchState(row.state).replace("_", " ")
        raise OutOfPlace(
            f"#{batch} does not wait for a yes (any more): {how}.", suggestions=(f"status #{batch}",)
        )
    if row.until_at is not None and row.until_at <= turn.now:
        raise OutOfPlace(
            f"#{batch} has waited for a yes too long; nothing was started.",
            hint="Start it again.",
            suggestions=(f"run #{batch}",),
        )
    return _Proposal(row, version, yes)


async def _may_agree(turn: Turn, actor: Member, found: _Proposal) -> None:
    await people.permit(turn, actor, found.yes.by, f"approve {found.row.job_name}")
    if found.yes.not_self and actor.pk == found.row.member:
        others = [one.name for one in await approvers(turn, actor.pk, actor.organization, found.yes)]
        raise NotAllowed(
            f"{found.row.job_name} asks for the approval of another person: you have started it yourself.",
            hint=f"{' or '.join(others)} can approve it."
            if others
            else "An admin can give somebody the role.",
        )


async def _refuse_where_paused(turn: Turn, row: Row) -> None:
    for paused in await people_rows.paused(turn.connection, [row.organization]):
        raise OutOfPlace(
            f"Everything is paused by {paused.paused_name or 'somebody'}. #{row.pk} was not started.",
            hint="An admin lets it go on with: resume --everything",
        )


async def _cut(turn: Turn, found: _Proposal, first: int) -> int:
    """Keep the first runs only; returns how many there are now."""
    if first > found.row.total:
        raise Invalid(f"#{found.row.pk} has only {found.row.total} runs.", hint="Approve all of them.")
    await run_rows.remove_after(turn.connection, found.row.pk, first)
    return first


async def _keys(turn: Turn, found: _Proposal) -> list[str]:
    """The lock keys of the runs that are left. Secrets have no part in them."""
    definitions = found.version.job.parameters
    prints = []
    for run in await run_rows.of_batch(turn.connection, found.row.pk):
        plain = {name: value for name, value in run.parameters.items() if not sealed(value)}
        prints.append(parameters.fingerprint(definitions, parameters.from_json(definitions, plain)))
    return locks.keys(found.row.job_id, found.version.job.overlap, prints)


async def _begin(turn: Turn, actor: Member, found: _Proposal, values: dict[str, Any]) -> int | None:
    """Start it, or let it stand in line; returns the batch that it waits behind."""
    row, keys = found.row, values["keys"]
    overlap = found.version.job.overlap.model_copy(update={"policy": row.policy})
    held = await rows.holding(turn.connection, keys)
    line = await rows.waiting(turn.connection, [row.job])
    decision, others, reason = overlapping(overlap, keys, held, line)
    match decision:
        case locks.Decision.START:
            await rows.move(turn.connection, [row.pk], BatchState.PROPOSED, values)
            await progress.activate(turn, row, sorted(keys), BatchState.PROPOSED)
            await progress.advance(turn, [row.pk])
            return None
        case locks.Decision.WAIT | locks.Decision.REPLACE:
            place = await rows.last_number(turn.connection)
            values |= {"state": BatchState.WAITING, "reason": reason, "place": place, "until_at": None}
            await rows.move(turn.connection, [row.pk], BatchState.PROPOSED, values)
            for other in others if decision is locks.Decision.REPLACE else []:
                await progress.cancel(turn, other, None, actor, f"replaced by #{row.pk}")
            await progress.advance(turn, [row.pk])
            return others[0]
        case _:
            raise OutOfPlace(
                f"{row.job_name} is active: {reason}. Nothing was started; #{row.pk} still waits for a yes.",
                hint=f"Approve #{row.pk} when that has ended.",
                suggestions=tuple(f"show #{other}" for other in others[:1]),
            )


async def _audit(turn: Turn, actor: Member, row: Row, action: str, data: dict[str, Any]) -> None:
    await audit.record(
        turn,
        organization=row.organization,
        member=actor.pk,
        action=action,
        subject=f"batch:{row.id}",
        data={"job": row.job_name, "number": row.pk} | data,
    )
