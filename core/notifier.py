"""Brings what is owed to the platforms: the newest version of each due message, once.

1. Claim what is due (a row, with a lease). 2. Compose the message from the rows as they are now.
3. Send. 4. Write what became of it. A crash between 3 and 4 leaves `sending`: brought again where the
platform makes that harmless or the message is an edit, `unknown` otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from core import deliveries
from core.deliveries import Delivery
from core.errors import DeliveryError
from core.lifecycles import DeliveryState
from core.messages import Message
from core.ports import Platform, Post, Receipt
from core.store import deliveries as rows
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # how long one send may take
AT_ONCE = 50  # deliveries claimed together
GIVE_UP = 10  # tries after which a delivery has failed

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
                outcomes = await asyncio.gather(*(self._bring(one) for one in claimed))
                await self._turns.take(lambda turn, done=outcomes: _settle(turn, done))  # type: ignore[misc]
            if len(claimed) < AT_ONCE:
                return total

    async def _claim(self, turn: Turn) -> list[Delivery]:
        found = await rows.claim(turn.connection, turn.now, LEASE, AT_ONCE, list(self._platforms))
        return [deliveries.read(row) for row in found]

    async def _bring(self, delivery: Delivery) -> tuple[Delivery, Receipt | DeliveryError]:
        platform = self._platforms[delivery.channel.platform]
        if delivery.attempts > 1 and delivery.died and not (platform.repeatable or delivery.external_id):
            return delivery, DeliveryError("The sender died while it was sending.", unknown=True)
        try:
            message = await self._turns.look(lambda turn: self._compose(turn, delivery))
            post = Post(
                delivery_id=delivery.id,
                channel=delivery.channel,
                message=message,
                external_id=delivery.external_id,
                only_for=delivery.only_for,
            )
            return delivery, await platform.deliver(post)
        except DeliveryError as error:
            return delivery, error
        except Exception as error:  # the door of a delivery: it is tried again, then told
            _log.exception("delivery.crashed", extra={"delivery": delivery.id})
            return delivery, DeliveryError(f"It could not be composed or sent: {type(error).__name__}.")


async def _settle(turn: Turn, outcomes: list[tuple[Delivery, Receipt | DeliveryError]]) -> None:
    for delivery, outcome in outcomes:
        if isinstance(outcome, Receipt):
            await rows.sent(
                turn.connection,
                delivery.pk,
                delivery.fence,
                delivery.version,
                outcome.external_id,
                turn.now,
                pace=deliveries.pace(turn.now - delivery.created_at),
            )
            continue
        state = DeliveryState.PENDING
        if outcome.unknown:
            state = DeliveryState.UNKNOWN
        elif outcome.permanent or delivery.attempts >= GIVE_UP:
            state = DeliveryState.FAILED
        if state is not DeliveryState.PENDING:
            _log.error(
                "delivery.not_brought",
                extra={"delivery": delivery.id, "state": state, "error": outcome.sentence},
            )
        values = {
            "state": state,
            "error": outcome.sentence,
            "due_at": turn.now + _pause(delivery.attempts, outcome.retry_after),
        }
        await rows.settle(turn.connection, delivery.pk, delivery.fence, values)


def _pause(attempts: int, least: timedelta | None) -> timedelta:
    seconds = min(2.0**attempts, 300.0) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries
    return max(timedelta(seconds=seconds), least or timedelta(0))
