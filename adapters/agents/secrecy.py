"""The secrets of a run in every form in which a program may repeat them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from core import masks, programs
from core.entries import Entry
from core.parameters import MASK
from core.ports import Task

Shown = TypeVar("Shown", bound=Entry)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Texts that may appear nowhere, the longest first."""

    texts: tuple[str, ...]

    def mask(self, text: str) -> str:
        """The text with all of them covered."""
        return masks.mask(text, self.texts)

    def mask_end(self, text: str) -> str:
        """A text that was cut without what may be the beginning of one at its end."""
        for one in self.texts:
            for length in range(min(len(one) - 1, len(text)), 0, -1):
                if text.endswith(one[:length]):
                    text = text[:-length]
                    break
        return text

    def mask_bytes(self, content: bytes) -> bytes:
        """A file's content with all of them covered."""
        for one in self.texts:
            content = content.replace(one.encode(), MASK.encode())
        return content

    def entry(self, entry: Shown) -> Shown:
        """The entry with all of them covered, numbers too."""
        covered: Shown = self._cover(entry) if self.texts else entry
        return covered

    def _cover(self, value: Any) -> Any:
        match value:
            case str():
                return self.mask(value)
            case int() | float():
                return MASK if any(one in str(value) for one in self.texts) else value
            case tuple():
                return tuple(self._cover(one) for one in value)
            case _ if is_dataclass(value) and not isinstance(value, type):
                return replace(
                    value, **{one.name: self._cover(getattr(value, one.name)) for one in fields(value)}
                )
            case _:
                return value


def of(task: Task, more: Iterable[str] = ()) -> Secrets:
    """The secrets among the task's parameters, and more, in all their forms."""
    plain = [programs.write(task.parameters[name]) for name in task.secrets if name in task.parameters]
    found = {form for value in [*plain, *more] for form in _forms(value)}
    return Secrets(tuple(sorted((one for one in found if len(one) >= masks.SHORTEST), key=len, reverse=True)))


def _forms(value: str) -> Iterable[str]:
    if len(value) < masks.SHORTEST:
        return
    yield value
    yield from (line.strip() for line in value.splitlines())  # a key of several lines may be cut anywhere
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield base64.b64encode(value.encode()).decode().rstrip("=")
