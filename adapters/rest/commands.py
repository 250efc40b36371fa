"""Whole command lines, as in chat: what has no address of its own can be said here."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Annotated, Any

from aiohttp import web
from pydantic import ConfigDict, Field, StringConstraints

from adapters.rest import problems
from adapters.rest.endpoint import Ask, Endpoint, Model, Told
from adapters.rest.problems import Refused, plain
from core import ids
from core.desk.visit import Outcome, Reply, Request
from core.keys import PLATFORM, Permission
from core.messages import File, Form, Message
from core.people import Speaker
from core.ports import Channel
from core.store import people as people_rows
from core.store import requests as rows
from core.turns import Turn

TAG = "Commands"
_BYTES = ("data", "document")  # of a file: a run's files have addresses of their own


class Line(Model):
    """A command line, without /job."""

    line: Annotated[str, StringConstraints(min_length=1, max_length=4_000)] = Field(
        description="As it is said in chat.", examples=["sets weekly-report emea campaign_id=42,43"]
    )


class ButtonTold(Told):
    """A line that may be said next."""

    label: str
    line: str


class Said(Told):
    """The answer, as a chat shows it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "outcome": "done",
                    "title": "weekly-report",
                    "text": "weekly-report is unlocked.",
                    "batch": None,
                    "blocks": [{"type": "paragraph", "text": "weekly-report is unlocked.", "marked": False}],
                    "buttons": [],
                }
            ]
        }
    )

    outcome: Outcome = Field(description="question: a button says yes. form: values are missing.")
    title: str
    text: str
    batch: int | None = Field(description="The number of what was started.")
    blocks: list[dict[str, Any]] = Field(description="paragraph, facts, table, code, headlines, image, file")
    buttons: list[ButtonTold]


async def say(request: web.Request, ask: Ask[None, Line]) -> web.StreamResponse:
    """Say a line as the key; the desk looks at its role and writes the audit row, as for anybody."""
    if ask.key.jobs:
        raise Refused(
            "not-allowed",
            f"The key {ask.key.name} is limited to jobs; commands reach further.",
            hint="An admin makes one without that limit.",
        )
    text, source = ask.body.line, f"line:{ask.key.pk}"
    key = request.headers.get("Idempotency-Key") or ids.new()

    async def look(turn: Turn) -> tuple[str, str | None]:
        organization = await people_rows.organization_of(turn.connection, ask.organization)
        before = await rows.find(turn.connection, ask.organization, source, key)
        return organization.name, before.hash if before is not None else None

    organization, before = await ask.desk.turns.look(look)
    if before not in (None, hashlib.sha256(text.encode()).hexdigest()):
        raise Refused("reused-key", "This Idempotency-Key came before with another line.")
    reply = await ask.desk.talk(
        Request(
            speaker=Speaker(PLATFORM, ask.key.organization_id, ask.key.id, ask.key.name),
            channel=Channel("console", f"api-{ask.key.id}"),
            text=text,
            key=key,
            source=source,
            organization=organization,
        )
    )
    if reply.outcome is Outcome.REFUSED:
        raise _refused(reply)
    return web.json_response(_told(reply).model_dump(mode="json"))


def _refused(reply: Reply) -> Refused:
    lines = [button.command for button in reply.message.buttons]
    said = plain(reply.message.text)
    if reply.busy:
        return Refused("busy", said, headers={"Retry-After": str(problems.BUSY_WAIT)})
    return Refused("invalid", said, suggestions=lines)


def _told(reply: Reply) -> Said:
    message = reply.message
    blocks = told_blocks(message)
    blocks += [_form(message.form)] if message.form else []
    return Said(
        outcome=reply.outcome,
        title=message.title,
        text=message.text,
        batch=reply.batch,
        blocks=blocks,
        buttons=[ButtonTold(label=one.label, line=one.command) for one in message.buttons],
    )


def told_blocks(message: Message) -> list[dict[str, Any]]:
    """What a message shows, as a chat would."""
    shown = [replace(one, data=b"") if isinstance(one, File) else one for one in message.blocks]
    made = [{"type": type(one).__name__.lower(), **asdict(one)} for one in shown]
    return [{key: value for key, value in one.items() if key not in _BYTES} for one in made]


def _form(form: Form) -> dict[str, Any]:
    return {"type": "form", **asdict(form)}


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/v1/commands",
        "sayCommand",
        "Say a command line",
        TAG,
        Permission.VIEWER,
        Said,
        stream=say,
        description="What members say in chat, answered as there: approve, lock, unlock, sets, backfill and "
        "the rest. What is refused is a 422. Without a role permission, and for keys limited to jobs, 403.",
        body=Line,
        example={"list": {"summary": "List the jobs", "value": {"line": "list"}}},
    ),
)
