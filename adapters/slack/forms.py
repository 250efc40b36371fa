"""A form as a modal; `filled` reads it back.

`private_metadata` carries the place and the command, never a value that somebody typed. A field's block is
called `field:NAME`; its mistakes come back under that name (`response_action: errors`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from adapters.slack import limits
from adapters.slack.text import cut, escape, one_line
from core.messages import Field, Form
from core.wording import forms as wording
from core.wording import revisions

FORM, PICK = "form", "pick"  # callback ids: a job's parameters; which job, and where
SEVERAL = "several"  # action id: fill in for several runs at once
PREFIX = "field:"
JOB, PLACE = "job", "place"  # the fields of PICK
YES = "yes"
_TEXTS = ("command", "channel", "thread", "response_url", "until")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_WHOLE, _NUMBER = re.compile(r"-?\d{1,15}"), re.compile(r"-?\d{1,15}(\.\d{1,10})?")


class TooLong(ValueError):
    """The command does not fit into a form; it has to be typed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a form was asked for, and what it completes: what `private_metadata` holds.

    `kept` are values that no input of Slack can show (`-7d` for a date): they hold where nothing else is
    chosen. `kinds` tells how to read each input again. `response_url` is the way into a channel that the
    bot is no member of, good `until` then.
    """

    command: str = ""
    channel: str = ""
    thread: str = ""
    response_url: str = ""
    until: str = ""
    kept: Mapping[str, str] | None = None
    kinds: Mapping[str, str] | None = None
    several: bool = False

    def text(self) -> str:
        """As `private_metadata`. Raises `TooLong`."""
        made = json.dumps(
            {name: one for name, one in asdict(self).items() if one},
            separators=(",", ":"),
            ensure_ascii=False,
        )
        if len(made) > limits.PRIVATE_METADATA:
            raise TooLong("the command is too long for a form")
        return made


def place(view: Mapping[str, Any]) -> Place:
    """The place out of a view that came back. Raises ValueError where it is none of ours."""
    known = json.loads(view.get("private_metadata") or "{}")
    if not isinstance(known, dict):
        raise TypeError("not a form's metadata")
    texts = {name: str(known.get(name) or "") for name in _TEXTS}
    return Place(
        command=texts["command"],
        channel=texts["channel"],
        thread=texts["thread"],
        response_url=texts["response_url"],
        until=texts["until"],
        kept=_texts(known.get("kept")),
        kinds=_texts(known.get("kinds")),
        several=bool(known.get("several")),
    )


def modal(form: Form, asked: Place, *, several: bool = False) -> dict[str, Any]:
    """The form as a view. `several`: one value or many in each field, which starts a run for each.

    Raises:
        TooLong: it has to be typed instead.
    """
    form = fitting(form)
    if form.again and any(len(one.value) > limits.INPUT_VALUE for one in form.fields):
        raise TooLong("a value is longer than any input of Slack")
    shown = [_Shown(one, several=several) for one in form.fields]
    held = replace(
        asked,
        command=form.command,
        kept={one.field.name: one.field.value for one in shown if one.keeps},
        kinds={one.field.name: one.field.kind for one in shown},
        several=several,
    )
    blocks: list[dict[str, Any]] = [_context(escape(form.note))] if form.note else []
    if not several and wording.may_multiply(form):
        blocks.append(_several_button())
    for one in shown:
        blocks += one.blocks()
    if not blocks:
        blocks.append(_context(wording.NOTHING_ASKED))
    if len(blocks) > limits.VIEW_BLOCKS:
        raise TooLong("the form has too many fields")
    return _view(FORM, form.title, form.submit, blocks, held)


def fitting(form: Form) -> Form:
    """The form with what Slack's inputs take."""
    return revisions.fitting(form, limits.INPUT_VALUE)


def pick(asked: Place, *, ask_place: bool) -> dict[str, Any]:
    """Which job to run and, from the global shortcut, where."""
    job = {
        "type": "external_select",
        "action_id": JOB,
        "min_query_length": 0,
        "placeholder": _plain("Choose a job", limits.PLACEHOLDER),
        "focus_on_load": True,
    }
    blocks = [_input(JOB, "Job", job, hint="", optional=False)]
    if ask_place:
        chosen = {
            "type": "conversations_select",
            "action_id": PLACE,
            "default_to_current_conversation": True,
            "filter": {"include": ["public", "private", "mpim"], "exclude_bot_users": True},
            "placeholder": _plain("Choose a channel", limits.PLACEHOLDER),
        }
        hint = "Its messages are posted there."
        blocks.append(_input(PLACE, "Where", chosen, hint=hint, optional=False))
    return _view(PICK, "Run a job", "Next", blocks, asked)


def notice(title: str, blocks: list[dict[str, Any]], held: Place) -> dict[str, Any]:
    """A view that only tells something."""
    return {
        "type": "modal",
        "callback_id": "notice",
        "title": _plain(title or "slashjob", limits.MODAL_TITLE),
        "close": _plain("Close", limits.MODAL_TITLE),
        "blocks": blocks[: limits.VIEW_BLOCKS],
        "private_metadata": replace(held, command="", kept=None, kinds=None).text(),
    }


@dataclass(frozen=True, slots=True)
class _Shown:
    """One field with the element that shows it."""

    field: Field
    several: bool

    @property
    def multiplies(self) -> bool:
        return wording.multiplies(self.field.kind)

    @property
    def searched(self) -> bool:
        return len(self.field.options) > limits.OPTIONS

    @property
    def selectable(self) -> bool:
        return bool(self.field.options) and all(
            0 < len(one.value) <= limits.OPTION_VALUE for one in self.field.options
        )

    @property
    def keeps(self) -> bool:
        """Its value is right, but no picker of Slack shows it."""
        one = self.field
        relative = one.kind in ("date", "datetime") and not self.several and self._moment() is None
        return bool(one.value) and not one.error and relative

    def blocks(self) -> list[dict[str, Any]]:
        one = self.field
        hints = [one.hint] if one.hint else []
        if one.kind == "secret":
            hints.append("It can be read while you type; it is stored encrypted.")
        if self.keeps:
            hints.append(wording.left_empty(one.value))
        if self.several and self.multiplies and not self.selectable:
            hints.append(wording.ONE_OR_SEVERAL)
        optional = not one.required or self.keeps or (one.kind == "boolean" and self._box())
        made = [
            _input(f"{PREFIX}{one.name}", one.label, self._element(), " · ".join(hints), optional=optional)
        ]
        if one.error:
            made.append(_context(f"*{escape(one_line(one.error))}*"))
        return made

    def _box(self) -> bool:
        """A checkbox says no while it is empty: only where the form itself does not have to ask."""
        return not self.field.required

    def _element(self) -> dict[str, Any]:
        one = self.field
        match one.kind:
            case "boolean":
                return self._boolean()
            case "choice" if self.selectable:
                return self._choice()
            case "secret":
                return _typed("")
            case "lines":
                return _typed(one.value) | {"multiline": True}
            case "integer" | "number" if not self.several:
                return self._number()
            case "date" | "datetime" if not self.several:
                return self._picker()
            case "text" | "choice" | "integer" | "number" | "date" | "datetime":
                return _typed(one.value)
            case _:
                assert_never(one.kind)

    def _boolean(self) -> dict[str, Any]:
        yes = {"text": _plain("Yes", limits.OPTION), "value": YES}
        no = {"text": _plain("No", limits.OPTION), "value": "no"}
        if self._box():
            initial = {"initial_options": [yes]} if self.field.value.casefold() == YES else {}
            return {"type": "checkboxes", "action_id": "value", "options": [yes], **initial}
        chosen = {YES: yes, "no": no}.get(self.field.value.casefold())
        initial_one = {"initial_option": chosen} if chosen else {}
        return {"type": "radio_buttons", "action_id": "value", "options": [yes, no], **initial_one}

    def _choice(self) -> dict[str, Any]:
        one = self.field
        options = [_option(each.value, each.label) for each in one.options]
        chosen = next((each for each in options if each["value"] == one.value), None)
        made: dict[str, Any] = {"action_id": "value", "placeholder": _plain("Choose", limits.PLACEHOLDER)}
        many = "multi_" if self.several else ""
        if self.searched:
            made |= {"type": f"{many}external_select", "min_query_length": 0}
        else:
            made |= {"type": f"{many}static_select", "options": options}
        if chosen is not None:
            made |= {"initial_options": [chosen]} if self.several else {"initial_option": chosen}
        return made

    def _number(self) -> dict[str, Any]:
        whole = self.field.kind == "integer"
        made = {"type": "number_input", "action_id": "value", "is_decimal_allowed": not whole}
        fits = (_WHOLE if whole else _NUMBER).fullmatch(self.field.value)
        return made | ({"initial_value": self.field.value} if fits else {})

    def _picker(self) -> dict[str, Any]:
        moment = self._moment()
        if self.field.kind == "date":
            made: dict[str, Any] = {"type": "datepicker", "action_id": "value"}
            return made | ({"initial_date": moment} if moment is not None else {})
        made = {"type": "datetimepicker", "action_id": "value"}
        return made | ({"initial_date_time": int(moment)} if moment is not None else {})

    def _moment(self) -> str | float | None:
        """What a picker can show of the value: an absolute date, or an instant with its offset."""
        value = self.field.value
        try:
            if self.field.kind == "date":
                return (
                    datetime.fromisoformat(value).date().isoformat() if _ISO_DATE.fullmatch(value) else None
                )
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment.timestamp() if moment.tzinfo is not None and moment.second == 0 else None


def _view(
    callback: str, title: str, submit: str, blocks: list[dict[str, Any]], held: Place
) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": _plain(title, limits.MODAL_TITLE),
        "submit": _plain(submit, limits.MODAL_TITLE),
        "close": _plain("Cancel", limits.MODAL_TITLE),
        "blocks": blocks,
        "private_metadata": held.text(),
    }


def _several_button() -> dict[str, Any]:
    button = {
        "type": "button",
        "action_id": SEVERAL,
        "text": _plain(wording.SEVERAL, limits.BUTTON),
        "value": SEVERAL,
    }
    return {"type": "actions", "block_id": SEVERAL, "elements": [button]}


def _input(block: str, label: str, element: dict[str, Any], hint: str, *, optional: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "input",
        "block_id": block[: limits.BLOCK_ID],
        "label": _plain(label, limits.INPUT_LABEL),
        "element": element,
        "optional": optional,
    }
    if hint:
        made["hint"] = _plain(hint, limits.INPUT_LABEL)
    return made


def _typed(value: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": "value",
        "multiline": "\n" in value,
        "max_length": limits.INPUT_VALUE,
    }
    return made | ({"initial_value": value} if 0 < len(value) <= limits.INPUT_VALUE else {})


def _option(value: str, label: str) -> dict[str, Any]:
    return {"text": _plain(label, limits.OPTION), "value": value}


def options(found: tuple[Any, ...]) -> dict[str, Any]:
    """What a searching select gets to choose from."""
    fitting = [one for one in found if 0 < len(one.value) <= limits.OPTION_VALUE]
    return {"options": [_option(one.value, one.label) for one in fitting[: limits.OPTIONS]]}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[: limits.CONTEXT_TEXT]}]}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(one_line(text), limit) or "–", "emoji": False}


def _texts(value: object) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    return {str(name): str(one) for name, one in value.items()}
