"""Members and their roles, and the keys of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from adapters.rest.endpoint import Answer, Call, Endpoint, Model, Told
from core import keys, people
from core.definitions import Role
from core.keys import MOST_PER_MINUTE, PER_MINUTE, Key, Permission
from core.people import Member

TAG = "Members and keys"


class MemberTold(Told):
    """A person in the organization. `role` null: known, but may do nothing."""

    id: str
    name: str
    email: str
    role: Role | None


class Members(Told):
    """The members by name."""

    members: list[MemberTold]


class RoleGiven(Model):
    """A role."""

    role: Literal["viewer", "operator", "editor", "admin", "nobody"]


class KeyTold(Told):
    """A key in use, without the key itself."""

    id: str
    name: str
    permissions: list[Permission]
    jobs: list[str] = Field(description="The only jobs that it may use; empty: every job.")
    per_minute: int
    hint: str = Field(description="Its first characters.")
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")


class Keys(Told):
    """The keys in use by name."""

    keys: list[KeyTold]


class KeyMade(KeyTold):
    """A new key. It is told this once."""

    model_config = ConfigDict(json_schema_extra={"description": "A new key. It is told this once."})

    key: str
    organization_id: str


class KeyWanted(Model):
    """A key to be made."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    permissions: Annotated[list[str], Field(min_length=1, max_length=10)] = Field(
        description="agent_jobs_trigger, agent_jobs_read, viewer, operator, editor, admin"
    )
    jobs: list[str] = Field([], max_length=200, description="The only jobs that it may use, by name.")
    per_minute: int = Field(PER_MINUTE, ge=1, le=MOST_PER_MINUTE)


async def listing(call: Call[None, None]) -> Answer:
    """The members with their roles."""
    found = await people.everyone(call.turn, call.organization)
    return Answer(Members(members=[_member(one) for one in found]))


async def give_role(call: Call[None, RoleGiven]) -> Answer:
    """Give a member a role."""
    member = await people.find(call.turn, call.organization, call.path["member"])
    wanted = call.body.role
    role = None if wanted == "nobody" else Role(wanted)
    return Answer(_member(await people.give_role(call.turn, call.actor, member, role)))


async def list_keys(call: Call[None, None]) -> Answer:
    """The keys in use."""
    found = await keys.listing(call.turn, call.actor)
    names = await keys.job_names(call.turn, call.organization)
    return Answer(Keys(keys=[_key(one, names) for one in found]))


async def make_key(call: Call[None, KeyWanted]) -> Answer:
    """Make a key."""
    wanted = call.body
    key, text = await keys.create(
        call.turn,
        call.actor,
        wanted.name,
        wanted.permissions,
        job_names=wanted.jobs,
        per_minute=wanted.per_minute,
    )
    names = await keys.job_names(call.turn, call.organization)
    told = _key(key, names).model_dump()
    made = KeyMade(**told, key=text, organization_id=key.organization_id)
    return Answer(made, 201, secret=True, headers={"Cache-Control": "no-store"})


async def revoke_key(call: Call[None, None]) -> Answer:
    """End a key at once."""
    key = await keys.revoke(call.turn, call.actor, call.path["key"])
    return Answer(_key(key, await keys.job_names(call.turn, call.organization)))


async def own_key(call: Call[None, None]) -> Answer:
    """The key that asks."""
    return Answer(_key(call.key, await keys.job_names(call.turn, call.organization)))


def _member(one: Member) -> MemberTold:
    return MemberTold(id=one.id, name=one.name, email=one.email, role=one.role)


def _key(one: Key, names: dict[str, str]) -> KeyTold:
    return KeyTold(
        id=one.id,
        name=one.name,
        permissions=sorted(one.permissions),
        jobs=sorted(names.get(job, job) for job in one.jobs),
        per_minute=one.per_minute,
        hint=one.hint,
        created_at=one.created_at,
        last_used_at=one.last_used_at,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/members",
        "listMembers",
        "List the members and their roles",
        TAG,
        Permission.VIEWER,
        Members,
        listing,
    ),
    Endpoint(
        "PUT",
        "/api/v1/members/{member}/role",
        "giveRole",
        "Give a member a role",
        TAG,
        Permission.ADMIN,
        MemberTold,
        give_role,
        body=RoleGiven,
        refusals=(404,),
        example={"editor": {"summary": "Editor", "value": {"role": "editor"}}},
    ),
    Endpoint(
        "GET",
        "/api/v1/keys",
        "listKeys",
        "List the keys in use",
        TAG,
        Permission.ADMIN,
        Keys,
        list_keys,
    ),
    Endpoint(
        "POST",
        "/api/v1/keys",
        "makeKey",
        "Make a key",
        TAG,
        Permission.ADMIN,
        KeyMade,
        make_key,
        description="The answer has the key, this once.",
        body=KeyWanted,
        refusals=(404,),
        status=201,
        example={
            "pipeline": {
                "summary": "For a pipeline",
                "value": {
                    "name": "Data pipeline",
                    "permissions": ["agent_jobs_trigger", "agent_jobs_read"],
                    "jobs": ["weekly-report"],
                },
            }
        },
    ),
    Endpoint(
        "DELETE",
        "/api/v1/keys/{key}",
        "revokeKey",
        "End a key at once",
        TAG,
        Permission.ADMIN,
        KeyTold,
        revoke_key,
        description="What it started goes on.",
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/api/v1/key",
        "getOwnKey",
        "Read what the key that asks may do",
        TAG,
        Permission.READ,
        KeyTold,
        own_key,
    ),
)
