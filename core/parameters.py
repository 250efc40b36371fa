"""Parameters: typed values out of what was typed, and every mistake in them at once.

`bind` checks what was given and fills in defaults. A relative date stays text until the run starts;
`settle` resolves it then. `to_json` and `from_json` are what a run stores of them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core import values
from core.definitions import Parameter, Scalar
from core.errors import Invalid
from core.messages import Field, FieldKind, Form, Option
from core.nearest import nearest
from core.values import Clock, Value

MASK = "••••••"
SENTENCES_LIMIT = 8  # mistakes that one sentence tells; `fields` has them all


@dataclass(frozen=True, slots=True)
class Range:
    """`1..20`: both ends included, as they were typed."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Fan:
    """Several values for one parameter, in the order they were typed: `42,43,50..60`."""

    items: tuple[str | Range, ...]


@dataclass(frozen=True, slots=True)
class Star:
    """`*`: every choice of the parameter."""


Given = str | Fan | Star
"""What a line gives for one parameter."""

_RANGE = re.compile(r"([\w.:-]*?[\w-])\.\.([\w-][\w.:-]*)")


def several_values(text: str) -> Given:
    """What stands in a form's field that takes several values: `42,43` and `1..20`, as in a line."""
    items: list[str | Range] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = _RANGE.fullmatch(part)
        items.append(Range(found[1], found[2]) if found else part)
    return Fan(tuple(items)) if items else text


Definitions = Mapping[str, Parameter]


class Unbound(Invalid):
    """Values could not be bound: `missing` required names, `wrong` values, `unknown` names.

    `fields` has a sentence for each of them. Where `only_missing`, a form can ask for the rest.
    """

    def __init__(
        self,
        definitions: Definitions,
        *,
        missing: tuple[str, ...] = (),
        wrong: Mapping[str, str] | None = None,
        unknown: Mapping[str, str] | None = None,
    ) -> None:
        wrong, unknown = dict(wrong or {}), dict(unknown or {})
        fields = unknown | wrong | {name: f"'{name}' is required." for name in missing}
        super().__init__(_overall(fields, missing), hint=usage(definitions), fields=fields)
        self.missing = missing
        self.wrong = tuple(wrong)
        self.unknown = tuple(unknown)

    @property
    def only_missing(self) -> bool:
        """Nothing that was given is wrong."""
        return not self.wrong and not self.unknown


def bind(
    definitions: Definitions, given: Mapping[str, Scalar], *, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """Every parameter's typed value, in the order of the definitions; None counts as not given.

    Raises:
        Unbound: with every mistake at once.
    """
    clock = Clock(now, zone)
    bound: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    missing: list[str] = []
    for name, parameter in definitions.items():
        value = given.get(name)
        value = parameter.default if value is None else value
        if value is None:
            missing.append(name)
            continue
        try:
            bound[name] = values.read(parameter, value, clock)
        except ValueError as mistake:
            wrong[name] = f"'{name}' {_ended(str(mistake))}"
    unknown = unknown_names(definitions, given)
    if wrong or missing or unknown:
        raise Unbound(definitions, missing=tuple(missing), wrong=wrong, unknown=unknown)
    return bound


def unknown_names(definitions: Definitions, given: Mapping[str, object]) -> dict[str, str]:
    """A sentence for each given name that the job does not have."""
    sentences = {}
    for name in given:
        if name not in definitions:
            near = nearest(name, definitions, 1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            sentences[name] = f"There is no parameter '{values.echo(name)}'.{meant}"
    return sentences


def settle(
    definitions: Definitions, bound: Mapping[str, Any], *, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """Make relative dates dates; done once, when the run starts. Everything else is as it was.

    Raises:
        Unbound: a date is outside its bounds by now.
    """
    clock = Clock(now, zone)
    settled: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, value in bound.items():
        try:
            settled[name] = values.settle(definitions[name], value, clock)
        except ValueError as mistake:
            wrong[name] = f"'{name}' {_ended(str(mistake))}"
    if wrong:
        raise Unbound(definitions, wrong=wrong)
    return settled


def form(
    definitions: Definitions,
    given: Mapping[str, Given | Scalar],
    mistakes: Mapping[str, str] | None = None,
    *,
    title: str,
    command: str,
    submit: str = "Run",
) -> Form:
    """Ask for every parameter, prefilled with what was given or its default, mistakes beside them.

    `command` is what the answers are added to, without the parameters that the form asks for. What
    was given as a list or `*` is not asked for: leave it in the command. Secrets are never prefilled.
    """
    fields = tuple(
        _field(name, parameter, value, (mistakes or {}).get(name, ""))
        for name, parameter in definitions.items()
        if not isinstance(value := given.get(name), Fan | Star)
    )
    return Form(title=title, command=command, fields=fields, submit=submit)


def usage(definitions: Definitions) -> str:
    """The parameters in one line: `campaign_id (a whole number, required), region (EU, US or APAC; EU)`."""
    if not definitions:
        return "The job takes no parameters."
    return "Parameters: " + ", ".join(describe(name, one) for name, one in definitions.items()) + "."


def describe(name: str, parameter: Parameter) -> str:
    """One parameter in a few words."""
    kind = " | ".join(parameter.choices[:10]) or values.WANTED[parameter.type].partition(" such")[0]
    if parameter.default is None:
        return f"{name} ({kind}, required)"
    default = MASK if parameter.secret else values.echo(parameter.default)
    return f"{name} ({kind}; {default})"


def shown(definitions: Definitions, bound: Mapping[str, Any]) -> dict[str, str]:
    """The values as people read them, secrets masked."""
    return {
        name: MASK if name in definitions and definitions[name].secret else values.show(value)
        for name, value in bound.items()
    }


def show(value: Value | None) -> str:
    """One value as people read it, and as it can be typed again."""
    return values.show(value)


def to_json(
    definitions: Definitions, bound: Mapping[str, Any], *, seal: Callable[[str], Any] | None = None
) -> dict[str, Any]:
    """What is stored: JSON scalars, dates as ISO text. `seal` (`Vault.seal_value`) encrypts secrets."""
    return {
        name: seal(values.show(value)) if seal and definitions[name].secret else _to_json(value)
        for name, value in bound.items()
    }


def from_json(definitions: Definitions, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Read back what `to_json` gave; sealed secrets are opened before (`Vault.open_values`).

    Raises:
        ValueError: a name or value that these definitions do not have.
    """
    for name in stored:
        if name not in definitions:
            raise ValueError(f"'{name}' is no parameter of this version")
    return {name: values.convert(definitions[name], value, Clock()) for name, value in stored.items()}


def identity(definitions: Definitions, bound: Mapping[str, Any]) -> dict[str, Any]:
    """What tells this parameter set from others, as JSON: everything but the secrets.

    A relative date counts as it was written: two runs "since -7d" have the same identity.
    """
    return {name: _to_json(one) for name, one in bound.items() if not definitions[name].secret}


def fingerprint(definitions: Definitions, bound: Mapping[str, Any]) -> str:
    """A short stable name of the parameter set's identity, the same in any order: for lock keys."""
    text = json.dumps(identity(definitions, bound), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _to_json(value: Value) -> int | float | str | bool:
    return values.show(value) if isinstance(value, date) else value


def _ended(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def _overall(fields: Mapping[str, str], missing: tuple[str, ...]) -> str:
    sentences = [one for name, one in fields.items() if name not in missing]
    if missing:
        names = [f"'{name}'" for name in missing]
        listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        sentences.append(f"{listed} {'is' if len(names) == 1 else 'are'} required.")
    more = len(sentences) - SENTENCES_LIMIT
    if more > 0:
        sentences = [*sentences[:SENTENCES_LIMIT], f"And {more} more mistakes."]
    return " ".join(sentences)


def _field(name: str, parameter: Parameter, given: Scalar, error: str) -> Field:
    value = parameter.default if given is None else given
    return Field(
        name=name,
        label=name,
        kind=_kind(parameter),
        required=parameter.default is None,
        value="" if parameter.secret else _prefilled(parameter, value),
        options=tuple(Option(choice, choice) for choice in parameter.choices),
        hint=parameter.description,
        error=error,
    )


def _kind(parameter: Parameter) -> FieldKind:
    if parameter.secret:
        return "secret"
    if parameter.choices:
        return "choice"
    return "text" if parameter.type == "string" else parameter.type


def _prefilled(parameter: Parameter, value: Scalar) -> str:
    """As typed; a yes or a choice as its option is written."""
    if value is None:
        return ""
    try:
        return values.show(values.read(parameter, value, Clock()))
    except ValueError:
        return values.show(value)
