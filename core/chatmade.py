"""What was made in chat, as a file would say it: the schedules and parameter sets that no version holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import definitions, scheduled
from core.definitions import JobDefinition, Scalar, as_written
from core.scheduled import Schedule
from core.store import schedules as schedule_rows
from core.store import sets as set_rows
from core.store.dialects import Row
from core.turns import Turn

_ALL = "all"

Rows = tuple[dict[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """A job with all that belongs to it. `left_out` are sentences about what no file may say."""

    job: JobDefinition
    left_out: tuple[str, ...] = ()


async def whole(turn: Turn, jobs: Mapping[int, JobDefinition]) -> dict[int, Whole]:
    """Job's number -> the job with its schedules and sets of chat among its own, where it is enabled.

    What its own definition has under the same name goes first.
    """
    saved: dict[int, list[Row]] = {}
    for row in await set_rows.of_jobs(turn.connection, sorted(jobs)) if jobs else []:
        saved.setdefault(row.job, []).append(row)
    timed: dict[int, list[Row]] = {}
    for row in await schedule_rows.of_chat(turn.connection, sorted(jobs)) if jobs else []:
        timed.setdefault(row.job, []).append(row)
    return {pk: _whole(_with_sets(one, saved.get(pk, ())), timed.get(pk, ())) for pk, one in jobs.items()}


async def written(turn: Turn, job: int, definition: JobDefinition) -> dict[str, definitions.Schedule]:
    """Name -> schedule, for those of a job that were made in chat and that a file could say."""
    made = (await whole(turn, {job: definition.model_copy(update={"schedules": ()})}))[job].job
    return {one.name: one for one in made.schedules}


def address(row: Row) -> str:
    """A channel as a file names it, `slack:C1`; empty where there is none."""
    return f"{row.platform}:{row.address}" if row.platform else ""


def _with_sets(job: JobDefinition, rows: Sequence[Row]) -> JobDefinition:
    made = {row.name: tuple(_plain(one) for one in row.rows) for row in rows}
    return job.model_copy(update={"parameter_sets": made | job.parameter_sets}) if made else job


def _whole(job: JobDefinition, rows: Sequence[Row]) -> Whole:
    """Add schedules one by one; several rows of values become a set of their own."""
    left_out: list[str] = []
    own = {one.name for one in job.schedules}
    for row in rows:
        one = scheduled.read(row)
        if one.name in own:
            continue
        secret = sorted({name for given in one.given for name in given if _is_secret(job, name)})
        if secret:
            left_out.append(f"the schedule {one.name} gives the secret {secret[0]}, which no file may hold")
            continue
        job = _with_schedule(job, one, address(row))
    return Whole(job, tuple(left_out))


def _with_schedule(job: JobDefinition, one: Schedule, place: str) -> JobDefinition:
    given: Rows = tuple(_plain(row) for row in one.given)
    sets = one.definition.parameter_sets
    job_sets = job.parameter_sets
    if len(given) > 1:
        name = _free(one.name, job_sets)
        rows = tuple({**row, **own} for row in _chosen(job, sets) or ({},) for own in given)
        job_sets, sets, given = job_sets | {name: rows}, (name,), ()
    made = one.definition.model_copy(
        update={
            "name": one.name,
            "parameters": given[0] if given else {},
            "parameter_sets": sets,
            "channel": place if place != job.channel else "",
        }
    )
    return job.model_copy(update={"schedules": (*job.schedules, made), "parameter_sets": job_sets})


def _chosen(job: JobDefinition, names: Iterable[str]) -> Rows:
    found: list[dict[str, Scalar]] = []
    for name in names:
        every = sorted(job.parameter_sets) if name == _ALL and name not in job.parameter_sets else [name]
        found += [dict(row) for one in every for row in job.parameter_sets.get(one, ())]
    return tuple(found)


def _free(schedule: str, taken: Mapping[str, Any]) -> str:
    """A name for the values of a schedule that no set has."""
    stem = re.sub(r"[^a-z0-9_-]+", "-", schedule.casefold()).strip("-_")[:40] or "schedule"
    stem = stem if stem[0].isalpha() else f"schedule-{stem}"
    names = (f"{stem}-values{number or ''}" for number in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def _plain(row: Mapping[str, Any]) -> dict[str, Scalar]:
    return {name: as_written(value) for name, value in row.items()}


def _is_secret(job: JobDefinition, name: str) -> bool:
    return name in job.parameters and job.parameters[name].secret
