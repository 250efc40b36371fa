"""Job versions are immutable: each is read out of its JSON once per process."""

from __future__ import annotations

from typing import Any

from core.definitions import Version

KEPT = 1_000  # versions in memory; beyond that the oldest are read again

_read: dict[str, Version] = {}


def known(version_id: str) -> Version | None:
    """The version of that public id, where it was read before."""
    return _read.get(version_id)


def read(version_id: str, definition: dict[str, Any]) -> Version:
    """The version of that public id."""
    found = _read.get(version_id)
    if found is None:
        found = _read[version_id] = Version.model_validate(definition)
        if len(_read) > KEPT:
            del _read[next(iter(_read))]
    return found
