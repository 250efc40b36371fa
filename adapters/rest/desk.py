"""What the API works with: the same turns, vault and zone that the chat's desk has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from core.choices import Chooser
from core.turns import Turns
from core.vault import Vault


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts. `signing` is what links to files are signed with; `data` is where kept files lie."""

    turns: Turns
    vault: Vault
    zone: ZoneInfo
    chooser: Chooser
    signing: bytes
    data: Path
    public_url: str = ""
