"""How a message is named afterwards: its conversation and id, then those that followed it in its thread.

`19:x@thread.tacv2 1712 1713~ab12cd34` is message 1712 there, followed by 1713 with content ab12cd34; `~` is
a message that cannot be named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

SAID = "~"  # it arrived, but Teams did not tell its id: it cannot be edited


@dataclass(frozen=True, slots=True)
class Follower:
    """A message that belongs below another, and a mark of what it says."""

    id: str
    mark: str


@dataclass(frozen=True, slots=True)
class Place:
    """A message of ours. `conversation` is where it was posted, its thread included."""

    conversation: str
    id: str
    followers: tuple[Follower, ...] = ()

    def __str__(self) -> str:
        named = [_written(self.conversation), _written(self.id)]
        return " ".join([*named, *(f"{_written(one.id)}~{one.mark}" for one in self.followers)])


def read(external_id: str) -> Place | None:
    """The place out of an external id; None where it cannot be edited."""
    parts = external_id.split(" ")
    if len(parts) < 2:
        return None
    followers = tuple(_follower(one) for one in parts[2:])
    return Place(unquote(parts[0]), unquote(parts[1]), followers)


def mark(activity: Mapping[str, Any]) -> str:
    """Tells two contents apart."""
    text = json.dumps(activity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _follower(text: str) -> Follower:
    identity, _, mark = text.rpartition("~")
    return Follower(unquote(identity), mark)


def _written(identity: str) -> str:
    """An id without blanks; those of Teams are left as they are."""
    return quote(identity, safe=":;=@._-")
