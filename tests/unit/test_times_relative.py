"""Relative dates as parameters write them, and time zones by name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from core import times
from core.errors import Invalid

times.use_pinned_zones()
ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 31, 2, 30, tzinfo=UTC)  # still the 30th in New York


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-03-30"),
        ("Yesterday", "2026-03-29"),
        ("tomorrow", "2026-03-31"),
        ("-7d", "2026-03-23"),
        ("+1d", "2026-03-31"),
        ("-0d", "2026-03-30"),
        ("-2w", "2026-03-16"),
        ("-1m", "2026-02-28"),
        ("+1m", "2026-04-30"),
        ("-13m", "2025-02-28"),
        ("-1y", "2025-03-30"),
        (" 2026-12-24 ", "2026-12-24"),
        ("2026-12-24T02:00:00Z", "2026-12-23"),
        ("2026-12-24T02:00", "2026-12-24"),
    ],
)
def test_a_date_is_resolved_in_the_zone(text: str, expected: str) -> None:
    assert times.resolve_date(text, NOW, ZONE) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-03-31T02:30:00+00:00"),
        ("-6h", "2026-03-30T20:30:00+00:00"),
        ("-1d", "2026-03-30T02:30:00+00:00"),
        ("-1m", "2026-03-01T03:30:00+00:00"),  # 22:30 on 28 February, before clocks changed
        ("today", "2026-03-30T04:00:00+00:00"),
        ("2026-12-24", "2026-12-24T05:00:00+00:00"),
        ("2026-12-24T18:00", "2026-12-24T23:00:00+00:00"),
        ("2026-12-24 18:00", "2026-12-24T23:00:00+00:00"),
        ("2026-12-24T18:00+01:00", "2026-12-24T17:00:00+00:00"),
        ("2026-03-08T02:30", "2026-03-08T07:00:00+00:00"),
    ],
)
def test_a_datetime_is_an_instant(text: str, expected: str) -> None:
    assert times.resolve_datetime(text, NOW, ZONE) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text", ["", "soon", "7d", "-7x", "--7d", "2026-02-30", "30.03.2026", "-99999y", "+99999m"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    for resolve in (times.resolve_date, times.resolve_datetime):
        with pytest.raises(Invalid) as refused:
            resolve(text, NOW, ZONE)
        assert refused.value.hint


def test_hours_do_not_make_a_date() -> None:
    with pytest.raises(Invalid, match="is no date"):
        times.resolve_date("-6h", NOW, ZONE)


@pytest.mark.parametrize(
    ("name", "key"),
    [("Europe/Amsterdam", "Europe/Amsterdam"), (" utc ", "UTC"), ("asia/kathmandu", "Asia/Kathmandu")],
)
def test_a_zone_is_found_whatever_its_case(name: str, key: str) -> None:
    assert times.zone(name).key == key


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Europe/Amsterdm", "Did you mean Europe/Amsterdam?"),
        ("Amsterdam", "Did you mean Europe/Amsterdam?"),
        ("New York", "Did you mean America/New_York?"),
        ("PST", "Did you mean America/Los_Angeles?"),
        ("Mars/Phobos", "Use an IANA name"),
        ("", "Use an IANA name"),
        ("../../etc/passwd", "Use an IANA name"),
        ("Europe/Amsterdam\0", "Did you mean Europe/Amsterdam?"),
        ("x" * 100_000, "Use an IANA name"),
    ],
)
def test_a_zone_that_does_not_exist_is_refused(name: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        times.zone(name)
    assert said in refused.value.hint
    assert len(refused.value.sentence) < 100


def test_the_pinned_rules_decide() -> None:
    times.use_pinned_zones()
    assert times.tzdata_version() >= "2026f"
    alberta = datetime(2026, 12, 1, 12, tzinfo=times.zone("America/Edmonton"))
    assert alberta.strftime("%z") == "-0600"
