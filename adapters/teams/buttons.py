"""Buttons: each carries a command; pressing it says that command.

`Action.Execute` answers at once and can replace the card; clients that do not know it fall back to
`Action.Submit`. No button sends the inputs of a form that stands on the same card, else the form's required
fields would block it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adapters.teams import limits, payload
from adapters.teams.parts import Part, rich, run
from adapters.teams.payload import Payload
from adapters.teams.text import cut, one_line
from core.messages import Button, Style

_STYLES: dict[Style, str] = {"default": "default", "primary": "positive", "danger": "destructive"}


def rows(buttons: Iterable[Button], *, only_for: str = "") -> list[Part]:
    """Rows of actions; `too_long` names what fits no button."""
    fitting = [one for one in buttons if _fits(one)][: limits.BUTTONS]
    return sets([_button(one, only_for) for one in fitting])


def sets(actions: Sequence[Part]) -> list[Part]:
    """Actions in rows of as many as a card shows."""
    return [
        {"type": "ActionSet", "actions": list(actions[start : start + limits.ACTIONS])}
        for start in range(0, len(actions), limits.ACTIONS)
    ]


def too_long(buttons: Sequence[Button]) -> list[str]:
    """The labels of the buttons that are not shown: their command is too long, or there are too many."""
    fitting = [one for one in buttons if _fits(one)]
    left_out = [one for one in buttons if not _fits(one)] + fitting[limits.BUTTONS :]
    return [cut(one_line(one.label), limits.LABEL) for one in left_out]


def action(title: str, carried: Payload, *, style: Style = "default", inputs: bool = False) -> Part:
    """One action with its fallback. `inputs`: it sends what is filled in, which is checked first."""
    shared: dict[str, Any] = {
        "title": cut(one_line(title), limits.LABEL) or "–",
        "data": payload.write(carried),
        "associatedInputs": "auto" if inputs else "none",
    }
    if style != "default":
        shared["style"] = _STYLES[style]
    fallback = {"type": "Action.Submit", **shared}
    return {"type": "Action.Execute", "verb": carried.does, **shared, "fallback": fallback}


def _button(button: Button, only_for: str) -> Part:
    """The button; one that asks first opens a card in the card, whose own button says yes."""
    carried = Payload(button.command, only_for=only_for)
    if not button.confirm:
        return action(button.label, carried, style=button.style)
    label = one_line(button.label)
    made = action(f"Yes, {label[:1].lower()}{label[1:]}", carried, style=button.style)
    question = rich(run(one_line(button.confirm) or "Are you sure?"))
    asked = {"type": "AdaptiveCard", "body": [question], "actions": [made]}
    shown: Part = {"type": "Action.ShowCard", "title": cut(label, limits.LABEL) or "–", "card": asked}
    return shown | ({"style": made["style"]} if "style" in made else {})


def _fits(button: Button) -> bool:
    return len(button.command) <= limits.BUTTON_DATA
