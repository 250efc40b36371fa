"""Business days: counted with a calendar of public holidays and days off."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import times
from core.errors import Invalid, Refusal

times.use_pinned_zones()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _next(text: str, count: int = 3, **given: object) -> list[str]:
    options = {"zone": "Europe/Amsterdam", "now": NOW} | given
    expression = times.parse(text, **options)  # type: ignore[arg-type]
    zone = expression.zone
    return [f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in expression.upcoming(NOW, count)]


@pytest.mark.parametrize(
    ("text", "calendar", "expected"),
    [
        ("@first-weekday 07:30", "", ["2026-01-01 07:30", "2026-02-02 07:30", "2026-03-02 07:30"]),
        ("@first-weekday 07:30", "NL", ["2026-01-02 07:30", "2026-02-02 07:30", "2026-03-02 07:30"]),
        ("@first-weekday", "nl", ["2026-01-02 00:00", "2026-02-02 00:00", "2026-03-02 00:00"]),
        ("@last-weekday at 5pm", "", ["2026-01-30 17:00", "2026-02-27 17:00", "2026-03-31 17:00"]),
        ("@nth-weekday(2) 9:00", "DE-BY", ["2026-01-05 09:00", "2026-02-03 09:00", "2026-03-03 09:00"]),
        ("@NTH-WEEKDAY( 23 ) 9:00", "", ["2026-07-31 09:00", "2026-12-31 09:00", "2027-03-31 09:00"]),
        (
            "@first-weekday 9:00 in jan,apr",
            "NL",
            ["2026-01-02 09:00", "2026-04-01 09:00", "2027-01-04 09:00"],
        ),
        ("@business-days 9:00", "NL", ["2026-01-02 09:00", "2026-01-05 09:00", "2026-01-06 09:00"]),
        ("every business day at 9", "NL", ["2026-01-02 09:00", "2026-01-05 09:00", "2026-01-06 09:00"]),
    ],
)
def test_the_days_are_counted_with_the_calendar(text: str, calendar: str, expected: list[str]) -> None:
    assert _next(text, calendar=calendar) == expected


def test_days_off_are_no_business_days() -> None:
    off = [date(2026, 2, 2), "2026-02-03"]
    assert _next("@first-weekday 9:00", 2, days_off=off) == ["2026-01-01 09:00", "2026-02-04 09:00"]


@pytest.mark.parametrize(
    ("text", "calendar", "said"),
    [
        ("@first-weekday", "Netherlands", "Did you mean NL?"),
        ("@first-weekday", "XX", "no calendar"),
        ("@first-weekday", "US-CX", "Did you mean US-CA?"),
        ("@first-weekday", "NL-", "no subdivision"),
        ("@first-weekday", "9" * 10_000, "no calendar"),
        ("@nth-weekday(0)", "", "goes from 1 to 23"),
        ("@nth-weekday(24)", "", "goes from 1 to 23"),
        ("@nth-weekday", "", "no shortcut"),
        ("@first-weekday 25:00", "", "no time of day"),
        ("@first-weekday soon", "", '"soon"'),
        ("@first-weekday 9:00 in", "", "ends too early"),
        ("@first-weekday 9:00 10:00", "", '"10:00"'),
        ("@firstweekday", "", "Did you mean @first-weekday?"),
    ],
)
def test_what_is_not_right_is_refused(text: str, calendar: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        times.parse(text, zone="UTC", now=NOW, calendar=calendar)
    assert said in f"{refused.value.sentence} {refused.value.hint}"


def test_a_day_off_must_be_a_date() -> None:
    with pytest.raises(Invalid, match="is no date"):
        times.parse("@first-weekday", zone="UTC", now=NOW, days_off=["christmas"])


def test_a_calendar_is_written_as_the_package_writes_it() -> None:
    assert times.calendar_name(" de-by ") == "DE-BY"
    assert times.calendar_name("") == ""


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(-1, 23).filter(bool),
    calendar=st.sampled_from(("", "NL", "US", "DE-BY", "GB-ENG")),
    year=st.integers(2020, 2035),
)
def test_each_month_has_the_business_day_that_counting_gives(number: int, calendar: str, year: int) -> None:
    text = "@last-weekday 12:00" if number == -1 else f"@nth-weekday({number}) 12:00"
    expression = times.restore(text, zone="UTC", calendar=calendar)
    country, _, part = calendar.partition("-")
    free = holidays.country_holidays(country, subdiv=part or None, years=year) if country else {}
    expected = []
    for month in range(1, 13):
        first = date(year, month, 1)
        days = [first + timedelta(days=step) for step in range(31)]
        days = [day for day in days if day.month == month and day.weekday() < 5 and day not in free]
        if len(days) >= number:
            expected.append(days[number - 1 if number > 0 else -1])
    start = datetime(year, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    found = expression.between(start, datetime(year, 12, 31, 23, tzinfo=UTC), limit=20)
    assert [at.date() for at in found] == expected


def test_a_shortcut_keeps_its_wall_clock_across_clock_changes() -> None:
    expression = times.restore("@first-weekday 07:30", zone="Europe/Amsterdam")
    zone = ZoneInfo("Europe/Amsterdam")
    assert {f"{at.astimezone(zone):%H:%M}" for at in expression.upcoming(NOW, 24)} == {"07:30"}
