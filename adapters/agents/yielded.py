"""What a plug-in yields, made fit to be kept: the shapes of entries, JSON cells, sizes.

An entry that cannot be written would hold up the entries of every run that shares its transaction.
"""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from core.entries import Entry, Kept, Progressed, Returned
from core.errors import AgentError

ROW_LIMIT = 1_000
TEXT_LIMIT = 100_000  # characters of one text
WHOLE_LIMIT = 2**63  # what JSON columns and readers of JSON agree on

_KINDS: tuple[type[Any], ...] = (*get_args(Kept), Progressed)
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in _KINDS}


def fit(entry: Any, name: str) -> Entry:
    """The entry as it is kept. Raises a permanent `AgentError` for what is none.

    Decimals become numbers, dates ISO text, infinities nothing; a table keeps its first 1,000 rows.
    """
    if not isinstance(entry, _KINDS):
        known = ", ".join(kind.__name__ for kind in _KINDS)
        raise _wrong(name, f"yielded a {type(entry).__name__}, which is no entry", f"There are: {known}.")
    if isinstance(entry, Returned) and len(entry.rows) > ROW_LIMIT:
        entry = replace(entry, rows=tuple(entry.rows)[:ROW_LIMIT], truncated=True)
    plain = _plain(entry)
    try:
        made: Entry = _ADAPTERS[type(entry)].validate_python(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(one) for one in first["loc"])
        raise _wrong(
            name, f"yielded a {type(entry).__name__} whose {place} is not right", first["msg"]
        ) from None
    if isinstance(made, Returned) and any(len(row) != len(made.columns) for row in made.rows):
        raise _wrong(
            name, "yielded a table whose rows do not fit its columns", "A row has a cell per column."
        )
    return made


def _wrong(name: str, what: str, hint: str) -> AgentError:
    return AgentError(f"The plug-in {name} {what}.", hint=hint, permanent=True)


def _plain(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int():
            return int(value) if -WHOLE_LIMIT <= value < WHOLE_LIMIT else str(value)[:400]
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return (
                _plain(int(value) if value == value.to_integral_value() else float(value))
                if value.is_finite()
                else None
            )
        case datetime() | date() | time():
            return value.isoformat()
        case dict():
            return {_plain(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return tuple(_plain(one) for one in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        case _:
            return _text(str(value))


def _text(value: str) -> str:
    clean = str(value).replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
    return clean if len(clean) <= TEXT_LIMIT else f"{clean[:TEXT_LIMIT]}… (cut, {len(clean):,} characters)"
