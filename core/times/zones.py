"""Time zones by their IANA names, and the stretches of constant offset that each is made of.

The rules of a zone come from the pinned `tzdata` package once `use_pinned_zones` was called, so that every
machine computes the same instants. Times here are seconds since 1970-01-01T00:00Z; a *label* is what a
wall clock shows, as seconds since 1970-01-01T00:00 on that wall.
"""

from __future__ import annotations

import zoneinfo
from bisect import bisect_right
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

from core.errors import Invalid
from core.times.hints import did_you_mean, nearest, quoted

DAY = 86_400  # seconds
EARLIEST = -62_135_596_800 + 3 * DAY  # year 1, with room for any offset
LATEST = 253_402_300_799 - 3 * DAY  # year 9999, with room for any offset

_BLOCK = 25  # bits: offsets are looked up in blocks of 2 ** 25 s, about 388 days
_MARGIN = 3 * DAY  # a block knows the changes just outside of it
_PROBE = 5 * DAY  # the closest two changes in tzdata 2026f are 6.9 days apart

# What people write although it names no zone, or several; the first place that they mostly mean.
_ABBREVIATIONS = {
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "pt": "America/Los_Angeles",
    "mdt": "America/Denver",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "ct": "America/Chicago",
    "edt": "America/New_York",
    "et": "America/New_York",
    "bst": "Europe/London",
    "cest": "Europe/Berlin",
    "eest": "Europe/Helsinki",
    "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong",
    "msk": "Europe/Moscow",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
    "nzst": "Pacific/Auckland",
    "nzdt": "Pacific/Auckland",
}


class Segment(NamedTuple):
    """A stretch of time in which a zone's offset does not change: `start <= t < end`.

    `before` and `after` are the offsets on its other sides; they equal `offset` where the stretch was
    only cut for the lookup. All in seconds.
    """

    start: int
    end: int
    offset: int
    before: int
    after: int


class Place(NamedTuple):
    """Where a label is in time: its first instant, or the first one after the gap it would be in."""

    instant: int
    missing: bool
    repeated: bool


def use_pinned_zones() -> None:
    """Let the pinned `tzdata` package decide, never the machine's. Call once at start; again is safe."""
    if not zoneinfo.TZPATH:
        return
    zoneinfo.reset_tzpath(())
    ZoneInfo.clear_cache()
    names.cache_clear()
    _places.cache_clear()
    _block.cache_clear()


def tzdata_version() -> str:
    """The version of the rules, such as `2026f`: instants are computed again when it changes."""
    return str(tzdata.IANA_VERSION)


def zone(name: str) -> ZoneInfo:
    """The zone of this IANA name, whatever its case.

    Raises:
        Invalid: there is none; the hint names the nearest.
    """
    found = names().get(name.strip().lower())
    if found is None:
        guess = _guess(name.strip().lower())
        raise Invalid(
            f"There is no time zone {quoted(name)}.",
            hint=did_you_mean(guess) or "Use an IANA name such as Europe/Amsterdam.",
        )
    return ZoneInfo(found)


@lru_cache(maxsize=1)
def names() -> dict[str, str]:
    """Every IANA name, as `{lower case: name}`."""
    return {name.lower(): name for name in sorted(zoneinfo.available_timezones()) if name != "Factory"}


def zone_of_place(place: str) -> str:
    """The IANA name of a city ("new york"), empty where none or several are called so."""
    found = _places().get(place.lower().replace(" ", "_"), ())
    regions = {name.split("/")[0] for name in found}
    return max(found, key=lambda name: name.count("/")) if len(regions) == 1 else ""


def is_abbreviation(word: str) -> bool:
    """It is written for a zone (PST), but is no IANA name."""
    return word in _ABBREVIATIONS and word not in names()


def segment_at(zone: ZoneInfo, at: int) -> Segment:
    """The stretch of constant offset that contains the instant `at`."""
    starts, segments = _block(zone, at >> _BLOCK)
    return segments[bisect_right(starts, at) - 1]


def place(zone: ZoneInfo, label: int) -> Place:
    """The first instant at which the zone's wall clock shows `label` (or would have)."""
    segment = segment_at(zone, label - 30 * 3_600)
    while label >= segment.end + segment.offset:
        segment = segment_at(zone, segment.end)
    if label < segment.start + segment.offset:
        return Place(segment.start, missing=True, repeated=False)
    repeated = label >= segment.end + segment.after
    return Place(label - segment.offset, missing=False, repeated=repeated)


def changes_between(zone: ZoneInfo, start: int, end: int) -> list[Segment]:
    """The stretches that end with a change of the clocks in `start < change <= end`, in order."""
    found = []
    segment = segment_at(zone, start)
    while segment.end <= end:
        if segment.after != segment.offset:
            found.append(segment)
        segment = segment_at(zone, segment.end)
    return found


def _guess(name: str) -> str:
    if name in _ABBREVIATIONS:
        return _ABBREVIATIONS[name]
    if found := zone_of_place(name):
        return found
    if found := nearest(name.replace(" ", "_"), names()):
        return names()[found]
    city = nearest(name.rpartition("/")[2].replace(" ", "_"), _places())
    return _places()[city][0] if city else ""


@lru_cache(maxsize=1)
def _places() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, name in names().items():
        if "/" in name and not key.startswith("etc/"):
            city = key.rpartition("/")[2]
            found[city] = (*found.get(city, ()), name)
    return found


@lru_cache(maxsize=4_096)
def _block(zone: ZoneInfo, number: int) -> tuple[list[int], list[Segment]]:
    """The stretches of one block, and where they start."""
    low, high = (number << _BLOCK) - _MARGIN, ((number + 1) << _BLOCK) + _MARGIN
    edges = [low]
    offsets = [_offset(zone, low)]
    at = low
    while at < high:
        following = min(at + _PROBE, high)
        offset = _offset(zone, following)
        if offset != offsets[-1]:
            edges.append(_change(zone, at, following, offset))
            offsets.append(offset)
        at = following
    segments = []
    for index, offset in enumerate(offsets):
        last = index + 1 == len(offsets)
        segments.append(
            Segment(
                edges[index],
                high if last else edges[index + 1],
                offset,
                offsets[index - 1] if index else offset,
                offset if last else offsets[index + 1],
            )
        )
    return edges, segments


def _change(zone: ZoneInfo, low: int, high: int, offset: int) -> int:
    """The first second after `low` at which the zone has `offset`, which it has at `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def _offset(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(min(max(at, EARLIEST), LATEST), zone).utcoffset()
    return offset.days * DAY + offset.seconds if offset is not None else 0
