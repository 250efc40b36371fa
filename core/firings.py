"""Firings: what was due is started, or recorded with the reason why it was not; in one transaction.

Every due instant gets at most one firing (the unique key of the table), written with the batch that it
starts. Whoever changes a schedule settles first what is due by then, so that an edit or a pause never
loses a run that was due before it, and never makes one in the past.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core import absences, batches, deliveries, parameters, sets
from core.combinations import expand
from core.definitions import JobDefinition, Scalar, Version
from core.errors import Busy, Fault, Invalid, NotFound, Refusal
from core.jobs import current
from core.lifecycles import BatchState
from core.outcomes import Cause, Hindrance, Outcome, Record, Verdict, judge
from core.scheduled import Schedule
from core.store import batches as batch_rows
from core.store import schedules as rows
from core.store.dialects import Row
from core.turns import Turn
from core.vault import Vault
from core.wishes import Started, Trigger, Wish

MOST_RUNS = 1_000  # of one batch
DRIFT, LOOKED_AT = 3, 6  # so many of the last firings were skipped by overlap: one warning a day


KEPT = 1_000  # schedules whose parameters are in memory; beyond that the oldest are bound again

_Given = tuple[tuple[dict[str, Any], ...], tuple[str, ...]]
_kept: dict[tuple[str, int, int], _Given] = {}


class Beaten(Busy):
    """Somebody else has moved one of these schedules: the transaction is given up, and nothing happened."""

    def __init__(self) -> None:
        super().__init__(
            "Somebody else was changing this schedule; nothing was done.", hint="Try again in a moment."
        )


@dataclass(frozen=True, slots=True)
class _Firing:
    """What is to be started for a schedule: one batch for all of `records`."""

    schedule: Schedule
    records: tuple[Record, ...]
    wish: Wish


async def settle(
    turn: Turn,
    schedules: Sequence[Schedule],
    *,
    vault: Vault | None,
    seen_at: datetime | None = None,
    hopeful: bool = False,
) -> int:
    """Give everything that is due its outcome; returns how many batches were started or waited.

    The caller has locked the schedules. 1. Stand in line for their jobs, and read them as they are now.
    2. Judge what is due. 3. Move each schedule on. 4. Start the batches. 5. Write the firings, and owe what
    rules want to hear of those that started nothing. A crash before the commit leaves none of it.

    An instant may have its firing although it is not settled (a clock that was put back, then an edit).
    That is looked for, unless the caller is `hopeful` and tries again without hope.

    Raises:
        Beaten: a schedule was moved by somebody else.
        IntegrityError: an instant has its firing already, and the caller was hopeful.
    """
    due = [one for one in schedules if one.due_at is not None and one.due_at <= turn.now]
    if not due:
        return 0
    await batch_rows.order(turn.connection, [one.job for one in due])
    found = await rows.jobs_of(turn.connection, {one.job for one in due})
    hindrances = await _hindrances(turn, due, found)
    tables = [one.timetable for one in due]
    verdicts = [
        judge(
            one.definition,
            table,
            one.settled_until,
            turn.now,
            hindrance=hindrances.get(one.pk),
            seen_at=seen_at,
        )
        for one, table in zip(due, tables, strict=True)
    ]
    moves = [
        (one, table.wake_after(verdict.settled_until), verdict.settled_until)
        for one, table, verdict in zip(due, tables, verdicts, strict=True)
    ]
    if not await rows.advance(turn.connection, moves):
        raise Beaten()
    known = set() if hopeful else await rows.fired(turn.connection, _asked(due, verdicts))
    definitions = await _definitions(turn, due, found)
    wished, written = _wishes(turn, due, verdicts, (found, definitions), known, vault)
    started = await batches.start_many(turn, [one.wish for one in wished]) if wished else []
    for one, result in zip(wished, started, strict=True):
        written += [_started(turn, one.schedule, record, result) for record in one.records]
    await rows.fire(turn.connection, written)
    for one, result in zip(wished, started, strict=True):
        if result.state is BatchState.SKIPPED and result.holder is not None:
            await _warn(turn, one, result)
    await absences.told(turn, due, {pk: one.job for pk, one in definitions.items()}, written)
    return sum(1 for one in started if one.state is not BatchState.SKIPPED)


def combine(
    job: JobDefinition, schedule: Schedule, now: datetime, zone: ZoneInfo, vault: Vault | None
) -> list[dict[str, Any]]:
    """The bound parameters of every run of a schedule: its sets, each with what it gives.

    Raises:
        Refusal: they do not fit the job as it is now.
        Fault: a secret cannot be opened.
    """
    return expand(job.parameters, given_rows(job, schedule, vault), now=now, zone=zone, limit=MOST_RUNS)


def given_rows(job: JobDefinition, schedule: Schedule, vault: Vault | None) -> list[dict[str, Scalar]]:
    """What a schedule gives for its runs: a row for each, secrets opened."""
    try:
        saved = sets.chosen(job, schedule.definition.parameter_sets)
    except KeyError as missing:
        raise NotFound(f"The job has no parameter set {missing.args[0]} any more.") from None
    given = [vault.open_values(one) if vault else one for one in schedule.given]
    return [{**row, **one} for row in saved or [{}] for one in given or [{}]]


def stored(
    job: JobDefinition, bound: Sequence[Mapping[str, Any]], vault: Vault | None
) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """Bound parameters as a wish has them: JSON with sealed secrets, and their fingerprints.

    Raises:
        Fault: there are secrets and no vault.
    """
    if vault is None and any(one.secret for one in job.parameters.values()):
        raise Fault("Its secret parameters cannot be sealed here.")
    seal = vault.seal_value if vault else None
    return (
        tuple(parameters.to_json(job.parameters, one, seal=seal) for one in bound),
        tuple(parameters.fingerprint(job.parameters, one) for one in bound),
    )


async def _hindrances(turn: Turn, due: Sequence[Schedule], found: Mapping[int, Row]) -> dict[int, Hindrance]:
    """Which of these start nothing now, and why."""
    by = [pk for row in found.values() for pk in (row.paused_by, row.all_paused_by)]
    known = {pk for pk in (*by, *(one.paused_by for one in due)) if pk is not None}
    names = await rows.names(turn.connection, known) if known else {}
    made = {}
    for one in due:
        job = found[one.job]
        if job.all_paused_at is not None:
            said = _paused("everything", names.get(job.all_paused_by), job.all_paused_why)
        elif job.paused_at is not None:
            said = _paused("the job", names.get(job.paused_by), job.paused_why)
        elif one.paused_at is not None:
            said = _paused("the schedule", names.get(one.paused_by or 0), one.paused_why)
        elif not job.enabled:
            made[one.pk] = Hindrance(Cause.INACTIVE, "the job is disabled: its file no longer has it")
            continue
        else:
            continue
        made[one.pk] = Hindrance(Cause.PAUSED, said)
    return made


def _paused(what: str, name: str | None, why: str) -> str:
    return f"{what} was paused by {name or 'the bot'}" + (f": {why}" if why else "")


def _asked(due: Sequence[Schedule], verdicts: Sequence[Verdict]) -> list[tuple[int, datetime]]:
    both = zip(due, verdicts, strict=True)
    return [(one.pk, record.due_at) for one, verdict in both for record in (*verdict.start, *verdict.rest)]


def _wishes(
    turn: Turn,
    due: Sequence[Schedule],
    verdicts: Sequence[Verdict],
    jobs: tuple[Mapping[int, Row], Mapping[int, Version]],
    known: Collection[tuple[int, datetime]],
    vault: Vault | None,
) -> tuple[list[_Firing], list[dict[str, Any]]]:
    """What to start, and the firings of everything else."""
    found, definitions = jobs
    wished: list[_Firing] = []
    written: list[dict[str, Any]] = []
    for one, verdict in zip(due, verdicts, strict=True):
        written += [
            _row(turn, one, record) for record in verdict.rest if (one.pk, record.due_at) not in known
        ]
        records = tuple(record for record in verdict.start if (one.pk, record.due_at) not in known)
        if not records:
            continue
        try:
            wished.append(_wish(one, records, found[one.job], definitions[one.job], vault))
        except (Refusal, Fault) as error:
            written += [
                _row(turn, one, Record(record.due_at, Outcome.SKIPPED, Cause.UNFIT, str(error)))
                for record in records
            ]
    return wished, written


async def _definitions(turn: Turn, due: Sequence[Schedule], found: Mapping[int, Row]) -> dict[int, Version]:
    """Job -> its version, with the sets of chat where a schedule names some."""
    made = await current(turn, found)
    naming = {one.job for one in due if one.definition.parameter_sets}
    return made | await sets.merge(turn, {pk: made[pk] for pk in naming})


def _wish(
    schedule: Schedule, records: tuple[Record, ...], row: Row, definition: Version, vault: Vault | None
) -> _Firing:
    """One batch for these instants, one after another: a run for each of them and each parameter set."""
    return _Firing(
        schedule,
        records,
        wish_for(
            schedule,
            definition,
            row.id,
            row.version,
            [record.due_at for record in records],
            vault,
            at_once=1 if len(records) > 1 else None,
            keep=True,
        ),
    )


def wish_for(
    schedule: Schedule,
    definition: Version,
    job_id: str,
    version: int,
    instants: Sequence[datetime],
    vault: Vault | None,
    *,
    at_once: int | None = None,
    keep: bool = False,
) -> Wish:
    """The wish of a schedule for some of its instants.

    `keep`: the schedule is as it is stored, so what its runs are given may be kept for the next instant.

    Raises:
        Refusal: its parameters do not fit the job as it is now.
        Fault: a secret cannot be opened or sealed.
    """
    job = definition.job
    zone = ZoneInfo(job.timezone or schedule.zone)
    combinations: list[dict[str, Any]] = []
    prints: list[str] = []
    due_ats: list[datetime | None] = []
    for at in instants:
        made, marks = _given(schedule, job, version if keep else None, at, zone, vault)
        combinations += made
        prints += marks
        due_ats += [at] * len(made)
        if len(due_ats) > MOST_RUNS:
            raise Invalid(
                f"That would be more than {MOST_RUNS:,} runs in one batch.",
                hint="Take a shorter stretch of time, or fewer parameter sets.",
            )
    return Wish(
        organization=schedule.organization,
        job=schedule.job,
        job_id=job_id,
        version=version,
        definition=definition,
        combinations=tuple(combinations),
        prints=tuple(prints),
        trigger=Trigger.SCHEDULE,
        channel=schedule.channel,
        due_at=instants[-1],
        due_ats=tuple(due_ats),
        at_once=at_once,
    )


def _given(
    schedule: Schedule,
    job: JobDefinition,
    version: int | None,
    at: datetime,
    zone: ZoneInfo,
    vault: Vault | None,
) -> _Given:
    """What the runs of one instant are given. It is the same for the next while neither the schedule nor
    the job changes; not so with saved sets, which change by themselves, and secrets are never kept."""
    same = version is not None and not schedule.definition.parameter_sets
    if not same or any(one.secret for one in job.parameters.values()):
        return stored(job, combine(job, schedule, at, zone, vault), vault)
    key = (schedule.id, schedule.version, version or 0)
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = stored(job, combine(job, schedule, at, zone, vault), vault)
        if len(_kept) > KEPT:
            del _kept[next(iter(_kept))]
    return found


def _started(turn: Turn, schedule: Schedule, record: Record, started: Started) -> dict[str, Any]:
    made = _row(turn, schedule, record)
    made |= {"batch": started.batch, "holder": started.holder}
    if started.state is BatchState.SKIPPED:
        cause = Cause.UNFIT if started.holder is None else Cause.OVERLAP
        made |= {"outcome": Outcome.SKIPPED, "cause": cause, "reason": started.reason}
    return made


def _row(turn: Turn, schedule: Schedule, record: Record) -> dict[str, Any]:
    return {
        "schedule": schedule.pk,
        "due_at": record.due_at,
        "outcome": record.outcome,
        "cause": record.cause,
        "reason": record.reason,
        "instants": record.count,
        "until_at": record.until_at,
        "batch": None,
        "holder": None,
        "created_at": turn.now,
    }


async def _warn(turn: Turn, firing: _Firing, started: Started) -> None:
    """One warning a day where a schedule keeps being skipped because its job takes too long."""
    schedule = firing.schedule
    if schedule.channel is None:
        return
    latest = await rows.latest(turn.connection, schedule.pk, LOOKED_AT)
    if sum(1 for row in latest if row.cause == Cause.OVERLAP) < DRIFT:
        return
    await deliveries.warn(
        turn,
        schedule.organization,
        schedule.channel,
        started.batch,
        f"schedule:{schedule.id}:{turn.now:%Y-%m-%d}",
    )
