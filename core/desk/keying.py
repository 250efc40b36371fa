"""keys: what programs open the HTTP API with."""

from __future__ import annotations

from core import keys
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.errors import Misunderstood
from core.nearest import nearest
from core.wording import keys as wording

_WORDS = ("create", "revoke")


async def keys_(visit: Visit) -> Reply:
    """`keys`; `keys create NAME permissions=… jobs=…`: shown once, to who asked only; `keys revoke NAME`."""
    await targets.may_look(visit, Role.VIEWER)
    act, name = visit.command.word(0), visit.command.word(1)
    if not act:
        found = await keys.listing(visit.turn, visit.member)
        return Reply(wording.listing(found, await keys.job_names(visit.turn, visit.organization)))
    if act not in _WORDS or not name:
        close = nearest(act, _WORDS, 1)
        meant = act if act in _WORDS else close[0] if close else "create"
        raise Misunderstood(
            f"`keys {meant}` needs the name of a key." if act in _WORDS else f"Keys cannot {act[:40]}.",
            hint="`keys create NAME permissions=agent_jobs_trigger` makes one, `keys revoke NAME` ends one.",
            suggestions=(f"keys {meant} {name or 'reporting'}",),
        )
    if act == "revoke":
        return Reply(wording.revoked(await keys.revoke(visit.turn, visit.member, name)))
    options = visit.command.options
    key, text = await keys.create(
        visit.turn,
        visit.member,
        name,
        _listed(options.get("permissions", "agent_jobs_trigger,agent_jobs_read")),
        job_names=_listed(options.get("jobs", "")),
    )
    return Reply(wording.created(key, text))


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
