"""Jobs: list, read, make, change, disable, pause, resume."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from adapters.rest import targets
from adapters.rest.batches import Noted
from adapters.rest.chats import JOB_ID
from adapters.rest.endpoint import Answer, Call, Endpoint, Model, Query, Told
from adapters.rest.problems import Mistake, Refused, plain, pointer
from core import jobs, keys, pauses, revisions, schedules
from core.errors import Invalid, NotAllowed, NotFound
from core.jobs import Job
from core.keys import Permission
from core.revisions import Revised

TAG = "Jobs"
_STAY = ("schedules", "parameter_sets", "owner")  # as they are, where a PUT does not name them
_EXAMPLE: dict[str, Any] = {
    "title": "Weekly campaign report",
    "agent": "analyst",
    "parameters": {"campaign_id": {"type": "integer", "min": 1}},
    "questions": [
        {"name": "total", "sql": "select sum(amount) as total from sales where campaign_id = :campaign_id"}
    ],
    "summary": "Campaign {{ params.campaign_id }} brought *{{ total.total | number }}*.",
}


class JobLine(Told):
    """A job in a list."""

    id: str
    name: str
    title: str
    description: str
    agent: str
    origin: str = Field(
        description="file: it stands in a file and is changed there. chat: made in chat or here."
    )
    file: str
    enabled: bool
    version: int
    tags: list[str]
    paused_at: datetime | None
    paused_why: str


class JobTold(JobLine):
    """A job with its whole definition."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": JOB_ID,
                    "name": "weekly-report",
                    "title": "Weekly campaign report",
                    "description": "",
                    "agent": "analyst",
                    "origin": "chat",
                    "file": "",
                    "enabled": True,
                    "version": 3,
                    "tags": [],
                    "paused_at": None,
                    "paused_why": "",
                    "definition": _EXAMPLE,
                    "next_at": "2026-03-09T07:00:00Z",
                }
            ]
        }
    )

    definition: dict[str, Any] = Field(description="What a job file says of it; defaults are left out.")
    next_at: datetime | None = Field(description="When it is due next by itself.")


class Jobs(Told):
    """Jobs by name."""

    jobs: list[JobLine]


class JobRevised(Told):
    """What became of a job."""

    job: JobTold
    effect: str = Field(description="created, changed, enabled, disabled, unchanged")
    changes: list[str] = Field(description="Which fields changed, in words.")
    warnings: list[str]


class JobsQuery(Query):
    """Which jobs."""

    word: str | None = Field(None, description="Has this in its name, title or tags.", max_length=100)
    enabled: str | None = Field(None, description="true or false", pattern="^(true|false)?$")


class JobWritten(Model):
    """A job as a job file says it."""

    definition: dict[str, Any] = Field(
        description="The job's part of a file, by its keys: `slashjob schema` prints them. What is left out "
        "has its default; schedules, parameter sets and the owner stay where they are left out.",
        examples=[_EXAMPLE],
    )
    version: int | None = Field(
        None, description="The version that you saw; refused where the job was changed since."
    )


class Resume(Model):
    """How a pause ends."""

    catch_up: bool = Field(False, description="Run what was due meanwhile, by each schedule's catch_up.")


class Resumed(Told):
    """What ended with a pause."""

    skipped: int = Field(description="Due instants that stay skipped.")
    batches: list[int] = Field(description="Numbers of the batches that catch up.")
    refused: list[str]


async def listing(call: Call[JobsQuery, None]) -> Answer:
    """The jobs that the key may see."""
    asked = call.query
    found = [one for one in await jobs.every(call.turn, call.organization) if visible(call, one)]
    if asked.enabled is not None:
        found = [one for one in found if one.enabled == (asked.enabled == "true")]
    if asked.word:
        word = asked.word.casefold()
        found = [one for one in found if word in " ".join((one.name, one.label, *one.job.tags)).casefold()]
    return Answer(Jobs(jobs=[JobLine(**_line(one)) for one in found]))


async def read(call: Call[None, None]) -> Answer:
    """One job with its definition."""
    return Answer(await _told(call, await targets.job(call, call.path["job_id"])))


async def put(call: Call[None, JobWritten]) -> Answer:
    """Make a job of that name, or make the one that there is what is written."""
    written, checks, vault = call.body.definition, call.desk.checks, call.desk.vault
    try:
        try:
            job = await targets.job(call, call.path["job_id"])
        except NotFound:
            made = await revisions.make(
                call.turn, call.actor, call.path["job_id"], written, checks=checks, vault=vault
            )
            return await _revised(call, made, 201)
        before = job.job.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        reset: dict[str, Any] = {name: None for name in before if name not in _STAY}
        done = await revisions.change(
            call.turn, call.actor, job, reset | written, since=call.body.version, checks=checks, vault=vault
        )
        if not done.job.enabled:
            done = await revisions.enable(call.turn, call.actor, done.job, vault=vault)
        return await _revised(call, done, 200)
    except Invalid as refused:
        mistakes = [
            Mistake(detail=plain(said), pointer=_place(name)) for name, said in refused.fields.items()
        ]
        raise Refused("invalid", refused.sentence, hint=refused.hint, errors=mistakes) from None


async def delete(call: Call[None, None]) -> Answer:
    """Disable a job; its history stays."""
    job = await targets.job(call, call.path["job_id"])
    done = await revisions.disable(call.turn, call.actor, job, vault=call.desk.vault)
    return await _revised(call, done, 200)


async def pause(call: Call[None, Noted]) -> Answer:
    """Stop the schedules of a job for now."""
    job = await targets.job(call, call.path["job_id"])
    await pauses.pause(call.turn, call.actor, job, None, call.body.note, call.desk.vault)
    return Answer(await _told(call, await jobs.get(call.turn, job.pk)))


async def resume(call: Call[None, Resume]) -> Answer:
    """Let the schedules of a job go on."""
    job = await targets.job(call, call.path["job_id"])
    done = await pauses.resume(call.turn, call.actor, job, None, call.desk.vault, catch_up=call.body.catch_up)
    return Answer(Resumed(skipped=done.skipped, batches=list(done.batches), refused=list(done.refused)))


def visible(call: Call[Any, Any], job: Job) -> bool:
    """The key may see the job."""
    try:
        keys.permit_job(call.key, job)
    except NotAllowed:
        return False
    return call.actor.may(job.job.access.view)


async def _revised(call: Call[Any, Any], done: Revised, status: int) -> Answer:
    return Answer(
        JobRevised(
            job=await _told(call, done.job),
            effect=str(done.effect),
            changes=[str(one) for one in done.details],
            warnings=list(done.warnings),
        ),
        status,
    )


async def _told(call: Call[Any, Any], job: Job) -> JobTold:
    coming = [one.next_at for one in await schedules.of_job(call.turn, job.pk)]
    return JobTold(
        **_line(job),
        definition=job.job.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        next_at=min((at for at in coming if at is not None), default=None) if not job.paused_at else None,
    )


def _line(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "title": job.label,
        "description": job.job.description,
        "agent": job.job.agent,
        "origin": job.origin,
        "file": job.file,
        "enabled": job.enabled,
        "version": job.version_number,
        "tags": list(job.job.tags),
        "paused_at": job.paused_at,
        "paused_why": job.paused_why,
    }


def _place(name: str) -> str:
    return pointer("definition", *name.split(".")) if name and name != "name" else pointer("definition")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/jobs",
        "listJobs",
        "List jobs",
        TAG,
        Permission.READ,
        Jobs,
        listing,
        query=JobsQuery,
    ),
    Endpoint(
        "GET",
        "/api/v1/jobs/{job_id}",
        "getJob",
        "Read a job with its definition",
        TAG,
        Permission.READ,
        JobTold,
        read,
        refusals=(404,),
    ),
    Endpoint(
        "PUT",
        "/api/v1/jobs/{job_id}",
        "putJob",
        "Make or change a job",
        TAG,
        Permission.EDITOR,
        JobRevised,
        put,
        description="Under the rules of job files. A job that stands in a file is changed there (409). Sent "
        "twice, it changes nothing.",
        body=JobWritten,
        refusals=(404, 409),
        example={"report": {"summary": "A report", "value": {"definition": _EXAMPLE}}},
        also=(201,),
    ),
    Endpoint(
        "DELETE",
        "/api/v1/jobs/{job_id}",
        "disableJob",
        "Disable a job",
        TAG,
        Permission.EDITOR,
        JobRevised,
        delete,
        description="Its history stays, and what runs goes on to its end.",
        refusals=(404, 409),
    ),
    Endpoint(
        "POST",
        "/api/v1/jobs/{job_id}/pause",
        "pauseJob",
        "Pause the schedules of a job",
        TAG,
        Permission.EDITOR,
        JobTold,
        pause,
        body=Noted,
        body_required=False,
        refusals=(404, 409),
        example={"note": {"summary": "With a note", "value": {"note": "data is being moved"}}},
    ),
    Endpoint(
        "POST",
        "/api/v1/jobs/{job_id}/resume",
        "resumeJob",
        "Let the schedules of a job go on",
        TAG,
        Permission.EDITOR,
        Resumed,
        resume,
        body=Resume,
        body_required=False,
        refusals=(404, 409),
        example={"catch-up": {"summary": "And run what was due", "value": {"catch_up": True}}},
    ),
)
