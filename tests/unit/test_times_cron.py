"""Five fields: what they mean on a plain calendar, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from core import times
from core.errors import Invalid, Refusal
from core.times.cron import read_cron

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _days(text: str, year: int, month: int) -> list[int]:
    bits = read_cron(text).days(year, month)
    return [day for day in range(1, 32) if bits >> day & 1]


def _next(text: str, count: int = 3, now: datetime = NOW) -> list[str]:
    expression = times.parse(text, zone="UTC", now=now)
    return [f"{at:%Y-%m-%d %H:%M}" for at in expression.upcoming(now, count)]


@pytest.mark.parametrize(
    ("text", "month", "days"),
    [
        ("0 0 L * *", (2028, 2), [29]),
        ("0 0 1,L * *", (2026, 4), [1, 30]),
        ("0 0 LW * *", (2026, 5), [29]),
        ("0 0 15W * *", (2026, 2), [16]),  # a Sunday
        ("0 0 15W * *", (2026, 8), [14]),  # a Saturday
        ("0 0 1W * *", (2026, 8), [3]),  # not back into July
        ("0 0 31W * *", (2026, 5), [29]),  # a Sunday, not on into June
        ("0 0 31W * *", (2026, 4), []),
        ("0 0 30W * *", (2026, 2), []),
        ("0 0 1W,15,LW * *", (2026, 8), [3, 15, 31]),
        ("0 0 * * 5L", (2026, 1), [30]),
        ("0 0 * * FRIL", (2026, 1), [30]),
        ("0 0 * * 7L", (2026, 1), [25]),
        ("0 0 * * 1#5", (2026, 1), []),
        ("0 0 * * 4#5", (2026, 1), [29]),
        ("0 0 * * SUN#2", (2026, 1), [11]),
        ("0 0 * * 1#1,3#3", (2026, 1), [5, 21]),
        ("0 0 * * SAT,1L", (2026, 1), [3, 10, 17, 24, 26, 31]),
        ("0 0 13 * 5", (2026, 2), [6, 13, 20, 27]),
        ("0 0 14 * 5", (2026, 2), [6, 13, 14, 20, 27]),
        ("0 0 */2 * 5", (2026, 2), [13, 27]),
        ("0 0 13 * */5", (2026, 2), [13]),
        ("0 0 L * 5#1", (2026, 2), [6, 28]),
        ("0 0 * * 5-7", (2026, 2), [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28]),
        ("0 0 * * FRI-SUN", (2026, 2), [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28]),
        ("0 0 * * 0-7", (2026, 2), list(range(1, 29))),
        ("0 0 * * 1-5/2", (2026, 2), [2, 4, 6, 9, 11, 13, 16, 18, 20, 23, 25, 27]),
        ("0 0 28/2 * *", (2026, 1), [28, 30]),
    ],
)
def test_the_days_of_a_month(text: str, month: tuple[int, int], days: list[int]) -> None:
    assert _days(text, *month) == days


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5/20 9 * * *", ["2026-01-01 09:05", "2026-01-01 09:25", "2026-01-01 09:45"]),
        ("*/40 * * * *", ["2026-01-01 00:40", "2026-01-01 01:00", "2026-01-01 01:40"]),
        ("*/90 * * * *", ["2026-01-01 01:00", "2026-01-01 02:00", "2026-01-01 03:00"]),
        ("0 22-23,0-2 * * *", ["2026-01-01 01:00", "2026-01-01 02:00", "2026-01-01 22:00"]),
        ("00 08 * * 01", ["2026-01-05 08:00", "2026-01-12 08:00", "2026-01-19 08:00"]),
        ("0 0 1 jan,Jul *", ["2026-07-01 00:00", "2027-01-01 00:00", "2027-07-01 00:00"]),
        ("5-5 4-4 * * *", ["2026-01-01 04:05", "2026-01-02 04:05", "2026-01-03 04:05"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("0 0 * 2 1#5", ["2044-02-29 00:00", "2072-02-29 00:00", "2112-02-29 00:00"]),
        ("`0 8 * * 1`", ["2026-01-05 08:00", "2026-01-12 08:00", "2026-01-19 08:00"]),
        ("  0\t8  * * 1 ", ["2026-01-05 08:00", "2026-01-12 08:00", "2026-01-19 08:00"]),
        ("cron(0 10 ? * MON-FRI *)", ["2026-01-01 10:00", "2026-01-02 10:00", "2026-01-05 10:00"]),
        ("@Weekly", ["2026-01-04 00:00", "2026-01-11 00:00", "2026-01-18 00:00"]),
        ("@annually", ["2027-01-01 00:00", "2028-01-01 00:00", "2029-01-01 00:00"]),
    ],
)
def test_the_next_instants(text: str, expected: list[str]) -> None:
    assert _next(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("61 * * * *", '"61" is out of range'),
        ("0 24 * * *", "goes from 0 to 23"),
        ("0 0 0 * *", "day of the month"),
        ("0 0 32 * *", "day of the month"),
        ("0 0 * 0 *", "month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * * 8", "day of the week"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("0 0 8 * * ? 2026", "five fields"),
        ("0 8 1 1", "five fields"),
        ("*/0 * * * *", "step of zero"),
        ("1-5/0 * * * *", "step of zero"),
        ("50-10 * * * *", "ends before it begins"),
        ("0 22-2 * * *", "22-23,0-2"),
        ("0 0 * NOV-FEB *", "ends before it begins"),
        ("0 0 * * SAT-MON", "FRI-SUN,MON"),
        ("0 0 * * 6-1", "ends before it begins"),
        ("0 0 * * 1/2", "step but no end"),
        ("0 0 * * MON/2", "step but no end"),
        ("0 0 * * L", "which day"),
        ("0 0 * * 1#0", "from 1 to 5"),
        ("0 0 * * 1#6", "from 1 to 5"),
        ("0 0 * * 8L", "not understood"),
        ("0 0 * * MONDAY", "not understood"),
        ("0 0 32W * *", "out of range"),
        ("0 0 1-5W * *", "not understood"),
        ("0 0 WL * *", "not understood"),
        ("0 0 ? * MON", "Write * for every one"),
        ("*-5 * * * *", "not understood"),
        ("1,,2 * * * *", "empty place"),
        ("1, * * * *", "empty place"),
        ("/5 * * * *", "not understood"),
        ("-1 * * * *", "not understood"),
        ("1.5 * * * *", "not understood"),
        ("H * * * *", "not understood"),
        ("0 0 31 2 *", "never due"),
        ("0 0 30 2 *", "never due"),
        ("0 0 31 4,6,9,11 *", "never due"),
        ("0 0 31W 4 *", "never due"),
        ("0 0 */31 2 1#2", "never due"),
        ("0 9\u00a0* * *", "ASCII"),
        ("0 ９ * * *", "ASCII"),
        ("0 9 * * *\n0 10 * * *", "ASCII"),
        (",".join(["0"] * 60) + " * * * *", "at most 100 characters"),
        ("*," * 5_000 + "* * * * *", "at most 200 characters"),
        ("cron(0 10 * * ? 2026)", "year"),
        ("cron(0 10 * * *)", "six fields"),
        ("cron(0 10 ? * 2 *)", "counts from Sunday"),
        ("@reboot", "no shortcut"),
        ("@daily 08:00", "more than the nickname"),
        ("@wekly", "Did you mean @weekly?"),
    ],
)
def test_what_is_not_right_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        times.parse(text, zone="UTC", now=NOW)
    assert said in f"{refused.value.sentence} {refused.value.hint}"
    assert len(refused.value.sentence) < 200


def test_a_step_in_days_that_can_never_agree_is_never_due() -> None:
    with pytest.raises(Invalid, match="never due"):
        times.parse("0 0 */30 2 0#2", zone="UTC", now=NOW)


def _list(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ranges = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1])
    stepped = st.tuples(ranges, st.integers(1, high)).map(
        lambda found: f"{found[0][0]}-{found[0][1]}/{found[1]}"
    )
    part = st.one_of(number.map(str), ranges.map(lambda pair: f"{pair[0]}-{pair[1]}"), stepped)
    return st.one_of(
        st.just("*"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.lists(part, min_size=1, max_size=3).map(",".join),
    )


DAY_FIELDS = st.one_of(
    st.tuples(_list(1, 28), st.just("*")),
    st.tuples(st.just("L"), st.just("*")),
    st.tuples(st.just("*"), _list(0, 6)),
    st.tuples(st.just("*"), st.tuples(st.integers(0, 6), st.integers(1, 5)).map(lambda d: f"{d[0]}#{d[1]}")),
)


@settings(max_examples=150, deadline=None)
@given(
    minute=_list(0, 59),
    hour=_list(0, 23),
    days=DAY_FIELDS,
    month=_list(1, 12),
    start=st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001  croniter's wall clock
)
def test_croniter_agrees_on_the_plain_calendar(
    minute: str, hour: str, days: tuple[str, str], month: str, start: datetime
) -> None:
    text = f"{minute} {hour} {days[0]} {month} {days[1]}"
    start = start.replace(microsecond=0)
    reference = croniter(text, start, max_years_between_matches=60)
    expected = [reference.get_next(datetime).replace(tzinfo=UTC) for _ in range(4)]
    aware = start.replace(tzinfo=UTC)
    assert times.parse(text, zone="UTC", now=aware).upcoming(aware, 4) == expected


@settings(max_examples=60, deadline=None)
@given(day=st.integers(1, 31), year=st.integers(1900, 2200), month=st.integers(1, 12))
def test_the_nearest_weekday_is_a_weekday_of_the_same_month(day: int, year: int, month: int) -> None:
    found = _days(f"0 0 {day}W * *", year, month)
    try:
        wanted = date(year, month, day)
    except ValueError:
        assert found == []
        return
    near = date(year, month, found[0])
    assert near.weekday() < 5
    apart = abs(near - wanted)
    assert apart <= timedelta(days=2)
    closer = [wanted + timedelta(days=step) for step in range(-2, 3) if abs(step) < apart.days]
    assert not [one for one in closer if one.weekday() < 5 and one.month == month]
