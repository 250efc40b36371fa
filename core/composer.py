"""Composes the message of a delivery from the rows as they are now."""

from __future__ import annotations

from typing import assert_never

from core import views
from core.deliveries import Delivery, Kind
from core.messages import Message
from core.turns import Turn
from core.wording import batches, firings


async def compose(turn: Turn, delivery: Delivery) -> Message:
    """The newest state of what the delivery tells of."""
    view = await views.of_batch(turn, delivery.batch)
    match delivery.kind:
        case Kind.STATUS:
            return batches.status(view)
        case Kind.ALERT:
            return batches.alert(view)
        case Kind.MENTION:
            return batches.mention(view)
        case Kind.DRIFT:
            return firings.drift(view)
        case _:
            assert_never(delivery.kind)
