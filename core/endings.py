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
from core.findings import Looked
from core.incidents import Course, Verdict
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
    verdict: Verdict | None = None  # what it means for what the job keeps failing with
    quiet: bool = False  # gates said not to post what it found

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
        looked = await notices.look(turn, occasion, book)
        await deliveries.owe_all(turn, list(_recovered(one)))  # where F is, at F; then wherever a rule says
        await notices.owe(turn, occasion, list(topics(one, looked)), book, looked)
        if one.channel is not None:
            await deliveries.owe_all(turn, list(_beside(one, one.channel)))


def topics(ended: Ended, looked: Looked) -> Iterator[Told]:
    """The topics of an ending, and how each is told."""
    verdict = ended.verdict
    if ended.failed:
        if verdict is None or verdict.course is Course.ALERT:
            yield Told(Topic.FAILED, Kind.ALERT, _alert_subject(ended), "error")
    elif ended.state is BatchState.SUCCEEDED:
        if verdict is not None and verdict.course is Course.RECOVERED:
            yield Told(Topic.RECOVERED, Kind.RECOVERED, _recovered_subject(ended, verdict))
        if not ended.quiet:
            level = looked.worst if looked.worst == "warning" else "info"
            yield Told(Topic.COMPLETED, Kind.STATUS, ended.subject, level)
    else:
        return
    if looked.worst and not ended.quiet:
        yield Told(Topic.ANOMALY, Kind.STATUS, ended.subject, looked.worst)
    if looked.changed and not ended.quiet:
        yield Told(Topic.CHANGED, Kind.STATUS, ended.subject)


async def tell_retry(turn: Turn, going: Ended, run_id: str, attempt: int) -> None:
    """Owe the word about a failed attempt that another follows, wherever the failure would be told."""
    occasion = _occasion(going)
    told = Told(Topic.FAILED, Kind.RETRY, deliveries.attempt_subject(run_id, attempt), "error")
    book = await notices.book(turn, [occasion])
    await notices.owe(turn, occasion, [told], book, await notices.look(turn, occasion, book))


def _alert_subject(ended: Ended) -> str:
    """F is about its incident, so that a channel has it once however often that fails."""
    return deliveries.incident_subject(ended.verdict.incident) if ended.verdict else ended.subject


def _recovered_subject(ended: Ended, verdict: Verdict) -> str:
    return deliveries.incident_subject(verdict.incident, ended.batch)


def _recovered(ended: Ended) -> Iterator[Owed]:
    """The notice at every alert of what is over."""
    verdict = ended.verdict
    if verdict is None or verdict.course is not Course.RECOVERED:
        return
    for channel, batch in verdict.told.items():
        subject = _recovered_subject(ended, verdict)
        yield Owed(ended.organization, channel, Kind.RECOVERED, subject, batch)


def _told_before(ended: Ended, channel: int) -> bool:
    """Nobody is told anew of this failure: it was too few times so far, or F stands there already."""
    verdict = ended.verdict
    return verdict is not None and (verdict.course is Course.QUIET or channel in verdict.told)


def _beside(ended: Ended, channel: int) -> Iterator[Owed]:
    """What the origin is told whatever the rules say."""
    place = (ended.organization, channel)
    if ended.failed and ended.in_hand and _told_before(ended, channel):  # who started it is told all the same
        yield Owed(*place, Kind.ALERT, ended.subject, ended.batch)
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
