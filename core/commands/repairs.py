"""What a line that was not understood may have meant: whole lines that would be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.commands.command import Command
from core.commands.grammar import PREFIX, read
from core.commands.line import Opted, Word, quote, scan
from core.commands.spec import Name
from core.commands.spelling import spell
from core.commands.table import COMMANDS, SYNONYMS
from core.errors import Misunderstood
from core.nearest import nearest

_LIMIT = 3  # suggestions in one refusal
_BLANKS = re.compile(r"(?<!\S)([A-Za-z_][\w-]*)=([^\s=]+(?:\s+(?![-—–@|])[^\s=]+(?!\S))+)")
_REPAIRED_LIMIT = 500  # characters: what is longer is not offered as a button


def parse(line: str) -> Command:
    """Read a typed line: a leading `/job` may stand there, an empty line asks for help.

    Raises:
        Misunderstood: with a sentence, a hint, and in `suggestions` the nearest lines that it would read.
    """
    try:
        return read(line)
    except Misunderstood as refusal:
        if not refusal.suggestions:
            refusal.suggestions = _suggestions(line)
        raise


def _suggestions(line: str) -> tuple[str, ...]:
    if len(line) > _REPAIRED_LIMIT:
        return ("help",)
    found: dict[str, None] = {}
    for candidate in _candidates(line):
        try:
            command = read(candidate)
        except Misunderstood:
            continue
        if COMMANDS[command.name].available:
            found.setdefault(spell(command))
        if len(found) == _LIMIT:
            break
    return tuple(found) or ("help",)


def _candidates(line: str) -> Iterator[str]:
    """Lines that may have been meant, likeliest first; not all of them can be read."""
    try:
        tokens = scan(line)
    except Misunderstood:
        yield from _closed(line)
        return
    words = [token.text for token in tokens if isinstance(token, Word)]
    if words and PREFIX.fullmatch(words[0]):
        line = re.sub(rf"^\W*{PREFIX.pattern}", "", line.lstrip(), count=1, flags=re.IGNORECASE)
        words = words[1:]
    if not words:
        return
    first, rest = words[0], line.replace(words[0], "", 1).strip()
    name = first.lower()
    if name not in set(Name):
        yield from _meant(name.strip("/.!:"), rest)
        return
    yield f"{name} {rest}"
    yield from _respelled(line)
    opted = [token.name for token in tokens if isinstance(token, Opted)]
    yield from _renamed(line, Name(name), opted)
    yield from _shortened(line, Name(name), words)
    yield {"job": "list", "run": "history", "run-or-job": "status"}.get(_first_place(Name(name)), "help")
    yield f"help {name}"


def _meant(name: str, rest: str) -> Iterator[str]:
    """The rest of the line under the names that an unknown one may stand for; else as a job to run."""
    near = nearest(name, [one.value for one in Name if COMMANDS[one].available])
    meant = [*([SYNONYMS[name].value] if name in SYNONYMS else []), *near]
    for one in dict.fromkeys(meant):
        yield str(one) if one == Name.HELP else f"{one} {rest}"
    if not meant:
        yield f"run {name} {rest}"
    yield from dict.fromkeys(one for one in meant if not COMMANDS[Name(one)].changes)
    yield "help"


def _closed(line: str) -> Iterator[str]:
    """The line with its last quote closed, which may have been taken for a literal one."""
    stripped = line.rstrip()
    if stripped.endswith('\\"'):
        yield re.sub(r"\\+$", "", stripped.removesuffix('"')) + '"'
    yield stripped + '"'


def _respelled(line: str) -> Iterator[str]:
    """Blanks around `=` and after commas, values that lack quotes, `name: value`, `name value` in pairs."""
    if re.search(r"[\"“”„«»]", line):
        return
    joined = re.sub(r"\s*=\s*", "=", line)
    joined = re.sub(r"\s*,[\s,]*(?=[^\s,|])", ",", joined)
    yield joined
    yield _BLANKS.sub(lambda found: f"{found[1]}={quote(found[2])}", line)
    yield re.sub(r",+(?=\s|$)", "", joined)
    yield re.sub(r"(?<=\s)([A-Za-z_][\w-]*):\s*(?=[^\s|])", r"\1=", joined)
    yield re.sub(r"(?:\s*\|)+\s*$", "", re.sub(r"\|(?:\s*\|)+", "|", joined))
    command, _, others = joined.strip().partition(" ")
    target, _, pairs = others.strip().partition(" ")
    yield f"{command} {target} " + re.sub(
        r"(?<!\S)([A-Za-z_][\w-]*)\s+([^\s=@|-][^\s=]*)(?!\S)", r"\1=\2", pairs
    )


def _renamed(line: str, name: Name, opted: list[str]) -> Iterator[str]:
    """The line with options that do not exist replaced by the nearest, or left out."""
    spec = COMMANDS[name]
    known = {one.name: one for one in spec.options}
    for typed in opted:
        if typed not in known:
            pattern = re.compile(rf"[-—–―‒−]+{re.escape(typed)}(?:=\S*)?(?!\S)", re.IGNORECASE)
            for near in nearest(typed, known):
                yield pattern.sub(f"--{near}", line)
            if not spec.changes:
                yield pattern.sub("", line)


def _shortened(line: str, name: Name, words: list[str]) -> Iterator[str]:
    """The line without its stray words, then what can be looked at instead.

    Nothing that starts or changes something is offered with a part of the line left out unseen.
    """
    places = len(COMMANDS[name].words)
    if COMMANDS[name].changes:
        if places and len(words) > 1:
            yield f"{Name.SHOW} {words[1]}"
        return
    without = line
    for stray in words[1 + places :]:
        without = re.sub(rf"(?<!\S){re.escape(stray)}(?!\S)", "", without, count=1)
    yield without
    yield " ".join(words[: 1 + places])


def _first_place(name: Name) -> str:
    places = COMMANDS[name].words
    return places[0].name if places else ""
