"""Rules of a job's schedules and of every other place that names a time, a zone or a calendar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from core import times
from core.definitions import JobDefinition, Schedule
from core.errors import Refusal
from core.jobfiles import parameter_rules
from core.jobfiles.parameter_rules import Problem
from core.jobfiles.sentences import listed, unknown_name
from core.jobfiles.workspace import Path
from core.values import echo

ALL_SETS = "all"  # what stands for every set of a job
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # what is never due is so on every day
_NO_DAYS = {"calendar": "", "days_off": ()}
_CLOCK_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def problems(job: JobDefinition, declared: frozenset[str]) -> Iterator[Problem]:
    """Everything about time in one job; `declared` are the names of its parameters."""
    yield from _zone(("timezone",), job.timezone)
    if job.quiet_hours is not None:
        yield from _zone(("quiet_hours", "timezone"), job.quiet_hours.timezone)
        for key, text in (("start", job.quiet_hours.start), ("end", job.quiet_hours.end)):
            if not _CLOCK_TIME.fullmatch(text):
                yield ("quiet_hours", key), f"'{key}' is a time of day such as 22:00, not {echo(text)}"
    seen: set[str] = set()
    for index, schedule in enumerate(job.schedules):
        name = schedule.name or str(index + 1)
        if name in seen:
            yield ("schedules", index, "name"), f"there is another schedule '{echo(name)}' of this job"
        seen.add(name)
        for place, said in _schedule(schedule, job.timezone):
            yield ("schedules", index, *place), said
        for place, said in _values(job, schedule, declared):
            yield ("schedules", index, *place), said


def _schedule(schedule: Schedule, zone: str) -> Iterator[Problem]:
    """One schedule; `zone` is the job's, for those that name none."""
    broken = False
    yield from _zone(("timezone",), schedule.timezone)
    if schedule.calendar and (said := _refused(lambda: times.calendar_name(schedule.calendar))):
        broken = True
        yield ("calendar",), said
    for index, day in enumerate(schedule.days_off):
        if not _reads(date.fromisoformat, day):
            broken = True
            yield ("days_off", index), f"'days_off' are dates such as 2026-12-24, not {echo(day)}"
    for key in ("start_at", "end_at"):
        text = getattr(schedule, key)
        if text and not _reads(datetime.fromisoformat, text):
            yield (key,), f"'{key}' is a time such as 2026-01-05T08:00, not {echo(text)}"
    if schedule.anchor and schedule.every is None:
        yield ("anchor",), "'anchor' belongs to 'every'"
    zone = next(
        (one for one in (schedule.timezone, zone) if one and not _refused(partial(times.zone, one))), "UTC"
    )
    length = schedule.every
    if bool(schedule.when) == (length is not None):
        yield (), "a schedule has either 'when' or 'every'"
    elif length is not None:
        if said := _refused(lambda: times.every(length, schedule.anchor, zone=zone)):
            yield ("every",), said
    elif said := _expression(schedule.model_copy(update=_NO_DAYS) if broken else schedule, zone):
        yield ("when",), said


def _expression(schedule: Schedule, zone: str) -> str:
    """Why 'when' is refused. What is counted from today ("tomorrow") means nothing in a file."""
    options: dict[str, Any] = {"zone": zone, "gap": schedule.gap, "fold": schedule.fold}
    options |= {"calendar": schedule.calendar, "days_off": schedule.days_off}
    if not _refused(lambda: times.restore(schedule.when, **options)):
        return ""
    found: list[times.Expression] = []
    said = _refused(lambda: found.append(times.parse(schedule.when, now=_SOME_DAY, **options)))
    if not said and found[0].once is not None and not schedule.when[:4].isdigit():
        return f"'when' names no day of its own: {echo(schedule.when)} would mean another day at each apply"
    return said


def _values(job: JobDefinition, schedule: Schedule, declared: frozenset[str]) -> Iterator[Problem]:
    """Its saved sets exist, its values fit, and no required one is missing."""
    for place, said in parameter_rules.given_problems(job.parameters, schedule.parameters, declared):
        yield ("parameters", *place), said
    rows: list[dict[str, object]] = []
    for index, name in enumerate(schedule.parameter_sets):
        if name == ALL_SETS and job.parameter_sets and name not in job.parameter_sets:
            rows += [dict(row) for one in job.parameter_sets.values() for row in one]
            continue
        if name not in job.parameter_sets:
            yield ("parameter_sets", index), unknown_name("parameter set", name, job.parameter_sets)
            return
        rows += [dict(row) for row in job.parameter_sets[name]]
    required = [name for name, one in job.parameters.items() if one.default is None]
    missing = [
        name
        for name in required
        if any((row | schedule.parameters).get(name) is None for row in rows or [{}])
    ]
    if missing:
        yield (
            ("parameters", "[required]"),
            f"the schedule gives no value for {listed(missing)}, which has no default",
        )


def _zone(place: Path, name: str) -> Iterator[Problem]:
    if name and (said := _refused(lambda: times.zone(name))):
        yield place, said


def _refused(check: Callable[[], object]) -> str:
    """The sentence of a refusal with its hint, on one line; empty where there is none."""
    try:
        check()
    except Refusal as refused:
        return f"{refused.sentence} {refused.hint}".strip()
    return ""


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
