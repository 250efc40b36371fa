"""Starts by programs: what they may say of a start, and what they are told of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from adapters.rest import targets
from adapters.rest.chats import CHAT_ID, JOB_ID
from adapters.rest.endpoint import Answer, Call, Model, Told
from adapters.rest.problems import Mistake, Problem, Reference, Refused, pointer, problem
from core import addresses, orders, runs
from core.batches import Started
from core.jobs import Job
from core.lifecycles import BatchState, Status
from core.orders import Order
from core.store import batches as batch_rows

FULL_WAIT = 30  # seconds after which a full line is worth another try

Value = Annotated[
    str | bool | int | float | None,
    Field(description='A value, typed or as text: 42 and "42" mean the same to an integer parameter.'),
]
Values = dict[str, Value]


class Start(Model):
    """What to run. Without anything: once, with the job's defaults."""

    parameters: Values = Field({}, description="Values that hold for every run.")
    parameter_sets: list[Values | str] = Field(
        [], max_length=1_000, description="A run for each; a text is the name of a saved set."
    )
    matrix: dict[str, Annotated[list[Value], Field(min_length=1, max_length=1_000)]] = Field(
        {}, description="Several values for parameters: a run for every combination."
    )
    notify: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = Field(
        None,
        description="Where the end is told instead of the job's own channel.",
        examples=["slack:#growth"],
    )
    note: Annotated[str, StringConstraints(max_length=1_000)] = Field("", description="Why, for the record.")


class Triggered(Told):
    """What was started. Both documented shapes in one; `batch` and `chats` where it is several runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "chat": {"id": CHAT_ID},
                    "job": {"id": JOB_ID},
                    "chat_id": CHAT_ID,
                    "job_id": JOB_ID,
                }
            ]
        }
    )

    success: bool
    chat: Reference
    job: Reference
    chat_id: str
    job_id: str
    batch: Reference | None = None
    chats: list[Reference] | None = None


START_EXAMPLES = {
    "nothing": {"summary": "Once, with the job's defaults", "value": {}},
    "parameters": {"summary": "Once", "value": {"parameters": {"campaign_id": 42}}},
    "sets": {
        "summary": "A run for each set",
        "value": {"parameter_sets": [{"campaign_id": 42}, {"campaign_id": 43}]},
    },
    "matrix": {
        "summary": "Every combination, told in a channel",
        "value": {
            "matrix": {"market": ["NL", "BE"]},
            "parameters": {"campaign_id": 42},
            "notify": "slack:#growth",
            "note": "after the load of 2 March",
        },
    },
}


def order(body: Start) -> Order:
    """What is ordered. Raises `Refused` 422 for a channel that there cannot be."""
    if body.notify is not None and (said := addresses.mistake(body.notify)):
        raise Refused("invalid", said, errors=[Mistake(detail=said, pointer=pointer("notify"))])
    return Order(body.parameters, tuple(body.parameter_sets), body.matrix, body.notify or "", body.note)


async def trigger(call: Call[None, Start]) -> Answer:
    """Start a job; answered at once, while the run goes on."""
    job = await targets.job(call, call.path["job_id"])
    started = await orders.start(call.turn, call.actor, job, order(call.body), call.office)
    if (refused := await refusal(call, job, started)) is not None:
        return refused
    several = len(started.runs) > 1 or bool(call.body.parameter_sets or call.body.matrix)
    chats = [Reference(id=one) for one in started.runs]
    return Answer(
        Triggered(
            success=True,
            chat=chats[0],
            job=Reference(id=job.id),
            chat_id=started.runs[0],
            job_id=job.id,
            batch=Reference(id=started.id) if several else None,
            chats=chats if several else None,
        ),
        sparse=True,
    )


async def refusal(call: Call[Any, Any], job: Job, started: Started) -> Answer | None:
    """The answer where nothing runs: the job is active already (409), or the line is full (429).

    A skip is recorded, as a schedule's is; a full line leaves nothing, so that it can be tried again.
    """
    if started.state is not BatchState.SKIPPED:
        return None
    if started.holder is None:
        return Answer(problem("conflict", f"Nothing was started: {started.reason}."), 409, sparse=True)
    if "were waiting" in started.reason:
        raise Refused(
            "too-many",
            f"Nothing was started: {started.reason}.",
            hint=f"Try again in {FULL_WAIT} s.",
            headers={"Retry-After": str(FULL_WAIT)},
        )
    return Answer(await _overlap(call, job, started.holder), 409, sparse=True)


async def _overlap(call: Call[Any, Any], job: Job, holder: int) -> Problem:
    found = await runs.of_batch(call.turn, holder)
    going = next((one for one in found if one.status is Status.RUNNING), None)
    going = going or next((one for one in found if not one.status.ended), found[0])
    rows = await batch_rows.get(call.turn.connection, [holder])
    return problem(
        "overlap",
        f"{job.name} is active already as #{holder}; its overlap policy is {job.job.overlap.policy}.",
        hint="Wait for its end, or let the job queue: overlap: queue",
        chat=Reference(id=going.id),
        chat_id=going.id,
        batch=Reference(id=rows[0].id),
    )
