"""What an action carries: the command line that it stands for, and what a form adds to it.

It stands under `slashjob` in the action's data, beside the inputs, in the same form for `Action.Execute` and
for its `Action.Submit` fallback. `sum` tells a changed payload from ours. It is no signature: whoever could
forge it is an authenticated member who may say the same line, and is asked for the same role.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from core.errors import Misunderstood

KEY = "slashjob"

Does = Literal["say", "fill", "several", "drop"]
"""Say the line; say it with what is filled in; show the form for several values; put the form away."""

_DOES: tuple[Does, ...] = get_args(Does)


@dataclass(frozen=True, slots=True)
class Payload:
    """One action. `kinds` tell how each input is read, `kept` are values that no input can show.

    `only_for`: the platform id of the one person who may press it, empty for everybody.
    """

    line: str = ""
    does: Does = "say"
    kinds: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    several: bool = False
    only_for: str = ""


def write(payload: Payload) -> dict[str, Any]:
    """The action's data."""
    held = {name: one for name, one in asdict(payload).items() if one}
    return {KEY: {**held, "sum": _sum(held)}}


def read(value: object) -> tuple[Payload, Mapping[str, Any]]:
    """The payload and the inputs beside it, out of the value of an invoke or of a submitted message.

    Raises:
        Misunderstood: it is none of ours, or it was changed.
    """
    data = _data(value)
    held = data.get(KEY)
    if not isinstance(held, Mapping):
        raise _strange()
    known = {name: one for name, one in held.items() if name != "sum"}
    if held.get("sum") != _sum(known) or not set(known) <= set(Payload.__slots__):
        raise _strange()
    made = _payload(known)
    return made, {name: one for name, one in data.items() if name != KEY}


def _payload(known: Mapping[str, Any]) -> Payload:
    texts = [known.get("line", ""), known.get("only_for", "")]
    tables = [known.get("kinds", {}), known.get("kept", {})]
    does = known.get("does", "say")
    right = all(isinstance(one, str) for one in texts) and does in _DOES
    if not right or not all(_is_texts(one) for one in tables):
        raise _strange()
    return Payload(texts[0], does, tables[0], tables[1], known.get("several") is True, texts[1])


def _data(value: object) -> Mapping[str, Any]:
    """The data of an `Action.Execute` (`value.action.data`) or of an `Action.Submit` (`value`)."""
    if not isinstance(value, Mapping):
        raise _strange()
    action = value.get("action")
    data = action.get("data") if isinstance(action, Mapping) else value
    if not isinstance(data, Mapping):
        raise _strange()
    return data


def _is_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(one, str) for name, one in value.items()
    )


def _sum(held: Mapping[str, Any]) -> str:
    try:
        written = json.dumps(held, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise _strange() from None
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def _strange() -> Misunderstood:
    return Misunderstood(
        "This button is not one of mine, or it was changed on its way.",
        hint="Type what you want instead, for example: help",
    )
