"""What runs are executed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from core.ports import Agent, OpenSource
from core.vault import Vault


@dataclass(frozen=True, slots=True)
class Equipment:
    """The agents by kind, what opens sources, and what a process has for its runs."""

    agents: Mapping[str, Agent]
    open_source: OpenSource
    environment: Mapping[str, str]
    vault: Vault
    zone: ZoneInfo
