"""Reads the text of a condition, within limits of length and depth."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from core.conditions.tree import (
    COMPARISONS,
    DIGITS_LIMIT,
    FUNCTIONS,
    Both,
    Call,
    Literal,
    Name,
    Node,
    One,
    Rows,
    leaves,
    meant,
)
from core.errors import ConditionError

LENGTH_LIMIT = 500  # characters
TOKENS_LIMIT = 200
DEPTH_LIMIT = 30

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*'|“[^”]*”)|(?P<mark><=|>=|==|!=|<>|[-+*/%<>=().,]))"
)


def asks_for_change(text: str) -> bool:
    """It looks at whether something changed. False also for what cannot be read."""
    try:
        return any(isinstance(one, Name) and one.path == ("changed",) for one in leaves(read(text)))
    except ConditionError:
        return False


class _Token(NamedTuple):
    kind: str  # number, name, text, mark, end
    text: str


@lru_cache(maxsize=500)
def read(text: str) -> Node:
    """The condition as a tree. Raises `ConditionError` for what cannot be read."""
    reader = _Reader(_tokens(text))
    tree = reader.whole()
    if reader.now.kind != "end":
        raise ConditionError(f"'{reader.now.text[:40]}' is not expected there")
    return tree


def _tokens(text: str) -> list[_Token]:
    if not text.strip():
        raise ConditionError("the condition is empty")
    if len(text) > LENGTH_LIMIT:
        raise ConditionError(f"a condition has at most {LENGTH_LIMIT} characters")
    found: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].strip()
            raise ConditionError(f"'{rest[:20]}' cannot be read")
        found.append(_Token(str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    if len(found) > TOKENS_LIMIT:
        raise ConditionError(f"a condition has at most {TOKENS_LIMIT} words and signs")
    return [*found, _Token("end", "the end")]


class _Reader:
    """Reads tokens into a tree: or < and < not < comparison < sum < product < sign < value."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def now(self) -> _Token:
        return self._tokens[self._place]

    def whole(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise ConditionError("the condition is nested too deeply")
        left = self._all()
        while self._takes("or"):
            left = Both("or", left, self._all())
        self._depth -= 1
        return left

    def _all(self) -> Node:
        left = self._not()
        while self._takes("and"):
            left = Both("and", left, self._not())
        return left

    def _not(self) -> Node:
        signs = 0
        while self._takes("not"):
            signs += 1
        node = self._comparison()
        return One("not", node) if signs % 2 else node

    def _comparison(self) -> Node:
        left = self._sum()
        sign = COMPARISONS.get(self._word())
        if sign is None or self.now.kind == "text":
            return left
        self._place += 1
        made = Both(sign, left, self._sum())
        if self._word() in COMPARISONS and self.now.kind != "text":
            raise ConditionError("comparisons are joined with 'and': a < b and b < c")
        return made

    def _sum(self) -> Node:
        left = self._product()
        while self.now.kind == "mark" and self.now.text in "+-":
            left = Both(self._next().text, left, self._product())
        return left

    def _product(self) -> Node:
        left = self._signed()
        while self.now.kind == "mark" and self.now.text in "*/%":
            left = Both(self._next().text, left, self._signed())
        return left

    def _signed(self) -> Node:
        signs = 0
        while self.now == _Token("mark", "-"):
            self._place += 1
            signs += 1
        node = self._value()
        return One("-", node) if signs % 2 else node

    def _value(self) -> Node:
        token = self._next()
        match token.kind:
            case "number":
                if len(token.text) > DIGITS_LIMIT:
                    raise ConditionError(f"a number has at most {DIGITS_LIMIT} digits")
                return Literal(float(token.text) if "." in token.text else int(token.text))
            case "text":
                return Literal(token.text[1:-1])
            case "name":
                return self._named(token.text)
            case _ if token.text == "(":
                inner = self.whole()
                self._expect(")")
                return inner
            case _:
                raise ConditionError(f"{_quoted(token)} is not expected there")

    def _named(self, name: str) -> Node:
        word = name.casefold()
        match word:
            case "true" | "false":
                return Literal(word == "true")
            case "null" | "none":
                return Literal(None)
            case "any":
                node = self._value()
                if not isinstance(node, Rows):
                    raise ConditionError("'any' stands before rows: any rows, any rows(new)")
                return One("any", node)
            case "and" | "or" | "not" | "contains":
                raise ConditionError(f"'{name}' is not expected there")
            case _:
                pass
        if self.now == _Token("mark", "("):
            return self._called(word)
        if word == "rows" and self.now.text != ".":
            return Rows("")
        path = [name]
        while self.now == _Token("mark", "."):
            self._place += 1
            if self.now.kind != "name":
                raise ConditionError(f"a name follows '{'.'.join(path)}.'")
            path.append(self._next().text)
        if len(path) > 2:
            raise ConditionError(f"'{'.'.join(path)}' has too many parts: QUESTION.COLUMN")
        return Name(tuple(path))

    def _called(self, function: str) -> Node:
        if function not in FUNCTIONS:
            raise ConditionError(f"there is no function {function}{meant(function, FUNCTIONS)}")
        self._place += 1
        if function == "rows":
            token = self._next()
            if token.kind != "name":
                raise ConditionError("rows(…) wants the name of a question")
            self._expect(")")
            return Rows(token.text)
        given = [self.whole()]
        while self.now == _Token("mark", ","):
            self._place += 1
            given.append(self.whole())
        self._expect(")")
        wanted = "one number" if function == "abs" else "two numbers or more"
        if (len(given) == 1) != (function == "abs"):
            raise ConditionError(f"{function}(…) wants {wanted}")
        return Call(function, tuple(given))

    def _word(self) -> str:
        return self.now.text.casefold() if self.now.kind == "name" else self.now.text

    def _takes(self, word: str) -> bool:
        if self.now.kind == "name" and self._word() == word:
            self._place += 1
            return True
        return False

    def _next(self) -> _Token:
        token = self.now
        if token.kind != "end":
            self._place += 1
        return token

    def _expect(self, mark: str) -> None:
        if self.now != _Token("mark", mark):
            raise ConditionError(f"'{mark}' is missing before {_quoted(self.now)}")
        self._place += 1


def _quoted(token: _Token) -> str:
    return token.text if token.kind == "end" else f"'{token.text[:40]}'"
