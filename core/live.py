"""A run in this process, while its agent is at work."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from core import ids, masks
from core.chats import Line
from core.definitions import Version
from core.entries import Failed
from core.errors import AgentError, Fault, Refusal
from core.lifecycles import Status
from core.runs import Claim
from core.stops import Stop, Verdict

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Live:
    """A run in this process."""

    claim: Claim
    version: Version
    secrets: tuple[str, ...] = ()
    stop: Stop | None = None
    late: bool = False
    lines: list[Line] = field(default_factory=list)
    sequence: int = 0
    step: str | None = None
    ending: bool = False
    closed: str = ""  # why there was nothing to do for its agent
    work: asyncio.Task[None] | None = None


def storable(text: str) -> str:
    """What an agent said, without what a text column of PostgreSQL refuses: it would hold up other runs."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()


def outcome(live: Live, agent: asyncio.Task[None]) -> Verdict:
    """What an agent that has ended by itself makes of its run: status, why no success, whether for good."""
    if agent.cancelled():
        return Status.FAILED, Failed("The agent gave up without saying why."), False
    error = agent.exception()
    match error:
        case None:
            return Status.SUCCEEDED, None, False
        case AgentError():
            return Status.FAILED, Failed(error.sentence, error.hint, error.detail), error.permanent
        case Refusal():
            return Status.FAILED, Failed(error.sentence, error.hint), True
        case Fault():
            return Status.FAILED, Failed(str(error)), False
        case _:
            reference = ids.new()[-8:]
            text = masks.mask(repr(error), live.secrets)
            _log.error(
                "run.crashed",
                extra={"run": live.claim.id, "reference": reference, "error": text},
                exc_info=None if live.secrets else error,
            )
            return (
                Status.FAILED,
                Failed(f"The agent met an error that it did not expect (reference {reference})."),
                False,
            )
