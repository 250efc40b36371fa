"""How fast next instants are found, against croniter alone in the same run.

Prints one JSON line a figure; `main` gives how many missed their limit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

from croniter import croniter

from core import times
from core.errors import Refusal
from tests.benchmarks.figures import figure

INSTANTS = 100_000
SAMPLE = 5_000  # of croniter, which takes 11 s for all of them
STRETCH = 500  # instants in a row from the same start: nobody asks for the year 2900
EXPRESSIONS = ("*/15 * * * *", "0 8 * * 1", "30 2 * * *", "0 9 1 * *", "0 9-17/2 * * 1-5")
ZONES = ("Europe/Amsterdam", "America/New_York")
START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 4  # times as fast as croniter
REFUSAL_LIMIT = 5  # milliseconds
HOSTILE = (
    "0 0 31 2 *",
    "0 0 30 2,2,2,2,2,2 *",
    "*," * 5_000 + "* * * * *",
    "every " + "very " * 2_000 + "day",
    "`" * 10_000,
    "@first-weekday " + "9" * 10_000,
    "every monday and " * 11,
    "0 9 * 2 " + "1#6," * 20 + "2#5",
    "1h" * 90,
)


def main() -> int:
    """Measure and print; the number of figures that missed their limit."""
    ours = _rate(_ours, INSTANTS)
    theirs = _rate(_croniter, SAMPLE)
    slowest = max(_refusal_milliseconds(text) for text in HOSTILE)
    fast = figure("next instants per second, to croniter", ours, theirs, LIMIT, least=True)
    soon = figure("slowest refusal of an expression, ms", slowest, 0, REFUSAL_LIMIT)
    return (not fast) + (not soon)


def _rate(work: Callable[[int], None], count: int) -> float:
    begun = perf_counter()
    work(count)
    return count / (perf_counter() - begun)


def _ours(count: int) -> None:
    pairs = [(text, zone) for zone in ZONES for text in EXPRESSIONS]
    for text, zone in pairs:
        expression = times.parse(text, zone=zone, now=START)
        at: datetime | None = START
        for number in range(count // len(pairs)):
            at = expression.next_after(START if at is None or number % STRETCH == 0 else at)


def _croniter(count: int) -> None:
    pairs = [(text, zone) for zone in ZONES for text in EXPRESSIONS]
    for text, zone in pairs:
        schedule = croniter(text, START.astimezone(ZoneInfo(zone)))
        for number in range(count // len(pairs)):
            if number % STRETCH == 0:
                schedule.set_current(START.astimezone(ZoneInfo(zone)))
            schedule.get_next(datetime)


def _refusal_milliseconds(text: str) -> float:
    spent = []
    for _ in range(5):
        begun = perf_counter()
        try:
            times.parse(text, zone="America/New_York", now=START + timedelta(days=1))
        except Refusal:
            spent.append((perf_counter() - begun) * 1_000)
        else:
            raise AssertionError(f"accepted: {text[:40]}")
    return min(spent)


if __name__ == "__main__":
    sys.exit(main())
