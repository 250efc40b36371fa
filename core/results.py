"""The result of each combination, in the thread of its batch's message (DESIGN.md, 5.1).

Of a fan-out up to `MOST` runs; above that only `show` tells them. A result waits for the message whose
thread it goes to (`store.deliveries.claim`), however it comes about: at the start by hand, at the end of
what runs by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core import ids
from core.deliveries import Kind
from core.lifecycles import DeliveryState
from core.store import deliveries as rows
from core.store.dialects import Row
from core.turns import Turn

MOST = 20  # runs of a batch that have their results in its thread


async def owe(turn: Turn, batches: Sequence[Row], succeeded: Mapping[int, Sequence[str]]) -> None:
    """Owe the results of these runs (batch -> ids). Safe to repeat."""
    small = [row for row in batches if 1 < row.total <= MOST and row.channel is not None]
    if not small:
        return
    private = await rows.only_for(turn.connection, [row.pk for row in small], Kind.STATUS)
    made = [
        {
            "id": ids.new(),
            "organization": row.organization,
            "channel": row.channel,
            "kind": Kind.RESULT,
            "subject": subject(run),
            "batch": row.pk,
            "state": DeliveryState.PENDING,
            "due_at": turn.now,
            "only_for": private.get(row.pk, ""),
            "created_at": turn.now,
        }
        for row in small
        for run in succeeded[row.pk]
    ]
    await rows.owe(turn.connection, made)
    turn.owed = True


def subject(run_id: str) -> str:
    """What the delivery of a run's result is about."""
    return f"run:{run_id}"


def run_of(told: str) -> str:
    """The id of the run that it is about."""
    return told.removeprefix("run:")
