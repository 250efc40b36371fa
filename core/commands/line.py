"""A typed line as tokens: words, `name=value`, `--options`; quotes and dashes as phones write them.

Scanning takes time linear in the line. What is typed outside quotes loses its zero-width characters;
what stands inside quotes is kept as it is. Only double quotes know escapes (`\\"`, `\\\\`, `\\n`, `\\t`,
`\\r`, `\\u{200b}`; any other backslash is itself), single ones are raw.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import Misunderstood

LINE_LIMIT = 20_000  # characters of one line: what a form with a few queries in it may hold

_JOINERS = "\u200c\u200d"  # they shape Persian words and emoji: kept between characters beyond ASCII
INVISIBLE = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff" + _JOINERS
_SKIP = f"[{INVISIBLE}]*"
_DASHES = "—–―‒−"

_GAP = re.compile(rf"[\s{INVISIBLE}]*")
_UNSEEN_GAP = re.compile(_SKIP)
_NAME = re.compile(rf"([A-Za-z_](?:[A-Za-z0-9_-]|[{INVISIBLE}])*)={_SKIP}")
_OPTION = re.compile(
    rf"(?:-{_SKIP}[-{_DASHES}]|[{_DASHES}])[-{_DASHES}{INVISIBLE}]*([A-Za-z](?:[A-Za-z0-9_-]|[{INVISIBLE}])*)(={_SKIP})?"
)
_BARE = re.compile(r"\S+")
_BARE_ITEM = re.compile(r"[^\s,]*")
_OPTION_ENDS = re.compile(rf"{_SKIP}(?!\S)")
_DROPPED = re.compile(
    rf"[{INVISIBLE.removesuffix(_JOINERS)}]+|(?<![^\x00-\x7f])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f])"
)
_ESCAPE = re.compile(r"\\(?:([\"\\ntr“”„‟«»])|u\{([0-9a-f]{1,6})\})")
UNSEEN = re.compile(rf"[^\S ]|[\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff{INVISIBLE}]")
"""What is never written as it is: control characters, blanks that are no blank, what nobody sees."""
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}

_DOUBLE_CURLY = "“”„‟«»"
_SINGLE_CURLY = "‘’‚‛‹›"
_CLOSERS = dict.fromkeys("“”„‟", "“”‟") | dict.fromkeys("«»", "«»") | {"'": "'"}
_CLOSERS |= dict.fromkeys("‘’‚‛", "‘’‛") | dict.fromkeys("‹›", "‹›")

OPENERS = frozenset(_CLOSERS) | {'"'}
"""A word that begins with one of these may mean something else once others follow it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of a value: its text, and whether it stood in quotes."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A word that stands by itself; `|` and `@name` are words too, unless quoted."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Assigned:
    """`name=item,item`."""

    name: str
    items: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Opted:
    """`--name` or `--name=value`; `value` is None where none was attached."""

    name: str
    value: str | None = None


Token = Word | Assigned | Opted


_END = rf"[^\s,.…\"'{_DOUBLE_CURLY}{_SINGLE_CURLY}{INVISIBLE}\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
_RANGE_END = re.compile(rf"{_END}(?:\.{_END})*")
_RANGE = re.compile(rf"({_END}(?:\.{_END})*)(?:\.\.|…)({_END}(?:\.{_END})*)")


def plain_end(text: str) -> bool:
    """Whether `text` may stand beside the `..` of a range."""
    return _RANGE_END.fullmatch(text) is not None


def ends_of_range(text: str) -> tuple[str, str] | None:
    """The two ends of `1..20` (phones write `1…20`), None where it is no range."""
    found = _RANGE.fullmatch(text)
    return (found[1], found[2]) if found else None


def clean(text: str) -> str:
    """Typed text without the characters that nobody sees."""
    return _DROPPED.sub("", text)


def scan(line: str) -> tuple[Token, ...]:
    """Read a line into its tokens, in order.

    Raises:
        Misunderstood: a quote is never closed, closes in the middle of a word, or the line is too long.
    """
    if len(line) > LINE_LIMIT:
        raise Misunderstood(
            f"A command may have at most {LINE_LIMIT:,} characters; this one has {len(line):,}.",
            hint="Save long values as a parameter set, or call the HTTP API.",
        )
    return tuple(_Scanner(line).tokens())


class _Scanner:
    """One pass over a line; `place` only moves forward."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.place = 0
        self.hopeless: set[tuple[str, str]] = set()  # quotes of which none closes: looked for once

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        while True:
            self._skip(_GAP)
            if self.place >= len(self.line):
                return found
            found.append(self._token())

    def _token(self) -> Token:
        if named := _NAME.match(self.line, self.place):
            self.place = named.end()
            return Assigned(clean(named[1]).lower(), self._items())
        option = _OPTION.match(self.line, self.place)
        if option and (option[2] or _OPTION_ENDS.match(self.line, option.end())):
            self.place = option.end()
            name = clean(option[1]).lower()
            return Opted(name, self._piece(_BARE).text if option[2] else None)
        piece = self._piece(_BARE)
        return Word(piece.text, piece.quoted)

    def _items(self) -> tuple[Piece, ...]:
        items = [self._piece(_BARE_ITEM, ends=",")]
        while self.line.startswith(",", self.place):
            self.place += 1
            self._skip(_UNSEEN_GAP)
            items.append(self._piece(_BARE_ITEM, ends=","))
        return tuple(items)

    def _piece(self, bare: re.Pattern[str], ends: str = "") -> Piece:
        """A quoted piece where a quote opens here, else what stands before the next blank (or comma)."""
        opener = self.line[self.place : self.place + 1]
        if opener and opener == '"':
            return Piece(self._straight(ends), quoted=True)
        if opener in _CLOSERS and (opener, ends) not in self.hopeless:
            text = self._curly(opener, ends)
            if text is not None:
                return Piece(text, quoted=True)
        found = bare.match(self.line, self.place)
        start, self.place = self.place, found.end() if found else self.place
        return Piece(clean(self.line[start : self.place]))

    def _straight(self, ends: str) -> str:
        start = self.place
        end = _end_of_straight(self.line, start + 1)
        if end < 0:
            found = self._closing(_DOUBLE_CURLY, start + 1, ends)
            if found is None:
                raise _unclosed(self.line, start)
            end = found.start(1)
        self.place = end + 1
        self._skip(_UNSEEN_GAP)
        following = self.line[self.place : self.place + 1]
        if following and not following.isspace() and following not in ends:
            raise Misunderstood(
                f"A quote ends in the middle of a word: {self.line[start : self.place + 1]}",
                hint='A quote inside quotes is written \\", and a blank goes between two values.',
            )
        return _unescape(self.line[start + 1 : end])

    def _curly(self, opener: str, ends: str) -> str | None:
        """The text in the quotes that open here; None where it is an apostrophe after all."""
        double = opener in _DOUBLE_CURLY
        found = self._closing(_CLOSERS[opener], self.place + 1, ends)
        if found is None and double:
            found = self._closing('"', self.place + 1, ends)
        if found is None:
            if opener in _SINGLE_CURLY:
                self.hopeless.add((opener, ends))
                return None
            raise _unclosed(self.line, self.place)
        text = self.line[self.place + 1 : found.start(1)]
        self.place = found.end()
        if opener in "«»‹›":
            text = text.strip("\u00a0\u202f ")
        return _unescape(text) if double else text

    def _closing(self, closers: str, start: int, ends: str) -> re.Match[str] | None:
        """The first of these quotes after which a value may end."""
        literal = r"(?<!\\)(?:\\\\)*" if closers[0] in _DOUBLE_CURLY else ""
        pattern = rf"{literal}([{closers}]){_SKIP}(?=[\s{ends}]|\Z)"
        return re.compile(pattern).search(self.line, start)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.line, self.place)
        self.place = found.end() if found else self.place


_STRAIGHT = re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL)


def _end_of_straight(line: str, start: int) -> int:
    found = _STRAIGHT.match(line, start)
    return found.end() - 1 if found else -1


def _unescape(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found[2] is None:
            return _ESCAPED.get(found[1], found[1])
        number = int(found[2], 16)
        return chr(number) if number <= 0x10FFFF else found[0]

    return _ESCAPE.sub(one, text)


def quote(text: str) -> str:
    """Write text in double quotes so that `scan` reads it back exactly; nothing invisible is left in it."""
    written = text.replace("\\", "\\\\").replace('"', '\\"')
    written = written.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return '"' + UNSEEN.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", written) + '"'


def _unclosed(line: str, start: int) -> Misunderstood:
    shown = line[start : start + 40] + ("…" if len(line) > start + 40 else "")
    return Misunderstood(
        f"A quote opens here and is never closed: {shown}",
        hint='Close it, or write \\" for a quote that belongs to the text.',
    )
