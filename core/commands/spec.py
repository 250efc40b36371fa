"""What can be said of a command: its name, its places, its options, the least role."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from core.definitions import Role


class Name(StrEnum):
    """The commands, in the order in which help lists them."""

    RUN = "run"
    LIST = "list"
    SHOW = "show"
    HISTORY = "history"
    STATUS = "status"
    NEXT = "next"
    WHY = "why"
    CANCEL = "cancel"
    RETRY = "retry"
    NEW = "new"
    EDIT = "edit"
    SETS = "sets"
    SCHEDULE = "schedule"
    SCHEDULES = "schedules"
    UNSCHEDULE = "unschedule"
    PAUSE = "pause"
    RESUME = "resume"
    BACKFILL = "backfill"
    LOCK = "lock"
    UNLOCK = "unlock"
    ALLOW = "allow"
    APPROVE = "approve"
    REJECT = "reject"
    DIGEST = "digest"
    DIGESTS = "digests"
    NOTIFY = "notify"
    DELIVERIES = "deliveries"
    TEST_DELIVERY = "test-delivery"
    ACK = "ack"
    CSV = "csv"
    ROLE = "role"
    LINK = "link"
    KEYS = "keys"
    AUDIT = "audit"
    CLAIM = "claim"
    HELP = "help"


VIEWER, OPERATOR, EDITOR, ADMIN = Role

WordKind = Literal["job", "run", "target", "command", "role", "member", "text"]
"""What a word names: `run` is a number or id, `target` a number, id or job; completion goes by it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One positional word."""

    name: str
    kind: WordKind = "text"
    required: bool = True

    def __str__(self) -> str:
        return self.name.upper() if self.required else f"[{self.name.upper()}]"


@dataclass(frozen=True, slots=True)
class Choice:
    """One option: `--note "..."`, or `page=2` where the command takes no parameters of a job.

    `inner`: only forms and buttons say it; people are not told of it.
    """

    name: str
    kind: Literal["flag", "text", "number"] = "text"
    help: str = ""
    inner: bool = False

    def fits(self, text: str) -> bool:
        """Whether this text may be its value, in the form in which it is kept."""
        match self.kind:
            case "flag":
                return False
            case "number":
                return re.fullmatch(r"[1-9][0-9]{0,8}", text) is not None
            case "text":
                return True


@dataclass(frozen=True, slots=True)
class Spec:
    """One row of the table. `least` None: anybody whom the bot hears; the verbs check the rest."""

    name: Name
    least: Role | None
    help: str
    examples: tuple[str, ...]
    words: tuple[Place, ...] = ()
    options: tuple[Choice, ...] = ()
    text: str = ""  # what the free text is, empty where it takes none
    text_required: bool = False
    takes_values: bool = False
    takes_sets: bool = False
    takes_alternatives: bool = False
    available: bool = True

    @property
    def changes(self) -> bool:
        """Whether it may start, stop or change something."""
        return self.least not in (None, VIEWER)

    @property
    def usage(self) -> str:
        """The line with its places in capitals; brackets around what may be left out."""
        parts = [str(self.name), *map(str, self.words)]
        if self.text:
            parts.append(f"{self.text.upper()}..." if self.text_required else f"[{self.text.upper()}...]")
        if self.takes_values:
            parts.append("[name=value ...]")
        if self.takes_sets:
            parts.append("[@set ...]")
        parts += [self._option(one) for one in self.options if not one.inner]
        return " ".join(parts)

    def _option(self, one: Choice) -> str:
        if one.kind == "flag":
            return f"[--{one.name}]"
        value = "N" if one.kind == "number" else "TEXT"
        return f"[--{one.name} {value}]" if self.takes_values else f"[{one.name}={value}]"
