"""The trail: who did what, read from the audit, the newest first. Only admins read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import people
from core.definitions import Role
from core.people import Member
from core.store import notes as rows
from core.store.dialects import Row
from core.turns import Turn

PAGE = 15  # deeds of one page


@dataclass(frozen=True, slots=True)
class Deed:
    """One act. `who` is empty for the bot itself; `data` is what was recorded of it."""

    at: datetime
    who: str
    action: str
    subject: str
    data: dict[str, Any]


async def read(
    turn: Turn, actor: Member, *, job: int | None = None, batch: str | None = None, page: int = 1
) -> tuple[list[Deed], bool]:
    """A page of what was done, and whether there is more: everything, or what concerns a job or a batch.

    `job` is a job's number, `batch` a batch's id. What concerns a job is what was done to it, to its
    schedules and sets, and to its batches.

    Raises:
        NotAllowed: the actor is no admin.
    """
    await people.permit(turn, actor, Role.ADMIN, "see who did what")
    found = await rows.concerning(
        turn.connection, actor.organization, job=job, batch=batch, offset=(page - 1) * PAGE, limit=PAGE + 1
    )
    return [_deed(row) for row in found[:PAGE]], len(found) > PAGE


def _deed(row: Row) -> Deed:
    return Deed(row.at, row.name or "", row.action, row.subject, row.data or {})
