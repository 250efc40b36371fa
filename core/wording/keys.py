"""What is said of keys of the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.keys import Key
from core.messages import Cell, Code, Column, Facts, Message, Paragraph, Table, Tone
from core.wording import words

_TITLES = ("key", "may", "jobs", "a minute", "last used", "begins with")


def listing(keys: Sequence[Key], names: Mapping[str, str]) -> Message:
    """The keys in use; `names` are jobs by id."""
    if not keys:
        text = "There is no key yet."
        hint = "Make one: `keys create NAME permissions=agent_jobs_trigger,agent_jobs_read`"
        return Message(text=text, blocks=(Paragraph(text), Paragraph(hint, marked=True)))
    rows = tuple(row(one, names) for one in keys)
    table = Table(tuple(Column(title) for title in _TITLES), rows, shown_rows=50, shown_columns=len(_TITLES))
    return Message(text=words.count(len(keys), "key"), title="Keys of the HTTP API", blocks=(table,))


def row(key: Key, names: Mapping[str, str]) -> tuple[Cell, ...]:
    """One key in a list."""
    used = key.last_used_at.strftime("%Y-%m-%d %H:%M UTC") if key.last_used_at else "never"
    jobs = ", ".join(sorted(names.get(one, one) for one in key.jobs)) or "all"
    return key.name, ", ".join(sorted(key.permissions)), jobs, key.per_minute, used, f"{key.hint}…"


def told(key: Key, names: Mapping[str, str]) -> dict[str, Any]:
    """One key for machines."""
    return {
        "id": key.id,
        "name": key.name,
        "permissions": sorted(key.permissions),
        "jobs": sorted(names.get(one, one) for one in key.jobs),
        "per_minute": key.per_minute,
        "hint": key.hint,
        "created_at": key.created_at.isoformat(),
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
    }


def created(key: Key, text: str) -> Message:
    """A new key, in a block that is never kept: neither in the fallback text nor with the request."""
    said = f"The key {key.name} is made. It is shown this once."
    facts = (("X-Organization-Id", key.organization_id), ("may", ", ".join(sorted(key.permissions))))
    return Message(
        text=said, title="A new key", tone=Tone.SUCCESS, blocks=(Paragraph(said), Code(text), Facts(facts))
    )


def revoked(key: Key) -> Message:
    """A key is of no use any more."""
    text = f"The key {key.name} opens nothing any more. What it started goes on."
    return Message(text=text, tone=Tone.SUCCESS, blocks=(Paragraph(text),))
