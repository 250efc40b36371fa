"""Small checks that Slack's shapes are put together from; each notes mistakes with their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Book:
    """Collects the mistakes of one payload."""

    surface: str
    files: Container[str]
    mistakes: list[str] = field(default_factory=list)

    def wrong(self, at: str, what: str) -> None:
        """Note a mistake."""
        self.mistakes.append(f"{what} [json-pointer:{at}]")


Check = Callable[[Any, str, Book], None]


def string(most: int, least: int = 1, pattern: str = "") -> Check:
    def check(value: Any, at: str, book: Book) -> None:
        if not isinstance(value, str):
            book.wrong(at, "must be a string")
        elif len(value) > most:
            book.wrong(at, f"must be less than {most + 1} characters")
        elif len(value) < least:
            book.wrong(at, f"must be more than {least - 1} characters")
        elif pattern and not re.fullmatch(pattern, value):
            book.wrong(at, f"input must match regex pattern: {pattern}")

    return check


def boolean(value: Any, at: str, book: Book) -> None:
    if not isinstance(value, bool):
        book.wrong(at, "must be a boolean")


def integer(low: int, high: int) -> Check:
    def check(value: Any, at: str, book: Book) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            book.wrong(at, f"must be an integer from {low} to {high}")

    return check


def one_of(*values: str) -> Check:
    def check(value: Any, at: str, book: Book) -> None:
        if value not in values:
            book.wrong(at, f"must be one of {', '.join(values)}")

    return check


def array(of: Check, most: int, least: int = 1) -> Check:
    def check(value: Any, at: str, book: Book) -> None:
        if not isinstance(value, list):
            book.wrong(at, "must be an array")
            return
        if len(value) > most:
            book.wrong(at, f"no more than {most} items allowed")
        if len(value) < least:
            book.wrong(at, f"must have at least {least} item")
        for place, one in enumerate(value):
            of(one, f"{at}/{place}", book)

    return check


def fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    known = {**required, **(optional or {})}

    def check(value: Any, at: str, book: Book) -> None:
        if not isinstance(value, dict):
            book.wrong(at, "must be an object")
            return
        for name in required:
            if name not in value:
                book.wrong(at, f"missing required field: {name}")
        for name, one in value.items():
            if name not in known:
                book.wrong(at, f"invalid additional property: {name}")
            elif one is None:
                book.wrong(f"{at}/{name}", "must not be null")
            else:
                known[name](one, f"{at}/{name}", book)

    return check


def union(kinds: Mapping[str, Check]) -> Check:
    def check(value: Any, at: str, book: Book) -> None:
        kind = str(value.get("type")) if isinstance(value, dict) else ""
        if kind not in kinds:
            book.wrong(at, f"unsupported type: {kind}")
            return
        kinds[kind]({name: one for name, one in value.items() if name != "type"}, at, book)

    return check


def text(most: int, *kinds: str) -> Check:
    shapes = {
        "plain_text": fields({"text": string(most)}, {"emoji": boolean}),
        "mrkdwn": fields({"text": string(most)}, {"verbatim": boolean}),
    }
    return union({kind: shapes[kind] for kind in kinds or tuple(shapes)})


def plain(most: int) -> Check:
    return text(most, "plain_text")


def only(surfaces: tuple[str, ...], check: Check, name: str) -> Check:
    def guarded(value: Any, at: str, book: Book) -> None:
        if book.surface not in surfaces:
            book.wrong(at, f"unsupported type: {name}")
        else:
            check(value, at, book)

    return guarded
