"""Test messages: they go through the real outbox, and whoever asked is told what became of each.

The report is owed from the start, for `LIMIT` later; once the last of its messages is settled it is due at
once. What is settled after the report was brought edits it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from core import audit, deliveries, ids, notices, people, places
from core.addresses import ORIGIN
from core.definitions import Role
from core.deliveries import Delivery, Kind, Owed
from core.jobs import Job
from core.notices import Occasion, Topic
from core.people import Member
from core.store import deliveries as rows
from core.store.dialects import Row
from core.turns import Turn

LIMIT = timedelta(seconds=30)  # then it is told that some are still on their way
_PROBE = "probe:"


async def channels_of(turn: Turn, job: Job, asked: int) -> list[int]:
    """Every channel that the job's endings go to: its own (else where it was asked), and those of rules."""
    own = await places.find(turn, job.organization, job.job.channel) if job.job.channel else None
    origin = own or await places.origin(turn, job.organization, None) or asked
    occasion = Occasion(job.organization, job.pk, job.job, origin)
    book = await notices.book(turn, [occasion])
    found: dict[int, None] = {}
    for target in dict.fromkeys(
        target for topic in Topic for rule in book.fitting(occasion, topic) for target in rule.rule.to
    ):
        place = origin if target == ORIGIN else await places.find(turn, job.organization, target)
        if place is not None:
            found[place] = None
    return list(found)


async def send(turn: Turn, actor: Member, channels: Sequence[int], asked: int, *, name: str) -> None:
    """Owe a test message to each of these channels, and the report to the place where it was asked for.

    `name` is the job's, empty where a channel was named. Raises `NotAllowed`: the actor is no editor.
    """
    await people.permit(turn, actor, Role.EDITOR, "send test messages")
    probe = ids.new()
    subject = f"{_PROBE}{probe}:{actor.pk}:{name}"
    owed = [Owed(actor.organization, channel, Kind.TEST, subject) for channel in channels]
    report = Owed(actor.organization, asked, Kind.TESTED, subject, due_at=turn.now + LIMIT)
    await deliveries.owe_all(turn, [*owed, report])
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action="delivery.test",
        subject=f"probe:{probe}",
        data={"job": name, "channels": len(channels)},
    )


async def settled(turn: Turn, some: Collection[Delivery]) -> None:
    """These were brought, or not: the reports whose last message it was are due now."""
    subjects = {one.subject for one in some if one.kind is Kind.TEST}
    for subject in sorted(subjects):
        if not await rows.under_way(turn.connection, subject, Kind.TEST):
            await deliveries.edit(turn, [subject], Kind.TESTED)


async def of(turn: Turn, subject: str) -> list[Row]:
    """The test messages that a report is about, in their order."""
    return await rows.about(turn.connection, subject, Kind.TEST)


def asked(subject: str) -> tuple[int, str]:
    """(the member who asked, the job's name or nothing) of a test message or its report."""
    _, member, name = subject.removeprefix(_PROBE).split(":", 2)
    return int(member), name
