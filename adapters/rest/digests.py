"""Digests: list, read, put, switch off, and what one would tell now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from adapters.rest.commands import told_blocks
from adapters.rest.endpoint import Answer, Call, Endpoint, Model, Query, Told
from adapters.rest.jobs import visible
from adapters.rest.problems import Mistake, Refused
from adapters.rest.schedules import SHOWN, Short
from core import addresses, digests, jobs, places, times
from core.digests import Digest, Wanted
from core.errors import NotFound
from core.jobs import Job
from core.keys import Permission
from core.wording import digests as wording

TAG = "Digests"
LONGEST = 300  # characters of a channel


class DigestWanted(Model):
    """A digest. Without `jobs` and `tags` it is about the jobs of its channel."""

    when: Short = Field(
        description="Cron, a shortcut or plain words.", min_length=1, examples=["every weekday at 9"]
    )
    timezone: Short = Field("", description="An IANA zone; without one the organization's.")
    calendar: Short = Field("", description="Not on public holidays of a country, such as NL or US-CA.")
    jobs: list[Short] = Field([], max_length=100, description="The jobs that it is about; * for all.")
    tags: list[Short] = Field([], max_length=20, description="The jobs with one of these tags.")


class DigestTold(Told):
    """A digest as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198a1f2-7c1e-7d3a-9f55-0d6d0c1a2b3c",
                    "name": "friday",
                    "channel": "slack:C0123456789",
                    "place": "#growth",
                    "expression": "0 16 * * 5",
                    "described": "every Friday at 16:00",
                    "timezone": "Europe/Amsterdam",
                    "jobs": ["weekly-report"],
                    "hidden": 0,
                    "tags": [],
                    "everything": False,
                    "enabled": True,
                    "next": ["2026-03-06T15:00:00Z"],
                }
            ]
        }
    )

    id: str
    name: str
    channel: str = Field(description="Where it is posted; stands in its address.")
    place: str = Field(description="The channel as people know it.")
    expression: str
    described: str = Field(description="When it is due, in words.")
    timezone: str
    jobs: list[str] = Field(description="The jobs that were chosen, as far as the key may see them.")
    hidden: int = Field(description="How many chosen jobs the key may not see, or are no more.")
    tags: list[str]
    everything: bool = Field(description="It is about every job.")
    enabled: bool
    next: list[datetime] = Field(description="The next instants.")


class Digests(Told):
    """Digests, channel by channel."""

    digests: list[DigestTold]


class DigestsQuery(Query):
    """Which digests."""

    channel: str | None = Field(None, description="Of this channel.", max_length=LONGEST)


class DigestNow(Told):
    """What a digest would tell now, as a chat shows it."""

    title: str
    text: str
    since: datetime
    until: datetime
    blocks: list[dict[str, Any]] = Field(description="paragraph, table")


async def listing(call: Call[DigestsQuery, None]) -> Answer:
    """The digests that are on, of every channel or of one."""
    _permit(call)
    channel = await _known(call, call.query.channel) if call.query.channel else None
    if call.query.channel:
        found = await digests.of_channel(call.turn, call.organization, channel) if channel else []
    else:
        found = await digests.of_organization(call.turn, call.organization)
    every = await _jobs(call)
    return Answer(Digests(digests=[_told(call, one, every) for one in found]))


async def read(call: Call[None, None]) -> Answer:
    """One digest."""
    return Answer(_told(call, await _one(call), await _jobs(call)))


async def put(call: Call[None, DigestWanted]) -> Answer:
    """Make a digest of that name in that channel, or make the one that there is what is written."""
    _permit(call)
    asked = call.body
    wanted = Wanted(
        name=call.path["digest"],
        when=asked.when,
        zone=times.zone(asked.timezone) if asked.timezone else call.desk.zone,
        calendar=asked.calendar,
        jobs=asked.jobs,
        tags=asked.tags,
    )
    channel = await places.channel(call.turn, call.organization, _address(call.path["channel"]))
    saved = await digests.order(call.turn, call.actor, channel, wanted)
    return Answer(_told(call, saved, await _jobs(call)))


async def remove(call: Call[None, None]) -> Answer:
    """Post a digest no more."""
    digest = await _one(call)
    await digests.off(call.turn, call.actor, digest.channel, digest.name)
    return Answer(_told(call, digest, await _jobs(call), over=True))


async def now(call: Call[None, None]) -> Answer:
    """What a digest would tell now, of what the key's role may see; nothing is posted."""
    digest = await _one(call)
    zone = digest.table.zone
    edition = await digests.now(call.turn, call.actor, digest.channel, digest.chosen, zone, digest)
    message = wording.now(digest.name, digest.place, edition)
    return Answer(
        DigestNow(
            title=message.title,
            text=message.text,
            since=edition.span.since,
            until=edition.span.until,
            blocks=told_blocks(message),
        )
    )


def _permit(call: Call[Any, Any]) -> None:
    if call.key.jobs:
        raise Refused(
            "not-allowed",
            f"The key {call.key.name} is limited to jobs; digests reach further.",
            hint="An admin makes one without that limit.",
        )


def _address(text: str) -> addresses.Address:
    said = "it is too long" if len(text) > LONGEST else addresses.mistake(text)
    if said:
        raise Refused(
            "invalid", f"The channel is wrong: {said}.", errors=[Mistake(detail=said, parameter="channel")]
        )
    return addresses.read(text)


async def _known(call: Call[Any, Any], text: str) -> int | None:
    return await places.known(call.turn, call.organization, _address(text))


async def _one(call: Call[Any, Any]) -> Digest:
    """The digest of an address. Raises `NotFound`."""
    _permit(call)
    name, channel = call.path["digest"], await _known(call, call.path["channel"])
    found = await digests.of_channel(call.turn, call.organization, channel) if channel else []
    digest = next((one for one in found if one.name == name), None)
    if digest is None:
        known = f"It has {', '.join(one.name for one in found)}." if found else ""
        raise NotFound(f"This channel has no digest called {name[:60]}.", hint=known)
    return digest


async def _jobs(call: Call[Any, Any]) -> dict[str, Job]:
    """Every job that the key may see, by its id."""
    return {one.id: one for one in await jobs.every(call.turn, call.organization) if visible(call, one)}


def _told(call: Call[Any, Any], one: Digest, every: dict[str, Job], *, over: bool = False) -> DigestTold:
    names = [every[job].name for job in one.chosen.jobs if job in every]
    coming = [] if over or one.next_at is None else list(one.table.between(call.turn.now, None, limit=SHOWN))
    return DigestTold(
        id=one.id,
        name=one.name,
        channel=one.address,
        place=one.place,
        expression=one.table.expression.text,
        described=one.table.expression.describe(),
        timezone=one.table.zone.key,
        jobs=names,
        hidden=len(one.chosen.jobs) - len(names),
        tags=list(one.chosen.tags),
        everything=one.chosen.everything,
        enabled=not over,
        next=coming,
    )


_AT = "/api/v1/channels/{channel}/digests/{digest}"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/digests",
        "listDigests",
        "List digests",
        TAG,
        Permission.READ,
        Digests,
        listing,
        query=DigestsQuery,
    ),
    Endpoint(
        "GET", _AT, "getDigest", "Read a digest", TAG, Permission.READ, DigestTold, read, refusals=(404,)
    ),
    Endpoint(
        "PUT",
        _AT,
        "putDigest",
        "Make or change a digest",
        TAG,
        Permission.EDITOR,
        DigestTold,
        put,
        description="The channel is written as in a job file, and encoded: slack:%23growth.",
        body=DigestWanted,
        refusals=(404,),
        example={
            "friday": {
                "summary": "One job, every Friday",
                "value": {
                    "when": "every friday at 16:00",
                    "timezone": "Europe/Amsterdam",
                    "jobs": ["weekly-report"],
                },
            }
        },
    ),
    Endpoint(
        "DELETE",
        _AT,
        "removeDigest",
        "Post a digest no more",
        TAG,
        Permission.EDITOR,
        DigestTold,
        remove,
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        f"{_AT}/now",
        "getDigestNow",
        "See what a digest would tell now",
        TAG,
        Permission.READ,
        DigestNow,
        now,
        description="Posts nothing.",
        refusals=(404,),
    ),
)
