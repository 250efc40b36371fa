"""Dates that stay text until a run starts: `-7d`, `+1m`, `today`, an ISO date."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import Invalid
from core.times.dates import read_iso
from core.times.hints import quoted
from core.times.moments import instant_of, locate, seconds_of, shifted_date

_OFFSET = re.compile(r"([+-])([0-9]{1,5})(h|d|w|m|y)")
_WORDS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_HINT = "Write a date as 2026-12-24, or one that moves: today, yesterday, -7d, -2w, -1m."


def resolve_date(text: str, now: datetime, zone: ZoneInfo) -> date:
    """The date that is meant at `now` in the zone: `-7d`, `+2w`, `-1m` (months), `-1y`, `today`, ISO.

    The 31st becomes the last day of a shorter month. Raises:
        Invalid: it is none of these.
    """
    wanted = text.strip().lower()
    today = now.astimezone(zone).date()
    if wanted in _WORDS:
        return today + timedelta(days=_WORDS[wanted])
    offset = _OFFSET.fullmatch(wanted)
    if offset and offset[3] != "h":
        return _moved(today, int(offset[1] + offset[2]), offset[3])
    found = read_iso(wanted)
    if isinstance(found, datetime):
        return found.astimezone(zone).date() if found.tzinfo else found.date()
    if found is None:
        raise Invalid(f"{quoted(text)} is no date.", hint=_HINT)
    return found


def resolve_datetime(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant that is meant at `now`: `now`, `-6h`, what `resolve_date` reads, an ISO instant.

    Days, weeks, months and years keep the wall clock of `now`; `today`, `yesterday`, `tomorrow` and
    ISO dates begin at 00:00 in the zone. Raises:
        Invalid: it is none of these.
    """
    wanted = text.strip().lower()
    if wanted == "now":
        return instant_of(seconds_of(now))
    offset = _OFFSET.fullmatch(wanted)
    if offset and offset[3] == "h":
        return instant_of(seconds_of(now) + int(offset[1] + offset[2]) * 3_600)
    found = None if offset or wanted in _WORDS else read_iso(wanted)
    if isinstance(found, datetime):
        return locate(found, zone).at
    day = resolve_date(wanted, now, zone)
    clock = now.astimezone(zone).time().replace(microsecond=0) if offset else datetime.min.time()
    return locate(datetime.combine(day, clock), zone).at


def _moved(day: date, count: int, unit: str) -> date:
    match unit:
        case "m":
            return shifted_date(day, months=count)
        case "y":
            return shifted_date(day, months=12 * count)
        case _:
            return shifted_date(day, days=count * (7 if unit == "w" else 1))
