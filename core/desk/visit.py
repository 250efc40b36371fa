"""What comes to the desk and what goes back: a request, a reply, and the visit in between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.choices import Asked
from core.commands import Command
from core.jobfiles import Checks
from core.messages import Message
from core.people import DEFAULT, Member, Speaker
from core.ports import Channel
from core.turns import Turn
from core.vault import Vault


@dataclass(frozen=True, slots=True)
class Request:
    """What was said to the bot, by whom, where. `key` tells a redelivery from a new request.

    `patience` is how long the asker's platform waits for a busy database.
    """

    speaker: Speaker
    channel: Channel
    text: str
    key: str
    source: str = ""  # which kind of delivery the key is of; the channel's platform by default
    organization: str = DEFAULT
    patience: timedelta | None = None
    in_form: bool = False  # it was filled in: mistakes come back as the form, each at its field


class Outcome(StrEnum):
    """What kind of answer a reply is."""

    DONE = "done"
    REFUSED = "refused"
    FORM = "form"
    QUESTION = "question"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer. `batch` is what was started; its message then follows as a delivery (`posted`).

    `private`: only the asker is to see it (reads and refusals). `busy`: the store could not take it, and
    nothing was started. `mistakes` maps a parameter to what is wrong with its value. `confidential`: it
    holds a secret, so that nobody else may see it even where a channel shows everything to everybody.
    """

    message: Message
    outcome: Outcome = Outcome.DONE
    private: bool = True
    batch: int | None = None
    posted: bool = False
    busy: bool = False
    mistakes: Mapping[str, str] = field(default_factory=dict)
    confidential: bool = False
    beside: Message | None = None  # is told to the asker directly as well, where the platform can


@dataclass(slots=True)
class Visit:
    """One request while it is answered, inside one transaction.

    `zone` is the organization's. `reader` is the member's own: what they say is meant in it, and instants
    are told in it beside the zone that they belong to.
    """

    turn: Turn
    request: Request
    organization: int
    member: Member
    zone: ZoneInfo
    vault: Vault
    command: Command
    channel: int | None = None
    row: int | None = None  # the request's row, where one is kept
    admin_code: str = ""
    platforms: Collection[str] = ()
    options: dict[str, str] = field(default_factory=dict)
    asked: Asked | None = None  # the choices that sources gave
    checks: Checks = field(default_factory=Checks)  # what the parts outside of core look at in a job

    @property
    def reader(self) -> ZoneInfo:
        """The zone that the member lives in, else the organization's."""
        return self.member.zone or self.zone
