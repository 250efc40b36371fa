"""Small words that many sentences share: counts, lengths of time, instants, numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.lifecycles import BatchState, Status
from core.messages import ColumnFormat, Tone

ENDINGS = {
    Status.WAITING: "waiting",
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.TIMED_OUT: "timed out",
    Status.CANCELLED: "cancelled",
    Status.LOST: "lost",
    Status.INTERRUPTED: "interrupted",
}
STATES = {
    BatchState.PROPOSED: "waiting for a yes",
    BatchState.WAITING: "waiting in line",
    BatchState.ACTIVE: "running",
    BatchState.SUCCEEDED: "succeeded",
    BatchState.PARTLY_FAILED: "partly failed",
    BatchState.FAILED: "failed",
    BatchState.CANCELLED: "cancelled",
    BatchState.SKIPPED: "skipped",
}
TONES = {
    BatchState.PROPOSED: Tone.NEUTRAL,
    BatchState.WAITING: Tone.PROGRESS,
    BatchState.ACTIVE: Tone.PROGRESS,
    BatchState.SUCCEEDED: Tone.SUCCESS,
    BatchState.PARTLY_FAILED: Tone.WARNING,
    BatchState.FAILED: Tone.FAILURE,
    BatchState.CANCELLED: Tone.NEUTRAL,
    BatchState.SKIPPED: Tone.NEUTRAL,
}


CURRENCIES = ("€", "$", "£", "¥")  # stand before their number


def count(number: int, noun: str) -> str:
    """`1 run`, `1,284 runs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sentence(text: str) -> str:
    """The text with a mark at its end."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def lasted(length: timedelta) -> str:
    """A length of time, to two places that matter: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `3 days`."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def ago(then: datetime, now: datetime) -> str:
    """`just now`, `12 s ago`, `3 min ago`, `2 h ago`, `4 days ago`: one place is enough for the past."""
    seconds = int((now - then).total_seconds())
    if seconds < 2:
        return "just now"
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h ago"
    return f"{seconds // 86400} days ago"


def moment(then: datetime, zone: ZoneInfo, *, now: datetime | None = None) -> str:
    """An instant in a zone: the time of day where it is the same day, else the date with it."""
    local = then.astimezone(zone)
    if now is not None and now.astimezone(zone).date() == local.date():
        return f"today {local:%H:%M}"
    return f"{local:%a %d %b %Y %H:%M}"


def instant(then: datetime, zone: ZoneInfo) -> str:
    """A due instant in a zone: the date and the time of day, with seconds where it has some."""
    local = then.astimezone(zone)
    return f"{local:%a %d %b %Y %H:%M:%S}" if local.second else f"{local:%a %d %b %Y %H:%M}"


def due(then: datetime, zone: ZoneInfo, reader: ZoneInfo) -> str:
    """A due instant in its schedule's zone, and in the reader's where the clock there shows another time."""
    return f"{instant(then, zone)} ({zone.key}{elsewhere(then, zone, reader)})"


def elsewhere(then: datetime, zone: ZoneInfo, reader: ZoneInfo) -> str:
    """`, which is 02:00 in America/New_York`; nothing where the clocks there show the same."""
    there, local = then.astimezone(zone), then.astimezone(reader)
    if there.utcoffset() == local.utcoffset():
        return ""
    day = "" if local.date() == there.date() else f"{local:%a %d %b} "
    return f", which is {day}{local:%H:%M} in {reader.key}"


def listing(names: list[str], joint: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {joint} {names[-1]}"


def number(value: float | str | None, kind: ColumnFormat = "number", unit: str = "") -> str:
    """A headline's number as people read it."""
    if value is None:
        return "—"
    if isinstance(value, str):
        return value
    if kind == "percent":
        return f"{value * 100:,.1f} %"
    whole = kind == "integer" or float(value).is_integer()
    places = 0 if whole and kind != "currency" else 1 if unit == "%" else 2
    text = f"{abs(value):,.{places}f}"
    sign = "-" if value < 0 and text.strip("0.,") else ""
    return f"{sign}{unit}{text}" if unit in CURRENCIES else f"{sign}{text} {unit}".rstrip()


def change(relative: float | None) -> str:
    """`+12.4 %`; empty where there is nothing to compare with."""
    return "" if relative is None else f"{relative * 100:+,.1f} %"
