"""Slack as a way out: posts, edits, tells one person, and knows what to do where that cannot be.

Nothing is sent twice blindly: each post carries its delivery's id as metadata, by which `find` sees whether
it arrived. Where the bot is no member of the channel, the answer goes through the command's response_url
while that lasts, then directly to whoever asked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import calls, faults, files, lookup, pictures, places
from adapters.slack.faults import Limited, Refused
from adapters.slack.names import Names
from adapters.slack.pace import Pace, later
from adapters.slack.pictures import Draw, Pictures
from adapters.slack.places import Place
from adapters.slack.render import Look, Rendered, reduced, render
from adapters.slack.sending import Sending
from adapters.slack.shared import Shared
from core.errors import DeliveryError
from core.messages import ChartData
from core.ports import Channel, Post, Receipt
from core.wording import sharing as wording

_log = logging.getLogger(__name__)

ASKED_AGAIN = timedelta(minutes=10)  # a message that waits for an admin is looked at again then
_INVITE = "where the bot is no member. Say there: `/invite @slashjob`"

Clients = Callable[[Channel], Awaitable[AsyncWebClient | None]]
"""channel -> a client that speaks in its workspace and repeats nothing by itself; None: not installed."""


class People(Protocol):
    """Who is who; `directory.Directory` asks the rows."""

    async def people(self, channel: Channel, members: Sequence[str]) -> dict[str, str]:
        """member -> Slack's id."""
        ...

    async def requester(self, channel: Channel, delivery_id: str) -> str:
        """Slack's id of whoever started what the delivery tells of, or empty."""
        ...

    async def shared(self, channel: Channel, delivery_id: str) -> tuple[str, ...] | None:
        """Of a channel that another company reads: who is to be asked now; None where it may go there."""
        ...


async def draw_png(chart: ChartData) -> bytes:
    """The chart as PNG."""
    from adapters.render import charts  # only where there is a chart

    return await charts.png(chart)


class Slack:
    """The platform. `clock` gives monotonic seconds, `now` the time of day that a response_url ends at."""

    name = "slack"
    repeatable = False
    editable = True

    def __init__(
        self,
        clients: Clients,
        people: People,
        *,
        draw: Draw = draw_png,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clients = clients
        self._people = people
        self._now = now
        self._pace = Pace(clock)
        self._names = Names(clock)
        self._pictures = Pictures(draw, clock)
        self._shared = Shared(clock)
        self._doubtful: set[str] = set()
        """deliveries that were answered 429: Slack may have taken them all the same"""

    async def deliver(self, post: Post) -> Receipt:
        """Send or edit. Raises `DeliveryError`."""
        sending = await self._sending(post)
        try:
            if post.only_for:
                return await self._whisper(sending)
            place = places.read(post.external_id, post.channel.address)
            if place is not None:
                receipt = await self._edit(sending, place)
                if receipt is not None:
                    return receipt
            elif post.external_id and sending.going:
                return Receipt(post.external_id, elsewhere=True)  # it cannot be edited: the end is told anew
            return await self._post(sending)
        except Refused as refused:
            raise faults.told(refused) from refused
        except Limited as limited:
            raise later(limited.pause) from limited

    async def find(self, post: Post) -> Receipt | None:
        """Whether Slack has a delivery already: by the metadata of the messages at its place.

        Raises `DeliveryError` with `unknown`; also `permanent` where it can never be told.
        """
        if places.read(post.external_id, post.channel.address) is not None:
            return Receipt(post.external_id)
        if post.only_for or post.external_id == places.SAID:
            raise DeliveryError(
                "What only one person sees cannot be looked up.", unknown=True, permanent=True
            )
        sending = await self._sending(post)
        try:
            found = await lookup.find(
                sending.client, sending.post.channel.address, sending.thread, post.delivery_id
            )
        except Refused as refused:
            why = faults.told(refused)
            raise DeliveryError(
                f"It cannot be looked up whether Slack has it. {why.sentence}",
                unknown=True,
                permanent=why.permanent,
            ) from refused
        except Limited as limited:
            raise DeliveryError(str(limited), unknown=True, retry_after=limited.pause) from limited
        return None if found is None else Receipt(str(found))

    async def locate(self, channel: Channel) -> Channel | None:
        """The channel that a name such as #ops means; None where the bot sees none of that name.

        Raises `DeliveryError`.
        """
        client = await self._clients(channel)
        if client is None:
            raise DeliveryError(faults.PERMANENT["app_uninstalled"], permanent=True)
        team = str((channel.reference or {}).get("team") or client.token or "")
        try:
            found = await self._names.find(client, team, channel.address)
        except Refused as refused:
            raise faults.told(refused) from refused
        except Limited as limited:
            raise later(limited.pause) from limited
        return replace(channel, address=found) if found else None

    async def _sending(self, post: Post) -> Sending:
        client = await self._clients(post.channel)
        if client is None:
            sentence = faults.PERMANENT["app_uninstalled"]
            raise DeliveryError(sentence, permanent=True)
        if post.channel.address.startswith("#"):
            channel = await self.locate(post.channel)
            if channel is None:
                raise DeliveryError(
                    f"There is no channel {post.channel.address} that the bot can see. Invite it there: "
                    "/invite @slashjob",
                    permanent=True,
                )
            post = replace(post, channel=channel)
        return Sending(post, client)

    async def _look(self, sending: Sending, *, attach: bool = True) -> Look:
        message = sending.post.message
        people = await self._people.people(sending.post.channel, message.mentions) if message.mentions else {}
        if sending.going:
            return Look(people=people, attach=attach)
        picture = await self._pictures.of(sending.client, sending.team, message)
        return Look(people=people, picture=picture, attach=attach)

    async def _edit(self, sending: Sending, place: Place) -> Receipt | None:
        """Edit the message; None where there is none (any more) that could be edited.

        An edit may be repeated: what is not known to have arrived is simply tried again.
        """
        self._pace.edit(sending.team, ending=not sending.going)
        arguments = {"channel": place.channel, "ts": place.ts}
        try:
            rendered, _ = await self._say(sending, "chat.update", arguments)
        except Refused as refused:
            if refused.word in faults.GONE | faults.NOT_HERE:
                return None
            raise
        except DeliveryError as error:
            if error.unknown:
                raise DeliveryError(error.sentence) from error
            raise
        return await self._with_files(sending, place, rendered, before=place.files)

    async def _post(self, sending: Sending) -> Receipt:
        """A new message in the channel, or another way where the bot is no member."""
        post = sending.post
        await self._allowed(sending)
        self._pace.post(sending.team, post.channel.address)
        if post.delivery_id in self._doubtful:
            found = await self._found_after_all(sending)
            if found is not None:
                return found
        try:
            rendered, said = await self._say(sending, "chat.postMessage", sending.target)
        except Refused as refused:
            if refused.word not in faults.NOT_HERE:
                raise
            return await self._around(sending, refused)
        place = Place(str(said.get("channel") or post.channel.address), str(said["ts"]))
        return await self._with_files(sending, place, rendered)

    async def _allowed(self, sending: Sending) -> None:
        """Pass where the channel is the company's own, or an admin has said yes to it.

        Raises `DeliveryError` where it has to wait; who can say yes is asked directly, once.
        """
        channel = sending.post.channel
        if not await self._shared.with_others(sending.client, sending.team, channel.address):
            return
        asked = await self._people.shared(channel, sending.post.delivery_id)
        if asked is None:
            return
        name = self._shared.name(sending.team, channel.address)
        question = render(wording.question(f"slack:{channel.address}", name), Look(attach=False)).payload()
        for who in asked:
            try:
                await calls.call(sending.client, "chat.postMessage", {"channel": who, **question})
            except (Refused, Limited, DeliveryError) as error:
                _log.warning("slack.admin_not_asked", extra={"error": str(error)})
        raise DeliveryError(wording.WAITS, retry_after=ASKED_AGAIN)

    async def _found_after_all(self, sending: Sending) -> Receipt | None:
        """A post that was answered 429 has been seen to arrive all the same: look, where we may."""
        post = sending.post
        try:
            found = await lookup.find(
                sending.client, sending.post.channel.address, sending.thread, post.delivery_id
            )
        except Refused:
            found = None
        self._doubtful.discard(post.delivery_id)
        return None if found is None else Receipt(str(found))

    async def _say(
        self, sending: Sending, method: str, target: dict[str, Any], note: str = ""
    ) -> tuple[Rendered, dict[str, Any]]:
        """Post or edit; as plain text with a file where Slack does not take the blocks.

        `note` is `mrkdwn` of ours that stands at the end.
        """
        message = sending.post.message
        look = await self._look(sending)
        rendered = render(message, look).noted(note)
        try:
            return rendered, await self._call(sending, method, target | rendered.payload())
        except Refused as refused:
            if refused.word in faults.NO_THREAD and "thread_ts" in target:
                target = {
                    name: one for name, one in target.items() if name not in ("thread_ts", "reply_broadcast")
                }
            elif refused.of_picture and self._pictures.refused(sending.team, message):
                raise later(calls.LEAST_PAUSE * 2) from refused
            elif refused.of_picture:
                look = await self._look(sending)
                rendered = render(message, look).noted(note)
                sending.unshown = [one for one in pictures.of(message) if not look.picture(one)]
            elif refused.word in faults.REFUSED_BLOCKS:
                _log.error("slack.refused_blocks", extra={"word": refused.word, "details": refused.details})
                rendered = reduced(message, look).noted(note)
            else:
                raise
        return rendered, await self._call(sending, method, target | rendered.payload())

    async def _call(self, sending: Sending, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method != "chat.postEphemeral":
            arguments = arguments | {"metadata": lookup.metadata(sending.post.delivery_id)}
        if method == "chat.update":
            arguments = {name: one for name, one in arguments.items() if not name.startswith("unfurl")}
        try:
            return await calls.call(sending.client, method, arguments)
        except Limited as limited:
            self._pace.hold(sending.team, method, limited.pause)
            if method == "chat.postMessage":
                self._doubtful.add(sending.post.delivery_id)
            raise

    async def _with_files(
        self, sending: Sending, place: Place, rendered: Rendered, *, before: str = ""
    ) -> Receipt:
        """Attach what belongs beside the message, unless it came with it before."""
        if sending.unshown:
            await self._pictures.attach(sending.client, place, sending.thread, sending.unshown)
        elsewhere = sending.elsewhere(place)
        if sending.going or not rendered.files or (mark := files.mark(rendered.files)) == before:
            return Receipt(str(Place(place.channel, place.ts, before)), elsewhere)
        missing = await files.attach(sending.client, place, sending.thread, rendered.files)
        if missing:
            note = {"channel": place.channel, "thread_ts": sending.thread or place.ts, "text": missing}
            try:
                await calls.call(sending.client, "chat.postMessage", note)
            except (Refused, Limited, DeliveryError) as error:
                _log.warning("slack.no_note", extra={"error": str(error)})
        return Receipt(str(Place(place.channel, place.ts, mark)), elsewhere)

    async def _whisper(self, sending: Sending) -> Receipt:
        """To one person: in the channel where that can be, else directly. Progress is told once."""
        post = sending.post
        place = places.read(post.external_id)
        if place is not None:
            receipt = await self._edit(sending, place)
            if receipt is not None:
                return receipt
        elif post.external_id and sending.going:
            return Receipt(post.external_id)
        self._pace.post(sending.team, post.channel.address)
        rendered = render(post.message, await self._look(sending, attach=False))
        target = {"channel": post.channel.address, "user": post.only_for, **sending.in_thread}
        try:
            await self._call(sending, "chat.postEphemeral", target | rendered.payload())
        except Refused as refused:
            if refused.word not in faults.NOT_HERE | {"user_not_in_channel"} | faults.REFUSED_BLOCKS:
                raise
            return await self._direct(sending, post.only_for, "")
        return Receipt(places.SAID)

    async def _around(self, sending: Sending, refused: Refused) -> Receipt:
        """The bot is no member: through the response_url while it lasts, then directly to whoever asked."""
        post = sending.post
        reference = post.channel.reference or {}
        url, until = str(reference.get("response_url") or ""), str(reference.get("until") or "")
        if url and (not until or datetime.fromisoformat(until) > self._now()):
            try:
                return await self._by_url(sending, url)
            except Refused as over:
                _log.info("slack.url_is_over", extra={"word": over.word})
        if sending.going or sending.said_directly:
            return Receipt(places.SAID, elsewhere=True)  # progress, or what notified them already
        who = await self._people.requester(post.channel, post.delivery_id) or str(reference.get("user") or "")
        if not who:
            raise refused
        return await self._direct(sending, who, f"Asked in <#{post.channel.address}>, {_INVITE}")

    async def _by_url(self, sending: Sending, url: str) -> Receipt:
        """Visible in the channel. Pictures and files cannot come this way: they come directly."""
        post = sending.post
        people = (
            await self._people.people(post.channel, post.message.mentions) if post.message.mentions else {}
        )
        rendered = render(post.message, Look(people=people, attach=False))
        shown = {"response_type": "in_channel", "replace_original": False, **sending.in_thread}
        try:
            await calls.post_by_url(sending.client, url, shown | rendered.payload())
        except Refused as refused:
            if refused.word not in faults.REFUSED_BLOCKS:
                raise
            plain = reduced(post.message, Look(people=people, attach=False))
            await calls.post_by_url(sending.client, url, shown | {"text": plain.text})
        return Receipt(places.SAID, elsewhere=True)

    async def _direct(self, sending: Sending, who: str, note: str) -> Receipt:
        """Directly to a person; `note` tells how to invite the bot where that was the reason."""
        channel = replace(sending.post.channel, address=who, thread="")
        own = Sending(replace(sending.post, channel=channel, reply_to=""), sending.client)
        rendered, said = await self._say(own, "chat.postMessage", own.target, note)
        place = Place(str(said.get("channel") or who), str(said["ts"]))
        receipt = await self._with_files(own, place, rendered)
        return Receipt(receipt.external_id, elsewhere=True)
