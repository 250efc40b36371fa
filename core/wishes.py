"""Wishes: what somebody, or a schedule, wants to run, and the rows that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core import consent, ids, locks
from core.consent import Consent
from core.definitions import Overlap, Role, Version
from core.lifecycles import BatchState, Status
from core.people import Member
from core.store.dialects import Row


class Trigger(StrEnum):
    """What started a batch."""

    CHAT = "chat"
    SCHEDULE = "schedule"
    API = "api"
    BACKFILL = "backfill"

    @property
    def by_hand(self) -> bool:
        """Somebody said it in a channel, and has its message from the start on."""
        return self in (Trigger.CHAT, Trigger.BACKFILL)

    @property
    def asked(self) -> bool:
        """Somebody is there who can be asked, and has not confirmed the count already."""
        return self is Trigger.CHAT


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to run.

    `combinations` are JSON-safe parameter sets, secrets sealed; `prints` are their fingerprints, made
    from the clear values, one for each (the locks of `scope: job+parameters`). `due_ats` are the instants
    that they are run for, one for each; without them all are run for `due_at`. `at_once` is how many may
    run together, the job's `max_parallel` where it is None.
    """

    organization: int
    job: int
    job_id: str
    version: int
    definition: Version
    combinations: tuple[dict[str, Any], ...]
    prints: tuple[str, ...]
    trigger: Trigger
    actor: Member | None = None
    channel: int | None = None
    only_for: str = ""
    request: int | None = None
    due_at: datetime | None = None
    rerun_of: int | None = None
    due_ats: tuple[datetime | None, ...] = ()
    at_once: int | None = None

    @property
    def cap(self) -> int:
        """How many of its runs may be under way at once."""
        return self.at_once or self.definition.job.max_parallel

    @property
    def consent(self) -> Consent | None:
        """The yes that it needs before it may start."""
        return consent.needed(self.definition.job, len(self.combinations), asked=self.trigger.asked)


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a wish: `active`, `waiting` behind `holder`, `proposed`, or `skipped`: because of the
    holder where there is one."""

    batch: int
    id: str
    state: BatchState
    reason: str = ""
    holder: int | None = None
    runs: tuple[str, ...] = ()  # their ids, in order; none where it is skipped


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to become of a wish; `others` are the batches in its way, the first to wait for first."""

    wish: Wish
    keys: list[str]
    decision: locks.Decision
    others: list[int]
    reason: str

    @property
    def state(self) -> BatchState:
        """The state in which the batch begins."""
        match self.decision:
            case locks.Decision.START:
                return BatchState.ACTIVE
            case locks.Decision.SKIP | locks.Decision.FULL | locks.Decision.REFUSE:
                return BatchState.SKIPPED
            case locks.Decision.ASK:
                return BatchState.PROPOSED
            case locks.Decision.WAIT | locks.Decision.REPLACE:
                return BatchState.WAITING


def decide(wish: Wish, held: Mapping[str, int], line: Sequence[Row]) -> Decided:
    """Decide by the job's overlap policy, then by the yes that it needs.

    `held` are keys with their batches, `line` waits for the job.
    """
    keys = locks.keys(wish.job_id, wish.definition.job.overlap, wish.prints)
    decision, others, reason = overlapping(wish.definition.job.overlap, keys, held, line)
    yes = wish.consent
    if yes is None or decision in (locks.Decision.SKIP, locks.Decision.FULL):
        return Decided(wish, keys, decision, others, reason)
    if wish.trigger.by_hand:
        return Decided(wish, keys, locks.Decision.ASK, [], "")
    article = "a" if yes.by is Role.VIEWER else "an"
    runs = "1 run needs" if len(wish.combinations) == 1 else f"{len(wish.combinations)} runs need"
    why = f"{runs} the approval of {article} {yes.by}, and nobody is there to be asked"
    return Decided(wish, keys, locks.Decision.REFUSE, [], why)


def overlapping(
    overlap: Overlap, keys: Sequence[str], held: Mapping[str, int], line: Sequence[Row]
) -> tuple[locks.Decision, list[int], str]:
    """What a newcomer with these keys does, the batches in its way, and the reason in words."""
    others = sorted({held[key] for key in keys if key in held})
    others += [row.pk for row in line if set(row.keys) & set(keys)]
    decision = locks.decide(overlap, held=bool(others), waiting=len(line))
    reason = ""
    match decision:
        case locks.Decision.SKIP:
            reason = f"#{others[0]} was still active"
        case locks.Decision.FULL:
            reason = f"{len(line)} batches were waiting already"
        case locks.Decision.WAIT | locks.Decision.REPLACE:
            reason = f"behind #{others[0]}"
        case _:
            pass
    return decision, others, reason


def until(
    state: BatchState, now: datetime, *, within: timedelta, timeout: timedelta | None
) -> datetime | None:
    """When a batch in that state is given up: a proposal without an answer, an active one by its time-out."""
    if state is BatchState.PROPOSED:
        return now + within
    return now + timeout if state is BatchState.ACTIVE and timeout is not None else None


def batch_row(
    wish: Wish, keys: Sequence[str], state: BatchState, reason: str, now: datetime
) -> dict[str, Any]:
    """The batch that the wish becomes."""
    job, yes = wish.definition.job, wish.consent
    within = yes.within if yes else timedelta(0)
    return {
        "id": ids.new(),
        "organization": wish.organization,
        "job": wish.job,
        "version": wish.version,
        "state": state,
        "reason": reason,
        "trigger": wish.trigger,
        "member": wish.actor.pk if wish.actor else None,
        "channel": wish.channel,
        "request": wish.request,
        "keys": list(keys),
        "cap": wish.cap,
        "job_cap": job.max_parallel,
        "policy": job.overlap.policy,
        "timeout_seconds": round(job.batch_timeout.total_seconds()) if job.batch_timeout else None,
        "until_at": until(state, now, within=within, timeout=job.batch_timeout),
        "total": len(wish.combinations),
        "priority": job.priority,
        "runs_on": job.runs_on,
        "due_at": wish.due_at,
        "rerun_of": wish.rerun_of,
        "created_at": now,
        "started_at": now if state is BatchState.ACTIVE else None,
        "ended_at": now if state is BatchState.SKIPPED else None,
    }


def run_rows(wish: Wish, batch: int, now: datetime, *, active: bool) -> list[dict[str, Any]]:
    """Its runs in order; of an active batch the first are queued, as many as may run at once."""
    made = []
    due_ats = wish.due_ats or (wish.due_at,) * len(wish.combinations)
    together = zip(wish.combinations, wish.prints, due_ats, strict=True)
    for index, (parameters, mark, due_at) in enumerate(together, start=1):
        queued = active and index <= wish.cap
        made.append(
            {
                "id": ids.new(),
                "batch": batch,
                "index": index,
                "job": wish.job,
                "version": wish.version,
                "parameters": parameters,
                "print": mark,
                "status": Status.QUEUED if queued else Status.WAITING,
                "priority": wish.definition.job.priority,
                "due_at": due_at,
                "created_at": now,
                "queued_at": now if queued else None,
            }
        )
    return made
