"""Chats as the API tells them: a line of a list, and one with its whole record."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_never

from pydantic import ConfigDict, Field

from adapters.rest.endpoint import Told
from core import entries, parameters
from core.entries import Record
from core.lifecycles import Status
from core.pages import ChatLine
from core.runs import Run
from core.views import BatchView
from core.wording import words

CHAT_ID = "0198a1f2-7c1e-7d3a-9f55-0d6d0c1a2b3c"
JOB_ID = "0198a1f0-1111-7222-8333-444455556666"
AGENT_ID = "0198a1f0-7777-7888-8999-aaaabbbbcccc"
BATCH_ID = "0198a1f2-7c1d-7a10-8c44-1f2e3d4c5b6a"


class Named(Told):
    """A job or an agent."""

    id: str
    name: str


class ChatSummary(Told):
    """A chat in a list: the record of one run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": CHAT_ID,
                    "status": "succeeded",
                    "initiator": "Data pipeline",
                    "createdAt": "2026-03-02T07:00:00Z",
                    "job": {"id": JOB_ID, "name": "weekly-report"},
                    "agent": {"id": AGENT_ID, "name": "analyst"},
                }
            ]
        }
    )

    id: str
    status: Status
    initiator: str = Field(description="Who started it by name, or what did: schedule, backfill.")
    created_at: datetime = Field(alias="createdAt")
    job: Named
    agent: Named


class Chats(Told):
    """A page of chats, newest first."""

    chats: list[ChatSummary]
    cursor: str | None = Field(
        None, description="Give it as `cursor` to get the next page; null at the end. A page may be short."
    )


class ChatMessage(Told):
    """One entry of a chat, in order."""

    id: str
    role: str = Field(description="user: what was asked. assistant: what was found. tool, system: between.")
    type: str = Field(
        description="question, query, result, check, chart, headline, answer, log, file, failure"
    )
    content: str
    attempt: int
    created_at: datetime = Field(alias="createdAt")
    data: dict[str, Any] = Field(description="The entry itself; its fields go by `type`.")


class Document(Told):
    """A table, a chart or a file of a chat. Big tables may be cut: then `truncated`."""

    id: str
    type: str = Field(description="table, chart, file")
    name: str
    title: str
    columns: list[str] | None = None
    rows: list[list[str | int | float | bool | None]] | None = None
    truncated: bool | None = None
    chart: dict[str, Any] | None = Field(None, description="chart: its type, x, y, series, title, unit.")
    media_type: str | None = Field(None, alias="mediaType")
    size: int | None = Field(None, description="file: bytes")


class BatchOf(Told):
    """The batch that a chat belongs to, and its place in it."""

    id: str
    number: int
    index: int
    total: int


class Metadata(Told):
    """About the run of a chat."""

    number: str = Field(description="How people call it: #128.3")
    trigger: str
    parameters: dict[str, Any] = Field(description="Its parameters; secrets are covered.")
    job_version: int = Field(alias="jobVersion")
    attempt: int
    reason: str = Field(description="Why it ended so, empty where there is nothing to say.")
    step: str = Field(description="Where it is, while it runs.")
    due_at: datetime | None = Field(alias="dueAt")
    started_at: datetime | None = Field(alias="startedAt")
    ended_at: datetime | None = Field(alias="endedAt")
    batch: BatchOf


class Chat(ChatSummary):
    """A chat with its whole record."""

    chat: ChatSummary = Field(description="The same summary again, for clients that look for it here.")
    answer: str | None = Field(description="The last word of the agent.")
    error: str | None = Field(description="Why the last attempt did not succeed.")
    messages: list[ChatMessage]
    documents: list[Document]
    metadata: Metadata


def summary_of(line: ChatLine, agents: dict[str, str]) -> ChatSummary:
    """A line of the list; `agents` are ids by name."""
    name = line.job.job.agent
    return ChatSummary(
        id=line.id,
        status=line.status,
        initiator=line.initiator,
        created_at=line.created_at,
        job=Named(id=line.job.id, name=line.job.name),
        agent=Named(id=agents.get(name, ""), name=name),
    )


def of_run(view: BatchView, run: Run, agent_id: str) -> Chat:
    """A run with everything that was recorded of it."""
    summary = ChatSummary(
        id=run.id,
        status=run.status,
        initiator=view.names.get(view.batch.member, "somebody")
        if view.batch.member is not None
        else str(view.batch.trigger),
        created_at=run.created_at,
        job=Named(id=view.job.id, name=view.job.name),
        agent=Named(id=agent_id, name=view.version.job.agent),
    )
    records = view.records.get(run.pk, [])
    answer, failure = view.answer(run), view.failure(run)
    return Chat(
        **{name: getattr(summary, name) for name in ChatSummary.model_fields},
        chat=summary,
        answer=answer.text if answer else None,
        error=failure.sentence if failure else None,
        messages=[_message(run, one) for one in records],
        documents=[found for one in records if (found := _document(run, one)) is not None],
        metadata=Metadata(
            number=run.label,
            trigger=view.batch.trigger,
            parameters=view.values(run),
            job_version=view.version_number,
            attempt=run.attempt,
            reason=run.reason,
            step=run.step,
            due_at=run.due_at,
            started_at=run.started_at,
            ended_at=run.ended_at,
            batch=BatchOf(
                id=view.batch.id, number=view.batch.number, index=run.index, total=view.batch.total
            ),
        ),
    )


def entry_id(run: Run, record: Record) -> str:
    """The id of an entry: its run's, and its number in it."""
    return f"{run.id}.{record.sequence}"


def _message(run: Run, record: Record) -> ChatMessage:
    role, content = _said(record.entry)
    kind, data = entries.encode(record.entry)
    for big in ("rows", "chart"):  # they stand among the documents
        data.pop(big, None) if kind in ("result", "chart") else None
    data.pop("path", None)
    return ChatMessage(
        id=entry_id(run, record),
        role=role,
        type=kind,
        content=content,
        attempt=record.attempt,
        created_at=record.at,
        data=data,
    )


def _said(entry: entries.Kept) -> tuple[str, str]:
    """Who says an entry, and the words."""
    match entry:
        case entries.Asked():
            return "user", entry.question or entry.name
        case entries.Queried():
            return "tool", entry.error or entry.text
        case entries.Returned():
            return "tool", f"{words.count(len(entry.rows), 'row')} of {entry.title or entry.name}"
        case entries.Checked():
            return "system", entry.detail
        case entries.Charted():
            return "assistant", entry.alt
        case entries.Judged():
            return "system", f"{entry.gate}: {entry.text} {entry.detail}".strip()
        case entries.Headlined():
            return "assistant", f"{entry.name}: {parameters.show(entry.value)}"
        case entries.Answered():
            return "assistant", entry.text
        case entries.Logged():
            return "system", entry.text
        case entries.Attached():
            return "assistant", entry.name
        case entries.Failed():
            return "system", entry.sentence
        case _:
            assert_never(entry)


def _document(run: Run, record: Record) -> Document | None:
    entry = record.entry
    if isinstance(entry, entries.Returned):
        return Document(
            id=entry_id(run, record),
            type="table",
            name=entry.name,
            title=entry.title or entry.name,
            columns=list(entry.columns),
            rows=[list(row) for row in entry.rows],
            truncated=entry.truncated,
        )
    if isinstance(entry, entries.Charted):
        chart = entry.chart
        drawn = {"type": chart.type, "x": chart.x, "y": chart.y, "series": chart.series, "unit": chart.unit}
        return Document(
            id=entry_id(run, record),
            type="chart",
            name=entry.name,
            title=chart.title or entry.name,
            columns=list(chart.columns),
            rows=[list(row) for row in chart.rows],
            chart=drawn,
        )
    if isinstance(entry, entries.Attached):
        return Document(
            id=entry_id(run, record),
            type="file",
            name=entry.name,
            title=entry.name,
            media_type=entry.media_type,
            size=entry.size,
        )
    return None
