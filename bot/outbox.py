"""`slashjob deliveries --json`: what became of messages, for machines."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from core import jobs, people
from core.commands import read_reference
from core.desk import delivering
from core.store import deliveries as rows
from core.store.dialects import Row
from core.turns import Turn

if TYPE_CHECKING:
    from bot.app import Bot

PAGE = 100


async def export(bot: Bot, target: str, *, state: str, page: int) -> int:
    """Print a page of them as JSON, newest first; `target` is a job, a run's number, or nothing.

    Raises `Refusal`: there is no such job or state.
    """
    states = delivering.states(state)

    async def look(turn: Turn) -> list[dict[str, Any]]:
        organization = await people.organization(turn)
        reference = read_reference(target) if target else None
        job = None
        if target and reference is None:
            job = (await jobs.find(turn, organization, target)).pk
        batch = None if reference is None else reference.batch
        found = await rows.listing(
            turn.connection, organization, job=job, batch=batch, states=states, limit=page * PAGE
        )
        shown = found[(page - 1) * PAGE :]
        instead = await rows.instead_of(turn.connection, [row.id for row in shown])
        return [_json(row, instead) for row in shown]

    click.echo(json.dumps({"deliveries": await bot.turns.take(look)}, ensure_ascii=False))
    return 0


def _json(row: Row, instead: list[Row]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "job": row.job_name,
        "batch": row.batch,
        "channel": f"{row.platform}:{row.address}",
        "thread": row.thread,
        "channel_name": row.channel_name,
        "channel_state": row.channel_state,
        "state": row.state,
        "attempts": row.attempts,
        "error": row.error,
        "created_at": _instant(row.created_at),
        "due_at": _instant(row.due_at),
        "sent_at": _instant(row.sent_at),
        "instead": [
            {"id": one.id, "channel": f"{one.platform}:{one.address}", "state": one.state}
            for one in instead
            if one.subject == f"instead:{row.id}"
        ],
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
