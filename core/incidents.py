"""Incidents: one continuing failure of a job, from the first alert to the recovery notice.

What fails alike is one incident: the same job, the same kind of failure and, where the job's lock scope
tells parameters apart (`overlap: {scope: job+parameters}`), the same parameters. The first failure alerts
(the `alert_after`-th in a row), what follows joins quietly: the alert that stands there is edited. It ends
with a success: what a schedule saw fail, with the next success of that schedule or one by hand.

`settle` is part of the transaction that ends a batch, and its caller stands in line for the job: incident,
alert, pause and recovery are there together with the end of the batch, or none of them is. The unique index
on what is open is the backstop.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core import audit, deliveries, ids, people, versions
from core.definitions import JobDefinition, Role
from core.deliveries import Kind, Owed
from core.errors import Busy, OutOfPlace
from core.lifecycles import BatchState, Status
from core.people import Member
from core.store import batches as batch_rows
from core.store import deliveries as delivery_rows
from core.store import incidents as rows
from core.store import runs as run_rows
from core.store.dialects import Row
from core.turns import Turn
from core.wishes import Trigger

MOST_KINDS = 5  # open at once in one scope: a failure that words itself anew each time joins the newest
REASON_LENGTH = 160  # characters of a sentence by which two failures are told apart
REMINDED = 100  # incidents of one pass
API = 0  # the source of what other systems start

_FAILED = (BatchState.FAILED, BatchState.PARTLY_FAILED)
_BY_STATUS_ALONE = (Status.TIMED_OUT, Status.LOST, Status.INTERRUPTED)
_VARIES = (  # what two sentences about the same failure differ in
    (re.compile(r"\(reference [^)]*\)"), ""),
    (re.compile(r"\"[^\"]*\"|'[^']*'|“[^”]*”"), "…"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "…"),
    (re.compile(r"\S*[0-9]\S*"), "…"),
    (re.compile(r"\s+"), " "),
)


class Course(StrEnum):
    """What the end of a batch means for what its job keeps failing with."""

    ALERT = "alert"
    """It failed. Channels that have the alert already (`told`) have it edited, others get it."""
    QUIET = "quiet"
    """It failed too few times so far: nobody is told but who started it by hand."""
    RECOVERED = "recovered"
    """It succeeded, and with that ended what somebody was alerted of."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How to tell of the end of a batch. `told` maps channels that have the alert to the batch whose
    message it stands at."""

    course: Course
    incident: str  # its id
    told: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Incident:
    """A continuing failure as it stands."""

    pk: int
    id: str
    organization: int
    job: int
    failures: int
    first_batch: int
    last_batch: int
    opened_at: datetime
    last_at: datetime
    alerted_at: datetime | None
    acked_at: datetime | None
    acked_by: int | None
    ack_note: str
    paused_at: datetime | None
    ended_at: datetime | None
    ended_by: int | None


def cause(reasons: Sequence[tuple[str, str, int]]) -> str:
    """What kind of failure a batch had, out of (status, sentence, number) of its runs: the most frequent.

    What a sentence quotes, and every word with a digit in it, counts for nothing.
    """
    kinds: dict[str, int] = {}
    for status, sentence, number in reasons:
        kind = _kind(status, sentence)
        kinds[kind] = kinds.get(kind, 0) + number
    return max(kinds, key=lambda kind: kinds[kind], default=str(Status.FAILED))


async def settle(turn: Turn, ended: Sequence[Row], endings: Mapping[int, BatchState]) -> dict[int, Verdict]:
    """Let these batches, which end now, open, join or end incidents; what it means for each that does.

    1. What is open for their jobs. 2. A failure joins the incident of its kind, or opens one. 3. A success
    ends what it heals. A crash before the commit leaves nothing of it, nor of the batches' end.
    """
    counting = [row for row in ended if endings[row.pk] in (*_FAILED, BatchState.SUCCEEDED)]
    if not counting:
        return {}
    found = await rows.open_of(turn.connection, sorted({row.job for row in counting}))
    troubled = {one.job for one in found}
    verdicts: dict[int, Verdict] = {}
    for row in counting:
        verdict = None
        if endings[row.pk] in _FAILED:
            verdict = await _fail(turn, row)
            troubled.add(row.job)
        elif row.job in troubled:
            verdict = await _succeed(turn, row)
        if verdict is not None:
            verdicts[row.pk] = verdict
    return verdicts


async def ack(
    turn: Turn, actor: Member, job: int, name: str, note: str = "", *, batch: int | None = None
) -> list[Incident]:
    """Somebody looks after what a job keeps failing with: reminders stop. With `batch`, only after that
    which its failure belongs to. Saying it twice is safe; the newest who says it has it.

    Raises:
        NotAllowed: the actor is no operator.
        OutOfPlace: nothing is open.
    """
    await people.permit(turn, actor, Role.OPERATOR, f"look after {name}")
    await batch_rows.order(turn.connection, [job])
    found = await rows.open_of(turn.connection, [job])
    if batch is not None:
        belongs = await rows.of_batch(turn.connection, batch)
        found = [one for one in found if belongs is not None and one.pk == belongs.pk]
    if not found:
        what = f"#{batch}" if batch is not None else name
        raise OutOfPlace(
            f"There is nothing to look after: {what} is not failing now.",
            suggestions=(f"history {name}",),
        )
    values = {"acked_at": turn.now, "acked_by": actor.pk, "ack_note": note, "remind_at": None}
    await rows.change(turn.connection, [one.pk for one in found], values)
    await _edit(turn, found)
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action="incident.ack",
        subject=f"job:{job}",
        data={"job": name, "incidents": [one.id for one in found], "note": note},
    )
    return [
        read(one) for one in await rows.open_of(turn.connection, [job]) if one.pk in {x.pk for x in found}
    ]


async def remind(turn: Turn) -> int:
    """Owe the reminders whose time has come; returns how many. Safe to repeat and to race.

    Each is taken by compare-and-set on its instant, which moves on by the job's `remind_every`.
    """
    due = await rows.to_remind(turn.connection, turn.now, REMINDED)
    for row in due:
        every = versions.read(row.version_id, row.definition).job.remind_every
        values = {"remind_at": turn.now + every if every else None, "reminders": row.reminders + 1}
        if not await rows.reminded(turn.connection, row.pk, row.remind_at, values) or every is None:
            continue
        subject = deliveries.incident_subject(row.id, row.reminders + 1)
        await _follow(turn, row, await _told(turn, [row]), subject, Kind.REMINDER)
    return len(due)


async def any_to_remind(turn: Turn) -> bool:
    """There is something that `remind` would do."""
    return bool(await rows.remind_due(turn.connection, turn.now))


async def of_batch(turn: Turn, batch: int) -> Incident | None:
    """The incident that the failure of a batch belongs to."""
    row = await rows.of_batch(turn.connection, batch)
    return None if row is None else read(row)


async def of_subject(turn: Turn, subject: str) -> Incident | None:
    """The incident that a delivery tells of; nothing where it tells of something else."""
    public_id = deliveries.incident_of(subject)
    row = await rows.by_id(turn.connection, public_id) if public_id else None
    return None if row is None else read(row)


async def ended_by(turn: Turn, batch: int) -> list[Incident]:
    """The incidents that the success of a batch has ended, the oldest first."""
    return [read(row) for row in await rows.ended_by(turn.connection, batch)]


async def open_of(turn: Turn, job_pks: Sequence[int]) -> list[Incident]:
    """What these jobs keep failing with now, the oldest first."""
    return [read(row) for row in await rows.open_of(turn.connection, job_pks)]


def read(row: Row) -> Incident:
    """An incident out of its row."""
    return Incident(
        pk=row.pk,
        id=row.id,
        organization=row.organization,
        job=row.job,
        failures=row.failures,
        first_batch=row.first_batch,
        last_batch=row.last_batch,
        opened_at=row.opened_at,
        last_at=row.last_at,
        alerted_at=row.alerted_at,
        acked_at=row.acked_at,
        acked_by=row.acked_by,
        ack_note=row.ack_note,
        paused_at=row.paused_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )


async def _fail(turn: Turn, batch: Row) -> Verdict:
    """One more failure: 1. joins its incident, 2. counts towards the alert and the pause, 3. is told."""
    stored = await run_rows.version(turn.connection, batch.version)
    job = versions.read(stored.id, stored.definition).job
    scope, keys = _scope(job, batch.keys)
    incident, streak = await _join(turn, batch, scope, keys)
    told = await _told(turn, [incident])
    alert = streak >= min(job.alert_after, job.pause_after or job.alert_after)
    values: dict[str, Any] = {}
    if alert and incident.alerted_at is None:
        values["alerted_at"] = turn.now
    if alert and job.remind_every and incident.remind_at is None and incident.acked_at is None:
        values["remind_at"] = turn.now + job.remind_every
    if job.pause_after is not None and streak >= job.pause_after:
        values |= await _pause(turn, batch, incident, streak, told)
    if values:
        await rows.change(turn.connection, [incident.pk], values)
    await _edit(turn, [incident])
    return Verdict(Course.ALERT if alert else Course.QUIET, incident.id, told)


async def _join(turn: Turn, batch: Row, scope: str, keys: list[str]) -> tuple[Row, int]:
    """Count the failure; the incident as it is then, and how many failures in a row that is."""
    reasons = await rows.reasons(turn.connection, batch.pk)
    kind = cause([(one.status, one.reason, one.number) for one in reasons])
    source = await _source(turn, batch)
    for _ in range(MOST_KINDS):  # again where what was open has ended or another was first: never in line
        mine = [one for one in await rows.open_of(turn.connection, [batch.job]) if one.scope == scope]
        found = next((one for one in mine if one.cause == kind), None)
        found = found or (mine[-1] if len(mine) >= MOST_KINDS else None)
        if found is None:
            await rows.add(turn.connection, _opened(turn, batch, scope, keys, kind))
            continue
        sources = sorted({*found.sources, *([] if source is None else [source])})
        if await rows.join(turn.connection, found.pk, batch.pk, {"last_at": turn.now, "sources": sources}):
            [joined] = await rows.get(turn.connection, [found.pk])
            return joined, sum(one.failures for one in mine) + 1
    raise Busy("The incident was changed again and again; nothing was done.", hint="Try again in a moment.")


def _opened(turn: Turn, batch: Row, scope: str, keys: list[str], kind: str) -> dict[str, Any]:
    return {
        "id": ids.new(),
        "organization": batch.organization,
        "job": batch.job,
        "scope": scope,
        "keys": keys,
        "cause": kind,
        "sources": [],
        "first_batch": batch.pk,
        "last_batch": batch.pk,
        "opened_at": turn.now,
        "last_at": turn.now,
    }


async def _pause(
    turn: Turn, batch: Row, incident: Row, streak: int, told: Mapping[int, int]
) -> dict[str, Any]:
    """Pause the job after too many failures in a row; nothing where it is paused already."""
    why = f"{streak} failures in a row, the last was #{batch.pk}"
    values = {"paused_at": turn.now, "paused_by": None, "paused_why": why}
    if not await rows.pause_job(turn.connection, batch.job, values):
        return {}
    await audit.record(
        turn,
        organization=batch.organization,
        member=None,
        action="schedule.pause",
        subject=f"job:{batch.job}",
        data={"job": batch.job_name, "schedule": "", "why": why},
    )
    subject = deliveries.incident_subject(incident.id, batch.pk)
    await _follow(turn, incident, told, subject, Kind.PAUSED)
    return {"paused_at": turn.now}


async def _succeed(turn: Turn, batch: Row) -> Verdict | None:
    """What a success heals is taken off; where nothing is left of an incident, it has ended."""
    source = await _source(turn, batch)
    keys = set(batch.keys)
    over: list[Row] = []
    for one in await rows.open_of(turn.connection, [batch.job]):
        if not set(one.keys) <= keys:
            continue  # other parameters
        left = [] if source is None else [other for other in one.sources if other != source]
        if not left:
            over.append(one)
        elif left != one.sources:
            await rows.change(turn.connection, [one.pk], {"sources": left})
    values = {"ended_at": turn.now, "ended_by": batch.pk, "sources": [], "remind_at": None}
    await rows.change(turn.connection, [one.pk for one in over], values)
    told = await _told(turn, over)
    if not told:
        return None
    await _edit(turn, over)
    alerted = [one for one in over if one.alerted_at is not None]
    return Verdict(Course.RECOVERED, (alerted or over)[-1].id, told)


async def _source(turn: Turn, batch: Row) -> int | None:
    """What started a batch by itself: a schedule, or another system; None where somebody did."""
    trigger = Trigger(batch.trigger)
    if trigger.by_hand:
        return None
    found = await rows.schedule_of(turn.connection, batch.pk) if trigger is Trigger.SCHEDULE else None
    return API if found is None else found


async def _told(turn: Turn, found: Sequence[Row]) -> dict[int, int]:
    """channel -> the batch at whose message the newest alert of these incidents stands there."""
    subjects = [deliveries.incident_subject(one.id) for one in found]
    told = await delivery_rows.of_subjects(turn.connection, subjects, Kind.ALERT)
    return {row.channel: row.batch for row in told}


async def _follow(turn: Turn, row: Row, told: Mapping[int, int], subject: str, kind: Kind) -> None:
    """Owe a message at every alert of an incident, once for each subject."""
    owed = [Owed(row.organization, channel, kind, subject, batch) for channel, batch in told.items()]
    await deliveries.owe_all(turn, owed)


async def _edit(turn: Turn, found: Sequence[Row]) -> None:
    """Owe an edit of the alerts of these incidents."""
    subjects = [deliveries.incident_subject(one.id) for one in found]
    await deliveries.edit(turn, subjects, Kind.ALERT)


def _scope(job: JobDefinition, keys: Sequence[str]) -> tuple[str, list[str]]:
    """Which parameters an incident is about, and the lock keys that cover it."""
    if job.overlap.scope == "job" or not keys:
        return "", []
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:32], sorted(keys)


def _kind(status: str, sentence: str) -> str:
    if status in _BY_STATUS_ALONE:
        return str(status)
    text = sentence.casefold()
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return f"{status}: {text.strip()[:REASON_LENGTH]}"
