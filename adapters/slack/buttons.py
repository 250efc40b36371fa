"""Buttons and forms: each button carries a command in its `value`; pressing it says that command.

`action_id` is `say:N` for a button and `fill:N` for one that asks for a form, N counted from 0 within the
message. The command is shown to whoever looks at the payload, so it is checked again when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.slack import limits
from adapters.slack.text import cut, one_line
from core import commands
from core.messages import Button, Field, Form

SAY = "say"  # prefix of the action ids whose value is a command to be answered
FILL = "fill"  # prefix of the action ids whose value is a command that a form completes
CHOICES_SHOWN = 8
_KINDS = {
    "text": "text",
    "lines": "lines of text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "date": "a date",
    "datetime": "a date and time",
    "choice": "a choice",
    "secret": "a secret",
}


def blocks(buttons: Iterable[Button], form: Form | None = None) -> list[dict[str, Any]]:
    """`actions` blocks; what fits no button because its command is too long is left to `too_long`."""
    elements = [fill_in(form)] if form is not None else []
    fitting = [button for button in buttons if len(button.command) <= limits.BUTTON_VALUE]
    elements += [element(button, f"{SAY}:{place}") for place, button in enumerate(fitting)]
    return [
        {"type": "actions", "elements": elements[start : start + limits.ACTIONS]}
        for start in range(0, len(elements), limits.ACTIONS)
    ]


def too_long(buttons: Iterable[Button]) -> list[str]:
    """The labels of the buttons that Slack cannot carry."""
    return [one_line(button.label) for button in buttons if len(button.command) > limits.BUTTON_VALUE]


def element(button: Button, action_id: str) -> dict[str, Any]:
    """One button."""
    made: dict[str, Any] = {
        "type": "button",
        "action_id": action_id,
        "text": _plain(button.label, limits.BUTTON),
        "value": button.command,
    }
    if button.style != "default":
        made["style"] = button.style
    if button.confirm:
        made["confirm"] = {
            "title": _plain("Are you sure?", limits.CONFIRM_TITLE),
            "text": _plain(button.confirm, limits.CONFIRM_TEXT),
            "confirm": _plain(button.label, limits.CONFIRM_BUTTON),
            "deny": _plain("Not now", limits.CONFIRM_BUTTON),
        }
        if button.style != "default":
            made["confirm"]["style"] = button.style
    return made


def fill_in(form: Form) -> dict[str, Any]:
    """The button that asks for the form, with what is filled in already."""
    line = form.again or prefilled(form)
    if len(line) > limits.BUTTON_VALUE:
        line = form.command
    return element(Button("Fill in", line, "primary"), f"{FILL}:0")


def prefilled(form: Form) -> str:
    """The form's command with the values that were right; secrets never."""
    given = [
        f"{one.name}={commands.spell_value(one.value)}"
        for one in form.fields
        if one.value and not one.error and one.kind != "secret"
    ]
    return " ".join([form.command, *given])


def describe(field: Field) -> str:
    """What a field of a form takes, on one line."""
    parts = [one_line(field.label)] if field.label.lower() != field.name.lower() else []
    parts.append(_kind(field))
    if not field.required:
        parts.append("may be left out")
    if field.value and field.kind != "secret":
        parts.append(f"now {one_line(field.value)}")
    if field.hint:
        parts.append(one_line(field.hint))
    return " · ".join(parts)


def _kind(field: Field) -> str:
    if not field.options:
        return _KINDS[field.kind]
    named = ", ".join(one_line(option.value) for option in field.options[:CHOICES_SHOWN])
    more = len(field.options) - CHOICES_SHOWN
    return f"one of {named}" + (f" and {more:,} more" if more > 0 else "")


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(one_line(text), limit) or "–", "emoji": False}
