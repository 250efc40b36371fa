"""What was said, as it is stored before Slack is answered; `read` is the exact inverse of `text`."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from adapters.slack import inbound
from adapters.slack.inbound import Origin, Said

_FIELDS = tuple(one.name for one in fields(Origin))


class Kind(StrEnum):
    """How it was said, which decides how it is answered."""

    COMMAND = "command"
    EVENT = "event"
    PRESS = "press"


@dataclass(frozen=True, slots=True)
class Heard:
    """A line with its speaker and place. `refused`: not to be done any more, but this is to be told."""

    kind: Kind
    said: Said
    refused: str = ""

    @property
    def lane(self) -> str:
        """Whose words it is one of: they are answered in their order."""
        return f"{self.said.origin.team}:{self.said.origin.user}"

    def text(self) -> str:
        """As JSON; when its response_url ends is told by the clock of whoever heard it."""
        origin = self.said.origin
        if origin.response_url:
            origin = replace(origin, until=inbound.until(origin))
        held = {name: one for name in _FIELDS if (one := getattr(origin, name))}
        kept = {"kind": self.kind, "text": self.said.text, "in_view": self.said.in_view, "origin": held}
        if self.refused:
            kept["refused"] = self.refused
        return json.dumps(kept, separators=(",", ":"))


def read(text: str) -> Heard:
    """What was stored. Raises ValueError where it is none of ours."""
    try:
        found = json.loads(text)
        origin = Origin(**{name: str(found["origin"].get(name, "")) for name in _FIELDS})
        said = Said(origin, str(found["text"]), str(found["in_view"]))
        return Heard(Kind(found["kind"]), said, str(found.get("refused", "")))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not what was heard in Slack") from error
