"""What was filled into a view, as one command line again; and its mistakes, at their fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adapters.slack import limits
from adapters.slack.forms import JOB, PLACE, PREFIX, YES, place
from adapters.slack.text import cut, one_line
from core import commands
from core.commands import Command
from core.messages import Form
from core.parameters import Fan, Given, several_values


def picked(view: Mapping[str, Any]) -> tuple[str, str]:
    """(job, conversation) out of a submitted `pick`; empty where it did not ask or nothing was chosen."""
    job = _state(view, JOB).get("selected_option") or {}
    return str(job.get("value") or ""), str(_state(view, PLACE).get("selected_conversation") or "")


def line(view: Mapping[str, Any]) -> str:
    """The one command line that a submitted form stands for.

    Raises:
        Misunderstood: its command cannot be read (any more).
        ValueError: the view is none of ours.
    """
    held = place(view)
    command = commands.parse(held.command)
    values: dict[str, Given] = dict(command.values)
    for name, kind in (held.kinds or {}).items():
        given = _given(_state(view, f"{PREFIX}{name}"), kind, several=held.several)
        if given is None:
            given = (held.kept or {}).get(name)
        if given is not None:
            values[name] = given
    return commands.spell(
        Command(
            command.name,
            command.words,
            text=command.text,
            values=values,
            sets=command.sets,
            options=command.options,
            flags=command.flags,
        )
    )


def errors(view: Mapping[str, Any], mistakes: Mapping[str, str], sentence: str) -> dict[str, Any]:
    """The answer that shows mistakes at their fields; what belongs to none stands at the first one."""
    names = list(place(view).kinds or {})
    shown = {f"{PREFIX}{name}": _mistake(text) for name, text in mistakes.items() if name in names}
    if not shown:
        shown = {_first_input(view): _mistake(sentence)}
    return {"response_action": "errors", "errors": shown}


def with_values(form: Form, view: Mapping[str, Any]) -> Form:
    """The form with what stands in the view's inputs now, for drawing it anew."""
    held = place(view)
    fields = []
    for one in form.fields:
        given = _given(_state(view, f"{PREFIX}{one.name}"), one.kind, several=False)
        keep = one.value if given is None else given
        fields.append(replace(one, value=keep if isinstance(keep, str) else one.value, error=""))
    return replace(form, fields=tuple(fields), command=held.command)


def _given(state: Mapping[str, Any], kind: str, *, several: bool) -> Given | None:
    """What an input says; None where it was left empty."""
    match state.get("type"):
        case "checkboxes":
            return YES if state.get("selected_options") else "no"
        case "radio_buttons" | "static_select" | "external_select":
            option = state.get("selected_option") or {}
            return str(option["value"]) if option.get("value") else None
        case "multi_static_select" | "multi_external_select":
            chosen = tuple(str(one.get("value")) for one in state.get("selected_options") or ())
            return Fan(chosen) if chosen else None
        case "datepicker":
            return state.get("selected_date") or None
        case "datetimepicker":
            stamp = state.get("selected_date_time")
            return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%MZ") if stamp else None
        case _:
            value = str(state.get("value") or "")
            if not value.strip():
                return None
            return several_values(value) if several and kind not in ("boolean", "secret") else value


def _state(view: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    """The state of a block's only input."""
    values = (view.get("state") or {}).get("values") or {}
    for state in (values.get(block) or {}).values():
        if isinstance(state, dict):
            return state
    return {}


def _first_input(view: Mapping[str, Any]) -> str:
    blocks = view.get("blocks") or ()
    return next((str(one.get("block_id")) for one in blocks if one.get("type") == "input"), f"{PREFIX}none")


def _mistake(text: str) -> str:
    return cut(one_line(text), limits.PLACEHOLDER) or "This does not fit."
