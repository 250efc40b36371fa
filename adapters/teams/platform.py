"""Teams as a way out: posts, edits, speaks to one person, and tells what arrived from what may have.

A new message is repeated only where it cannot have arrived: the Bot Connector cannot be asked afterwards
whether it has one. An edit is simply repeated.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from adapters.teams import faults, places, references
from adapters.teams.connector import Connector
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.pace import Pace
from adapters.teams.places import Follower, Place
from adapters.teams.references import Where
from adapters.teams.render import Look, Mention, activities
from core.errors import DeliveryError
from core.filelinks import Links
from core.messages import Message, Tone
from core.ports import Post, Receipt

_log = logging.getLogger(__name__)

FOLLOWING = 10.0  # seconds that what follows a message may wait for its turn: it cannot be sent later alone
NOBODY = (
    "The bot has never been there. Add the app to the team or chat, or let the person say a word to the bot."
)


class People(Protocol):
    """Who is who and where; `directory.Directory` asks the rows."""

    async def mentions(self, members: Sequence[str]) -> dict[str, Mention]:
        """member -> whom Teams is to call."""
        ...

    async def reference(self, address: str) -> dict[str, Any] | None:
        """How a conversation or a person is reached."""
        ...

    async def remember(self, address: str, reference: dict[str, Any]) -> None:
        """Keep how a person is reached."""
        ...


class Teams:
    """The platform. `pace` is shared with the answers to requests; without `links` no file is linked to."""

    name = "teams"
    repeatable = False
    editable = True

    def __init__(
        self, connector: Connector, people: People, pace: Pace | None = None, links: Links | None = None
    ) -> None:
        self._connector = connector
        self._people = people
        self._links = links
        self._pace = pace or Pace(time.monotonic)

    async def deliver(self, post: Post) -> Receipt:
        """Send or edit. Raises `DeliveryError`."""
        held = places.read(post.external_id)
        going = post.message.tone is Tone.PROGRESS
        if post.external_id and held is None and going:
            return Receipt(post.external_id)  # it cannot be edited: the end is told anew
        try:
            where = await self.where(post.only_for or post.channel.address, post)
            made = await self._rendered(post.message, where)
            if held is not None:
                receipt = await self._edit(where, held, made, going=going)
                if receipt is not None:
                    return receipt
            return await self._post(where, post, made)
        except Unsent as unsent:
            raise faults.not_sent(unsent) from unsent
        except Unsure as unsure:
            raise DeliveryError(str(unsure), unknown=True) from unsure
        except Refused as refused:
            raise faults.told(refused) from refused

    async def where(self, address: str, post: Post | None = None) -> Where:
        """The conversation with that address, opened where it is a person's.

        Raises:
            DeliveryError: the bot has never been there.
            Unsent, Refused: the conversation could not be opened.
        """
        own = post is not None and address == post.channel.address
        reference = post.channel.reference if post is not None and own else None
        if reference is None or not reference.get("serviceUrl"):
            reference = await self._people.reference(address)
        if reference is None:
            raise DeliveryError(NOBODY, permanent=True)
        found = references.read(reference, post.channel.thread if post is not None and own else "")
        if found is not None:
            return found
        service_url = str(reference.get("serviceUrl") or "")
        try:
            opened = await self._connector.create(service_url, references.opening(reference, address))
        except Unsure as unsure:  # opening twice gives the same conversation
            raise Unsent(str(unsure)) from unsure
        reference = references.opened(reference, opened)
        await self._people.remember(address, reference)
        found = references.read(reference)
        if found is None:
            raise DeliveryError(NOBODY, permanent=True)
        return found

    async def _rendered(self, message: Message, where: Where) -> list[dict[str, Any]]:
        mentions = await self._people.mentions(message.mentions) if message.mentions else {}
        return activities(message, mentions=mentions, look=self._linked(Look(personal=where.personal)))

    def _linked(self, look: Look, *, files: bool = False) -> Look:
        """With what is known of links. `files`: it answers who asks now; what is posted is read later, when
        a link to a file would have ended."""
        links = self._links
        if links is None or not links.any:
            return look
        found = replace(look, picture=links.picture, linked=True)
        return replace(found, link=links.file) if files else found

    async def _edit(
        self, where: Where, held: Place, made: Sequence[Mapping[str, Any]], *, going: bool
    ) -> Receipt | None:
        """Edit the message; None where there is none (any more) that could be edited."""
        place = replace(where, conversation=held.conversation)
        self._pace.take(place.address, progress=going)
        try:
            await self._change(place, held.id, made[0])
        except Refused as refused:
            if refused.status in faults.GONE:
                return None
            if refused.status not in faults.TOO_BIG:
                raise
            await self._change(place, held.id, _plain(made[0]))
        except Unsure as unsure:
            raise Unsent(str(unsure)) from unsure
        return Receipt(str(await self._followed(place, held, made[1:])))

    async def _post(self, where: Where, post: Post, made: Sequence[Mapping[str, Any]]) -> Receipt:
        """A new message: in the thread of the one that it belongs to, where that is of this conversation."""
        answered = places.read(post.reply_to)
        target = where
        if answered is not None and answered.conversation.partition(";")[0] == where.address:
            parent = replace(where, conversation=answered.conversation)
            target = replace(where, conversation=parent.in_thread(answered.id))
        self._pace.take(target.address, progress=post.message.tone is Tone.PROGRESS)
        try:
            sent = await self._sent(target, made[0])
        except Refused as refused:
            if refused.status != 404 or target.conversation == target.address:
                raise
            target = replace(target, conversation=target.address)  # the thread's first message was deleted
            sent = await self._sent(target, made[0])
        elsewhere = bool(post.only_for)  # it tells nothing of the channel
        if not sent:
            return Receipt(places.SAID, elsewhere)
        place = await self._followed(target, Place(target.conversation, sent), made[1:])
        return Receipt(str(place), elsewhere)

    async def _sent(self, where: Where, activity: Mapping[str, Any]) -> str:
        try:
            return await self._new(where, activity)
        except Refused as refused:
            if refused.status not in faults.TOO_BIG or "attachments" not in activity:
                raise
            _log.error("teams.card_refused", extra={"error": str(refused)})
            return await self._new(where, _plain(activity))

    async def _followed(self, where: Where, place: Place, rest: Sequence[Mapping[str, Any]]) -> Place:
        """What belongs below the message: posted once, edited where it says something else by now."""
        thread = replace(
            where, conversation=replace(where, conversation=place.conversation).in_thread(place.id)
        )
        kept: list[Follower] = []
        for number, activity in enumerate(rest):
            before = place.followers[number] if number < len(place.followers) else None
            mark = places.mark(activity)
            if before is not None and before.mark == mark:
                kept.append(before)
                continue
            try:
                await self._turn(thread)
                if before is not None:
                    await self._change(thread, before.id, activity)
                    kept.append(Follower(before.id, mark))
                else:
                    kept.append(Follower(await self._new(thread, activity), mark))
            except (Unsent, Unsure, Refused, TimeoutError) as error:
                _log.error("teams.part_missing", extra={"error": str(error), "part": number + 2})
                kept += place.followers[number : number + 1]
                break
        return replace(place, followers=tuple(kept))

    async def _turn(self, where: Where) -> None:
        """Wait for the next operation in a conversation. Raises TimeoutError where that takes long."""
        async with asyncio.timeout(FOLLOWING):
            while (wait := self._pace.wait(where.address)) > 0:
                await asyncio.sleep(wait)
        self._pace.take(where.address)

    async def _new(self, where: Where, activity: Mapping[str, Any]) -> str:
        """Send; a 429 holds the conversation for everybody."""
        with self._holding(where):
            return await self._connector.send(
                where.service_url, where.conversation, where.addressed(activity)
            )

    async def _change(self, where: Where, message: str, activity: Mapping[str, Any]) -> None:
        """Edit, as `_new`."""
        with self._holding(where):
            await self._connector.update(
                where.service_url, where.conversation, message, where.addressed(activity)
            )

    @contextmanager
    def _holding(self, where: Where) -> Iterator[None]:
        try:
            yield
        except Unsent as unsent:
            if unsent.pause is not None:
                self._pace.hold(where.address, unsent.pause)
            raise

    async def say(self, where: Where, message: Message, look: Look) -> Place | None:
        """Answer a request at once, waiting for the conversation's turn; None where it cannot be named.

        Raises:
            Unsent, Unsure, Refused, TimeoutError: it was not said, or may not have been.
        """
        mentions = await self._people.mentions(message.mentions) if message.mentions else {}
        made = activities(message, mentions=mentions, look=self._linked(look, files=True))
        await self._turn(where)
        sent = await self._sent(where, made[0])
        if not sent:
            return None
        return await self._followed(where, Place(where.conversation, sent), made[1:])

    async def post(self, where: Where, activity: Mapping[str, Any]) -> None:
        """Send an activity as it is. Raises as `say`."""
        await self._turn(where)
        await self._sent(where, activity)

    async def upload(self, url: str, data: bytes) -> None:
        """Bring a file to where Teams wants it. Safe to repeat. Raises Unsure, Refused."""
        await self._connector.upload(url, data)

    async def replace(self, where: Where, message_id: str, message: Message, look: Look) -> None:
        """Put a message in the place of an earlier one of ours. Raises as `say`."""
        made = activities(message, mentions={}, look=self._linked(look, files=True))
        await self._turn(where)
        await self._change(where, message_id, made[0])


def _plain(activity: Mapping[str, Any]) -> dict[str, Any]:
    """The activity without its card: better a sentence than silence."""
    text = str(activity.get("summary") or "")
    return {"type": "message", "text": text, "textFormat": "plain", "summary": text}
