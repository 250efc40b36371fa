"""Sentences about a key: what it wants, and what was found instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from core.definitions import NAME
from core.nearest import nearest
from core.values import echo

_NAMES = {
    NAME: "lower-case letters, digits, _ and -, beginning with a letter, at most 63",
    r"^[a-z][a-z0-9_]{0,62}$": "lower-case letters, digits and _, beginning with a letter, at most 63",
}
_NUMBERS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "more than"),
    "less_than": ("lt", "less than"),
}


def is_name(text: str) -> bool:
    """It fits what jobs, agents, sources, parameters and sets may be called."""
    return re.fullmatch(NAME.strip("^$"), text) is not None


def bad_name(text: str) -> str:
    """Why a name is refused."""
    return f"'{echo(text)}' is no name: {_NAMES[NAME]}"


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or nothing where nothing is near."""
    near = nearest(word, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def listed(names: Iterable[str], *, limit: int = 12) -> str:
    """`a, b, c`; `none` where there is nothing."""
    known = list(names)
    return (", ".join(known[:limit]) + (" …" if len(known) > limit else "")) or "none"


def unknown_key(key: str, known: Iterable[str], where: str) -> str:
    """A key that nothing reads; `where` names what it stands in."""
    known = list(known)
    near = meant(key, known)
    return f"{where} has no key '{echo(key)}'{near or '; it may have ' + listed(known, limit=40)}"


def unknown_name(noun: str, name: str, known: Iterable[str]) -> str:
    """There is no such agent, source, parameter …"""
    known = list(known)
    near = meant(name, known)
    return f"there is no {noun} '{echo(name)}'{near or f' (there: {listed(known)})'}"


def wrong(key: str, error: Mapping[str, Any]) -> str:
    """What pydantic found wrong with the value of `key`."""
    context = error.get("ctx") or {}
    given = error.get("input")
    said = f", not {echo(given)}" if isinstance(given, str | int | float) else ""
    kind = error["type"]
    match kind:
        case "missing":
            return f"'{key}' is required"
        case "literal_error" | "enum":
            words = [word.strip("' ") for word in re.split(r", | or ", context["expected"])]
            return f"'{key}' is one of {listed(words, limit=20)}{said}{meant(str(given), words)}"
        case "string_pattern_mismatch":
            return f"'{key}' is no name: {_NAMES.get(context['pattern'], context['pattern'])}{said}"
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return f"'{key}' wants a whole number{said}"
        case "float_parsing" | "float_type" | "finite_number":
            return f"'{key}' wants a number{said}"
        case "bool_parsing" | "bool_type":
            return f"'{key}' wants true or false{said}"
        case "value_error":
            return f"'{key}': {context['error']}{said}"
        case _ if kind in _NUMBERS:
            bound, words_ = _NUMBERS[kind]
            return f"'{key}' is {words_} {context[bound]}{said}"
        case _:
            return f"'{key}': {str(error['msg'])[:1].lower()}{str(error['msg'])[1:]}{said}"
