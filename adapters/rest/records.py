"""What is kept: the audit, and the messages that were owed. And whole command lines, as in chat."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from adapters.rest import targets
from adapters.rest.endpoint import Answer, Call, Endpoint, Query, Told
from adapters.rest.jobs import visible
from adapters.rest.reading import Limit
from core import jobs
from core.keys import Permission
from core.lifecycles import DeliveryState
from core.store import notes as rows
from core.vault import sealed

TAG = "Records"


class Act(Told):
    """Something that somebody did."""

    id: str
    at: datetime
    who: str = Field(description="A member or a key by name; slashjob for the bot itself.")
    action: str
    subject: str
    data: dict[str, Any] | None


class Audit(Told):
    """A page of acts, newest first."""

    acts: list[Act]
    cursor: str | None = Field(description="Give it as `cursor` to get the next page; null at the end.")


class AuditQuery(Query):
    """Which acts."""

    action: str | None = Field(
        None, description="Begins so: key. finds all that was done to keys.", max_length=100
    )
    limit: Limit = 50
    cursor: str | None = Field(None, description="Where the page before ended.", max_length=200)


class DeliveryTold(Told):
    """A message that is owed to a channel."""

    id: str
    kind: str
    state: DeliveryState
    channel: str
    batch: str
    number: int = Field(description="The batch's number.")
    job: str
    attempts: int
    error: str
    created_at: datetime
    sent_at: datetime | None


class Deliveries(Told):
    """A page of messages, newest first."""

    deliveries: list[DeliveryTold]
    cursor: str | None = Field(description="Give it as `cursor` to get the next page; null at the end.")


class DeliveriesQuery(Query):
    """Which messages."""

    job: str | None = Field(None, description="Of this job: its id or name.")
    batch: str | None = Field(None, description="Of this batch: its number or id.")
    state: DeliveryState | None = Field(None, description="Only in this state.")
    limit: Limit = 50
    cursor: str | None = Field(None, description="Where the page before ended.", max_length=200)


async def audit(call: Call[AuditQuery, None]) -> Answer:
    """Who did what."""
    asked = call.query
    place = targets.place(asked.cursor, 1)
    found = await rows.audited(
        call.turn.connection,
        call.organization,
        action=asked.action,
        before=place[0] if place else None,
        limit=asked.limit + 1,
    )
    page = found[: asked.limit]
    acts = [
        Act(
            id=row.id,
            at=row.at,
            who=row.name or "slashjob",
            action=row.action,
            subject=row.subject,
            data={name: one for name, one in row.data.items() if not sealed(one)} if row.data else row.data,
        )
        for row in page
    ]
    after = (page[-1].pk,) if len(found) > asked.limit else None
    return Answer(Audit(acts=acts, cursor=targets.cursor(after)))


async def deliveries(call: Call[DeliveriesQuery, None]) -> Answer:
    """What was told where, and what could not be."""
    asked = call.query
    place = targets.place(asked.cursor, 1)
    job = await targets.job(call, asked.job) if asked.job else None
    view = await targets.batch(call, asked.batch) if asked.batch else None
    found = await rows.owed(
        call.turn.connection,
        call.organization,
        job=job.pk if job else None,
        batch=view.batch.number if view else None,
        state=asked.state,
        before=place[0] if place else None,
        limit=asked.limit + 1,
    )
    page = found[: asked.limit]
    known = await jobs.of_pks(call.turn, sorted({row.job for row in page}))
    told = [
        DeliveryTold(
            id=row.id,
            kind=row.kind,
            state=DeliveryState(row.state),
            channel=f"{row.platform}:{row.channel_name or row.address}",
            batch=row.batch_id,
            number=row.batch,
            job=known[row.job].name,
            attempts=row.attempts,
            error=row.error,
            created_at=row.created_at,
            sent_at=row.sent_at,
        )
        for row in page
        if row.job in known and visible(call, known[row.job])
    ]
    after = (page[-1].pk,) if len(found) > asked.limit else None
    return Answer(Deliveries(deliveries=told, cursor=targets.cursor(after)))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/deliveries",
        "listDeliveries",
        "List the messages that were owed",
        TAG,
        Permission.READ,
        Deliveries,
        deliveries,
        query=DeliveriesQuery,
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/api/v1/audit",
        "listAudit",
        "List who did what",
        TAG,
        Permission.ADMIN,
        Audit,
        audit,
        query=AuditQuery,
    ),
)
