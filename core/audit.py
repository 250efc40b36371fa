"""Who did what: every change and every start leaves a row that is never changed."""

from __future__ import annotations

from typing import Any

from core import ids
from core.store import tables
from core.turns import Turn


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
