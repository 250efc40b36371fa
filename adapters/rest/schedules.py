"""Schedules: list, put, remove, pause, resume, and a preview that saves nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from adapters.rest import targets
from adapters.rest.batches import Noted
from adapters.rest.endpoint import Answer, Call, Endpoint, Model, Query, Told
from adapters.rest.jobs import Resume, Resumed, visible
from adapters.rest.problems import Mistake, Refused, pointer
from adapters.rest.starting import Values
from core import addresses, definitions, jobs, parameters, pauses, plans, schedules
from core.definitions import read_duration
from core.errors import NotFound
from core.jobs import Job
from core.keys import Permission
from core.scheduled import Schedule
from core.timetables import Timetable
from core.vault import sealed

TAG = "Schedules"
SHOWN = 5  # instants of a schedule that are told

Duration = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d|w)$")]
Short = Annotated[str, StringConstraints(max_length=200)]


class When(Model):
    """When: `when` (cron, a shortcut, plain words) or `every` (a length of time)."""

    when: Short = Field("", description="Cron, a shortcut or plain words.", examples=["every weekday at 8"])
    every: Duration | None = Field(None, description="A length of time instead, such as 45m.")
    anchor: Short = Field("", description="every: an instant that it falls on.")
    timezone: Short = Field("", description="An IANA zone; without one the job's, then the organization's.")
    calendar: Short = Field("", description="Not on public holidays of a country, such as NL or US-CA.")
    gap: Literal["next", "skip"] = Field("next", description="A local time that does not exist.")
    fold: Literal["first", "second", "both"] = Field("first", description="A local time that comes twice.")


class ScheduleWanted(When):
    """A schedule."""

    parameters: Values = Field({}, description="What its runs are given.")
    parameter_sets: list[Short] = Field(
        [], max_length=100, description="Saved sets: a run for each of theirs."
    )
    catch_up: Literal["none", "latest", "all"] = Field("latest", description="After down-time.")
    jitter: Duration = Field("0s", description="Start up to this much later.")
    channel: Short = Field("", description="Where its runs are told; without one, in the job's channel.")


class ScheduleTold(Told):
    """A schedule as it stands."""

    id: str
    name: str
    job: str
    origin: str
    expression: str
    described: str = Field(description="When it is due, in words.")
    timezone: str
    enabled: bool
    catch_up: str
    parameters: list[dict[str, Any]] = Field(description="Secrets are covered.")
    parameter_sets: list[str]
    paused_at: datetime | None
    paused_why: str
    next: list[datetime] = Field(description="The next instants; none where it is paused or over.")


class Schedules(Told):
    """Schedules, what is due first first."""

    schedules: list[ScheduleTold]


class SchedulesQuery(Query):
    """Which schedules."""

    job: str | None = Field(None, description="Of this job: its id or name.")


class PreviewWanted(When):
    """An expression to be looked at."""

    count: int = Field(5, ge=1, le=100, description="How many instants.")


class Preview(Told):
    """What an expression means."""

    expression: str
    described: str
    timezone: str
    next: list[datetime]


async def listing(call: Call[SchedulesQuery, None]) -> Answer:
    """The schedules that the key may see."""
    if call.query.job:
        job = await targets.job(call, call.query.job)
        mine = await schedules.of_job(call.turn, job.pk)
        return Answer(Schedules(schedules=[_told(job, one) for one in mine]))
    found = await schedules.of_organization(call.turn, call.organization)
    known = await jobs.of_pks(call.turn, sorted({one.job for one in found}))
    shown = [_told(known[one.job], one) for one in found if visible(call, known[one.job])]
    return Answer(Schedules(schedules=shown))


async def put(call: Call[None, ScheduleWanted]) -> Answer:
    """Make a schedule of that name, or make the one that there is what is written."""
    job = await targets.job(call, call.path["job_id"])
    wanted = call.body
    if wanted.channel and (said := addresses.mistake(wanted.channel)):
        raise Refused("invalid", said, errors=[Mistake(detail=said, pointer=pointer("channel"))])
    definition = _definition(wanted, name=call.path["schedule"])
    saved = await plans.save(
        call.turn, call.actor, job, definition, wanted.parameters, call.office, channel=wanted.channel
    )
    return Answer(_told(job, saved))


async def remove(call: Call[None, None]) -> Answer:
    """Switch a schedule off for good."""
    job, schedule = await _one(call)
    gone = await schedules.remove(call.turn, call.actor, job, [schedule.name], call.desk.vault)
    if not gone:
        raise NotFound(f"{job.name} has no schedule {schedule.name}.")
    return Answer(_told(job, gone[0], over=True))


async def pause(call: Call[None, Noted]) -> Answer:
    """Stop a schedule for now."""
    job, schedule = await _one(call)
    await pauses.pause(call.turn, call.actor, job, schedule, call.body.note, call.desk.vault)
    return Answer(_told(job, await schedules.find(call.turn, job, schedule.name)))


async def resume(call: Call[None, Resume]) -> Answer:
    """Let a schedule go on."""
    job, schedule = await _one(call)
    done = await pauses.resume(
        call.turn, call.actor, job, schedule, call.desk.vault, catch_up=call.body.catch_up
    )
    return Answer(Resumed(skipped=done.skipped, batches=list(done.batches), refused=list(done.refused)))


async def preview(call: Call[None, PreviewWanted]) -> Answer:
    """What an expression means; saves nothing."""
    expression = plans.expression(_definition(call.body), call.desk.zone.key, call.turn.now)
    return Answer(
        Preview(
            expression=expression.text,
            described=expression.describe(),
            timezone=expression.zone.key,
            next=list(Timetable(expression).between(call.turn.now, None, limit=call.body.count)),
        )
    )


async def _one(call: Call[Any, Any]) -> tuple[Job, Schedule]:
    job = await targets.job(call, call.path["job_id"])
    return job, await schedules.find(call.turn, job, call.path["schedule"])


def _definition(wanted: When, *, name: str = "") -> definitions.Schedule:
    """What is written as a schedule. Raises `Refused` 422 where it says no time, or two."""
    if bool(wanted.when.strip()) == (wanted.every is not None):
        said = "'when' or 'every' says when it is due: one of them."
        raise Refused("invalid", said, errors=[Mistake(detail=said, pointer=pointer("when"))])
    values = wanted.model_dump(exclude={"parameters", "channel", "count", "every", "jitter"})
    if wanted.every is not None:
        values["every"] = read_duration(wanted.every)
    if isinstance(wanted, ScheduleWanted):
        values["jitter"] = read_duration(wanted.jitter)
        values["parameter_sets"] = tuple(wanted.parameter_sets)
    return definitions.Schedule.model_validate(values | {"name": name})


def _told(job: Job, one: Schedule, *, over: bool = False) -> ScheduleTold:
    table = one.timetable
    waits = one.due_at is None or one.paused_at is not None or job.paused_at is not None or over
    coming = [] if waits else list(table.between(one.settled_until, None, limit=SHOWN))
    return ScheduleTold(
        id=one.id,
        name=one.name,
        job=job.name,
        origin=one.origin,
        expression=one.expression,
        described=table.expression.describe(),
        timezone=table.zone.key,
        enabled=one.enabled and not over,
        catch_up=one.definition.catch_up,
        parameters=[
            {name: parameters.MASK if sealed(value) else value for name, value in row.items()}
            for row in one.given
        ],
        parameter_sets=list(one.definition.parameter_sets),
        paused_at=one.paused_at,
        paused_why=one.paused_why,
        next=coming,
    )


_AT = "/api/v1/jobs/{job_id}/schedules/{schedule}"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/schedules",
        "listSchedules",
        "List schedules",
        TAG,
        Permission.READ,
        Schedules,
        listing,
        query=SchedulesQuery,
        refusals=(404,),
    ),
    Endpoint(
        "PUT",
        _AT,
        "putSchedule",
        "Make or change a schedule",
        TAG,
        Permission.EDITOR,
        ScheduleTold,
        put,
        description="One that stands in a file is changed there (409).",
        body=ScheduleWanted,
        refusals=(404, 409),
        example={
            "weekdays": {
                "summary": "Every weekday at eight",
                "value": {"when": "every weekday at 8", "timezone": "Europe/Amsterdam"},
            }
        },
    ),
    Endpoint(
        "DELETE",
        _AT,
        "removeSchedule",
        "Switch a schedule off for good",
        TAG,
        Permission.EDITOR,
        ScheduleTold,
        remove,
        refusals=(404, 409),
    ),
    Endpoint(
        "POST",
        f"{_AT}/pause",
        "pauseSchedule",
        "Pause a schedule",
        TAG,
        Permission.EDITOR,
        ScheduleTold,
        pause,
        body=Noted,
        body_required=False,
        refusals=(404, 409),
        example={"note": {"summary": "With a note", "value": {"note": "data is being moved"}}},
    ),
    Endpoint(
        "POST",
        f"{_AT}/resume",
        "resumeSchedule",
        "Let a schedule go on",
        TAG,
        Permission.EDITOR,
        Resumed,
        resume,
        body=Resume,
        body_required=False,
        refusals=(404, 409),
        example={"catch-up": {"summary": "And run what was due", "value": {"catch_up": True}}},
    ),
    Endpoint(
        "POST",
        "/api/v1/schedules/preview",
        "previewSchedule",
        "See when an expression is due",
        TAG,
        Permission.READ,
        Preview,
        preview,
        description="Saves nothing.",
        body=PreviewWanted,
        example={
            "words": {
                "summary": "Plain words",
                "value": {"when": "first monday of the month at 9", "timezone": "Europe/Amsterdam"},
            }
        },
    ),
)
