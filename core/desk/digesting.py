"""digest, digests: the summary that a channel gets by itself."""

from __future__ import annotations

from dataclasses import replace

from core import digests, people, times
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.digests import Digest
from core.editions import Chosen
from core.errors import Misunderstood
from core.wording import digests as wording


async def digest(visit: Visit) -> Reply:
    """`digest WHEN… jobs=a,b tag=… name=…`, `digest now`, `digest off`; alone: those of this channel."""
    await targets.may_look(visit, Role.VIEWER)
    channel = await _channel(visit)
    text = visit.command.text.casefold()
    name = visit.command.options.get("name", "").casefold()
    if text == "off" or "off" in visit.command.flags:
        return Reply(wording.off(await digests.off(visit.turn, visit.member, channel, name)), private=False)
    if text == "now":
        return await _now(visit, channel, name)
    if not text:
        found = await digests.of_channel(visit.turn, visit.organization, channel)
        return Reply(wording.listing(found, visit.reader, here=True))
    return await _save(visit, channel, name or digests.USUAL)


async def listing(visit: Visit) -> Reply:
    """`digests`: those of every channel."""
    await targets.may_look(visit, Role.VIEWER)
    found = await digests.of_organization(visit.turn, visit.organization)
    return Reply(wording.listing(found, visit.reader, here=False))


async def _save(visit: Visit, channel: int, name: str) -> Reply:
    options = visit.command.options
    named = options.get("timezone", "")
    wanted = digests.Wanted(
        name=name,
        when=visit.command.text,
        zone=times.zone(named) if named else visit.reader,
        calendar=options.get("calendar", ""),
        jobs=_listed(options.get("jobs", "")),
        tags=_listed(options.get("tag", "")),
    )
    saved = await digests.order(visit.turn, visit.member, channel, wanted)
    edition = await digests.now(visit.turn, visit.member, channel, saved.chosen, visit.reader, saved)
    return Reply(wording.saved(saved, edition, visit.turn.now, visit.reader), private=False)


async def _now(visit: Visit, channel: int, name: str) -> Reply:
    """Post it now; only the asker sees it where they may not run anything here."""
    found = await digests.of_channel(visit.turn, visit.organization, channel)
    known = next((one for one in found if one.name == (name or digests.USUAL)), None)
    known = known or (found[0] if len(found) == 1 and not name else None)
    if name and known is None:
        raise Misunderstood(f"This channel has no digest called {name[:40]}.", suggestions=("digest",))
    chosen = await _chosen(visit)
    chosen = known.chosen if known is not None and chosen.of_channel else chosen
    zone = known.table.zone if known is not None else visit.reader
    edition = await digests.now(visit.turn, visit.member, channel, chosen, zone, known)
    message = wording.now(known.name if known else digests.USUAL, _place(visit, known), edition)
    return Reply(message, private=not visit.member.may(Role.OPERATOR))


async def _chosen(visit: Visit) -> Chosen:
    options = visit.command.options
    names, tags = _listed(options.get("jobs", "")), _listed(options.get("tag", ""))
    return await digests.choose(visit.turn, visit.member, names, tags)


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


async def _channel(visit: Visit) -> int:
    """The channel itself, where it was said in a thread: a digest is a message of its own."""
    place = replace(visit.request.channel, thread="")
    return await people.channel(visit.turn, visit.organization, place)


def _place(visit: Visit, known: Digest | None) -> str:
    return known.place if known is not None else visit.request.channel.address
