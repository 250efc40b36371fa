"""What a `run` line asks for: the values of its parameter sets, and the options that change its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from core import sets, times
from core.commands import Command, Name, spell
from core.definitions import Version
from core.jobs import Job
from core.parameters import Fan, Given, Star, show


def of(command: Command, job: Job) -> tuple[Mapping[str, Given], ...]:
    """What is given for each parameter set. Saved sets are looked up; what is typed goes before them.

    Raises:
        NotFound: the job has no set of that name.
    """
    if not command.sets:
        return command.wishes
    try:
        rows = sets.chosen(job.job, command.sets)
    except KeyError as missing:
        raise sets.unknown(job, missing.args[0], command) from None
    made: list[Mapping[str, Given]] = []
    for row in rows:
        values = {key: show(value) for key, value in row.items() if value is not None}
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


def queueing(command: Command, job: Job) -> str:
    """The line that waits behind what runs; nothing where it would hold a secret, or cannot be said."""
    given = {name for wish in command.wishes for name in wish}
    secret = any(name in given and one.secret for name, one in job.job.parameters.items())
    if command.name is not Name.RUN or secret:
        return ""
    return spell(replace(command, flags=command.flags | {"queue"}))


def queued(definition: Version) -> Version:
    """The job as if it queued what comes while it is active."""
    overlap = definition.job.overlap.model_copy(update={"policy": "queue"})
    return definition.model_copy(update={"job": definition.job.model_copy(update={"overlap": overlap})})
