"""Keeps the values of secret parameters out of everything that is kept or said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from core.definitions import Parameter
from core.entries import Entry
from core.parameters import MASK

SHORTEST = 4  # characters: shorter values would mask half of every text

Shown = TypeVar("Shown", bound=Entry)


def secrets(definitions: Mapping[str, Parameter], values: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that may appear nowhere, the longest first."""
    texts = {
        str(values[name])
        for name, parameter in definitions.items()
        if parameter.secret and name in values and len(str(values[name])) >= SHORTEST
    }
    return tuple(sorted(texts, key=len, reverse=True))


def mask(text: str, secrets: tuple[str, ...]) -> str:
    """The text with every secret in it covered."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def entry(entry: Shown, secrets: tuple[str, ...]) -> Shown:
    """The entry with every secret in it covered."""
    if not secrets:
        return entry
    covered: Shown = _cover(entry, secrets)
    return covered


def _cover(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, tuple | list):
        return type(value)(_cover(one, secrets) for one in value)
    if isinstance(value, dict):
        return {_cover(key, secrets): _cover(one, secrets) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: _cover(getattr(value, one.name), secrets) for one in fields(value)}
        )
    return value
