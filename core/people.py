"""Organizations, members, roles: who is speaking, and who may do what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from core import audit, times
from core.definitions import Role
from core.errors import Invalid, NotAllowed, NotFound
from core.nearest import nearest
from core.ports import Channel
from core.store import people as rows
from core.store import workspaces as workspace_rows
from core.store.dialects import Row
from core.turns import Turn

DEFAULT = "default"  # the organization of an installation with one workspace or tenant


class Standing(StrEnum):
    """What the platform knows of a speaker; decides the role at the first contact."""

    OWNER = "owner"  # the operating-system user at the console: admin
    MEMBER = "member"  # operator
    GUEST = "guest"  # a guest, or somebody of another workspace: nobody until an admin says so


_FIRST_ROLE = {Standing.OWNER: Role.ADMIN, Standing.MEMBER: Role.OPERATOR, Standing.GUEST: None}


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something, by the platform's immutable ids.

    `timezone` is the IANA name that the platform tells of them; empty where it tells none just now.
    """

    platform: str
    tenant: str
    external_id: str
    name: str
    standing: Standing = Standing.MEMBER
    email: str = ""
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organization. `role` None is nobody: known, but may do nothing.

    `timezone` is the IANA name of the zone they live in; empty where no platform has told it.
    """

    pk: int
    id: str
    organization: int
    name: str
    role: Role | None
    email: str = ""
    timezone: str = ""

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone they live in; None where it is not known (any more)."""
        return _zone(self.timezone)

    def may(self, role: Role) -> bool:
        """The member's role contains that one."""
        return self.role is not None and self.role.rank >= role.rank


async def organization(turn: Turn, name: str = DEFAULT, *, timezone: str = "UTC") -> int:
    """The organization's number, made at the first call. Safe to race."""
    found = await rows.organization(turn.connection, name)
    if found is None:
        await rows.add_organization(turn.connection, name, timezone, turn.now)
        found = await rows.organization(turn.connection, name)
        if found is None:
            raise NotFound(f"There is no organization {name}.")
    return int(found.pk)


async def recognize(turn: Turn, speaker: Speaker, *, organization: int) -> Member:
    """The member behind the speaker, made known at the first contact. Safe to race.

    A zone that the platform tells is kept, whenever it is another one.
    """
    found = await known(turn, speaker)
    zone = _zone(speaker.timezone)
    lives_in = zone.key if zone is not None else ""
    if found is None:
        role = _FIRST_ROLE[speaker.standing]
        pk = await rows.add_member(
            turn.connection, organization, speaker.name, speaker.email, role, turn.now, lives_in
        )
        if await rows.add_identity(
            turn.connection, pk, speaker.platform, speaker.tenant, speaker.external_id, turn.now
        ):
            await audit.record(
                turn,
                organization=organization,
                member=pk,
                action="member.met",
                subject=f"member:{pk}",
                data={"platform": speaker.platform, "role": role},
            )
        else:
            await rows.remove_member(turn.connection, pk)
        found = await known(turn, speaker)
    if found is None:
        raise NotFound(f"{speaker.name} could not be made known.")
    if lives_in and lives_in != found.timezone:
        await rows.live_in(turn.connection, found.pk, lives_in)
        return replace(found, timezone=lives_in)
    return found


async def permit(turn: Turn, member: Member, role: Role, act: str) -> None:
    """Pass where the member has the role.

    `act` completes "Only an operator can …". Raises `NotAllowed`, naming the missing role and who can
    give it.
    """
    if member.may(role):
        return
    givers = await rows.admins(turn.connection, member.organization)
    have = f"you are {_article(member.role)} {member.role}" if member.role else "you have no role here yet"
    who = " or ".join(givers) if givers else "an admin"
    raise NotAllowed(
        f"Only {_article(role)} {role} can {act}; {have}.",
        hint=f"{who} can give you the role: role {_quoted(member.name)} {role}",
    )


async def find(turn: Turn, organization: int, name: str) -> Member:
    """The member of that name, e-mail address or id; `@U1` is what a mention becomes: a platform's id.

    Raises:
        NotFound: nobody, or several of that name.
    """
    everyone = [_member(row) for row in await rows.every_member(turn.connection, organization)]
    wanted = name.casefold().lstrip("@")
    found = [one for one in everyone if wanted in (one.name.casefold(), one.email.casefold(), one.id)]
    if not found and name.startswith("@"):
        mentioned = await rows.with_external_id(turn.connection, organization, name[1:])
        found = [one for one in everyone if one.pk in mentioned]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(
            f"{len(found)} members are called {name}.",
            hint="Use the e-mail address or the id: " + ", ".join(one.email or one.id for one in found),
        )
    close = nearest(name, [one.name for one in everyone])
    raise NotFound(
        f"Nobody here is called {name}.",
        hint=f"Did you mean {close[0]}?" if close else "Members are known from their first message on.",
    )


async def external_ids(
    turn: Turn, members: Sequence[int], platform: str, tenants: Collection[str] = ()
) -> dict[int, str]:
    """member -> their id on a platform: the one of these tenants where they have several."""
    found: dict[int, str] = {}
    for row in await rows.external_ids(turn.connection, members, platform):
        if row.member not in found or row.tenant in tenants:
            found[row.member] = row.external_id
    return found


async def called(turn: Turn, organization: int, words: Collection[str]) -> dict[str, int]:
    """word -> the number of the member whose e-mail address, or whole name, it is; only those who are one."""
    found = {}
    members = await everyone(turn, organization)
    for word in words:
        plain = word.casefold()
        fitting = [one for one in members if one.email.casefold() == plain]
        fitting = fitting or [one for one in members if one.name.casefold() == plain]
        if len(fitting) == 1:
            found[word] = fitting[0].pk
    return found


async def everyone(turn: Turn, organization: int) -> list[Member]:
    """All members by name."""
    return [_member(row) for row in await rows.every_member(turn.connection, organization)]


async def cap(turn: Turn, most: int) -> None:
    """At most so many runs of each organization are under way at once, from now on."""
    await rows.cap(turn.connection, most)


async def order(turn: Turn, organization: int) -> None:
    """Stand in line: changes of who is an admin follow each other within an organization."""
    await workspace_rows.order(turn.connection, organization)


async def give_role(turn: Turn, actor: Member, member: Member, role: Role | None) -> Member:
    """Set a member's role; None takes it away. Only admins; an admin cannot lower themselves alone."""
    await order(turn, actor.organization)
    now = {one.pk: one for one in await everyone(turn, actor.organization)}
    actor, member = now.get(actor.pk, actor), now.get(member.pk, member)
    await permit(turn, actor, Role.ADMIN, "give roles")
    admins = [one.pk for one in now.values() if one.role is Role.ADMIN]
    if role is not Role.ADMIN and admins == [member.pk]:
        raise NotAllowed(
            "You are the only admin; somebody must remain who can give roles.",
            hint="Make another member admin first.",
        )
    await rows.set_role(turn.connection, member.pk, role)
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action="member.role",
        subject=f"member:{member.pk}",
        data={"from": member.role, "to": role},
    )
    return replace(member, role=role)


async def channel(
    turn: Turn, organization: int, channel: Channel, *, name: str = "", current: bool = True
) -> int:
    """The channel's number, made known at the first contact. Safe to race.

    Its reference replaces the one that is known, unless it is not `current`.
    """
    return await rows.channel(
        turn.connection,
        organization,
        channel.platform,
        channel.address,
        channel.thread,
        name,
        channel.reference,
        turn.now,
        current=current,
    )


async def refer(turn: Turn, organization: int, channel: Channel) -> None:
    """Keep a channel's reference current, for its threads too, made known at the first contact."""
    await rows.channel(
        turn.connection,
        organization,
        channel.platform,
        channel.address,
        channel.thread,
        "",
        channel.reference,
        turn.now,
        current=True,
    )
    if channel.reference is not None:
        await rows.refer(turn.connection, organization, channel.platform, channel.address, channel.reference)


async def learn(turn: Turn, channel: Channel) -> None:
    """Keep a better reference of a place that is known already, in whichever organization."""
    if channel.reference is not None:
        await rows.refer(turn.connection, None, channel.platform, channel.address, channel.reference)


async def references(turn: Turn, platform: str, addresses: Sequence[str]) -> dict[str, dict[str, Any]]:
    """address -> its reference, of those that have one. Addresses are the platform's own, unique there."""
    found = await rows.references(turn.connection, platform, addresses)
    return {row.address: row.reference for row in found}


async def known(turn: Turn, speaker: Speaker) -> Member | None:
    """The member behind the speaker, if there is one already. Only looks."""
    row = await rows.member_by_identity(
        turn.connection, speaker.platform, speaker.tenant, speaker.external_id
    )
    return None if row is None else _member(row)


def _member(row: Row) -> Member:
    role = Role(row.role) if row.role else None
    return Member(row.pk, row.id, row.organization, row.name, role, row.email, row.timezone)


def _zone(name: str) -> ZoneInfo | None:
    """The zone of that name, nothing where there is none: platforms tell what their clients sent them."""
    try:
        return times.zone(name) if name else None
    except Invalid:
        return None


def _article(role: Role | None) -> str:
    return "a" if role is Role.VIEWER else "an"


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
