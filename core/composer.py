"""Composes the message of a delivery from the rows as they are now."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from core import deliveries, results, views
from core.deliveries import Delivery, Kind
from core.messages import Message, Paragraph
from core.turns import Turn
from core.wording import batches, firings
from core.wording.deliveries import undelivered


async def compose(turn: Turn, delivery: Delivery) -> Message:
    """The newest state of what the delivery tells of; where a channel did not take it, that too."""
    message = await _message(turn, delivery)
    if not delivery.instead_of:
        return message
    where, why = await deliveries.why_not(turn, delivery.instead_of)
    return replace(message, blocks=(Paragraph(undelivered(where, why)), *message.blocks))


async def _message(turn: Turn, delivery: Delivery) -> Message:
    view = await views.of_batch(turn, delivery.batch)
    match delivery.kind:
        case Kind.STATUS:
            return batches.status(view)
        case Kind.ALERT:
            return batches.alert(view)
        case Kind.MENTION:
            return batches.mention(view)
        case Kind.RESULT:
            return batches.result(view, results.run_of(delivery.subject))
        case Kind.DRIFT:
            return firings.drift(view)
        case _:
            assert_never(delivery.kind)
