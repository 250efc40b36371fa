"""allow: a yes to a channel that another company reads too."""

from __future__ import annotations

from core import addresses, sharing
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.errors import Invalid
from core.wording import sharing as wording


async def allow(visit: Visit) -> Reply:
    """`allow slack:C0123456`."""
    await targets.may_look(visit, Role.VIEWER)
    word = visit.command.word(0)
    if said := addresses.mistake(word):
        raise Invalid(f"{said[:1].upper()}{said[1:]}.", hint="It is written as the question says it.")
    waited = await sharing.allow(visit.turn, visit.member, addresses.read(word))
    return Reply(wording.allowed(word, waited))
