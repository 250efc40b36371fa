"""What was pressed or filled in on a card, as one command line again; and the answers to such an invoke.

`line` is the exact inverse of what `buttons` and `inputs` write. The answers are the bodies of
`adaptiveCard/action`: https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.teams import payload
from adapters.teams.inputs import FIELD, NO, TIME, YES, decoded
from adapters.teams.payload import Does, Payload
from core import commands
from core.commands import Command
from core.errors import Misunderstood, NotAllowed
from core.parameters import Fan, Given, several_values

DROPPED = "The form was put away: nothing was started or changed."


@dataclass(frozen=True, slots=True)
class Pressed:
    """What an action asks for: its line, and whether the line is said, with or without a form's values,
    the form is shown for several values (`several`), or it is put away (`drop`, without a line)."""

    line: str
    does: Does


def line(value: Mapping[str, Any]) -> str:
    """The one command line that a pressed button or a submitted form stands for.

    `value` is that of the invoke, or of the message that `Action.Submit` sends.

    Raises:
        Misunderstood: it is none of ours, was changed on its way, or says nothing (a form put away).
    """
    pressed = read(value)
    if pressed.does == "drop":
        raise Misunderstood(DROPPED)
    return pressed.line


def read(value: Mapping[str, Any], presser: str = "") -> Pressed:
    """What was pressed. `presser`: the platform's id of who did.

    Raises:
        Misunderstood: it is none of ours, was changed on its way, or its command cannot be read (any more).
        NotAllowed: it is the private form of somebody else.
    """
    held, inputs = payload.read(value)
    if held.only_for and presser and held.only_for != presser:
        raise NotAllowed(
            "This was asked of somebody else.", hint="Say the command yourself to get a form of your own."
        )
    if held.does != "fill":
        return Pressed(held.line, held.does)
    return Pressed(_filled(held, inputs), held.does)


def _filled(held: Payload, inputs: Mapping[str, Any]) -> str:
    command = commands.parse(held.line)
    values: dict[str, Given] = dict(command.values)
    for name, kind in held.kinds.items():
        given = _given(inputs, name, kind, several=held.several)
        given = held.kept.get(name) if given is None else given
        if given is not None:
            values[name] = given
    try:
        whole = Command(
            command.name,
            command.words,
            text=command.text,
            values=values,
            sets=command.sets,
            options=command.options,
            flags=command.flags,
        )
    except ValueError as mistake:
        raise Misunderstood(f"This form cannot be said as a command: {mistake}.") from mistake
    return commands.spell(whole)


def _given(inputs: Mapping[str, Any], name: str, kind: str, *, several: bool) -> Given | None:
    """What an input says; None where it was left empty."""
    text = _text(inputs.get(f"{FIELD}{name}"))
    if not text.strip():
        return None
    match kind:
        case "datetime" if not several:
            time = _text(inputs.get(f"{TIME}{name}")).strip() or "00:00"
            return f"{text}T{time}" if "T" not in text else text
        case "choice" if several:
            return Fan(tuple(decoded(one) for one in text.split(",")))
        case "choice":
            return decoded(text)
        case "boolean" | "secret" | "lines":
            return text
        case _:
            return several_values(text) if several else text


def _text(value: object) -> str:
    """An input's value as it would be typed; hosts send numbers and toggles as text or as what they are."""
    match value:
        case bool():
            return YES if value else NO
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case str():
            return value
        case _:
            return ""


def invoke_card(card: dict[str, Any]) -> dict[str, Any]:
    """The answer that puts a card in the place of the pressed one, for whoever pressed."""
    return _answer(200, "application/vnd.microsoft.card.adaptive", card)


def invoke_message(text: str) -> dict[str, Any]:
    """The answer that only says something: the card stays as it is."""
    return _answer(200, "application/vnd.microsoft.activity.message", text)


def invoke_error(text: str, *, status: int = 400, code: str = "BadRequest") -> dict[str, Any]:
    """The answer to what cannot be done: 400 for an action that nobody can read, 500 for a fault of ours."""
    return _answer(status, "application/vnd.microsoft.error", {"code": code, "message": text})


def _answer(status: int, kind: str, value: object) -> dict[str, Any]:
    return {"statusCode": status, "type": kind, "value": value}
