"""What a change of the clocks does to the due instants around it: the preview's sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core.times.hints import listed
from core.times.moments import instant_of, local_of
from core.times.timeline import JUMP, Fold, Gap, Labels
from core.times.zones import Segment, changes_between

_MOST_LABELS = 4  # named in one sentence


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The clocks change at `at` (UTC), and `sentence` says what that does."""

    at: datetime
    sentence: str


def clock_changes(
    labels: Labels, zone: ZoneInfo, gap: Gap, fold: Fold, after: int, until: int
) -> list[ClockChange]:
    """The changes in `after < change <= until` that touch a label of the rule, in order."""
    found = []
    for segment in changes_between(zone, after, until):
        forward = segment.after > segment.offset
        low, high = sorted((segment.end + segment.offset, segment.end + segment.after))
        touched = _labels(labels, low, high)
        if touched:
            effect = _gap(labels, segment, gap) if forward else _fold(labels, segment, fold)
            sentence = f"{_change(zone, segment)}: {_named(touched, forward=forward)} {effect}."
            found.append(ClockChange(instant_of(segment.end), sentence))
    return found


def _labels(labels: Labels, low: int, high: int) -> list[int]:
    found: list[int] = []
    label = labels.next_label(low)
    while label is not None and label < high and len(found) <= _MOST_LABELS:
        found.append(label)
        label = labels.next_label(label + 1)
    return found


def _change(zone: ZoneInfo, segment: Segment) -> str:
    before, after = local_of(segment.end + segment.offset), local_of(segment.end + segment.after)
    shown = f"{after:%H:%M}" if before.date() == after.date() else f"{after:%H:%M on %Y-%m-%d}"
    way = "forward" if segment.after > segment.offset else "back"
    return f"On {before:%Y-%m-%d} clocks in {zone.key} go {way} from {before:%H:%M} to {shown}"


def _named(touched: list[int], *, forward: bool) -> str:
    if len(touched) > _MOST_LABELS:
        return "the times between " + ("do not exist and" if forward else "happen twice and")
    shown = listed(f"{local_of(label):%H:%M}" for label in touched)
    several = len(touched) > 1
    if forward:
        return f"{shown} {'do' if several else 'does'} not exist and"
    return f"{shown} {'happen' if several else 'happens'} twice and"


def _gap(labels: Labels, segment: Segment, gap: Gap) -> str:
    if labels.wild:
        return "will be left out, in step with real time"
    if gap == "skip":
        return "will be left out, as gap: skip says"
    if segment.after - segment.offset >= JUMP:
        return "will be left out: jumps of 3 hours and more are not caught up"
    return f"will run once at {local_of(segment.end + segment.after):%H:%M}"


def _fold(labels: Labels, segment: Segment, fold: Fold) -> str:
    if labels.wild:
        return "will run both times, in step with real time"
    if segment.offset - segment.after > JUMP:
        return "will run both times: it is a jump of more than 3 hours"
    return {"first": "will run the first time", "second": "will run the second time"}.get(
        fold, "will run both times, as fold: both says"
    )
