"""The three calls that pipelines written for Interact make; here they work by changing the host."""

from __future__ import annotations

from pydantic import Field

from adapters.rest import targets
from adapters.rest.chats import Chat, Chats, of_run, summary_of
from adapters.rest.endpoint import Answer, Call, Endpoint, Query
from adapters.rest.reading import Limit, Since
from adapters.rest.starting import START_EXAMPLES, Start, Triggered, trigger
from core import jobs, pages
from core.errors import NotFound
from core.keys import Permission
from core.lifecycles import Status
from core.store import jobs as job_rows

TAG = "Compatible"


class ChatsQuery(Query):
    """Which chats."""

    agent_id: str | None = Field(None, alias="agentId", description="Of this agent: its id or name.")
    job_id: str | None = Field(None, alias="jobId", description="Of this job: its id or name.")
    status: Status | None = Field(None, description="Only in this state.")
    since: Since | None = Field(None, description="Begun at this instant or later.")
    limit: Limit = 50
    cursor: str | None = Field(None, description="Where the page before ended.", max_length=200)


async def chats(call: Call[ChatsQuery, None]) -> Answer:
    """A page of chats, newest first."""
    asked = call.query
    job = await targets.job(call, asked.job_id) if asked.job_id else None
    page = await pages.chats(
        call.turn,
        call.actor,
        job=job,
        of_jobs=await _jobs(call),
        status=asked.status,
        since=asked.since,
        before=_pair(asked.cursor),
        limit=asked.limit,
    )
    names = sorted({one.job.job.agent for one in page.lines})
    ids = await job_rows.agents_of(call.turn.connection, call.organization, names) if names else {}
    shown = [summary_of(one, ids) for one in page.lines]
    return Answer(Chats(chats=shown, cursor=targets.cursor(page.after)))


async def chat(call: Call[None, None]) -> Answer:
    """One chat with everything that was recorded."""
    view, run = await targets.run(call, call.path["chat_id"])
    name = view.version.job.agent
    ids = await job_rows.agents_of(call.turn.connection, call.organization, [name])
    return Answer(of_run(view, run, ids.get(name, "")))


async def _jobs(call: Call[ChatsQuery, None]) -> list[int] | None:
    """The only jobs whose chats are wanted: those of an agent, those that the key is limited to."""
    if call.query.agent_id is None and not call.key.jobs:
        return None
    found = await jobs.every(call.turn, call.organization)
    if call.key.jobs:
        found = [one for one in found if one.id in call.key.jobs]
    if call.query.agent_id is not None:
        name = await job_rows.agent_called(call.turn.connection, call.organization, call.query.agent_id)
        if name is None:
            raise NotFound(f"There is no agent {call.query.agent_id[:60]}.")
        found = [one for one in found if one.job.agent == name]
    return [one.pk for one in found]


def _pair(cursor: str | None) -> tuple[int, int] | None:
    found = targets.place(cursor, 2)
    return (found[0], found[1]) if found else None


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/agents/jobs/{job_id}/trigger",
        "triggerJob",
        "Start a job",
        TAG,
        Permission.TRIGGER,
        Triggered,
        trigger,
        description="Answers at once; the run goes on in the background. The body may be left out.",
        body=Start,
        body_required=False,
        example=START_EXAMPLES,
        refusals=(404, 409),
        shares=True,
    ),
    Endpoint(
        "GET",
        "/api/agents/chats",
        "listChats",
        "List chats, newest first",
        TAG,
        Permission.READ,
        Chats,
        chats,
        query=ChatsQuery,
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/api/agents/chats/{chat_id}",
        "getChat",
        "Read a chat with its whole record",
        TAG,
        Permission.READ,
        Chat,
        chat,
        description="Messages in order, documents (tables, charts, files), and the run that it is of.",
        refusals=(404,),
    ),
)
