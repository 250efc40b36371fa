"""Overlap: which lock keys a batch needs, and what a newcomer does where one is held. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from core.definitions import Overlap


class Decision(StrEnum):
    """What becomes of a batch that wants to start."""

    START = "start"
    SKIP = "skip"
    WAIT = "wait"
    REPLACE = "replace"  # cancel the holder, then wait until it is really gone
    FULL = "full"  # too many wait already
    ASK = "ask"  # somebody has to say yes first
    REFUSE = "refuse"  # it needs a yes, and nobody is there to say it


def keys(job_id: str, overlap: Overlap, prints: Iterable[str]) -> list[str]:
    """The lock keys of a batch, sorted; none for the policy `allow`.

    `prints` are the fingerprints of the parameter sets (`parameters.fingerprint`): with
    `scope: job+parameters` there is one key for each, so that `42,43` and `43` exclude each other.
    """
    if overlap.policy == "allow":
        return []
    if overlap.scope == "job":
        return [job_id]
    return sorted({f"{job_id}:{one}" for one in prints})


def decide(overlap: Overlap, *, held: bool, waiting: int) -> Decision:
    """What a newcomer does. `held`: one of its keys is taken or waited for; `waiting`: batches in line."""
    if not held:
        return Decision.START
    match overlap.policy:
        case "allow":
            return Decision.START
        case "skip":
            return Decision.SKIP
        case "queue":
            return Decision.WAIT if waiting < overlap.cap else Decision.FULL
        case "replace":
            return Decision.REPLACE
