"""Why the work of a run is stopped before its end, and what becomes of the run then. Pure."""

from __future__ import annotations

from enum import StrEnum

from core.definitions import JobDefinition, write_duration
from core.entries import Failed
from core.lifecycles import Status
from core.ports import Halt

Verdict = tuple[Status, Failed | None, bool]
"""The status, why it was no success, and whether another attempt cannot help."""


class Stop(StrEnum):
    """Why a run's task was cancelled."""

    CANCEL = "cancel"
    SHUTDOWN = "shutdown"
    LEASE = "lease"
    BATCH = "batch"  # the time of all its batch's runs is over


def verdict(stop: Stop | None, job: JobDefinition, *, late: bool) -> Verdict | None:
    """How a run ends that was stopped; None where it was not, or belongs to somebody else by now."""
    if stop is Stop.CANCEL:
        return Status.CANCELLED, None, True
    if stop is Stop.SHUTDOWN:
        return Status.INTERRUPTED, Failed("The bot was stopped while the run was under way."), False
    if stop is Stop.BATCH:
        limit = write_duration(job.batch_timeout or job.timeout)
        return Status.TIMED_OUT, Failed(f"The batch took longer than its time-out of {limit}."), True
    if late:
        limit = write_duration(job.timeout)
        return Status.TIMED_OUT, Failed(f"The run took longer than its time-out of {limit}."), False
    return None


def halt(stop: Stop | None, *, late: bool) -> Halt:
    """The same for the agent, while it is at work."""
    match stop:
        case Stop.LEASE:
            return "lease"
        case Stop.CANCEL:
            return "cancel"
        case Stop.BATCH:
            return "time"
        case Stop.SHUTDOWN:
            return "shutdown"
        case None:
            return "time" if late else ""
