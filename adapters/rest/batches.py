"""Batches: list, read, start, cancel, retry, run again, agree."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from adapters.rest import starting, targets
from adapters.rest.endpoint import Answer, Call, Endpoint, Model, Query, Told
from adapters.rest.reading import Limit
from adapters.rest.starting import START_EXAMPLES, Start
from core import approvals, batches, jobs, keys, orders, privacy, views
from core.batches import Started
from core.errors import NotAllowed
from core.jobs import Job
from core.keys import Permission
from core.lifecycles import BatchState, Status
from core.views import BatchView

TAG = "Batches and runs"
ROUNDS = 5  # times that more is read where what was read is not to be seen


class JobOf(Told):
    """The job of a batch."""

    id: str
    name: str
    title: str


class RunLine(Told):
    """A run of a batch."""

    id: str
    number: str = Field(description="How people call it: #128.3")
    status: Status
    attempt: int
    step: str = Field(description="Where it is, while it runs.")
    reason: str
    parameters: dict[str, Any] = Field(description="Secrets are covered.")
    answer: str | None
    error: str | None
    started_at: datetime | None
    ended_at: datetime | None


class BatchLine(Told):
    """What one wish started: one run, or several."""

    id: str
    number: int
    state: BatchState
    ended: bool
    reason: str
    job: JobOf
    trigger: str
    initiator: str
    total: int
    counts: dict[Status, int] = Field(description="How many runs are in each status.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None = Field(description="The instant that it is run for, where there is one.")
    rerun_of: int | None = Field(description="The number of the batch that it repeats.")


class Batch(BatchLine):
    """A batch with its runs."""

    runs: list[RunLine]


class Batches(Told):
    """A page of batches, newest first."""

    batches: list[BatchLine]
    cursor: str | None = Field(description="Give it as `cursor` to get the next page; null at the end.")


class BatchesQuery(Query):
    """Which batches."""

    job: str | None = Field(None, description="Of this job: its id or name.")
    state: BatchState | None = Field(None, description="Only in this state.")
    limit: Limit = 50
    cursor: str | None = Field(None, description="Where the page before ended.", max_length=200)


Note = Annotated[
    Annotated[str, StringConstraints(max_length=1_000)], Field(description="Why, for the record.")
]


class Noted(Model):
    """Why something is done."""

    note: Note = ""


class Approve(Noted):
    """A yes to a batch that asks for one."""

    first: Annotated[int, Field(ge=1, le=orders.MOST_RUNS)] | None = Field(
        None, description="Only so many of its runs."
    )


def line(view: BatchView) -> BatchLine:
    """A batch in a list."""
    return BatchLine(**_line(view))


def told(view: BatchView) -> Batch:
    """A batch with its runs."""
    return Batch(**_line(view), runs=[_run(view, place) for place in range(len(view.runs))])


async def listing(call: Call[BatchesQuery, None]) -> Answer:
    """A page of batches, newest first."""
    asked = call.query
    job = await targets.job(call, asked.job) if asked.job else None
    place = targets.place(asked.cursor, 1)
    before = place[0] if place else None
    shown: list[BatchView] = []
    more = True
    for _ in range(ROUNDS):
        found = await batches.latest(
            call.turn,
            call.organization,
            job=job.pk if job else None,
            states=(asked.state,) if asked.state else None,
            before=before,
            limit=asked.limit + 1,
        )
        more = len(found) > asked.limit
        page = found[: asked.limit]
        known = await jobs.of_pks(call.turn, sorted({one.job for one in page}))
        numbers = [one.number for one in page if _visible(call, known.get(one.job), one.member)]
        seen = await views.of_batches(call.turn, numbers[: asked.limit - len(shown)]) if numbers else []
        shown += sorted(seen, key=lambda view: -view.batch.number)
        cut = len(numbers) > len(seen)
        before = shown[-1].batch.number if cut else page[-1].number if page else before
        more = more or cut
        if not more or len(shown) >= asked.limit:
            break
    after = targets.cursor((before,)) if more and before is not None else None
    return Answer(Batches(batches=[line(one) for one in shown], cursor=after))


async def read(call: Call[None, None]) -> Answer:
    """One batch with its runs."""
    return Answer(told(await targets.batch(call, call.path["batch"])))


async def start(call: Call[None, Start]) -> Answer:
    """Start a job, as `trigger` does; the answer is the batch."""
    job = await targets.job(call, call.path["job_id"])
    started = await orders.start(call.turn, call.actor, job, starting.order(call.body), call.office)
    return await _started(call, job, started)


async def cancel(call: Call[None, Noted]) -> Answer:
    """Cancel what is left of a batch."""
    view = await targets.batch(call, call.path["batch"])
    await orders.cancel(call.turn, call.actor, view, None, note=call.body.note)
    return await _now(call, view)


async def retry(call: Call[None, Noted]) -> Answer:
    """Start what failed once more."""
    view = await targets.batch(call, call.path["batch"])
    started = await orders.retry(call.turn, call.actor, view, None, call.office, note=call.body.note)
    return await _started(call, view.job, started)


async def rerun(call: Call[None, Noted]) -> Answer:
    """Start the same runs again."""
    view = await targets.batch(call, call.path["batch"])
    started = await orders.run_again(call.turn, call.actor, view, None, call.office, note=call.body.note)
    return await _started(call, view.job, started)


async def approve(call: Call[None, Approve]) -> Answer:
    """Let a batch start that asks for a yes."""
    view = await targets.batch(call, call.path["batch"])
    await approvals.approve(call.turn, call.actor, view.batch.number, first=call.body.first)
    return await _now(call, view)


async def reject(call: Call[None, Noted]) -> Answer:
    """Turn a batch down that asks for a yes."""
    view = await targets.batch(call, call.path["batch"])
    await approvals.reject(call.turn, call.actor, view.batch.number, call.body.note)
    return await _now(call, view)


async def cancel_run(call: Call[None, Noted]) -> Answer:
    """Cancel one run."""
    view, run = await targets.run(call, call.path["run"], whole=False)
    await orders.cancel(call.turn, call.actor, view, run, note=call.body.note)
    return await _now(call, view)


async def retry_run(call: Call[None, Noted]) -> Answer:
    """Start a run that failed once more."""
    view, run = await targets.run(call, call.path["run"], whole=False)
    started = await orders.retry(call.turn, call.actor, view, run, call.office, note=call.body.note)
    return await _started(call, view.job, started)


async def _started(call: Call[Any, Any], job: Job, started: Started) -> Answer:
    if (refused := await starting.refusal(call, job, started)) is not None:
        return refused
    view = await views.of_batch(call.turn, started.batch, whole=False)
    return Answer(told(view), 201, headers={"Location": f"/api/v1/batches/{started.id}"})


async def _now(call: Call[Any, Any], view: BatchView) -> Answer:
    return Answer(told(await views.of_batch(call.turn, view.batch.number, whole=False)))


def _visible(call: Call[Any, Any], job: Job | None, starter: int | None) -> bool:
    if job is None or not call.actor.may(job.job.access.view):
        return False
    if not privacy.may_see(call.actor, starter, job.job):
        return False
    try:
        keys.permit_job(call.key, job)
    except NotAllowed:
        return False
    return True


def _line(view: BatchView) -> dict[str, Any]:
    batch = view.batch
    name = view.names.get(batch.member, "somebody") if batch.member is not None else str(batch.trigger)
    return {
        "id": batch.id,
        "number": batch.number,
        "state": batch.state,
        "ended": batch.state.ended,
        "reason": batch.reason,
        "job": JobOf(id=view.job.id, name=view.job.name, title=view.job.label),
        "trigger": str(batch.trigger),
        "initiator": name,
        "total": batch.total,
        "counts": batch.counts,
        "created_at": batch.created_at,
        "started_at": batch.started_at,
        "ended_at": batch.ended_at,
        "due_at": batch.due_at,
        "rerun_of": batch.rerun_of,
    }


def _run(view: BatchView, place: int) -> RunLine:
    run = view.runs[place]
    answer, failure = view.answer(run), view.failure(run)
    return RunLine(
        id=run.id,
        number=run.label,
        status=run.status,
        attempt=run.attempt,
        step=run.step,
        reason=run.reason,
        parameters=view.values(run),
        answer=answer.text if answer else None,
        error=failure.sentence if failure else None,
        started_at=run.started_at,
        ended_at=run.ended_at,
    )


def _act(
    path: str, name: str, summary: str, work: Any, *, body: type[Model] = Noted, status: int = 200
) -> Endpoint:
    """Something that is done to a batch or a run."""
    return Endpoint(
        "POST", path, name, summary, TAG, Permission.TRIGGER, Batch, work,
        body=body, body_required=False, refusals=(404, 409), status=status,
        example={"note": {"summary": "With a note", "value": {"note": "the load was late"}}},
    )  # fmt: skip


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/v1/jobs/{job_id}/batches",
        "startBatch",
        "Start a job",
        TAG,
        Permission.TRIGGER,
        Batch,
        start,
        description="As triggerJob, answered with the batch.",
        body=Start,
        body_required=False,
        example=START_EXAMPLES,
        refusals=(404, 409),
        status=201,
    ),
    Endpoint(
        "GET",
        "/api/v1/batches",
        "listBatches",
        "List batches, newest first",
        TAG,
        Permission.READ,
        Batches,
        listing,
        query=BatchesQuery,
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/api/v1/batches/{batch}",
        "getBatch",
        "Read a batch with its runs",
        TAG,
        Permission.READ,
        Batch,
        read,
        refusals=(404,),
    ),
    _act("/api/v1/batches/{batch}/cancel", "cancelBatch", "Cancel a batch", cancel),
    _act("/api/v1/batches/{batch}/retry", "retryBatch", "Run again what failed", retry, status=201),
    _act("/api/v1/batches/{batch}/rerun", "rerunBatch", "Run all of it again", rerun, status=201),
    _act("/api/v1/batches/{batch}/approve", "approveBatch", "Say yes to a batch", approve, body=Approve),
    _act("/api/v1/batches/{batch}/reject", "rejectBatch", "Turn a batch down", reject),
    _act("/api/v1/runs/{run}/cancel", "cancelRun", "Cancel one run", cancel_run),
    _act("/api/v1/runs/{run}/retry", "retryRun", "Run one run again that failed", retry_run, status=201),
)
