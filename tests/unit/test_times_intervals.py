"""Anchored intervals: elapsed time, except that whole days keep the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import times
from core.errors import Invalid, Refusal

times.use_pinned_zones()
ZONE = "Europe/Amsterdam"
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _local(expression: times.Expression, count: int, after: datetime = NOW) -> list[str]:
    return [f"{at.astimezone(expression.zone):%m-%d %H:%M:%S}" for at in expression.upcoming(after, count)]


def test_an_interval_begins_at_its_anchor() -> None:
    expression = times.every(timedelta(minutes=45), "2026-01-06", zone=ZONE)
    assert _local(expression, 3) == ["01-06 00:00:00", "01-06 00:45:00", "01-06 01:30:00"]
    assert expression.text == "every 45m from 2026-01-06"


def test_a_second_is_the_least() -> None:
    expression = times.every(timedelta(seconds=1), "2026-01-05", zone=ZONE)
    assert expression.next_after(NOW + timedelta(milliseconds=300)) == NOW + timedelta(seconds=1)
    for length in (timedelta(0), timedelta(milliseconds=500), timedelta(seconds=-5), timedelta(seconds=1.5)):
        with pytest.raises(Invalid, match="at least one"):
            times.every(length, zone=ZONE)


def test_every_other_monday_stays_at_nine_in_summer() -> None:
    expression = times.every(timedelta(weeks=2), "2026-03-23T09:00", zone=ZONE)
    assert _local(expression, 3) == ["03-23 09:00:00", "04-06 09:00:00", "04-20 09:00:00"]


def test_hours_are_elapsed_time() -> None:
    expression = times.every(timedelta(hours=12), "2026-03-28T20:00", zone=ZONE)
    assert _local(expression, 3) == ["03-28 20:00:00", "03-29 09:00:00", "03-29 21:00:00"]


def test_a_day_in_a_gap_is_caught_up_or_skipped() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    daily = timedelta(days=1)
    caught_up = times.every(daily, "2026-03-01T02:30", zone=ZONE)
    skipped = times.every(daily, "2026-03-01T02:30", zone=ZONE, gap="skip")
    assert _local(caught_up, 2, start) == ["03-29 03:00:00", "03-30 02:30:00"]
    assert _local(skipped, 2, start) == ["03-30 02:30:00", "03-31 02:30:00"]


def test_without_an_anchor_weeks_begin_on_monday() -> None:
    assert _local(times.every(timedelta(weeks=1), zone=ZONE), 2) == ["01-12 00:00:00", "01-19 00:00:00"]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("every 45m from 2026-01-05", "every 45m from 2026-01-05"),
        ("Every 120 s from 2026-01-05T08:00", "every 2m from 2026-01-05T08:00"),
        ("every 14d from 2026-01-05T08:00:00Z", "every 2w from 2026-01-05T08:00:00Z"),
        ("every 90s from 2026-01-05T08:00:30+01:00", "every 90s from 2026-01-05T08:00:30+01:00"),
    ],
)
def test_the_text_is_canonical(text: str, canonical: str) -> None:
    expression = times.parse(text, zone=ZONE, now=NOW)
    assert expression.text == canonical
    again = times.restore(canonical, zone=ZONE)
    assert again == expression
    assert again.upcoming(NOW, 5) == expression.upcoming(NOW, 5)


@pytest.mark.parametrize(
    "text",
    [
        "every 0s from 2026-01-05",
        "every 999999999w from 2026-01-05",
        "every 45m from 2026-02-30",
        "every 45m from tomorrow",
        "every 45m from 9999-12-31",
        "every 45m",
    ],
)
def test_impossible_ones_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        times.parse(text, zone=ZONE, now=NOW)


@settings(max_examples=60, deadline=None)
@given(
    seconds=st.integers(1, 400_000).filter(lambda length: length % 86_400),
    after=st.datetimes(datetime(2026, 1, 6), datetime(2030, 1, 1)),  # noqa: DTZ001  made aware below
)
def test_elapsed_intervals_are_evenly_spaced_from_the_anchor(seconds: int, after: datetime) -> None:
    length = timedelta(seconds=seconds)
    expression = times.every(length, "2026-01-05T08:00", zone=ZONE)
    anchor = datetime(2026, 1, 5, 8, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    start = after.replace(tzinfo=UTC)
    found = expression.upcoming(start, 4)
    assert start < found[0] <= start + length
    assert all((at - anchor) % length == timedelta(0) for at in found)
    assert found[3] - found[0] == 3 * length
