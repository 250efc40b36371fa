"""Digests: when a channel gets the summary of its jobs, and that it gets each once.

A digest's due instant is claimed like a schedule's: the row is locked (others skip it), moved on by
compare-and-set, and its post is in the same transaction, one for each instant (unique). After a time in which
nobody was there only the latest is posted; it tells of everything since the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from core import audit, deliveries, editions, ids, jobs, people, times
from core.definitions import NAME, Role, Schedule
from core.deliveries import Kind, Owed
from core.editions import Chosen, Edition
from core.errors import Busy, Invalid, Misunderstood, NotFound
from core.people import Member
from core.store import digests as rows
from core.store.dialects import Row
from core.times import Expression
from core.timetables import Timetable, timetable
from core.turns import Turn

USUAL = "digest"  # the name of a channel's only one
CHUNK = 25  # digests that are looked for together
LEAST = timedelta(minutes=10)  # between two posts
DAY = timedelta(days=1)

_SUBJECT = "digest:"


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest as it stands. `next_at` None: it is over."""

    pk: int
    id: str
    organization: int
    channel: int
    place: str  # the channel as people know it
    address: str  # the same as `addresses.read` takes it
    name: str
    table: Timetable
    chosen: Chosen
    version: int
    next_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be saved; `definition` says what `expression` was read from."""

    channel: int
    name: str
    definition: Schedule
    expression: Expression
    chosen: Chosen


@dataclass(frozen=True, slots=True)
class Wanted:
    """A digest in words: when, in which zone, and which jobs it is about."""

    name: str
    when: str
    zone: ZoneInfo
    calendar: str = ""
    jobs: Sequence[str] = ()
    tags: Sequence[str] = ()


async def order(turn: Turn, actor: Member, channel: int, wanted: Wanted) -> Digest:
    """Save what is said in words; raises as `save`, `choose` and `times.parse`."""
    await people.permit(turn, actor, Role.EDITOR, "save a digest")
    if not re.fullmatch(NAME, wanted.name):
        raise Misunderstood(
            f"{wanted.name[:40]} cannot be the name of a digest.",
            hint="Names are of a-z, 0-9, - and _, and begin with a letter: name=weekly",
        )
    expression = times.parse(wanted.when, zone=wanted.zone, now=turn.now, calendar=wanted.calendar)
    definition = Schedule(when=expression.text, timezone=expression.zone.key, calendar=expression.calendar)
    chosen = await choose(turn, actor, wanted.jobs, wanted.tags)
    return await save(turn, actor, Draft(channel, wanted.name, definition, expression, chosen))


async def save(turn: Turn, actor: Member, draft: Draft) -> Digest:
    """Add a digest to a channel, or change the one of that name. Safe to repeat.

    Raises:
        NotAllowed: the actor is no editor.
        Invalid: it would be posted too often, or never.
        Busy: somebody else was changing it.
    """
    await people.permit(turn, actor, Role.EDITOR, "save a digest")
    coming = draft.expression.upcoming(turn.now, 3)
    if not coming:
        raise Invalid("That would never be due.", hint="For example: digest every weekday at 9")
    if any(later - at < LEAST for at, later in pairwise(coming)):
        raise Invalid(
            f"A digest is posted at most every {int(LEAST.total_seconds() // 60)} minutes.",
            hint="For example: digest every weekday at 9",
        )
    values = {
        "definition": draft.definition.model_dump(mode="json", exclude_defaults=True),
        "expression": draft.expression.text,
        "zone": draft.expression.zone.key,
        "chosen": asdict(draft.chosen),
        "enabled": True,
        "next_due_at": coming[0],
        "settled_until": turn.now,
        "member": actor.pk,
    }
    place = {"organization": actor.organization, "channel": draft.channel, "name": draft.name}
    if not await rows.add(turn.connection, {"id": ids.new(), "created_at": turn.now} | place | values):
        old = await rows.named(turn.connection, draft.channel, draft.name)
        if old is None or not await rows.change(turn.connection, old.pk, old.version, values):
            raise Busy("Somebody else was changing this digest.", hint="Try again in a moment.")
    await _audit(turn, actor, "digest.save", draft.name, draft.expression.text)
    return next(
        one for one in await of_channel(turn, actor.organization, draft.channel) if one.name == draft.name
    )


async def off(turn: Turn, actor: Member, channel: int, name: str = "") -> list[Digest]:
    """Post a channel's digests no more, or the one of that name; those that were on.

    Raises:
        NotAllowed: the actor is no editor.
        NotFound: the channel has none, or none of that name.
    """
    await people.permit(turn, actor, Role.EDITOR, "switch a digest off")
    every = await of_channel(turn, actor.organization, channel)
    found = [one for one in every if not name or one.name == name]
    if not found:
        what = f"no digest called {name}" if name else "no digest"
        known = f"It has {', '.join(one.name for one in every)}." if every else ""
        raise NotFound(f"This channel has {what}.", hint=known, suggestions=("digests",))
    for one in found:
        values = {"enabled": False, "next_due_at": None}
        if not await rows.change(turn.connection, one.pk, one.version, values):
            raise Busy("Somebody else was changing this digest.", hint="Try again in a moment.")
        await _audit(turn, actor, "digest.off", one.name, one.table.expression.text)
    return found


async def of_channel(turn: Turn, organization: int, channel: int) -> list[Digest]:
    """The digests of a channel that are on, by name."""
    return [read(row) for row in await rows.enabled(turn.connection, organization, channel)]


async def of_organization(turn: Turn, organization: int) -> list[Digest]:
    """The digests that are on, channel by channel."""
    return [read(row) for row in await rows.enabled(turn.connection, organization, None)]


async def due(turn: Turn, spared: Collection[int]) -> list[int]:
    """The digests that are due, at most `CHUNK`, the oldest first; but for those that are `spared`."""
    return await rows.due(turn.connection, turn.now, CHUNK, spared)


async def settle(turn: Turn, pk: int) -> bool:
    """Post a digest where it is due still; False where somebody else did. Safe to repeat and to race."""
    row = await rows.lock(turn.connection, pk)
    if row is None or row.next_due_at is None or row.next_due_at > turn.now:
        return False
    digest = read(row)
    last = digest.table.due(row.settled_until, turn.now, 1).instants
    settled = last[-1] if last else turn.now
    if not await rows.advance(turn.connection, row, digest.table.wake_after(settled), settled):
        return False
    if last:
        await _post(turn, digest, settled)
    return True


async def edition(turn: Turn, digest: Digest, since: datetime, until: datetime) -> Edition:
    """What a digest tells of a stretch of time, and of what comes up to its next instant."""
    ahead = digest.table.first_after(until) or until + DAY
    zone = digest.table.zone
    return await editions.gather(
        turn, digest.organization, digest.channel, digest.chosen, editions.Span(since, until, ahead, zone)
    )


async def now(
    turn: Turn, actor: Member, channel: int, chosen: Chosen, zone: ZoneInfo, digest: Digest | None
) -> Edition:
    """What a digest would tell now, since the last post, or of the last day; of what the actor may see."""
    last = await rows.last_post(turn.connection, digest.pk) if digest is not None else None
    since = last.due_at if last is not None else turn.now - DAY
    ahead = digest.table.first_after(turn.now) if digest is not None else None
    span = editions.Span(since, turn.now, ahead or turn.now + DAY, zone)
    return await editions.gather(turn, actor.organization, channel, chosen, span, reader=actor)


async def of_post(turn: Turn, subject: str) -> tuple[Digest, Edition] | None:
    """The digest and the edition that a message brings; nothing where its post is gone."""
    post = await rows.post_by_id(turn.connection, subject.removeprefix(_SUBJECT))
    if post is None:
        return None
    digest = read(await rows.get(turn.connection, post.digest))
    return digest, await edition(turn, digest, post.since_at, post.due_at)


def read(row: Row) -> Digest:
    """A digest out of its row."""
    table = timetable(row.expression, Schedule.model_validate(row.definition), row.zone, row.id)
    return Digest(
        pk=row.pk,
        id=row.id,
        organization=row.organization,
        channel=row.channel,
        place=row.channel_name or row.address,
        address=f"{row.platform}:{row.address}",
        name=row.name,
        table=table,
        chosen=Chosen(
            tuple(row.chosen["jobs"]), tuple(row.chosen["tags"]), everything=row.chosen["everything"]
        ),
        version=row.version,
        next_at=row.next_due_at,
        created_at=row.created_at,
    )


async def choose(turn: Turn, actor: Member, names: Sequence[str], tags: Sequence[str]) -> Chosen:
    """Which jobs are meant: `*` is every one that everybody may see.

    Raises:
        NotFound, Ambiguous: there is no such job (that the actor may see), or no job has the tag.
    """
    if list(names) == ["*"]:
        return Chosen((), tuple(tags), everything=not tags)
    seen = [one for one in await jobs.every(turn, actor.organization) if actor.may(one.job.access.view)]
    known = {tag.casefold() for one in seen for tag in one.job.tags}
    for tag in tags:
        if tag.casefold() not in known:
            hint = f"There are {', '.join(sorted(known))}." if known else "No job has tags yet."
            raise NotFound(f"No job has the tag {tag[:40]}.", hint=hint)
    found = [
        await jobs.find(turn, actor.organization, name, seen=lambda one: actor.may(one.job.access.view))
        for name in names
    ]
    return Chosen(tuple(one.id for one in found), tuple(tags))


async def _post(turn: Turn, digest: Digest, due_at: datetime) -> None:
    """One post for this instant, and what it owes: the digest, and its rest where it is long."""
    last = await rows.last_post(turn.connection, digest.pk)
    since = last.due_at if last is not None else min(digest.created_at, due_at - DAY)
    public_id = ids.new()
    values = {"digest": digest.pk, "due_at": due_at, "since_at": since, "created_at": turn.now}
    if not await rows.post(turn.connection, {"id": public_id} | values):
        return
    place = (digest.organization, digest.channel)
    owed = [Owed(*place, Kind.DIGEST, f"{_SUBJECT}{public_id}")]
    if (await edition(turn, digest, since, due_at)).long:
        owed.append(Owed(*place, Kind.REST, f"{_SUBJECT}{public_id}"))
    await deliveries.owe_all(turn, owed)


async def _audit(turn: Turn, actor: Member, action: str, name: str, when: str) -> None:
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action=action,
        subject=f"digest:{name}",
        data={"name": name, "when": when},
    )
