"""How a message is named afterwards: `C1:1712.0001`, or `~` where it cannot be edited."""

from __future__ import annotations

from dataclasses import dataclass

SAID = "~"  # said to one person, or through a response_url: it cannot be named again


@dataclass(frozen=True, slots=True)
class Place:
    """A message of ours: its conversation, its `ts` there, and a mark of the files that came with it."""

    channel: str
    ts: str
    files: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, [self.channel, self.ts, self.files]))


def read(external_id: str, channel: str = "") -> Place | None:
    """The place out of an external id; a bare `ts` is of `channel`. None where it cannot be edited."""
    if not external_id or external_id == SAID:
        return None
    parts = external_id.split(":")
    if len(parts) == 1:
        return Place(channel, parts[0])
    return Place(parts[0], parts[1], parts[2] if len(parts) > 2 else "")
