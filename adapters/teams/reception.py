"""What every activity needs: stored before it is answered, its speaker, the desk's answer, and that told.

1. The activity is stored, sealed, under its key: a redelivery finds the row and ends there. 2. Teams is
answered 200. 3. The work: the desk's answer is said in the conversation. 4. The row is settled. A process
that dies between 2 and 4 leaves a row that another one takes up; what the desk did stays done once.

An invoke's answer is its result, so the desk comes first: what it changes is one transaction with the
request's own row. Only what follows the answer (`acting`) is stored before it, and taken up like the rest.
An invoke that got no answer is not done later: whoever pressed saw that it failed, and may press again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from adapters.teams import inbound, references
from adapters.teams.connector import Connector
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.inbound import Malformed, Origin
from adapters.teams.platform import Teams
from adapters.teams.references import PLATFORM
from adapters.teams.render import Look
from adapters.teams.speakers import Speakers
from core import people, redeliveries
from core.collector import Collector
from core.desk.desk import Desk
from core.desk.visit import Outcome, Reply, Request
from core.errors import Busy, DeliveryError, Fault
from core.messages import Message, Paragraph
from core.ports import Channel
from core.redeliveries import Abandoned
from core.turns import Turn, Turns
from core.turnstile import Turnstile
from core.vault import Vault
from core.wording import refusals

_log = logging.getLogger(__name__)

HEARD = "teams:heard"  # source of the keys of what was stored before it was answered
ONCE = "teams:once"  # source of the keys of greetings
PATIENCE = timedelta(seconds=2)  # for the database, before Teams is answered
DESK_PATIENCE = timedelta(seconds=10)  # for the database, once Teams was answered
LOOK = 10.0  # seconds between two looks for what other processes left
LATE = timedelta(minutes=10)  # what was said longer ago is not done any more, and that is told
TELL = 15.0  # seconds that an answer may take to be said; then it is begun again later
STOP_LIMIT = 5.0  # seconds that unfinished work gets when the process stops
MOST = 10_000  # places whose reference is remembered

Result = TypeVar("Result")
Work = Callable[["Reception", Origin, dict[str, Any]], Awaitable[None]]
OrganizationOf = Callable[[str], str | None]
"""tenant -> the name of its organization; None: it is not listened to."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """An activity that is to be stored, sealed."""

    origin: Origin
    text: str


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
        self._desk = parts.desk
        self._vault = parts.vault
        self._organization_of = parts.organization_of
        self._works = works
        self._turnstile = parts.turnstile
        self._stores: Collector[_Heard, int | Busy | None] = Collector(self._store)
        self._settles: Collector[int, None] = Collector(self._settle)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._numbers: dict[str, int] = {}  # of committed organizations, which never change
        self._kept: dict[tuple[str, str], str] = {}  # (tenant, place) -> the reference that is stored

    def open(self) -> None:
        """From now on what other processes left is looked for."""
        self._looking = self.later(self._look())

    async def store(self, origin: Origin, activity: dict[str, Any]) -> int | None:
        """The row's number; None where somebody has it already, or nothing is done for such an activity.

        Raises:
            Busy: it could not be stored.
        """
        if str(activity.get("type")) not in self._works:
            return None
        heard = _Heard(origin, self._vault.seal(inbound.kept(activity)))
        stored = await self._stores.add(heard)
        if isinstance(stored, Busy):
            raise stored
        return stored

    async def taken(
        self, origin: Origin, activity: dict[str, Any], work: Callable[[int], Coroutine[Any, Any, None]]
    ) -> bool:
        """Store it, then begin what is to be done with its row, unless somebody has it already. False: it
        could not be stored, and has to be brought again."""
        try:
            claimed = await self.store(origin, activity)
        except Busy as busy:
            _log.warning("teams.not_stored", extra={"error": busy.sentence})
            return False
        if claimed is not None:
            self.later(work(claimed))
        return True

    async def _store(self, group: list[_Heard]) -> list[int | Busy | None]:
        """Store what came together in one transaction; in the order of keys, as every process does."""
        order = sorted(range(len(group)), key=lambda place: group[place].origin.key)
        try:
            items = [
                (await self._number(one.origin), one.origin.key, one.text)
                for one in map(group.__getitem__, order)
            ]
            claimed = await redeliveries.claim_at_once(self.turns, HEARD, items, patience=PATIENCE)
        except Busy as busy:  # for all of them: one after the other they would wait far too long
            return [busy] * len(group)
        found = dict(zip(order, claimed, strict=True))
        return [found[place] for place in range(len(group))]

    async def _number(self, origin: Origin) -> int:
        """The organization of a tenant by its number."""
        name = self.organization(origin)
        if name not in self._numbers:
            self._numbers[name] = await self.turns.take(
                lambda turn: self._organization(turn, origin), patience=PATIENCE
            )
        return self._numbers[name]

    async def _settle(self, group: list[int]) -> list[None]:
        async def settle(turn: Turn) -> None:
            for claimed in sorted(group):
                await redeliveries.settle(turn, claimed)

        await self.turns.take(settle)
        return [None] * len(group)

    async def work(self, claimed: int, origin: Origin, activity: dict[str, Any]) -> None:
        """Do what was stored, then settle it. What could not be told yet is left for a later look."""
        await self.finish(claimed, self._works[str(activity.get("type"))](self, origin, activity))

    async def finish(self, claimed: int, work: Awaitable[None]) -> None:
        """Let what is done for a stored activity come to its end, as `work` does."""
        try:
            await work
        except (Unsent, Busy, TimeoutError) as error:
            _log.warning("teams.put_off", extra={"error": str(error) or type(error).__name__})
            return
        except (Unsure, Refused, DeliveryError) as error:
            _log.error("teams.not_answered", extra={"error": str(error)})
        except Exception:  # the door of a piece of work: it would fail again
            _log.exception("teams.work_failed")
        await self._settles.add(claimed)

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
            organization = await self._organization(turn, origin)
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
            return await redeliveries.claim(turn, await self._organization(turn, origin), ONCE, key)

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
        if self._looking is not None:
            self._looking.cancel()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=STOP_LIMIT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("teams.task_failed", extra={"error": f"{type(error).__name__}: {error}"[:200]})

    async def _organization(self, turn: Turn, origin: Origin) -> int:
        name = self.organization(origin)
        found = self._numbers.get(name)
        return await people.organization(turn, name) if found is None else found

    def _is_new(self, origin: Origin, place: str, reference: dict[str, Any]) -> bool:
        return self._kept.get((origin.tenant, place)) != json.dumps(reference)

    async def _look(self) -> None:
        """Take up, again and again, what a process left that died."""
        while True:
            try:
                await self.take_up()
            except Exception as error:  # the door of a loop: the database may be away
                _log.warning("teams.look_failed", extra={"error": str(error)})
            await asyncio.sleep(LOOK)

    async def take_up(self) -> int:
        """Do what was stored and never settled; returns how much that was."""
        if not await self.turns.look(lambda turn: redeliveries.any_abandoned(turn, HEARD)):
            return 0
        began = time.monotonic()

        async def take(turn: Turn) -> tuple[datetime, list[Abandoned]]:
            return turn.now, await redeliveries.take_over(turn, HEARD)

        now, taken = await self.turns.take(take)
        for one in taken:
            await self._take_up(one, now)
        _log.info("teams.taken_up", extra={"count": len(taken), "seconds": time.monotonic() - began})
        return len(taken)

    async def _take_up(self, one: Abandoned, now: datetime) -> None:
        try:
            activity = inbound.read(self._vault.open(one.text).encode())
            origin = inbound.origin(activity)
            age = now - one.since
        except (Fault, Malformed) as error:
            _log.error("teams.unreadable", extra={"error": str(error)})
            await self.turns.take(lambda turn: redeliveries.settle(turn, one.claimed))
            return
        if age <= LATE:
            await self.work(one.claimed, origin, activity)
            return
        await self.turns.take(lambda turn: redeliveries.settle(turn, one.claimed))
        try:
            await self._tell_late(origin, activity, age)
        except (Unsent, Unsure, Refused, Busy, DeliveryError, TimeoutError) as error:
            _log.error("teams.not_answered", extra={"error": str(error) or type(error).__name__})

    async def _tell_late(self, origin: Origin, activity: dict[str, Any], age: timedelta) -> None:
        """What was asked for long ago is not done any more. What was done then is told, once."""

        async def was_done(turn: Turn) -> bool:
            organization = await self._organization(turn, origin)
            return await redeliveries.settled(turn, organization, PLATFORM, origin.key)

        if await self.turns.take(was_done):
            await self._works[str(activity.get("type"))](self, origin, activity)
        elif line := inbound.line(activity):
            minutes = int(age.total_seconds() // 60)
            await self.tell(origin, Reply(refusals.too_late(line, minutes), Outcome.REFUSED))


def look(origin: Origin, message: Message, *, several: bool = False) -> Look:
    """How an answer is rendered: a form is for whoever asked for it."""
    return Look(
        personal=origin.personal,
        only_for=origin.person if message.form is not None else "",
        several=several,
    )
