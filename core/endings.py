"""What is told of an end: its topics, then the rules that say where (`notices`).

In the transaction that ends the batch. 1. The topics of the ending. 2. The rules of each job. 3. What is
owed. An ending of what nobody waits for, or that belongs nowhere and that no rule takes, owes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core import deliveries, notices
from core.definitions import JobDefinition
from core.deliveries import Kind, Owed
from core.lifecycles import BatchState
from core.notices import Occasion, Told, Topic
from core.turns import Turn


@dataclass(frozen=True, slots=True)
class Ended:
    """What is to be told of a batch's end. `in_hand`: it has its message since its start."""

    organization: int
    job: int
    definition: JobDefinition
    channel: int | None
    batch: int
    batch_id: str
    in_hand: bool
    state: BatchState
    long: bool = False

    @property
    def failed(self) -> bool:
        """Something of it failed."""
        return self.state in (BatchState.FAILED, BatchState.PARTLY_FAILED)

    @property
    def subject(self) -> str:
        """What its messages are about."""
        return deliveries.subject_of(self.batch_id)


async def tell(turn: Turn, ended: Sequence[Ended]) -> None:
    """Owe what tells of these endings."""
    occasions = [_occasion(one) for one in ended]
    book = await notices.book(turn, occasions) if occasions else notices.Book()
    for one, occasion in zip(ended, occasions, strict=True):
        told = list(topics(one))
        await notices.owe(turn, occasion, told, book)
        if one.channel is not None:
            await deliveries.owe_all(turn, list(_beside(one, one.channel)))


def topics(ended: Ended) -> Iterator[Told]:
    """The topics of an ending, and how each is told."""
    if ended.failed:
        yield Told(Topic.FAILED, Kind.ALERT, ended.subject, "error")
    elif ended.state is BatchState.SUCCEEDED:
        yield Told(Topic.COMPLETED, Kind.STATUS, ended.subject)


def _beside(ended: Ended, channel: int) -> Iterator[Owed]:
    """What the origin is told whatever the rules say."""
    place = (ended.organization, channel)
    if ended.state is BatchState.CANCELLED and not ended.in_hand:
        yield Owed(*place, Kind.STATUS, ended.subject, ended.batch)
    if ended.long and ended.in_hand and not ended.failed:
        yield Owed(*place, Kind.MENTION, ended.subject, ended.batch)


def _occasion(ended: Ended) -> Occasion:
    return Occasion(
        organization=ended.organization,
        job=ended.job,
        definition=ended.definition,
        origin=ended.channel,
        batch=ended.batch,
        in_hand=ended.in_hand,
    )
