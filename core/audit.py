"""Who did what: every change and every start leaves a row that is never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import ids
from core.store import tables
from core.turns import Turn


@dataclass(frozen=True, slots=True)
class Act:
    """What was done. `member` is None for the bot itself; `data` holds no secret values."""

    organization: int
    member: int | None
    action: str
    subject: str
    data: dict[str, Any] | None = None


async def record_many(turn: Turn, acts: Sequence[Act]) -> None:
    """Append a row for each, in one statement."""
    made = [
        {
            "id": ids.new(),
            "organization": act.organization,
            "member": act.member,
            "action": act.action,
            "subject": act.subject,
            "data": act.data,
            "at": turn.now,
        }
        for act in acts
    ]
    if made:
        await turn.connection.execute(tables.audit.insert(), made)


async def record(
    turn: Turn,
    *,
    organization: int,
    member: int | None,
    action: str,
    subject: str,
    data: dict[str, Any] | None = None,
) -> None:
    """Append one row. `member` is None for the bot itself; `data` holds no secret values."""
    await turn.connection.execute(
        tables.audit.insert(),
        {
            "id": ids.new(),
            "organization": organization,
            "member": member,
            "action": action,
            "subject": subject,
            "data": data,
            "at": turn.now,
        },
    )
