"""What every activity needs: stored before it is answered, its speaker, the desk's answer, and that told.

What arrives is stored, Teams is answered 200, and the work is begun beside (core/inbox.py): the desk's answer
is said in the conversation. A process that dies leaves a row that another one takes up.

An invoke's answer is its result, so the desk comes first: what it changes is one transaction with the
request's own row. Only what follows the answer (`acting`) is stored before it, and taken up like the rest.
An invoke that got no answer is not done later: whoever pressed saw that it failed, and may press again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from adapters.teams import inbound, references
from adapters.teams.connector import Connector
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.inbound import Origin
from adapters.teams.platform import Teams
from adapters.teams.references import PLATFORM
from adapters.teams.render import Look
from adapters.teams.speakers import Speakers
from core import inbox, people, redeliveries
from core.desk.desk import Desk
from core.desk.visit import Outcome, Reply, Request
from core.errors import Busy, DeliveryError
from core.messages import Message, Paragraph
from core.ports import Channel
from core.turns import Turn, Turns
from core.turnstile import Turnstile
from core.vault import Vault
from core.wording import refusals

_log = logging.getLogger(__name__)

HEARD = "teams:heard"  # source of the keys of what was stored before it was answered
ONCE = "teams:once"  # source of the keys of greetings
DESK_PATIENCE = timedelta(seconds=10)  # for the database, once Teams was answered
TELL = 15.0  # seconds that an answer may take to be said; then it is begun again later
MOST = 10_000  # places whose reference is remembered

Result = TypeVar("Result")
Work = Callable[["Reception", Origin, dict[str, Any]], Awaitable[None]]
OrganizationOf = Callable[[str], str | None]
"""tenant -> the name of its organization; None: it is not listened to."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reception is made from."""

    desk: Desk
    turns: Turns
    vault: Vault
    connector: Connector
    platform: Teams
    organization_of: OrganizationOf
    turnstile: Turnstile
    trusting: bool = False


class Reception:
    """Shared by all that arrives in one process. `works` maps a type of activity to what is done for it."""

    def __init__(self, parts: Parts, works: dict[str, Work]) -> None:
        self.turns = parts.turns
        self.platform = parts.platform
        self.speakers = Speakers(parts.turns, parts.connector, trusting=parts.trusting)
        self.inbox = inbox.Inbox(parts.turns, parts.vault, HEARD, self._reopened)
        self._desk = parts.desk
        self._organization_of = parts.organization_of
        self._works = works
        self._turnstile = parts.turnstile
        self._tasks: set[asyncio.Task[Any]] = set()
        self._kept: dict[tuple[str, str], str] = {}  # (tenant, place) -> the reference that is stored

    async def hear(
        self, origin: Origin, activity: dict[str, Any], work: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Store it, then begin what it asks for (or `work`) beside, unless somebody has it already.

        False: it could not be stored. What nothing is done for is not stored.
        """
        own = self._works.get(str(activity.get("type")))
        if own is None:
            return True
        try:
            number = await self.inbox.store(self.organization(origin), origin.key, inbound.kept(activity))
        except Busy as busy:
            _log.warning("teams.not_stored", extra={"error": busy.sentence})
            return False
        if number is not None:
            told = _told(work or partial(own, self, origin, activity))
            self.inbox.begin(number, told, lane=_lane(origin, activity))
        return True

    def organization(self, origin: Origin) -> str:
        """The name of the organization that the tenant belongs to."""
        return self._organization_of(origin.tenant) or people.DEFAULT

    async def answer(
        self, origin: Origin, text: str, *, patience: timedelta = DESK_PATIENCE, in_form: bool = False
    ) -> Reply:
        """The desk's answer. Busy is an answer too: nothing was started."""
        try:
            speaker = await self.speakers.of(origin)
        except Busy as busy:
            return Reply(refusals.refusal(busy, ""), Outcome.REFUSED, busy=True)
        request = Request(
            speaker=speaker,
            channel=references.channel(origin),
            text=text,
            key=origin.key,
            organization=self.organization(origin),
            patience=patience,
            in_form=in_form,
        )
        if patience < DESK_PATIENCE:  # Teams waits for an invoke's answer: it goes before what was answered
            return await self._desk.answer(request)
        async with self._turnstile.after():
            return await self._desk.answer(request)

    async def tell(self, origin: Origin, reply: Reply) -> None:
        """Say the answer where it was asked for; what is secret in the person's own chat.

        Raises:
            Unsent, TimeoutError: it was not said.
            Unsure, Refused: it may have been, or cannot be.
        """
        if reply.confidential and not origin.personal:
            await self._directly(origin, reply.message)
            text = refusals.SENT_DIRECTLY
            await self.say(origin, Message(text=text, blocks=(Paragraph(text),)))
            return
        try:
            await self.say(origin, reply.message)
        except Refused as refused:
            if origin.personal:
                raise
            _log.warning("teams.told_directly", extra={"error": str(refused)})
            await self._directly(origin, reply.message)

    async def say(self, origin: Origin, message: Message, *, several: bool = False) -> None:
        """Say something in the conversation that an activity came from. Raises as `tell`."""
        async with asyncio.timeout(TELL):
            await self.platform.say(references.where(origin), message, look(origin, message, several=several))

    async def _directly(self, origin: Origin, message: Message) -> None:
        async with asyncio.timeout(TELL):
            where = await self.platform.where(origin.person)
            await self.platform.say(where, message, Look(personal=True))

    async def keep(self, origin: Origin) -> None:
        """Keep current how the conversation and its speaker are reached."""
        places = [(origin.address, references.of_conversation(origin))]
        if origin.user and origin.user != origin.bot:
            places.append((origin.person, references.of_person(origin, None)))
        new = {place: one for place, one in places if self._is_new(origin, place, one)}
        if not new:
            return

        async def work(turn: Turn) -> None:
            organization = await people.organization(turn, self.organization(origin))
            known = await people.references(turn, PLATFORM, [origin.person])
            for place, made in new.items():
                person = place == origin.person
                reference = references.of_person(origin, known.get(place)) if person else made
                await people.refer(turn, organization, Channel(PLATFORM, place, "", reference))

        async with self._turnstile.after():
            await self.turns.take(work)
        if len(self._kept) >= MOST:
            self._kept.clear()
        for place, made in new.items():
            self._kept[origin.tenant, place] = json.dumps(made)

    async def once(self, origin: Origin, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it unless it was done, in any process: claim, do, settle.

        Raises:
            Unsent, TimeoutError: it was not done, the claim is given back.
        """

        async def claim(turn: Turn) -> int | None:
            organization = await people.organization(turn, self.organization(origin))
            return await redeliveries.claim(turn, organization, ONCE, key)

        claimed = await self.turns.take(claim)
        if claimed is None:
            return
        try:
            await work()
        except (Unsent, TimeoutError):
            await self.turns.take(lambda turn: redeliveries.give_up(turn, claimed))
            raise
        except (Unsure, Refused):
            await self.turns.take(lambda turn: redeliveries.settle(turn, claimed))
            raise
        await self.turns.take(lambda turn: redeliveries.settle(turn, claimed))

    def later(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Do it beside; `close` waits for it. Its fault is found in the log."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Let what was begun end, for a while; the rest is in the rows."""
        await self.inbox.close()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=inbox.STOP_LIMIT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("teams.task_failed", extra={"error": f"{type(error).__name__}: {error}"[:200]})

    def _is_new(self, origin: Origin, place: str, reference: dict[str, Any]) -> bool:
        return self._kept.get((origin.tenant, place)) != json.dumps(reference)

    def _reopened(self, text: str, age: timedelta) -> tuple[inbox.Work, str]:
        """The work of what was stored, perhaps by another process. Raises ValueError if it cannot be read."""
        activity = inbound.read(text.encode())
        origin = inbound.origin(activity)
        own = self._works.get(str(activity.get("type")))
        if own is None:
            raise inbound.Malformed("nothing is done for such an activity")
        work: Callable[[], Awaitable[None]] = partial(own, self, origin, activity)
        if age > inbox.LATE:
            work = partial(self._late, origin, activity, age, work)
        return _told(work), _lane(origin, activity)

    async def _late(
        self,
        origin: Origin,
        activity: dict[str, Any],
        age: timedelta,
        work: Callable[[], Awaitable[None]],
    ) -> None:
        """What was asked for long ago is not done any more; what was done then is told. Raises as `tell`."""

        async def was_done(turn: Turn) -> bool:
            organization = await people.organization(turn, self.organization(origin))
            return await redeliveries.settled(turn, organization, PLATFORM, origin.key)

        if await self.turns.take(was_done):
            await work()
        elif line := inbound.line(activity):
            minutes = int(age.total_seconds() // 60)
            await self.tell(origin, Reply(refusals.too_late(line, minutes), Outcome.REFUSED))


def _told(work: Callable[[], Awaitable[None]]) -> inbox.Work:
    """The work as the inbox does it: what certainly was not said is said later, what may have been never."""

    async def told(_: inbox.Claim) -> None:
        try:
            await work()
        except Unsent as unsent:
            raise inbox.PutOff(str(unsent)) from unsent
        except (Unsure, Refused, DeliveryError) as error:
            _log.error("teams.not_answered", extra={"error": str(error)})

    return told


def _lane(origin: Origin, activity: dict[str, Any]) -> str:
    """What somebody says in a conversation is answered in its order; all else is begun at once."""
    return f"{origin.address}:{origin.person}" if activity.get("type") == "message" else ""


def look(origin: Origin, message: Message, *, several: bool = False) -> Look:
    """How an answer is rendered: a form is for whoever asked for it."""
    return Look(
        personal=origin.personal,
        only_for=origin.person if message.form is not None else "",
        several=several,
    )
