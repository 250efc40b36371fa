"""A run in this process, while its agent is at work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from core.chats import Line
from core.definitions import Version
from core.runs import Claim
from core.stops import Stop


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
