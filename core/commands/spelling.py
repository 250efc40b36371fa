"""From a command back to its line: the exact inverse of the grammar."""

from __future__ import annotations

from collections.abc import Mapping

from core.commands.command import Command
from core.commands.grammar import read
from core.commands.line import OPENERS, UNSEEN, Assigned, Piece, Word, ends_of_range, quote, scan
from core.commands.spec import Choice, Spec
from core.errors import Misunderstood
from core.parameters import Fan, Given, Range, Star


def spell(command: Command) -> str:
    """Write a command as the line (without `/job`) that `parse` reads back as the same command.

    Quotes appear only where they are needed. The line may be longer than `parse` takes where the
    command holds more text than that.
    """
    spec = command.spec
    parts = [str(command.name)]
    parts += [_word(word, spec) for word in command.words]
    if command.text:
        parts.append(_text(command))
    parts += [_assigned(name, given) for name, given in command.values.items()]
    for alternative in command.alternatives:
        parts += ["|", *(_assigned(name, given) for name, given in alternative.items())]
    parts += [f"@{one}" for one in command.sets]
    parts += _options(spec, command.options)
    parts += [f"--{one.name}" for one in spec.options if one.name in command.flags]
    return " ".join(parts)


def spell_value(given: Given) -> str:
    """Write what was given for a name, as it stands behind the `=`."""
    match given:
        case Star():
            return "*"
        case Fan(items):
            return ",".join(_item(item) for item in items)
        case str():
            return _item(given)


def _assigned(name: str, given: Given) -> str:
    return f"{name}={spell_value(given)}"


def _item(item: str | Range) -> str:
    if isinstance(item, Range):
        return f"{item.first}..{item.last}"
    plain = item[:1] not in OPENERS and _scans_as(f"x={item}", Assigned("x", (Piece(item),)))
    return item if item not in ("", "*") and plain and not ends_of_range(item) else quote(item)


def _word(word: str, spec: Spec) -> str:
    special = (
        word.startswith("--")
        or word[:1] in OPENERS
        or word == "|"
        or (word.startswith("@") and spec.takes_sets)
    )
    return word if not special and _scans_as(word, Word(word)) else quote(word)


def _text(command: Command) -> str:
    """The free text as it is where it reads back as such, else in quotes as one."""
    if UNSEEN.search(command.text) is None and not any(word[0] in OPENERS for word in command.text.split()):
        words = [_word(word, command.spec) for word in command.words]
        line = " ".join([str(command.name), *words, command.text])
        try:
            if read(line) == Command(command.name, command.words, command.text):
                return command.text
        except Misunderstood:
            return quote(command.text)
    return quote(command.text)


def _options(spec: Spec, options: Mapping[str, str]) -> list[str]:
    return [_option(spec, one, options[one.name]) for one in spec.options if one.name in options]


def _option(spec: Spec, choice: Choice, text: str) -> str:
    if spec.takes_values:
        return f"--{choice.name} {_word(text, spec)}"
    return f"{choice.name}={_item(text)}"


def _scans_as(text: str, token: Word | Assigned) -> bool:
    if UNSEEN.search(text):
        return False
    try:
        return scan(text) == (token,)
    except Misunderstood:
        return False
