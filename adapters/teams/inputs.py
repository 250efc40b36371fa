"""A form as typed inputs, with its mistakes at the fields; `forms` reads it back.

The id of a field's input is `field:NAME`, that of the time beside a date `time:NAME`. Choices go through
`coded`, because several chosen ones come back joined by commas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from adapters.teams import limits
from adapters.teams.buttons import action, sets
from adapters.teams.parts import Part, rich, run, small
from adapters.teams.payload import Payload
from adapters.teams.text import clean, cut, one_line, unmarkable
from core.messages import Field, Form
from core.wording import forms as wording

FIELD, TIME = "field:", "time:"
YES, NO = "yes", "no"
FORM_BYTES = 40 * 1024  # of a form: a menu that takes more becomes a text input
NAMED = 8  # choices that a hint names
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,10})?")
_LARGEST = 10**limits.DIGITS - 1


def coded(value: str) -> str:
    """A choice's value without the comma that joins several."""
    return value.replace("%", "%25").replace(",", "%2C")


def decoded(value: str) -> str:
    """The exact inverse of `coded`."""
    return value.replace("%2C", ",").replace("%25", "%")


def elements(form: Form, *, several: bool = False, only_for: str = "") -> list[Part]:
    """The form's fields and its buttons. `several`: one value or many in each field."""
    shown = [_Shown(one, several=several) for one in form.fields]
    made: list[Part] = []
    left = FORM_BYTES
    for one in shown:
        parts = one.parts()
        if one.is_menu and limits.size(parts) > left // 2:
            parts = one.parts(typed=True)
        left -= limits.size(parts)
        made += parts
    if not shown:
        made.append(small(wording.NOTHING_ASKED))
    return made + sets(_actions(form, shown, several=several, only_for=only_for))


def _actions(form: Form, shown: list[_Shown], *, several: bool, only_for: str) -> list[Part]:
    filled = Payload(
        form.command,
        "fill",
        kinds={one.field.name: one.field.kind for one in shown},
        kept={one.field.name: one.field.value for one in shown if one.keeps},
        several=several,
        only_for=only_for,
    )
    made = [action(form.submit, filled, style="primary", inputs=True)]
    if not several and wording.may_multiply(form):
        made.append(action(wording.SEVERAL, Payload(form.command, "several", only_for=only_for)))
    return [*made, action("Cancel", Payload(does="drop", only_for=only_for))]


@dataclass(frozen=True, slots=True)
class _Shown:
    """One field with the input that shows it."""

    field: Field
    several: bool

    @property
    def multiplies(self) -> bool:
        return wording.multiplies(self.field.kind)

    @property
    def is_menu(self) -> bool:
        return self.field.kind == "choice" and 0 < len(self.field.options) <= limits.CHOICES

    @property
    def keeps(self) -> bool:
        """Its value is right, but no picker shows it: `-7d`, a time with its offset."""
        one = self.field
        picked = one.kind in ("date", "datetime") and not self.several
        return picked and bool(one.value) and not one.error and self._moment() is None

    def parts(self, *, typed: bool = False) -> list[Part]:
        """The input, its hint, its mistake. `typed`: as text, where its menu would be too large."""
        one = self.field
        made = [self._input() if not typed else self._text(one.value)]
        if hint := self._hint(typed=typed):
            made.append(small(hint, spacing="None"))
        if one.error:
            told = run(
                cut(one_line(one.error), limits.CELL), color="Attention", size="Small", weight="Bolder"
            )
            made.append(rich(told, spacing="None"))
        return made

    def _hint(self, *, typed: bool) -> str:
        one = self.field
        hints = [one_line(one.hint)] if one.hint else []
        if one.kind == "secret":
            hints.append(
                "Whoever looks over your shoulder can read it; it goes through Teams and is stored encrypted."
            )
        if one.kind == "datetime" and not self.several:
            hints.append("In the job's time zone.")
        if self.keeps:
            hints.append(wording.left_empty(one_line(one.value)))
        if one.kind == "choice" and (typed or not self.is_menu) and one.options:
            named = ", ".join(one_line(option.value) for option in one.options[:NAMED])
            more = len(one.options) - NAMED
            hints.append(f"One of {named}" + (f" and {more:,} more" if more > 0 else ""))
        if self.several and self.multiplies and (typed or not self.is_menu):
            hints.append(wording.ONE_OR_SEVERAL)
        return cut(" · ".join(hints), limits.HEADING)

    def _input(self) -> Part:
        one = self.field
        match one.kind:
            case "boolean":
                return self._boolean()
            case "choice" if self.is_menu:
                return self._choice()
            case "lines":
                return {**self._text(one.value), "isMultiline": True}
            case "secret":
                return {**self._text(""), "style": "Password"}
            case "integer" | "number" if not self.several:
                return self._number()
            case "date" if not self.several:
                return self._date()
            case "datetime" if not self.several:
                return self._date_and_time()
            case "text" | "choice" | "integer" | "number" | "date" | "datetime":
                return self._text(one.value)
            case _:
                assert_never(one.kind)

    def _shared(self, kind: str, mistake: str) -> Part:
        one = self.field
        made: Part = {
            "type": kind,
            "id": f"{FIELD}{one.name}",
            "label": cut(one_line(one.label), limits.HEADING) or "–",
        }
        if one.required and not self.keeps:
            made |= {"isRequired": True}
        return made | {"errorMessage": mistake}

    def _text(self, value: str) -> Part:
        made = self._shared("Input.Text", "This is needed.") | {"maxLength": limits.INPUT}
        shown = clean(value)
        if not self.field.required:
            made.pop("errorMessage")
        if 0 < len(shown) <= limits.INPUT:
            made["value"] = shown
        return made | ({"isMultiline": True} if "\n" in shown else {})

    def _number(self) -> Part:
        mistake = f"A number of at most {limits.DIGITS} digits; type the command for a longer one."
        made = self._shared("Input.Number", mistake) | {"min": -_LARGEST, "max": _LARGEST}
        fits = _NUMBER.fullmatch(self.field.value)
        return made | ({"value": _exact(self.field.value)} if fits else {})

    def _boolean(self) -> Part:
        """A toggle says no while it is off: only where the form does not have to ask."""
        value = self.field.value.casefold()
        if self.field.required:
            chosen = {"value": value} if value in (YES, NO) else {}
            choices = [{"title": "Yes", "value": YES}, {"title": "No", "value": NO}]
            made = self._shared("Input.ChoiceSet", "Yes or no is needed.")
            return made | {"style": "expanded", "choices": choices} | chosen
        made = self._shared("Input.Toggle", "") | {"title": "Yes", "valueOn": YES, "valueOff": NO}
        made.pop("errorMessage")
        return made | {"value": YES if value == YES else NO}

    def _choice(self) -> Part:
        one = self.field
        made = self._shared("Input.ChoiceSet", "Choose one.") | {
            "style": "filtered" if len(one.options) > limits.FILTERED and not self.several else "compact",
            "choices": [
                {
                    "title": cut(unmarkable(option.label), limits.LABEL) or "–",
                    "value": coded(option.value),
                }
                for option in one.options
            ],
        }
        if self.several:
            made |= {"isMultiSelect": True}
        known = {option.value for option in one.options}
        return made | ({"value": coded(one.value)} if one.value in known else {})

    def _date(self) -> Part:
        made = self._shared("Input.Date", "A date is needed.")
        moment = self._moment()
        return made | ({"value": moment.date().isoformat()} if moment is not None else {})

    def _date_and_time(self) -> Part:
        moment = self._moment()
        time: Part = {"type": "Input.Time", "id": f"{TIME}{self.field.name}", "label": "Time"}
        if moment is not None:
            time["value"] = moment.strftime("%H:%M")
        columns = [
            {"type": "Column", "width": wide, "items": [one]}
            for wide, one in (("3", self._date()), ("2", time))
        ]
        return {"type": "ColumnSet", "columns": columns}

    def _moment(self) -> datetime | None:
        """What a picker can show of the value: a date, or a local time of whole minutes."""
        value = self.field.value
        if self.field.kind == "date" and not _DATE.fullmatch(value):
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo is None and moment.second == 0 == moment.microsecond else None


def _exact(text: str) -> Any:
    """The number as JSON writes it: no digit is lost within what `_NUMBER` takes."""
    return int(text) if "." not in text else float(text)
