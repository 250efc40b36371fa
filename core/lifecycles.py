"""Every state of a batch, a run and a delivery: what it means, how it is left, who cleans up.

`MOVES` is the whole list of permitted changes; the README's picture is the same list. A status changes
only by a conditional update on the status that it leaves; the row count is the proof.
"""

from __future__ import annotations

from enum import StrEnum


class BatchState(StrEnum):
    """What one wish has come to."""

    PROPOSED = "proposed"
    """Asks for confirmation or approval; holds no lock. Times out into `skipped`."""
    WAITING = "waiting"
    """Behind another batch's lock. The end of that batch, or the janitor's sweep, makes it active."""
    ACTIVE = "active"
    """Holds its locks; its runs wait, are queued or run. The end of its last run ends it."""
    SUCCEEDED = "succeeded"
    """Every run succeeded."""
    PARTLY_FAILED = "partly_failed"
    """Some runs succeeded and some did not."""
    FAILED = "failed"
    """No run succeeded and at least one failed."""
    CANCELLED = "cancelled"
    """Somebody cancelled it before any run failed or all had succeeded."""
    SKIPPED = "skipped"
    """Refused at once and recorded with its reason: the job was active, paused, or not agreed to."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self not in (BatchState.PROPOSED, BatchState.WAITING, BatchState.ACTIVE)


class Status(StrEnum):
    """What a run is doing, or how it ended."""

    WAITING = "waiting"
    """Its batch is not active, the cap is full, or `not_before` is ahead. Engines do not know it."""
    QUEUED = "queued"
    """Handed to the engine. A sweep hands it over again where an engine lost it."""
    RUNNING = "running"
    """Claimed by a worker whose lease is alive. The reaper ends it where the lease has ended."""
    SUCCEEDED = "succeeded"
    """The agent came to its end."""
    FAILED = "failed"
    """The agent said why it could not; goes back to `waiting` while attempts are left."""
    TIMED_OUT = "timed_out"
    """It took longer than the job's `timeout`; goes back to `waiting` while attempts are left."""
    CANCELLED = "cancelled"
    """Somebody cancelled it, and its agent has really stopped."""
    LOST = "lost"
    """Its worker died; goes back to `waiting` while attempts are left."""
    INTERRUPTED = "interrupted"
    """A graceful stop ended it; run again by the retry policy or `rerun_interrupted`."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self not in (Status.WAITING, Status.QUEUED, Status.RUNNING)


class DeliveryState(StrEnum):
    """What has become of a message that is owed."""

    PENDING = "pending"
    """Owed: it, or its newest version, has not been brought yet."""
    SENDING = "sending"
    """A notifier holds it; its lease ends in `unknown`, or `pending` where nothing was sent."""
    SENT = "sent"
    """The channel has its newest version."""
    UNKNOWN = "unknown"
    """The platform may have it: never blindly sent again."""
    FAILED = "failed"
    """The platform will not take it; the owner is told elsewhere."""
    SUPPRESSED = "suppressed"
    """A rule said not to post it."""


ENDINGS = frozenset(status for status in Status if status.ended)
UNSUCCESSFUL = ENDINGS - {Status.SUCCEEDED, Status.CANCELLED}
"""Endings that a failure alert tells of, and that a retry policy may mend."""

MOVES: frozenset[tuple[Status, Status]] = frozenset(
    {
        (Status.WAITING, Status.QUEUED),
        (Status.WAITING, Status.CANCELLED),
        (Status.QUEUED, Status.RUNNING),
        (Status.QUEUED, Status.CANCELLED),
        *((begun, Status.TIMED_OUT) for begun in (Status.WAITING, Status.QUEUED)),  # its batch had its time
        *((Status.RUNNING, ending) for ending in ENDINGS),
        (Status.RUNNING, Status.WAITING),  # an attempt ended and the retry policy has another
    }
)


def ending_of(succeeded: int, failed: int, cancelled: int) -> BatchState:
    """The state in which a batch of that many ended runs ends."""
    if failed:
        return BatchState.PARTLY_FAILED if succeeded else BatchState.FAILED
    if cancelled:
        return BatchState.CANCELLED
    return BatchState.SUCCEEDED
