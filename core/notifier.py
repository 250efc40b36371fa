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

from core import deliveries
from core.deliveries import Delivery, Kind
from core.errors import DeliveryError
from core.lifecycles import DeliveryState
from core.messages import Message
from core.ports import Finder, Platform, Post, Receipt
from core.store import deliveries as rows
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # how long one send may take
AT_ONCE = 50  # deliveries claimed together
GIVE_UP = 10  # tries after which a delivery has failed

Outcome = tuple[Delivery, Receipt | DeliveryError]
Compose = Callable[[Turn, Delivery], Awaitable[Message]]


class Notifier:
    """Delivers until nothing is due."""

    def __init__(self, turns: Turns, platforms: Mapping[str, Platform], compose: Compose) -> None:
        self._turns = turns
        self._platforms = platforms
        self._compose = compose

    async def deliver(self) -> int:
        """Bring everything that is due now; returns how many were claimed."""
        total = 0
        while True:
            claimed = await self._turns.take(self._claim)
            total += len(claimed)
            if claimed:
                brought = await asyncio.gather(*(self._bring_in_order(some) for some in _by_place(claimed)))
                outcomes = [one for some in brought for one in some]
                await self._turns.take(lambda turn, done=outcomes: self._settle(turn, done))  # type: ignore[misc]
            if len(claimed) < AT_ONCE:
                return total

    async def _claim(self, turn: Turn) -> list[Delivery]:
        found = await rows.claim(turn.connection, turn.now, LEASE, AT_ONCE, list(self._platforms))
        return [deliveries.read(row) for row in found]

    async def _bring_in_order(self, some: Iterable[Delivery]) -> list[Outcome]:
        """Bring what goes to one place, one after the other.

        Where the platform asks to wait with a new message, those behind it wait too: none arrives before
        one that was owed earlier. What would outlast the lease is left for the next pass.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + LEASE.total_seconds() / 2
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

    async def _bring(self, delivery: Delivery) -> Receipt | DeliveryError:
        platform = self._platforms[delivery.channel.platform]
        look_first = delivery.died and not platform.repeatable
        if look_first and not (delivery.external_id or isinstance(platform, Finder)):
            return DeliveryError("The sender died while it was sending.", unknown=True)
        try:
            message = await self._turns.look(lambda turn: self._compose(turn, delivery))
            post = Post(
                delivery_id=delivery.id,
                channel=delivery.channel,
                message=message,
                external_id=delivery.external_id,
                reply_to=delivery.reply_to,
                only_for=delivery.only_for,
            )
            if look_first and isinstance(platform, Finder):
                found = await _look(platform, post)
                post = replace(post, external_id=found.external_id) if found is not None else post
            return await platform.deliver(post)
        except DeliveryError as error:
            return error
        except Exception as error:  # the door of a delivery: it is tried again, then told
            _log.exception("delivery.crashed", extra={"delivery": delivery.id})
            return DeliveryError(f"It could not be composed or sent: {type(error).__name__}.")

    async def _settle(self, turn: Turn, outcomes: list[Outcome]) -> None:
        put_off: dict[tuple[timedelta, str], list[tuple[int, int]]] = {}
        for delivery, outcome in outcomes:
            if isinstance(outcome, Receipt):
                await _brought(turn, delivery, outcome)
            elif outcome.retry_after is not None and not (outcome.unknown or outcome.permanent):
                # The platform named a time: nothing was sent, and it was no failure.
                same = put_off.setdefault((outcome.retry_after, outcome.sentence), [])
                same.append((delivery.pk, delivery.fence))
            else:
                await self._not_brought(turn, delivery, outcome)
        for (pause, sentence), held in put_off.items():
            await rows.put_off(turn.connection, held, turn.now + pause, sentence)

    async def _not_brought(self, turn: Turn, delivery: Delivery, error: DeliveryError) -> None:
        pause = _pause(delivery.attempts, error.retry_after)
        values: dict[str, object] = {"error": error.sentence, "due_at": turn.now + pause}
        state = self._state_after(delivery, error)
        if state is DeliveryState.SENDING:
            values["lease_until"] = turn.now + pause
        elif state is not DeliveryState.PENDING:
            _log.error(
                "delivery.not_brought",
                extra={"delivery": delivery.id, "state": state, "error": error.sentence},
            )
        held = await rows.settle(turn.connection, delivery.pk, delivery.fence, values | {"state": state})
        if held and state is DeliveryState.FAILED:
            if error.permanent:
                await rows.mark_channel(turn.connection, delivery.pk, "broken", error.sentence)
            await deliveries.divert(turn, delivery)

    def _state_after(self, delivery: Delivery, error: DeliveryError) -> DeliveryState:
        """What becomes of a delivery that was not brought; `sending` is kept where it is to be looked up."""
        gives_up = delivery.attempts >= GIVE_UP
        if error.unknown:
            platform = self._platforms[delivery.channel.platform]
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
    await rows.sent(
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
