"""Installations: in which workspaces the bot lives, with which token, for which organization.

The first workspace belongs to the default organization; every other one gets its own, so that nobody who
installs the bot somewhere else sees jobs or data that are not theirs. Tokens are sealed at rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core import audit, people
from core.definitions import Role
from core.people import Speaker
from core.store import installations as rows
from core.store import people as people_rows
from core.store.dialects import Row
from core.turns import Turn
from core.vault import Vault


@dataclass(frozen=True, slots=True)
class Installation:
    """One workspace (or, with an empty `tenant`, a whole enterprise) with the token that it gave."""

    platform: str
    tenant: str
    enterprise: str
    name: str
    token: str
    bot_user: str
    bot: str
    app: str = ""
    scopes: str = ""
    organization: str = people.DEFAULT


async def find(turn: Turn, platform: str, tenant: str, enterprise: str, vault: Vault) -> Installation | None:
    """The living installation of a workspace, its own or its enterprise's."""
    row = await rows.find(turn.connection, platform, tenant, enterprise)
    return None if row is None else _installation(row, vault)


async def first_of(turn: Turn, organization: str, platform: str, vault: Vault) -> Installation | None:
    """The oldest living installation of an organization: for channels that name no workspace."""
    known = await people_rows.organization(turn.connection, organization)
    found = [] if known is None else await rows.of_organization(turn.connection, known.pk, platform)
    return _installation(found[0], vault) if found else None


async def every(turn: Turn, platform: str, vault: Vault) -> list[Installation]:
    """All living installations, the oldest first."""
    return [_installation(row, vault) for row in await rows.every(turn.connection, platform)]


async def save(turn: Turn, made: Installation, installer: Speaker | None, vault: Vault) -> Installation:
    """Keep an installation, link it to its organization, and make its installer the first admin there.

    Installing again replaces the token. Safe to call twice.
    """
    organization, name = await _organization(turn, made)
    await rows.save(
        turn.connection,
        made.platform,
        made.tenant,
        made.enterprise,
        {
            "organization": organization,
            "name": made.name,
            "token": vault.seal(made.token),
            "bot_user": made.bot_user,
            "bot": made.bot,
            "app": made.app,
            "scopes": made.scopes,
            "installed_by": installer.external_id if installer else "",
            "installed_at": turn.now,
        },
    )
    await rows.mend(turn.connection, organization, made.platform, "")
    member = None
    if installer is not None:
        member = await people.recognize(turn, installer, organization=organization)
        await people.order(turn, organization)
        if member.organization == organization and not await people_rows.admins(
            turn.connection, organization
        ):
            await people_rows.set_role(turn.connection, member.pk, Role.ADMIN)
    await audit.record(
        turn,
        organization=organization,
        member=member.pk if member else None,
        action="installation.made",
        subject=f"{made.platform}:{made.tenant or made.enterprise}",
        data={"name": made.name, "scopes": made.scopes},
    )
    return Installation(
        made.platform,
        made.tenant,
        made.enterprise,
        made.name,
        made.token,
        made.bot_user,
        made.bot,
        made.app,
        made.scopes,
        name,
    )


async def revoke(turn: Turn, platform: str, tenant: str, enterprise: str, *, told_at: datetime) -> int | None:
    """The workspace took its token back; the organization that it belonged to, from which `fallback.leave`
    goes on.

    None where nothing was revoked: unknown, revoked before, or installed again since `told_at`.
    """
    return await rows.revoke(turn.connection, platform, tenant, enterprise, told_at=told_at)


async def mend(turn: Turn, organization: str, platform: str, address: str) -> None:
    """The bot may speak in this channel (again)."""
    await rows.mend(turn.connection, await people.organization(turn, organization), platform, address)


async def mend_places(turn: Turn, organization: int, platform: str, address: str, team: str = "") -> None:
    """The bot may speak in this conversation (again), and in every channel of its `team`."""
    await rows.mark_places(turn.connection, organization, platform, address, team, "ok", "")


async def lose_places(
    turn: Turn, organization: int, platform: str, address: str, team: str = "", *, why: str
) -> None:
    """The bot was removed from this conversation, or from a whole `team`. Safe to repeat."""
    await rows.mark_places(turn.connection, organization, platform, address, team, "broken", why)


async def _organization(turn: Turn, made: Installation) -> tuple[int, str]:
    """Where it belongs: as before, to the default organization if that has none, else to its own."""
    known = await rows.known(turn.connection, made.platform, made.tenant, made.enterprise)
    if known is not None:
        return int(known.organization), str(known.organization_name)
    default = await people.organization(turn)
    await people.order(turn, default)
    if made.organization == people.DEFAULT and not await rows.any_of(turn.connection, default):
        return default, people.DEFAULT
    name = f"{made.platform}:{made.tenant or made.enterprise}"
    return await people.organization(turn, name), name


def _installation(row: Row, vault: Vault) -> Installation:
    return Installation(
        platform=row.platform,
        tenant=row.tenant,
        enterprise=row.enterprise,
        name=row.name,
        token=vault.open(row.token),
        bot_user=row.bot_user,
        bot=row.bot,
        app=row.app,
        scopes=row.scopes,
        organization=row.organization_name,
    )
