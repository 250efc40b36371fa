"""Quiet hours: the local times of day between which nothing is posted. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import Invalid

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def clock(text: str) -> time:
    """A time of day such as `22:00`. Raises `Invalid`."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"'{text[:40]}' is no time of day.", hint="Write it as 22:00.")
    return time(int(found[1]), int(found[2]))


def quiet_until(start: str, end: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours end that `now` falls into; None where it falls into none.

    They begin at `start` and are over at `end`, both local; over midnight where `end` is earlier. An end
    that the clocks skip is the first instant after the gap, one that comes twice is the first.
    """
    begins, ends = clock(start), clock(end)
    local = now.astimezone(zone)
    at = local.time()
    if begins <= ends:
        inside, day = begins <= at < ends, local.date()
    else:
        inside = at >= begins or at < ends
        day = local.date() + timedelta(days=1) if at >= begins else local.date()
    if not inside:
        return None
    until = datetime.combine(day, ends, zone).astimezone(UTC)
    return until if until > now else None
