"""role, claim, link: who is who, and may do what."""

from __future__ import annotations

import hmac

from core import audit, links, people
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Outcome, Reply, Visit
from core.errors import Invalid, NotAllowed, Refusal
from core.nearest import nearest
from core.store import people as rows
from core.wording import home, refusals
from core.wording import people as wording


async def role(visit: Visit) -> Reply:
    """`role`: who has which; `role MEMBER ROLE`: give one."""
    await targets.may_look(visit, Role.VIEWER)
    name, given = visit.command.word(0), visit.command.word(1)
    if not name:
        return Reply(wording.roles(await people.everyone(visit.turn, visit.organization)))
    member = await people.find(visit.turn, visit.organization, name)
    if not given:
        return Reply(wording.roles([member]))
    wanted = given.casefold()
    if wanted not in ("nobody", *Role):
        close = nearest(wanted, [*(str(one) for one in Role), "nobody"])
        raise Invalid(
            f"There is no role {given[:40]}.",
            hint="The roles are viewer, operator, editor and admin; nobody takes a role away.",
            suggestions=tuple(f"role {name} {one}" for one in close[:1]),
        )
    new = None if wanted == "nobody" else Role(wanted)
    return Reply(wording.role_given(await people.give_role(visit.turn, visit.member, member, new)))


async def claim(visit: Visit) -> Reply:
    """`claim CODE`: the first admin, by the code that `serve` printed."""
    code = visit.command.word(0).strip().upper()
    await people.order(visit.turn, visit.organization)
    if not visit.admin_code or await rows.admins(visit.turn.connection, visit.organization):
        raise NotAllowed("There is an admin already.", hint="An admin can give you a role.")
    if not hmac.compare_digest(code, visit.admin_code):
        raise NotAllowed("That is not the code.", hint="The server prints it when it starts.")
    await rows.set_role(visit.turn.connection, visit.member.pk, Role.ADMIN)
    await audit.record(
        visit.turn,
        organization=visit.organization,
        member=visit.member.pk,
        action="member.claim",
        subject=f"member:{visit.member.pk}",
    )
    return Reply(wording.claimed(visit.member), beside=home.welcome(visit.member.name))


async def link(visit: Visit) -> Reply:
    """`link`: a code for another platform; `link CODE`: become one with who made it."""
    code = visit.command.word(0)
    if not code:
        made = await links.offer(visit.turn, visit.member)
        return Reply(wording.link_code(made), confidential=True)
    joined = await links.join(visit.turn, visit.member, code)
    if isinstance(joined, Refusal):  # said, not raised: the code stays used up
        return Reply(refusals.refusal(joined, ""), Outcome.REFUSED)
    return Reply(wording.linked(joined.member, joined.platforms))
