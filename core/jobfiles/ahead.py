"""What the format has and this version does not do yet: refused, never silently ignored."""

from __future__ import annotations

from collections.abc import Iterator

from core.definitions import JobDefinition


def problems(job: JobDefinition) -> Iterator[tuple[tuple[str], str]]:
    """What must be refused until it is built: somebody would see what they may not."""
    if job.visibility != "channel":
        yield ("visibility",), "only 'channel' works in this version: everybody there would see the result"
