"""What is asked of a service: its address and its JSON, with the values of parameters filled in.

Values change neither where an address leads nor what a body means: in the address they are percent-encoded,
in the body they keep their type. A text that is nothing but one blank (`"{campaign_id}"`) becomes the value
itself, a number or null where it is one; within a longer text it is written out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from yarl import URL

from core import blanks, programs
from core.errors import AgentError
from core.nearest import nearest
from core.ports import Task

ADDRESS_LIMIT = 8_000  # characters: what servers and what stands between take
_DOTS = frozenset({".", ".."})


def known(task: Task) -> dict[str, Any]:
    """Every parameter of the job with its value, None where it has none."""
    return {**dict.fromkeys(task.version.job.parameters), **task.parameters}


def address(url: str, path: str, values: Mapping[str, Any]) -> URL:
    """The agent's `url` followed by the job's `path`. Raises `AgentError` where that is no address."""
    filled = _fill_path(path, values)
    head, mark, query = url.partition("?")
    if filled:
        own, _, more = filled.partition("?")
        head = f"{head.rstrip('/')}/{own.lstrip('/')}" if own else head
        query = "&".join(one for one in (query, more) if one)
        mark = "?" if query else ""
    return read(f"{head}{mark}{query}")


def read(text: str) -> URL:
    """A URL of a service. Raises `AgentError` for anything else."""
    if len(text) > ADDRESS_LIMIT:
        raise AgentError(
            f"The address has {len(text):,} characters; services take {ADDRESS_LIMIT:,} at most.",
            hint="Send large values in the body.",
            permanent=True,
        )
    try:
        made = URL(text).with_fragment(None)
        sound = made.scheme in ("http", "https") and bool(made.host) and made.port is not None
    except ValueError:
        sound = False
    if not sound:
        raise no_address()
    return made


def no_address() -> AgentError:
    """The failure for a URL that leads nowhere."""
    return AgentError(
        "The agent's url is no address of a service.",
        hint="It begins with https:// or http:// and names a host.",
        permanent=True,
    )


def body(template: Mapping[str, Any], values: Mapping[str, Any]) -> bytes:
    """The JSON that is sent: the template filled, or every value by its name where there is none."""
    filled = _fill_json(template, values) if template else {name: plain(one) for name, one in values.items()}
    return encode(filled)


def encode(value: Any) -> bytes:
    """JSON in UTF-8, as short as it can be."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def fill(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The template with its blanks filled, as JSON values."""
    filled: dict[str, Any] = _fill_json(template, values)
    return filled


def plain(value: Any) -> Any:
    """A value as JSON: dates and times are ISO text."""
    return programs.write(value) if isinstance(value, date | datetime) else value


def _fill_json(part: Any, values: Mapping[str, Any]) -> Any:
    match part:
        case str():
            names = _names(part, values)
            if len(names) == 1 and part == f"{{{names[0]}}}":
                return plain(values[names[0]])
            return blanks.fill(part, {name: programs.write(values[name]) for name in names})
        case dict():
            return {key: _fill_json(one, values) for key, one in part.items()}
        case list() | tuple():
            return [_fill_json(one, values) for one in part]
        case _:
            return part


def _fill_path(path: str, values: Mapping[str, Any]) -> str:
    head, mark, query = path.partition("?")
    for name in _names(head, values):
        if programs.write(values[name]) == "":
            raise AgentError(f"{name} is empty, and would change the address.", permanent=True)
    quoted = {name: quote(programs.write(values[name]), safe="") for name in _names(path, values)}
    filled = blanks.fill(head, quoted)
    if _DOTS & set(filled.split("/")):
        raise AgentError(
            "A part of the address is nothing but dots, and would change where it leads.", permanent=True
        )
    return filled + mark + blanks.fill(query, quoted)


def _names(text: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    found = blanks.names(text)
    for name in found:
        if name not in values:
            near = nearest(name, values, 1)
            raise AgentError(
                f"{{{name}}} is no parameter of the job.",
                hint=f"Did you mean {{{near[0]}}}?" if near else "Correct the job.",
                permanent=True,
            )
    return found
