"""A command as values: what was asked for, before anything knows whether it exists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from core.commands.line import plain_end
from core.commands.spec import Name, Spec
from core.commands.table import COMMANDS
from core.errors import Misunderstood
from core.parameters import Fan, Given, Range

PARAMETER = re.compile(r"[a-z_][a-z0-9_-]*")
SET = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Command:
    """One command, in normal form: two lines that mean the same are equal commands.

    `words` stand in the order of `COMMANDS[name].words`; `text` is the free text of `next`, `schedule`
    and `digest`; `values` are the parameters given, `alternatives` the explicit sets after each `|`;
    `sets` are saved sets without their `@`; `options` map `note` to its text, flags are in `flags`.

    Raises:
        ValueError: it could not be written as a line that means the same.
    """

    name: Name
    words: tuple[str, ...] = ()
    text: str = ""
    values: Mapping[str, Given] = field(default_factory=dict, hash=False)
    alternatives: tuple[Mapping[str, Given], ...] = field(default=(), hash=False)
    sets: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    flags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _normal(self.values))
        object.__setattr__(self, "alternatives", tuple(_normal(one) for one in self.alternatives))
        if mistake := _mistake(self, COMMANDS[self.name]):
            raise ValueError(f"{self.name}: {mistake}")

    @property
    def spec(self) -> Spec:
        """What the table says of this command."""
        return COMMANDS[self.name]

    @property
    def wishes(self) -> tuple[Mapping[str, Given], ...]:
        """The parameters of every explicit set: `values`, then the alternatives."""
        return (self.values, *self.alternatives)

    def word(self, place: int) -> str:
        """The word at this place, empty where it was left out."""
        return self.words[place] if place < len(self.words) else ""

    def number(self, option: str, default: int) -> int:
        """The whole number of an option such as `page`."""
        return int(self.options[option]) if option in self.options else default


@dataclass(frozen=True, slots=True)
class Reference:
    """A batch (`#128`), one of its runs (`#128.3`), or the id of either: `id` is set, or `batch` is."""

    batch: int = 0
    run: int | None = None
    id: UUID | None = None

    def __str__(self) -> str:
        if self.id is not None:
            return str(self.id)
        return f"#{self.batch}" if self.run is None else f"#{self.batch}.{self.run}"


_NUMBER = re.compile(r"#?([0-9]{1,18})(?:\.([0-9]{1,9}))?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}")
_NUMERIC = re.compile(r"#.*|[0-9][0-9.]*", re.DOTALL)


def read_reference(text: str) -> Reference | None:
    """Read `#128`, `128`, `#128.3`, `128.3` or an id; None where it is none of these (so: a name).

    Raises:
        Misunderstood: it is meant as a number (`#…`, digits only) but cannot be one.
    """
    if _UUID.fullmatch(text):
        return Reference(id=UUID(text))
    found = _NUMBER.fullmatch(text)
    if found and int(found[1]) > 0 and (found[2] is None or int(found[2]) > 0):
        return Reference(int(found[1]), int(found[2]) if found[2] else None)
    if _NUMERIC.fullmatch(text):
        raise Misunderstood(
            f"{text[:40]} is not the number of a run.",
            hint="Runs are numbered like #128; #128.3 is the third run of #128.",
            suggestions=("history",),
        )
    return None


def _normal(values: Mapping[str, Given]) -> dict[str, Given]:
    """A list of one text is that text."""
    return {
        name: given.items[0]
        if isinstance(given, Fan) and len(given.items) == 1 and isinstance(given.items[0], str)
        else given
        for name, given in values.items()
    }


def _mistake(command: Command, spec: Spec) -> str:
    required = sum(1 for word in spec.words if word.required)
    if not required <= len(command.words) <= len(spec.words):
        return "wrong number of words"
    if bool(command.text) > bool(spec.text) or (spec.text_required and not command.text):
        return "free text that it does not take, or none"
    if " ".join(command.text.split()) != command.text:
        return "free text holds single blanks only"
    if (command.values or command.alternatives) and not spec.takes_values:
        return "takes no parameters"
    if command.alternatives and (not spec.takes_alternatives or command.sets or not all(command.wishes)):
        return "explicit sets are never empty, and do not mix with saved ones"
    if (command.sets and not spec.takes_sets) or not all(SET.fullmatch(one) for one in command.sets):
        return "takes no such sets"
    if not all(PARAMETER.fullmatch(name) for wish in command.wishes for name in wish):
        return "not the name of a parameter"
    if not all(_spellable(given) for wish in command.wishes for given in wish.values()):
        return "an empty list, or a range that reads otherwise"
    options = {one.name: one for one in spec.options}
    if not all(name in options and options[name].fits(text) for name, text in command.options.items()):
        return "takes no such option"
    if not all(name in options and options[name].kind == "flag" for name in command.flags):
        return "takes no such flag"
    return ""


def _spellable(given: Given) -> bool:
    if not isinstance(given, Fan):
        return True
    ranges = (one for one in given.items if isinstance(one, Range))
    return bool(given.items) and all(plain_end(one.first) and plain_end(one.last) for one in ranges)
