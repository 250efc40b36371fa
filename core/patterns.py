"""Patterns that a text parameter has to fit, matched in linear time whatever is typed.

The language is that of Rust's `regex`, which pydantic carries: no look-around, no back references, and
so no input that makes a match run away. Large counted repeats still cost memory: they are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

PATTERN_LIMIT = 200  # characters of a pattern
SIZE_LIMIT = 1_000  # atoms of a pattern with its counted repeats written out
TEXT_LIMIT = 1_000  # characters of a text that is held against a pattern; longer ones do not fit

_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d*)(?:,(?P<most>\d*))?\}|.", re.DOTALL)


def check(pattern: str) -> None:
    """Look at a pattern before any text is held against it.

    Raises:
        ValueError: it cannot be read or is too large; the text continues the word "pattern".
    """
    if len(pattern) > PATTERN_LIMIT:
        raise ValueError(f"is longer than {PATTERN_LIMIT} characters")
    if _size(pattern) > SIZE_LIMIT:
        raise ValueError(f"holds more than {SIZE_LIMIT:,} parts once its repeats are written out")
    try:
        TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])  # alone: `a)|(b` is no pattern
        _matcher(pattern)
    except SchemaError as refused:
        reason = str(refused).strip().rpartition("error: ")[2].splitlines()[0]
        raise ValueError(f"cannot be read: {reason}") from None


def fits(pattern: str, text: str) -> bool:
    """The whole text matches the pattern, which `check` has let through."""
    if len(text) > TEXT_LIMIT:
        return False
    try:
        _matcher(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=rf"\A(?:{pattern})\z")])


def _size(pattern: str) -> int:
    """How many atoms the pattern has once its counted repeats are written out."""
    sizes, last = [0], 0
    for found in _ATOM.finditer(pattern):
        atom = found[0]
        if atom == "(":
            sizes.append(0)
        elif atom == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif found["least"] is not None:
            repeats = max(*(int(found[name] or 0) for name in ("least", "most")), 1)
            sizes[-1] += last * (repeats - 1)
            last *= repeats
        else:
            last = 1
            sizes[-1] += 1
    return sum(sizes)
