"""Plans: schedules that programs save over HTTP, under the rules of those that people say in chat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core import choices, definitions, jobs, parameters, people, places, schedules, sets, times
from core.combinations import expand
from core.definitions import Role, Scalar
from core.jobs import Job
from core.orders import Office
from core.parameters import Unbound
from core.people import Member
from core.scheduled import Schedule
from core.timetables import read
from core.turns import Turn

MOST_ROWS = 200  # parameter sets that one schedule is given


async def save(
    turn: Turn,
    actor: Member,
    job: Job,
    wanted: definitions.Schedule,
    values: Mapping[str, Scalar],
    office: Office,
    *,
    channel: str = "",
) -> Schedule:
    """Add a schedule, or change the one of its name.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: the one of that name stands in a file; the job is disabled.
        NotFound: the job has no such parameter set.
        Unbound: what its runs would be given does not fit the job as it is now.
        Refusal: the time is not understood, past, or never comes.
    """
    await people.permit(turn, actor, Role.EDITOR, f"schedule {job.name}")
    jobs.may_start(job)
    job = await sets.with_saved(turn, job)
    when = expression(wanted, office.zone.key, turn.now, job.job.timezone)
    given = _given(turn, job, wanted, values, office)
    settled = wanted.model_copy(
        update={"when": when.text, "every": None, "anchor": "", "timezone": when.zone.key, "channel": channel}
    )
    if wanted.every is not None:
        settled = wanted.model_copy(update={"timezone": when.zone.key, "channel": channel})
    told_in = (
        await places.find(turn, job.organization, channel or job.job.channel)
        if channel or job.job.channel
        else None
    )
    draft = schedules.Draft(job, wanted.name, settled, when, given, told_in)
    return await schedules.save(turn, actor, draft, office.vault)


def expression(
    wanted: definitions.Schedule, zone: str, now: datetime, job_zone: str = ""
) -> times.Expression:
    """When it is due. Raises `Refusal` where that is not understood, past, or never comes."""
    return read(wanted, zone, now, job_zone)[0]


def _given(
    turn: Turn, job: Job, wanted: definitions.Schedule, values: Mapping[str, Scalar], office: Office
) -> tuple[dict[str, Any], ...]:
    """What its runs are given, as it is stored; looked at together with its parameter sets."""
    definitions_of_job = choices.known_to(job.version, job.definition, [values], office.asked)
    if unknown := parameters.unknown_names(definitions_of_job, values):
        raise Unbound(definitions_of_job, unknown=unknown)
    rows: list[Mapping[str, Scalar]] = []
    for name in wanted.parameter_sets:
        try:
            rows += sets.chosen(job.job, [name])
        except KeyError as missing:
            raise sets.unknown(job, missing.args[0]) from None
    whole = [{**row, **values} for row in rows or [{}]]
    expand(definitions_of_job, whole, now=turn.now, zone=office.zone, limit=MOST_ROWS)
    named = {name: one for name, one in definitions_of_job.items() if values.get(name) is not None}
    if not named:
        return ()
    bound = parameters.bind(named, {name: values[name] for name in named}, now=turn.now, zone=office.zone)
    return (parameters.to_json(named, bound, seal=office.vault.seal_value),)
