"""Keys of the HTTP API: made and revoked by admins, and who acts when one is used.

Only a key's SHA-256 is stored: it is 256 random bits, so nothing slower is needed, and the key itself is
shown once. Every key has a member of its own, a machine, with the least role that its permissions need:
so verbs look at its role as at anybody's, and the audit names it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core import audit, ids, jobs, people
from core.definitions import Role
from core.errors import Invalid, NotAllowed, NotFound, OutOfPlace
from core.jobs import Job
from core.nearest import nearest
from core.people import Member
from core.store import jobs as job_rows
from core.store import keys as rows
from core.store import people as people_rows
from core.store.dialects import Row
from core.turns import Turn

PLATFORM = "api"  # of the identity by which the desk recognizes a key
PREFIX = "sj_"  # by which scanners for leaked secrets know one
PER_MINUTE = 600  # requests, where nothing else is said
MOST_PER_MINUTE = 1_000_000
COARSE = timedelta(minutes=1)  # how exact the last use is
_HINT = 9  # characters of a key that lists show
_NAME_LIMIT = 80  # characters
_ROLES = frozenset(str(one) for one in Role)


class Permission(StrEnum):
    """What a key may do. The last four are the roles: all that a member with that role may."""

    TRIGGER = "agent_jobs_trigger"
    READ = "agent_jobs_read"
    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def role(self) -> Role:
        """The least role that it needs."""
        named = {Permission.TRIGGER: Role.OPERATOR, Permission.READ: Role.VIEWER}
        return named[self] if self in named else Role(self)


@dataclass(frozen=True, slots=True)
class Key:
    """A key in use. `jobs` are ids of the only jobs that it may touch, empty: every job."""

    pk: int
    id: str
    organization: int
    organization_id: str
    name: str
    hint: str
    permissions: frozenset[Permission]
    jobs: frozenset[str]
    per_minute: int
    member: Member
    created_at: datetime
    last_used_at: datetime | None

    def may(self, permission: Permission) -> bool:
        """It has the permission, or a role that contains it."""
        if permission in self.permissions:
            return True
        roles = [one.role for one in self.permissions if one.value in _ROLES]
        return any(role.rank >= permission.role.rank for role in roles)


async def create(
    turn: Turn,
    actor: Member,
    name: str,
    permissions: Sequence[str],
    *,
    job_names: Sequence[str] = (),
    per_minute: int = PER_MINUTE,
) -> tuple[Key, str]:
    """Make a key; returns it with its text, which cannot be shown again.

    Raises:
        NotAllowed: the actor is no admin.
        Invalid: no name, a permission that there is not, a limit that means nothing.
        OutOfPlace: there is a key of that name.
        NotFound: there is no such job.
    """
    await people.permit(turn, actor, Role.ADMIN, "make keys")
    name = " ".join(name.split())
    granted = _permissions(permissions)
    known = await every(turn, actor.organization)
    _check(name, granted, job_names, per_minute, [one.name for one in known])
    limited = [(await jobs.named(turn, actor.organization, one)).id for one in job_names]
    role = max((one.role for one in granted), key=lambda one: one.rank)
    member = await people_rows.add_member(
        turn.connection, actor.organization, name, "", role, turn.now, machine=True
    )
    text, public_id = PREFIX + secrets.token_urlsafe(32), ids.new()
    tenant = (await people_rows.organization_of(turn.connection, actor.organization)).id
    await people_rows.add_identity(turn.connection, member, PLATFORM, tenant, public_id, turn.now)
    made = {
        "id": public_id,
        "organization": actor.organization,
        "member": member,
        "name": name,
        "hash": _hash(text),
        "hint": text[:_HINT],
        "permissions": sorted(granted),
        "jobs": limited,
        "per_minute": per_minute,
        "created_at": turn.now,
        "created_by": actor.pk,
    }
    pk = await rows.insert(turn.connection, made)
    told: dict[str, Any] = {"name": name, "permissions": sorted(granted), "jobs": list(job_names)}
    await _audit(turn, actor, "key.create", pk, told)
    found = await recognize(turn, text)
    if found is None:
        raise NotFound(f"The key {name} is not there.")
    return found, text


async def revoke(turn: Turn, actor: Member, name: str) -> Key:
    """End a key: from this commit on it opens nothing. What it started goes on.

    Raises:
        NotAllowed: the actor is no admin.
        NotFound: there is no key in use of that name or id.
    """
    await people.permit(turn, actor, Role.ADMIN, "revoke keys")
    known = await every(turn, actor.organization)
    wanted = " ".join(name.split()).casefold()
    found = next((one for one in known if wanted in (one.name.casefold(), one.id)), None)
    if found is None or not await rows.revoke(turn.connection, found.pk, turn.now):
        close = nearest(name, [one.name for one in known], 1)
        raise NotFound(
            f"There is no key {name[:_NAME_LIMIT]}.",
            hint=f"Did you mean {close[0]}?" if close else "`keys` lists those in use.",
        )
    await _audit(turn, actor, "key.revoke", found.pk, {"name": found.name})
    return found


async def every(turn: Turn, organization: int) -> list[Key]:
    """The keys in use by name."""
    return [_key(row) for row in await rows.every(turn.connection, organization)]


async def listing(turn: Turn, actor: Member) -> list[Key]:
    """The keys in use by name. Raises `NotAllowed` where the actor is no admin."""
    await people.permit(turn, actor, Role.ADMIN, "list keys")
    return await every(turn, actor.organization)


async def job_names(turn: Turn, organization: int) -> dict[str, str]:
    """Id -> name of every job, to tell what keys are limited to."""
    return {row.id: row.name for row in await job_rows.names(turn.connection, organization)}


async def recognize(turn: Turn, text: str) -> Key | None:
    """The key in use that reads so."""
    digest = _hash(text)
    row = await turn.once(("key", digest), lambda: rows.by_hash(turn.connection, digest))
    return None if row is None else _key(row)


def stale(key: Key, now: datetime) -> bool:
    """Its last use is to be recorded anew."""
    return key.last_used_at is None or key.last_used_at < now - COARSE


async def used(turn: Turn, key: Key) -> None:
    """Record its use, once a minute at most."""
    await rows.used(turn.connection, key.pk, turn.now, turn.now - COARSE)


def permit_job(key: Key, job: Job) -> None:
    """Pass where the key may touch this job. Raises `NotAllowed`."""
    if key.jobs and job.id not in key.jobs:
        raise NotAllowed(
            f"The key {key.name} may not use {job.name}: it is limited to other jobs.",
            hint=f"An admin makes one that may: keys create NAME job={job.name}",
        )


def _permissions(names: Sequence[str]) -> frozenset[Permission]:
    granted = set()
    for name in names:
        if name not in list(Permission):
            close = nearest(name, [str(one) for one in Permission], 1)
            raise Invalid(
                f"There is no permission {name[:40]}.",
                hint=f"Did you mean {close[0]}?" if close else f"There are {', '.join(Permission)}.",
            )
        granted.add(Permission(name))
    if not granted:
        raise Invalid("A key needs a permission.", hint=f"There are {', '.join(Permission)}.")
    return frozenset(granted)


def _check(
    name: str,
    granted: frozenset[Permission],
    job_names: Sequence[str],
    per_minute: int,
    taken: Sequence[str],
) -> None:
    if not name or len(name) > _NAME_LIMIT:
        raise Invalid(f"A key needs a name of 1 to {_NAME_LIMIT} characters.")
    if name.casefold() in (one.casefold() for one in taken):
        raise OutOfPlace(
            f"There is a key {name} already.", hint="Choose another name, or revoke that one first."
        )
    if job_names and (broad := granted & {Permission.ADMIN, Permission.EDITOR}):
        raise Invalid(
            f"A key that is limited to jobs cannot have the permission {min(broad)}, which reaches further.",
            hint="Leave the jobs out, or the permission.",
        )
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise Invalid(f"A key is allowed 1 to {MOST_PER_MINUTE:,} requests a minute.")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def _audit(turn: Turn, actor: Member, action: str, pk: int, data: dict[str, Any]) -> None:
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action=action,
        subject=f"key:{pk}",
        data=data,
    )


def _key(row: Row) -> Key:
    role = Role(row.role) if row.role else None
    return Key(
        pk=row.pk,
        id=row.id,
        organization=row.organization,
        organization_id=row.organization_id,
        name=row.name,
        hint=row.hint,
        permissions=frozenset(Permission(one) for one in row.permissions),
        jobs=frozenset(row.jobs),
        per_minute=row.per_minute,
        member=Member(row.member, row.member_id, row.organization, row.member_name, role),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
