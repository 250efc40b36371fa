"""Who is owed which message (DESIGN.md, section 5.1).

A delivery is one message owed to one channel. It is edited by raising its `version`: the notifier
brings the newest state, so many changes in a short time are one edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core import ids
from core.lifecycles import BatchState, DeliveryState
from core.ports import About, Channel
from core.store import deliveries as rows
from core.store.dialects import Row
from core.turns import Turn

PACES = (  # (age of a message, least time between two edits of it): DESIGN.md, 5.1
    (timedelta(minutes=1), timedelta(seconds=3)),
    (timedelta(minutes=10), timedelta(seconds=15)),
    (timedelta.max, timedelta(seconds=60)),
)


_ATTEMPT = "attempt:"
_INCIDENT = "incident:"
ANEW = "anew:"  # subjects of what is told again because nobody knows whether the first arrived
INSTEAD = "instead:"  # subjects of what goes elsewhere because a channel did not take it


class Kind(StrEnum):
    """What a message is to its batch."""

    STATUS = "status"  # M: from the acknowledgement to the result, edited
    ALERT = "alert"  # F: a new message about what failed
    MENTION = "mention"  # a short reply that notifies the requester of a long run's end
    RESULT = "result"  # what one run of a fan-out found, in M's thread
    STUCK = "stuck"  # no living worker may take its runs
    DRIFT = "drift"  # a schedule is due more often than its job can keep up with
    RETRY = "retry"  # an attempt failed and another follows, where the job wants to be told of each
    REMINDER = "reminder"  # F is still true
    PAUSED = "paused"  # the job was paused after too many failures
    RECOVERED = "recovered"  # what F tells of is over
    LATE = "late"  # what was due has not begun
    TEST = "test"  # to see whether it arrives
    TESTED = "tested"  # what became of test messages
    ABSENCE = "absence"  # what a schedule skipped or missed on a day, where a rule wants to hear of it
    DIGEST = "digest"  # what became of a channel's jobs since the last one
    REST = "rest"  # what did not fit into it, in its thread


_AT_ITS_MESSAGE = frozenset(Kind) - {Kind.STATUS, Kind.DRIFT, Kind.DIGEST}


@dataclass(frozen=True, slots=True)
class Extra:
    """What notify rules add to a message: files, members to mention, sentences about what broke."""

    attach: tuple[str, ...] = ()
    mentions: tuple[int, ...] = ()
    broke: tuple[str, ...] = ()

    def __or__(self, other: Extra) -> Extra:
        """Both together, nothing twice."""
        return Extra(
            tuple(dict.fromkeys((*self.attach, *other.attach))),
            tuple(dict.fromkeys((*self.mentions, *other.mentions))),
            tuple(dict.fromkeys((*self.broke, *other.broke))),
        )


NOTHING = Extra()


@dataclass(frozen=True, slots=True)
class Owed:
    """One message for one channel. `batch` is None where it is of none; `due_at` None: at once."""

    organization: int
    channel: int
    kind: Kind
    subject: str
    batch: int | None = None
    only_for: str = ""
    due_at: datetime | None = None
    extra: Extra = NOTHING


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message owed to one channel."""

    pk: int
    id: str
    kind: Kind
    batch: int  # 0 where it is of none
    version: int
    sent_version: int
    state: DeliveryState
    attempts: int
    fence: int
    died: bool
    channel: Channel
    external_id: str
    only_for: str
    error: str
    created_at: datetime
    sent_at: datetime | None
    broken: bool = False  # its channel took nothing the last time
    instead_of: str = ""  # the id of the delivery whose channel did not take it
    reply_to: str = ""  # the external id of the message whose thread it belongs to
    subject: str = ""
    extra: Extra = NOTHING
    about: About = field(default_factory=About)
    ended: bool = True  # what it tells of has come to its end


async def owe(
    turn: Turn, organization: int, channel: int, batch: int, batch_id: str, *, only_for: str = ""
) -> None:
    """Owe the message of a batch, from its start on."""
    owed = Owed(organization, channel, Kind.STATUS, subject_of(batch_id), batch, only_for)
    await owe_all(turn, [owed])


async def touched(turn: Turn, batch_pks: Sequence[int]) -> None:
    """Something changed in these batches: their message is edited at its pace."""
    await rows.touch(turn.connection, batch_pks, Kind.STATUS, turn.now, urgent=False)
    turn.owed = True


async def owe_all(turn: Turn, owed: Sequence[Owed]) -> None:
    """Owe these messages. One that is owed already (its subject, channel and kind) stays as it is."""
    if owed:
        await rows.owe(turn.connection, [_row(turn, one) for one in owed])
        turn.owed = True


async def settled(turn: Turn, batch: int, extra: Extra) -> None:
    """A batch that has its message from the start on has ended: the message is edited at once."""
    if extra != NOTHING:
        await rows.add_data(turn.connection, batch, Kind.STATUS, _data(extra))
    await rows.touch(turn.connection, [batch], Kind.STATUS, turn.now, urgent=True)
    await tell_anew(turn, batch)
    turn.owed = True


async def tell_anew(turn: Turn, batch: int) -> None:
    """A batch has ended whose message may have arrived or not, and cannot be edited: owe the end as a new
    message, once. Safe to repeat."""
    for row in await rows.unsure(turn.connection, batch, Kind.STATUS):
        if not row.subject.startswith(ANEW):
            owed = Owed(
                row.organization,
                row.channel,
                Kind.STATUS,
                f"{ANEW}{row.subject}",
                batch,
                row.only_for,
                extra=_extra(row.data),
            )
            await owe_all(turn, [owed])


async def owe_instead(turn: Turn, delivery: Delivery, root: str, organization: int, channel: int) -> None:
    """Owe elsewhere what a channel did not take; `root` is the id of the delivery that stands at the
    beginning. Safe to repeat."""
    subject = f"{INSTEAD}{root}"
    owed = Owed(organization, channel, delivery.kind, subject, delivery.batch or None, extra=delivery.extra)
    await owe_all(turn, [owed])


async def warn(turn: Turn, organization: int, channel: int, batch: int, subject: str) -> None:
    """Owe the warning that starts are skipped again and again, once for each `subject`."""
    await owe_all(turn, [Owed(organization, channel, Kind.DRIFT, subject, batch)])


async def stuck(turn: Turn, batches: Sequence[Row]) -> None:
    """Owe the warning that no living worker may take the runs of these batches, once for each."""
    owed = [Owed(one.organization, one.channel, Kind.STUCK, f"batch:{one.id}", one.pk) for one in batches]
    await owe_all(turn, owed)


async def of_batch(turn: Turn, batch: int) -> list[Delivery]:
    """The messages of a batch."""
    return [read(row) for row in await rows.of_batch(turn.connection, batch)]


async def of_job(turn: Turn, job: int, *, limit: int = 20) -> list[Delivery]:
    """The newest messages of a job."""
    return [read(row) for row in await rows.of_job(turn.connection, job, limit)]


async def of_channel(turn: Turn, channel: int, *, after: int = 0) -> list[Delivery]:
    """What was brought to a channel, from that delivery's number on."""
    return [read(row) for row in await rows.of_channel(turn.connection, channel, after)]


async def why_not(turn: Turn, delivery_id: str) -> tuple[str, str, bool]:
    """(where, why, whether it may be there all the same) of a delivery that was not taken."""
    row = await rows.by_id(turn.connection, delivery_id)
    if row is None:
        return "", "", False
    return row.name or row.address, row.error, row.state == DeliveryState.UNKNOWN


async def subject(turn: Turn, delivery: Delivery) -> str:
    """What a delivery is about; where a channel did not take it, what that one was about."""
    row = await rows.by_id(turn.connection, delivery.instead_of) if delivery.instead_of else None
    return delivery.subject if row is None else row.subject


async def doubtful(turn: Turn, delivery: Delivery) -> list[Row]:
    """What may not have arrived in the delivery's channel before it, and was not told of by another."""
    return await rows.doubtful(turn.connection, delivery.pk, new=not delivery.external_id)


async def edit(turn: Turn, subjects: Sequence[str], kind: Kind, *, urgent: bool = True) -> None:
    """What these messages tell of has changed: they are edited, at once or at their pace."""
    if subjects:
        await rows.touch_subjects(turn.connection, subjects, kind, turn.now, urgent=urgent)
        turn.owed = True


async def requester(turn: Turn, delivery_id: str) -> int | None:
    """The number of the member who started what a delivery tells of; None where nobody did."""
    return await rows.requester(turn.connection, delivery_id)


def pace(age: timedelta) -> timedelta:
    """The least time between two edits of a message of that age, while its batch goes on."""
    return next(least for limit, least in PACES if age <= limit)


def read(row: Row) -> Delivery:
    """A delivery out of its row."""
    return Delivery(
        pk=row.pk,
        id=row.id,
        kind=Kind(row.kind),
        batch=row.batch or 0,
        version=row.version,
        sent_version=row.sent_version,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        fence=row.fence,
        died=row.died,
        channel=Channel(row.platform, row.address, row.thread, row.reference),
        external_id=row.external_id,
        only_for=row.only_for,
        error=row.error,
        created_at=row.created_at,
        sent_at=row.sent_at,
        broken=row.channel_state == "broken",
        instead_of=row.subject.removeprefix(INSTEAD) if row.subject.startswith(INSTEAD) else "",
        reply_to=row.anchor or "" if row.kind in _AT_ITS_MESSAGE else "",
        subject=row.subject,
        extra=_extra(row.data),
        about=_about(row),
        ended=row.batch_state is None or BatchState(row.batch_state).ended,
    )


def _about(row: Row) -> About:
    return About(
        kind=row.kind,
        job_id=row.job_id or "",
        job=row.job_name or "",
        batch_id=row.batch_id or "",
        batch=row.batch or 0,
        state=row.batch_state or "",
    )


def subject_of(batch_id: str) -> str:
    """What the messages of a batch are about."""
    return f"batch:{batch_id}"


def attempt_subject(run_id: str, attempt: int) -> str:
    """What the word about a failed attempt is about."""
    return f"{_ATTEMPT}{run_id}:{attempt}"


def attempt_of(subject: str) -> tuple[str, int]:
    """(run's id, attempt) that it is about."""
    run_id, _, attempt = subject.removeprefix(_ATTEMPT).partition(":")
    return run_id, int(attempt)


def incident_subject(public_id: str, *part: object) -> str:
    """What F of an incident is about; what follows it has one more part to its subject."""
    return ":".join((f"{_INCIDENT}{public_id}", *map(str, part)))


def incident_of(subject: str) -> str:
    """The id of the incident that a message is about; empty where it is about something else."""
    return subject.removeprefix(_INCIDENT).partition(":")[0] if subject.startswith(_INCIDENT) else ""


def _row(turn: Turn, owed: Owed) -> dict[str, Any]:
    return {
        "id": ids.new(),
        "organization": owed.organization,
        "channel": owed.channel,
        "kind": owed.kind,
        "subject": owed.subject,
        "batch": owed.batch,
        "state": DeliveryState.PENDING,
        "due_at": owed.due_at or turn.now,
        "only_for": owed.only_for,
        "data": _data(owed.extra),
        "created_at": turn.now,
    }


def _data(extra: Extra) -> dict[str, Any] | None:
    return None if extra == NOTHING else asdict(extra)


def _extra(data: dict[str, Any] | None) -> Extra:
    return NOTHING if data is None else Extra(**{name: tuple(one) for name, one in data.items()})
