"""Brings what is owed to the platforms: the newest version of each due message, once.

1. Claim what is due (a row, with a lease). 2. Compose the message from the rows as they are now.
3. Send. 4. Write what became of it. A crash between 3 and 4 leaves `sending`: brought again where the
platform makes that harmless or the message is an edit, looked up where it can be (`Finder`), `unknown`
otherwise. What a platform may have or not after 3 is looked up too before it is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from core import deliveries, fallback, probes
from core.deliveries import Delivery, Kind
from core.errors import Busy, DeliveryError, Fault
from core.lifecycles import DeliveryState
from core.messages import Message
from core.ports import Finder, Platform, Post, Receipt
from core.store import deliveries as rows
from core.store import outbox as outbox_rows
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # how long one send may take
AT_ONCE = 50  # deliveries claimed together
GIVE_UP = 10  # tries after which a delivery has failed, where it has been owed for `PATIENCE`
PATIENCE = timedelta(hours=1)  # longer than mail servers put strangers off, and than most platforms are away
LONG = timedelta(seconds=5)  # what an edit has to wait for so long, new messages of its channel wait for too
AWAY = timedelta(seconds=1)  # until what the database could not give for a message is asked for again
LOOK = 0.25  # seconds between two looks for more while something is under way
TOGETHER = 0.01  # seconds that what was brought waits for others, to be written down in one transaction
NOT_YET = timedelta(hours=1)  # then it is looked again whether what cannot be edited has come to its end


PutOff = dict[tuple[timedelta, str], list[tuple[int, int]]]
"""(pause, why) -> what is put off for so long: numbers with their fences."""


class _Unsaid(Fault):
    """There is nothing to bring: the place has what it can have."""


Outcome = tuple[Delivery, Receipt | DeliveryError | _Unsaid]
Compose = Callable[[Turn, Delivery], Awaitable[Message]]


class Notifier:
    """Delivers until nothing is due."""

    def __init__(
        self,
        turns: Turns,
        platforms: Mapping[str, Platform],
        compose: Compose,
        *,
        lease: timedelta = LEASE,
        orphaned: timedelta | None = None,
    ) -> None:
        self._turns = turns
        self._platforms = platforms
        self._compose = compose
        self._lease = lease
        self._orphaned = orphaned

    async def deliver(self) -> int:
        """Bring everything that is due now; returns how many were claimed.

        A place that is slow holds up nobody else: while it is waited for, more is claimed and settled.
        """
        total, full, first = 0, False, True
        places: dict[asyncio.Task[list[Outcome]], int] = {}
        try:
            while True:
                room = AT_ONCE - sum(places.values())
                if room > 0 and (first or full or await self._anything_due()):
                    claimed = await self._claim(room)
                    total, full, first = total + len(claimed), len(claimed) == room, False
                    for some in _by_place(claimed):
                        places[asyncio.create_task(self._bring_in_order(some))] = len(some)
                if not places:
                    return total
                await self._settle_some(places)
        finally:
            for task in places:
                task.cancel()
            await asyncio.gather(*places, return_exceptions=True)

    async def next_due(self) -> timedelta | None:
        """The time until something is due, negative where it is; None where nothing is owed."""

        async def look(turn: Turn) -> timedelta | None:
            due = await outbox_rows.next_due(turn.connection, turn.now, self._reach)
            return None if due is None else due - turn.now

        return await self._turns.look(look)

    @property
    def _reach(self) -> outbox_rows.Reach:
        return outbox_rows.Reach(tuple(self._platforms), self._orphaned)

    async def _anything_due(self) -> bool:
        wait = await self.next_due()
        return wait is not None and wait <= timedelta(0)

    async def _claim(self, room: int) -> list[Delivery]:
        async def claim(turn: Turn) -> list[Delivery]:
            found = await outbox_rows.claim(turn.connection, turn.now, self._lease, room, self._reach)
            return [deliveries.read(row) for row in found]

        return await self._turns.take(claim)

    async def _settle_some(self, places: dict[asyncio.Task[list[Outcome]], int]) -> None:
        """Wait a moment for what is under way, and write down together what has been brought."""
        done, rest = await asyncio.wait(places, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
        if done and rest:
            done |= (await asyncio.wait(rest, timeout=TOGETHER))[0]
        outcomes = [one for task in done for one in task.result()]
        if outcomes:
            await self._write_down(outcomes)
        for task in done:
            del places[task]

    async def _write_down(self, outcomes: list[Outcome]) -> None:
        """Settle what became of them. What cannot be written is lost knowledge: it is tried for a lease."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._lease.total_seconds()
        while True:
            try:
                return await self._turns.take(lambda turn: self._settle(turn, outcomes))
            except Exception as error:  # a door: the database may be away for a moment
                if loop.time() > until:
                    raise
                _log.warning("delivery.not_written", extra={"error": str(error)})
                await asyncio.sleep(LOOK)

    async def _bring_in_order(self, some: Iterable[Delivery]) -> list[Outcome]:
        """Bring what goes to one place, one after the other.

        Where the platform asks to wait with a new message, those behind it wait too: none arrives before
        one that was owed earlier. What would outlast the lease is left for the next pass.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._lease.total_seconds() / 4
        outcomes: list[Outcome] = []
        later: DeliveryError | None = None
        messages: dict[int, str] = {}  # batch -> the message that went out just now: alerts go to its thread
        for one in some:
            delivery = one
            if not one.reply_to and one.kind in (Kind.ALERT, Kind.MENTION):
                delivery = replace(one, reply_to=messages.get(one.batch, ""))
            new = not (delivery.external_id or delivery.died)
            if loop.time() > until and not delivery.died:
                later = later or DeliveryError("Others come first.", retry_after=timedelta(0))
            if later is not None and (new or loop.time() > until) and not delivery.died:
                outcomes.append((delivery, later))
                continue
            outcome = await self._bring(delivery)
            outcomes.append((delivery, outcome))
            if delivery.kind is Kind.STATUS and isinstance(outcome, Receipt):
                messages[delivery.batch] = outcome.external_id
            if new and isinstance(outcome, DeliveryError) and outcome.retry_after is not None:
                later = outcome
        return outcomes

    async def _bring(self, delivery: Delivery) -> Receipt | DeliveryError | _Unsaid:
        platform = self._platforms.get(delivery.channel.platform)
        if platform is None:
            name = delivery.channel.platform
            return DeliveryError(f"Nothing can be sent to {name}: it is not set up.", permanent=True)
        if not platform.editable and (delivery.external_id or not delivery.ended):
            return _Unsaid()
        look_first = delivery.died and not platform.repeatable
        if look_first and not (delivery.external_id or isinstance(platform, Finder)):
            return DeliveryError("The sender died while it was sending.", unknown=True)
        # Until it was looked up, whatever fails, it may be there. Where it is, only we know: until that is
        # written down, whatever fails, it has to be looked up again.
        doubt = look_first
        sending = False
        try:
            message = await self._turns.look(lambda turn: self._compose(turn, delivery))
            post = Post(
                delivery_id=delivery.id,
                channel=delivery.channel,
                message=message,
                external_id=delivery.external_id,
                reply_to=delivery.reply_to,
                only_for=delivery.only_for,
                about=delivery.about,
            )
            async with asyncio.timeout(self._lease.total_seconds() * 2 / 3):
                if look_first and isinstance(platform, Finder):
                    found = await _look(platform, post)
                    post = replace(post, external_id=found.external_id) if found is not None else post
                    doubt = found is not None
                sending = True
                return await platform.deliver(post)
        except DeliveryError as error:
            if not doubt or error.permanent:
                return error
            return DeliveryError(error.sentence, unknown=True, retry_after=error.retry_after)
        except TimeoutError:
            unknown = doubt or (sending and not delivery.external_id)
            return DeliveryError(f"{delivery.channel.platform} did not answer in time.", unknown=unknown)
        except Busy as busy:  # the database is away, which platforms ask before they send: nothing was sent
            return DeliveryError(busy.sentence, unknown=doubt, retry_after=AWAY)
        except Exception as error:  # the door of a delivery: it is tried again, then told
            _log.exception("delivery.crashed", extra={"delivery": delivery.id})
            sentence = f"It could not be composed or sent: {type(error).__name__}."
            return DeliveryError(sentence, unknown=doubt)

    async def _settle(self, turn: Turn, outcomes: list[Outcome]) -> None:
        put_off: PutOff = {}
        first: set[int] = set()  # new messages: what is owed later to their channel waits behind them
        for delivery, outcome in outcomes:
            if isinstance(outcome, Receipt):
                await _brought(turn, delivery, outcome)
            elif isinstance(outcome, _Unsaid):
                await _unsaid(turn, delivery, put_off)
            elif outcome.retry_after is not None and not (outcome.unknown or outcome.permanent):
                # The platform named a time: nothing was sent, and it was no failure.
                same = put_off.setdefault((outcome.retry_after, outcome.sentence), [])
                same.append((delivery.pk, delivery.fence))
                if not delivery.external_id:
                    first.add(delivery.pk)
            else:
                await self._not_brought(turn, delivery, outcome)
        await probes.settled(turn, [delivery for delivery, _ in outcomes])
        for (pause, sentence), held in put_off.items():
            await outbox_rows.put_off(turn.connection, held, turn.now + pause, sentence)
            behind = [pk for pk, _ in held if pk in first or pause >= LONG]
            if sentence and behind:
                await outbox_rows.hold(turn.connection, behind, turn.now + pause, sentence)

    async def _not_brought(self, turn: Turn, delivery: Delivery, error: DeliveryError) -> None:
        pause = _pause(delivery.attempts, error.retry_after)
        values: dict[str, object] = {"error": error.sentence, "due_at": turn.now + pause}
        state = self._state_after(turn, delivery, error)
        if state is DeliveryState.SENDING:
            values["lease_until"] = turn.now + pause
        elif state is not DeliveryState.PENDING:
            _log.error(
                "delivery.not_brought",
                extra={"delivery": delivery.id, "state": state, "error": error.sentence},
            )
        held = await outbox_rows.settle(
            turn.connection, delivery.pk, delivery.fence, values | {"state": state}
        )
        if held and state is DeliveryState.FAILED:
            if error.permanent:
                await rows.mark_channel(turn.connection, delivery.pk, "broken", error.sentence)
            await fallback.divert(turn, delivery, self._platforms)
        elif held and state is DeliveryState.UNKNOWN:
            await self._doubt(turn, delivery)

    async def _doubt(self, turn: Turn, delivery: Delivery) -> None:
        """Nobody knows whether it arrived: an alert goes to the next fallback too, saying so; an end that
        came meanwhile is told as a new message."""
        if delivery.kind is not Kind.STATUS:
            await fallback.divert(turn, delivery, self._platforms)
        elif await outbox_rows.has_newer(turn.connection, delivery.pk, delivery.version):
            await deliveries.tell_anew(turn, delivery.batch)

    def _state_after(self, turn: Turn, delivery: Delivery, error: DeliveryError) -> DeliveryState:
        """What becomes of a delivery that was not brought; `sending` is kept where it is to be looked up."""
        gives_up = delivery.attempts >= GIVE_UP and delivery.created_at <= turn.now - PATIENCE
        if error.unknown:
            platform = self._platforms.get(delivery.channel.platform)
            can_look = isinstance(platform, Finder) and not error.permanent and not gives_up
            return DeliveryState.SENDING if can_look else DeliveryState.UNKNOWN
        return DeliveryState.FAILED if error.permanent or gives_up else DeliveryState.PENDING


async def _look(platform: Finder, post: Post) -> Receipt | None:
    """Whether the platform has it. While it cannot be told, nothing is sent."""
    try:
        return await platform.find(post)
    except DeliveryError as error:
        raise DeliveryError(
            error.sentence, unknown=True, permanent=error.permanent, retry_after=error.retry_after
        ) from error


async def _brought(turn: Turn, delivery: Delivery, receipt: Receipt) -> None:
    if not delivery.external_id:
        await rows.tell_of_doubtful(turn.connection, delivery.pk)
    await outbox_rows.sent(
        turn.connection,
        delivery.pk,
        delivery.fence,
        delivery.version,
        receipt.external_id,
        turn.now,
        pace=deliveries.pace(turn.now - delivery.created_at),
    )
    if delivery.broken and not receipt.elsewhere:
        await rows.mark_channel(turn.connection, delivery.pk, "ok", "")


async def _unsaid(turn: Turn, delivery: Delivery, put_off: PutOff) -> None:
    """What cannot be edited there: it has its one message, or waits for the end."""
    if delivery.external_id:
        await _brought(turn, delivery, Receipt(delivery.external_id, elsewhere=True))
    else:
        put_off.setdefault((NOT_YET, ""), []).append((delivery.pk, delivery.fence))


def _by_place(claimed: Iterable[Delivery]) -> list[list[Delivery]]:
    """Those of one channel together, its threads too, in their order."""
    places: dict[tuple[str, str], list[Delivery]] = {}
    for delivery in claimed:
        places.setdefault((delivery.channel.platform, delivery.channel.address), []).append(delivery)
    return list(places.values())


def _pause(attempts: int, named: timedelta | None) -> timedelta:
    """The time that the platform named, else longer from try to try."""
    if named is not None:
        return named
    return timedelta(seconds=min(2.0**attempts, 300.0) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads retries
