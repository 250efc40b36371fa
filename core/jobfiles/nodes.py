"""YAML text as a tree of scalars, lists and mappings with line numbers; nothing is interpreted.

A scalar is its source text and whether it stood there bare: `on`, `no`, `12:30` and `010` mean what the
field that they are written for says, not what YAML 1.1 makes of them. The tree is built from the parser's
events, so depth, size and aliases are bounded while it grows, and no tag ever makes an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

SIZE_LIMIT = 1_000_000  # bytes of one file
NODES_LIMIT = 100_000  # values in one file, those behind aliases counted each time
DEPTH_LIMIT = 40  # levels of nesting
NULLS = frozenset({"", "~", "null", "Null", "NULL"})

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, 10 x as fast

_UNFIT = re.compile("[\x00\ud800-\udfff]")  # no database stores these
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Unreadable(Exception):
    """The text is not YAML that is read here; `line` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value's source text; `bare` where it was written without quotes."""

    text: str
    bare: bool
    line: int

    @property
    def is_null(self) -> bool:
        """Nothing was written, or YAML's word for nothing."""
        return self.bare and self.text in NULLS


@dataclass(slots=True)
class Listing:
    """Values in order."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys and values in order; a key may stand there twice (`duplicates` tells)."""

    line: int
    items: list[tuple[Scalar, Node]] = field(default_factory=list)

    def duplicates(self) -> Iterator[tuple[Scalar, Scalar]]:
        """Each repeated key with the first of its name."""
        first: dict[str, Scalar] = {}
        for key, _ in self.items:
            if key.text in first:
                yield key, first[key.text]
            first.setdefault(key.text, key)

    def get(self, name: str) -> Node | None:
        """The value of the first key of that name."""
        return next((value for key, value in self.items if key.text == name), None)


Node = Scalar | Listing | Mapping


def decode(data: bytes) -> str:
    """The text of a file.

    Raises:
        Unreadable: it is too large, or not UTF-8, or holds control characters.
    """
    if len(data) > SIZE_LIMIT:
        raise Unreadable(1, f"the file is larger than {SIZE_LIMIT // 1000:,} kB")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(1, "the file is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            line, f"the file is not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8"
        ) from None
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise Unreadable(line, f"the control character U+{ord(found[0]):04X} stands here")
    return text


def compose(text: str) -> Node | None:
    """The tree of one document; None where there is nothing but comments.

    Raises:
        Unreadable: it is not YAML, or uses what is not read here.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=Loader):
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text) from None
    return builder.root


class _Builder:
    """Puts events together, counting as it goes."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Listing | Mapping] = []
        self._keys: list[Scalar | None] = []  # per open mapping: the key that waits for its value
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._anchored: list[tuple[str, int]] = []  # per open node: its anchor, and the count before it
        self._count = 0
        self._documents = 0

    def add(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if getattr(event, "tag", None) and not self._harmless(event):
            raise Unreadable(line, f"the tag {event.tag} is not read here")  # type: ignore[attr-defined]
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise Unreadable(line, "a second document begins here; a file holds one")
            case yaml.AliasEvent():
                self._alias(event.anchor, line)
            case yaml.ScalarEvent():
                before = self._count
                made = _scalar(event, line)
                self._grow(1, line)
                self._place(made, line)
                if event.anchor:
                    self._anchors[event.anchor] = (made, self._count - before)
            case yaml.SequenceStartEvent():
                self._begin(Listing(line), event.anchor, line)
            case yaml.MappingStartEvent():
                self._begin(Mapping(line), event.anchor, line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()
            case _:
                pass  # the stream's start and end, a document's end: nothing to build

    def _harmless(self, event: yaml.Event) -> bool:
        """`!` alone says "not a bare scalar" and nothing else."""
        return getattr(event, "tag", None) == "!"

    def _grow(self, by: int, line: int) -> None:
        self._count += by
        if self._count > NODES_LIMIT:
            raise Unreadable(line, f"there are more than {NODES_LIMIT:,} values up to here")

    def _begin(self, made: Listing | Mapping, anchor: str | None, line: int) -> None:
        before = self._count
        self._grow(1, line)
        self._place(made, line)
        if len(self._open) >= DEPTH_LIMIT:
            raise Unreadable(line, f"values are nested more than {DEPTH_LIMIT} deep here")
        self._open.append(made)
        self._keys.append(None)
        self._anchored.append((anchor or "", before))

    def _end(self) -> None:
        made = self._open.pop()
        self._keys.pop()
        anchor, before = self._anchored.pop()
        if anchor:
            self._anchors[anchor] = (made, self._count - before)

    def _alias(self, anchor: str | None, line: int) -> None:
        if anchor is None or anchor not in self._anchors:
            inside = any(anchor == name for name, _ in self._anchored)
            why = "stands inside of what it refers to" if inside else "refers to nothing before it"
            raise Unreadable(line, f"the alias *{anchor} {why}")
        node, size = self._anchors[anchor]
        self._grow(size, line)
        self._place(node, line)

    def _place(self, made: Node, line: int) -> None:
        if not self._open:
            self.root = made
            return
        parent = self._open[-1]
        if isinstance(parent, Listing):
            parent.items.append(made)
        elif (key := self._keys[-1]) is not None:
            parent.items.append((key, made))
            self._keys[-1] = None
        elif isinstance(made, Scalar):
            if made.bare and made.text == "<<":
                raise Unreadable(line, "merge keys (<<) are not read here; write the keys out")
            self._keys[-1] = made
        else:
            raise Unreadable(line, "a key is a name, not a list or mapping")


def _scalar(event: yaml.ScalarEvent, line: int) -> Scalar:
    if _UNFIT.search(event.value):
        raise Unreadable(line, "the text holds a character that no text may hold")
    return Scalar(event.value, not event.style, line)  # None, or '' from libyaml: no quotes, no block


def _unreadable(error: yaml.MarkedYAMLError, text: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    source = lines[line - 1] if line <= len(lines) else ""
    if "\t" in source[: len(source) - len(source.lstrip())] or "'\\t'" in (error.problem or ""):
        return Unreadable(line, "a tab stands here; indent with spaces")
    problem = " ".join((error.problem or "it cannot be read").split())
    return Unreadable(line, f"this is not YAML: {problem}")
