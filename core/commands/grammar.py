"""From a typed line to a command, and to the refusal that says what would have been understood."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.commands.command import SET, Command
from core.commands.line import Assigned, Opted, Piece, Token, Word, ends_of_range, scan
from core.commands.spec import Choice, Name, Spec
from core.commands.table import COMMANDS
from core.errors import Misunderstood
from core.nearest import nearest
from core.parameters import Fan, Given, Range, Star

PREFIX = re.compile(r"/?(?:slash)?job", re.IGNORECASE)
_SHOWN = 40  # characters of a typed word that a refusal repeats


def read(line: str) -> Command:
    """Read a line, as `parse` does, without looking for what it may have meant instead."""
    tokens = scan(line)
    if tokens and isinstance(tokens[0], Word) and PREFIX.fullmatch(tokens[0].text):
        tokens = tokens[1:]
    if not tokens:
        return Command(Name.HELP)
    first, rest = tokens[0], tokens[1:]
    if not isinstance(first, Word):
        raise Misunderstood(
            "A command comes first, then its parameters.",
            hint="For example: run weekly-report campaign_id=42",
        )
    name = next((one for one in Name if one == first.text.lower()), None)
    if name is None:
        raise Misunderstood(f"There is no command {shown(first.text)}.", hint="Say help to see them all.")
    if any(isinstance(token, Opted) and token.name == "help" for token in rest):
        return Command(Name.HELP, (name.value,))
    spec = COMMANDS[name]
    try:
        return _Reader(spec).read(rest)
    except Misunderstood as refusal:
        if spec.available:
            raise
        raise Misunderstood(not_yet(name), hint="Say help to see what can be said today.") from refusal


def not_yet(name: Name) -> str:
    """What a command answers whose feature comes in a later version."""
    return f"{name} comes in a later version."


def shown(text: str) -> str:
    """A typed word as a refusal repeats it."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


@dataclass
class _Reader:
    """Sorts the tokens behind a command's name into the parts of a command."""

    spec: Spec
    words: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    wishes: list[dict[str, Given]] = field(default_factory=lambda: [{}])
    sets: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def read(self, tokens: tuple[Token, ...]) -> Command:
        """Sort all of them, then look at the whole."""
        waiting: Choice | None = None
        for token in tokens:
            if waiting is not None:
                if not isinstance(token, Word) or (token.text == "|" and not token.quoted):
                    raise self._valueless(waiting)
                self._option(waiting, token.text)
                waiting = None
                continue
            match token:
                case Word():
                    self._word(token)
                case Assigned():
                    self._assigned(token)
                case Opted():
                    waiting = self._opted(token)
        if waiting is not None:
            raise self._valueless(waiting)
        return self._command()

    def _word(self, token: Word) -> None:
        bare = not token.quoted
        if bare and token.text == "|" and self.spec.takes_alternatives:
            self._alternative()
        elif bare and token.text.startswith("--"):
            raise self._unknown_option(token.text)
        elif bare and token.text.startswith("@") and self.spec.takes_sets and self._may_be_set():
            self._set(token.text[1:].lower())
        elif len(self.words) < len(self.spec.words):
            self.words.append(token.text)
        elif self.spec.text:
            self.text.append(_hyphens(token.text) if bare else token.text)
        else:
            raise self._stray(token.text)

    def _may_be_set(self) -> bool:
        """`@first-weekday` opens a schedule's expression; after other words of it `@emea` is a set."""
        return not self.spec.text or bool(self.text)

    def _set(self, name: str) -> None:
        if not SET.fullmatch(name):
            raise Misunderstood(
                f"@{shown(name)} is not the name of a parameter set.",
                hint="A set is written @emea; put the word in quotes if it is meant as it is.",
            )
        if name not in self.sets:
            self.sets.append(name)

    def _alternative(self) -> None:
        if not self.wishes[-1]:
            raise Misunderstood(
                "Nothing stands before the |.",
                hint="| stands between explicit sets: campaign_id=42 region=EU | campaign_id=43 region=US",
            )
        self.wishes.append({})

    def _assigned(self, token: Assigned) -> None:
        choices = {one.name: one for one in self.spec.options}
        if self.spec.takes_values:
            if token.name in self.wishes[-1]:
                raise Misunderstood(
                    f"{shown(token.name)} is given twice.",
                    hint=f"Several values go into one list: {token.name}=42,43",
                )
            self.wishes[-1][token.name] = _given(token)
        elif token.name in choices and choices[token.name].kind != "flag":
            self._option(choices[token.name], ",".join(item.text for item in token.items))
        else:
            raise self._unknown_option(token.name)

    def _opted(self, token: Opted) -> Choice | None:
        """Keep an option; the one that still waits for its value is given back."""
        choice = next((one for one in self.spec.options if one.name == token.name), None)
        if choice is None:
            raise self._unknown_option(f"--{token.name}")
        if choice.kind == "flag":
            if token.value is not None:
                raise Misunderstood(f"--{choice.name} takes no value.", hint=f"Say --{choice.name} alone.")
            self.flags.add(choice.name)
            return None
        if token.value is None:
            return choice
        self._option(choice, token.value)
        return None

    def _option(self, choice: Choice, text: str) -> None:
        if choice.name in self.options:
            raise Misunderstood(f"{choice.name} is given twice.", hint="Give it once.")
        if choice.kind == "number" and re.fullmatch(r"[0-9]{1,9}", text):
            text = str(int(text))
        if not choice.fits(text):
            raise Misunderstood(
                f"{choice.name} takes a whole number from 1, not {shown(text) or 'nothing'}.",
                hint=f"For example: {choice.name}=2",
            )
        self.options[choice.name] = text

    def _command(self) -> Command:
        first, *others = self.wishes
        missing = [place for place in self.spec.words[len(self.words) :] if place.required]
        text = " ".join(" ".join(self.text).split())
        if missing:
            raise Misunderstood(
                f"{self.spec.name} needs {_needed(missing[0].kind, missing[0].name)}.",
                hint=f"It is written: {self.spec.usage}",
            )
        if self.spec.text_required and not text:
            raise Misunderstood(
                f"{self.spec.name} needs to know {self.spec.text}.", hint=f"It is written: {self.spec.usage}"
            )
        if others and not others[-1]:
            raise Misunderstood("Nothing stands after the |.", hint="Leave the | out, or add a set after it.")
        if others and self.sets:
            raise Misunderstood(
                "Saved sets (@) and explicit sets (|) cannot be mixed in one line.",
                hint="Say it in two lines, or save the explicit ones as a set.",
            )
        return Command(
            self.spec.name,
            tuple(self.words),
            text,
            first,
            tuple(others),
            tuple(self.sets),
            dict(self.options),
            frozenset(self.flags),
        )

    def _valueless(self, choice: Choice) -> Misunderstood:
        return Misunderstood(
            f"--{choice.name} needs a value.",
            hint=f'For example: --{choice.name} "…", in quotes if it has blanks.',
        )

    def _unknown_option(self, typed: str) -> Misunderstood:
        known = [f"--{one.name}" if typed.startswith("-") else one.name for one in self.spec.options]
        near = nearest(typed.lstrip("-"), [one.name for one in self.spec.options])
        if near:
            hint = f"Did you mean {'--' if typed.startswith('-') else ''}{near[0]}?"
        else:
            hint = f"It has {', '.join(known)}." if known else f"It is written: {self.spec.usage}"
        return Misunderstood(f"{self.spec.name} has no option {shown(typed)}.", hint=hint)

    def _stray(self, typed: str) -> Misunderstood:
        hint = f"It is written: {self.spec.usage}"
        if self.spec.takes_values:
            hint = "Parameters are written name=value, with quotes around a value that has blanks."
        return Misunderstood(f"{shown(typed)} is one word too many for {self.spec.name}.", hint=hint)


def _needed(kind: str, name: str) -> str:
    known = {
        "job": "the name of a job",
        "run": "the number of a run, such as #128",
        "target": "the name of a job, or the number of a run such as #128",
    }
    return known.get(kind, f"a {name}")


def _given(token: Assigned) -> Given:
    if len(token.items) == 1:
        return _one(token.items[0])
    items = tuple(_item(piece) for piece in token.items)
    if not all(piece.text or piece.quoted for piece in token.items):
        raise Misunderstood(
            f"A value is missing in the list of {shown(token.name)}.",
            hint=f'A list has no blanks: {shown(token.name)}=42,43. Quotes make a comma literal: "a, b".',
        )
    if any(piece == Piece("*") for piece in token.items):
        raise Misunderstood(
            f"* stands alone: {shown(token.name)}=* is every choice.", hint='A literal star is written "*".'
        )
    return Fan(items)


def _one(piece: Piece) -> Given:
    if piece == Piece("*"):
        return Star()
    item = _item(piece)
    return Fan((item,)) if isinstance(item, Range) else item


def _item(piece: Piece) -> str | Range:
    ends = None if piece.quoted else ends_of_range(piece.text)
    return Range(*ends) if ends else piece.text


_BETWEEN = re.compile(r"(?<=\w)[–—](?=\w)")


def _hyphens(text: str) -> str:
    """`mon–fri` as phones write it."""
    return _BETWEEN.sub("-", text)
