"""What a `run` line asks for: the values of its parameter sets, and the options that change its start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from core import times
from core.commands import Command, Name, spell
from core.definitions import Version
from core.errors import NotFound
from core.jobs import Job
from core.nearest import nearest
from core.parameters import Fan, Given, Star


def of(command: Command, job: Job) -> tuple[Mapping[str, Given], ...]:
    """What is given for each parameter set. Saved sets are looked up; what is typed goes before them.

    Raises:
        NotFound: the job has no set of that name.
    """
    if not command.sets:
        return command.wishes
    made: list[Mapping[str, Given]] = []
    for name in command.sets:
        if name not in job.job.parameter_sets:
            raise _no_set(command, job, name)
        for saved in job.job.parameter_sets[name]:
            values = {key: str(value) for key, value in saved.items() if value is not None}
            made.append(values | dict(command.values))
    return tuple(made)


def as_of(command: Command, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that `--as-of` names: the runs are as if they were due then. Raises `Invalid`."""
    text = command.options.get("as-of", "")
    return times.resolve_datetime(text, now, zone) if text else None


def unasked(command: Command, job: Job) -> Command:
    """The line without what a form asks for: lists, `*`, sets and options stay."""
    kept = {name: given for name, given in command.values.items() if isinstance(given, Fan | Star)}
    return Command(
        Name.RUN, (job.name,), values=kept, sets=command.sets, options=command.options, flags=command.flags
    )


def queued(definition: Version) -> Version:
    """The job as if it queued what comes while it is active."""
    overlap = definition.job.overlap.model_copy(update={"policy": "queue"})
    return definition.model_copy(update={"job": definition.job.model_copy(update={"overlap": overlap})})


def _no_set(command: Command, job: Job, name: str) -> NotFound:
    known = sorted(job.job.parameter_sets)
    close = nearest(name, known, 1)
    lines = tuple(spell(Command(Name.RUN, (job.name,), values=command.values, sets=(one,))) for one in close)
    hint = f"Did you mean @{close[0]}?" if close else ""
    if not hint:
        hint = f"Its sets are {', '.join(f'@{one}' for one in known)}." if known else "It has no sets."
    return NotFound(f"{job.name} has no parameter set @{name}.", hint=hint, suggestions=lines)
