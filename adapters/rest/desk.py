"""What the API works with: the same turns, vault and zone that the chat's desk has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from core.choices import Chooser
from core.desk.visit import Reply, Request
from core.jobfiles import Checks
from core.turns import Turns
from core.vault import Vault

Talk = Callable[[Request], Awaitable[Reply]]
"""The door of the chat's desk, for whole command lines."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts. `signing` is what links to files are signed with; `data` is where kept files lie."""

    turns: Turns
    vault: Vault
    zone: ZoneInfo
    chooser: Chooser
    signing: bytes
    data: Path
    checks: Checks
    talk: Talk
    public_url: str = ""
