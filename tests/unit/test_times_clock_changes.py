"""Gaps and overlaps: the policies, for every zone, against a slow reference that trusts only zoneinfo."""

from __future__ import annotations

import importlib.resources
import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core import times
from core.times import zones
from core.times.cron import Cron, read_cron
from core.times.timeline import Fold, Gap

times.use_pinned_zones()
JUMP = timedelta(hours=3)
MINUTE = timedelta(minutes=1)


@cache
def _file_transitions(name: str) -> list[tuple[int, int, int]]:
    """(instant, offset before, offset after) as they stand in the zone's file, since 1970."""
    path = importlib.resources.files("tzdata.zoneinfo").joinpath(*name.split("/"))
    data = path.read_bytes()
    is_utc, is_std, leaps, count, kinds, letters = struct.unpack(">6l", data[20:44])
    second = 44 + count * 5 + kinds * 6 + letters + leaps * 8 + is_std + is_utc
    _, _, _, count, kinds, _ = struct.unpack(">6l", data[second + 20 : second + 44])
    body = second + 44
    instants = struct.unpack(f">{count}q", data[body : body + 8 * count])
    indexes = data[body + 8 * count : body + 9 * count]
    types = body + 9 * count
    offsets = [struct.unpack(">l", data[types + 6 * kind : types + 6 * kind + 4])[0] for kind in range(kinds)]
    before = offsets[0]
    found = []
    for instant, index in zip(instants, indexes, strict=True):
        if offsets[index] != before and instant > 0:
            found.append((instant, before, offsets[index]))
        before = offsets[index]
    return found


ALL_ZONES = sorted(set(zones.names().values()))
CHANGING = [name for name in ALL_ZONES if _file_transitions(name)]


@pytest.mark.parametrize("name", ALL_ZONES)
def test_every_change_in_the_zones_file_is_found_and_no_other(name: str) -> None:
    expected = _file_transitions(name)
    last = expected[-1][0] if expected else 0
    found = zones.changes_between(ZoneInfo(name), 0, last)
    assert [(one.end, one.offset, one.after) for one in found] == expected


@pytest.mark.parametrize("name", ["Antarctica/Troll", "Europe/Berlin", "Africa/Casablanca", "Asia/Tokyo"])
def test_changes_that_only_a_rule_tells_are_found(name: str) -> None:
    start = int(datetime(2050, 1, 1, tzinfo=UTC).timestamp())
    hours = range(start, start + 730 * 86_400, 3_600)
    offsets = [datetime.fromtimestamp(hour, ZoneInfo(name)).utcoffset() for hour in hours]
    expected = [hours[index + 1] for index, (one, two) in enumerate(pairwise(offsets)) if one != two]
    assert [one.end for one in zones.changes_between(ZoneInfo(name), start, hours[-1])] == expected


@cache
def _cron(text: str) -> Cron:
    return read_cron(text)


def _matches(text: str, local: datetime) -> bool:
    cron = _cron(text)
    day = cron.days(local.year, local.month) >> local.day & 1
    return bool(day and cron.hours >> local.hour & 1 and cron.minutes >> local.minute & 1)


def _change_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high


def _of_label(local: datetime, zone: ZoneInfo, gap: Gap, fold: Fold) -> set[datetime]:
    """The instants of one wall-clock minute of a fixed expression, by the rules of the README."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return {first}
    if second < first:  # it does not exist: PEP 495 turns the folds around
        if gap == "skip" or first - second >= JUMP:
            return set()
        return {_change_between(zone, second, first)}
    if second - first > JUMP or fold == "both":
        return {first, second}
    return {first} if fold == "first" else {second}


def _reference(
    text: str, zone: ZoneInfo, gap: Gap, fold: Fold, start: datetime, end: datetime
) -> list[datetime]:
    found: set[datetime] = set()
    if _cron(text).wild:
        at = start.replace(second=0)
        while at <= end:
            found |= {at} if _matches(text, at.astimezone(zone)) else set()
            at += MINUTE
    else:
        local = (start.astimezone(zone) - timedelta(hours=26)).replace(tzinfo=None, second=0)
        while local <= (end.astimezone(zone) + timedelta(hours=26)).replace(tzinfo=None):
            found |= _of_label(local, zone, gap, fold) if _matches(text, local) else set()
            local += MINUTE
    return sorted(at for at in found if start < at <= end)


@st.composite
def _around_a_change(draw: st.DrawFn) -> tuple[str, datetime, int]:
    name = draw(st.sampled_from(CHANGING))
    instant, before, after = draw(st.sampled_from(_file_transitions(name)))
    assume(before % 60 == after % 60 == 0)  # Monrovia had seconds until 1972: no minute in common with UTC
    start = instant + draw(st.integers(-30 * 3_600, 4 * 3_600))
    return name, datetime.fromtimestamp(start, UTC), instant + before


@st.composite
def _expressions(draw: st.DrawFn, label: int) -> str:
    """An expression that is often due near the hour in which the clocks change."""
    local = datetime.fromtimestamp(label, UTC)
    near = st.integers(-1, 2).map(lambda step: (local.hour + step) % 24)
    minute = draw(
        st.one_of(
            st.integers(0, 59).map(str),
            st.sampled_from(("*", "*/15", "*/7", "0,30", "0-59/20", "5-5")),
        )
    )
    hours = st.lists(near, min_size=1, max_size=3, unique=True).map(
        lambda some: ",".join(map(str, sorted(some)))
    )
    hour = draw(st.one_of(hours, st.sampled_from(("*", "*/2", "0-23"))))
    days = draw(st.sampled_from(("* *", f"{local.day} *", f"* {local.isoweekday() % 7}", f"{local.day} 1")))
    day, weekday = days.split()
    return f"{minute} {hour} {day} * {weekday}"


@settings(max_examples=100, deadline=None)
@given(
    data=st.data(), gap=st.sampled_from(("next", "skip")), fold=st.sampled_from(("first", "second", "both"))
)
def test_around_every_change_the_instants_are_those_of_the_policy(
    data: st.DataObject, gap: Gap, fold: Fold
) -> None:
    name, start, label = data.draw(_around_a_change())
    text = data.draw(_expressions(label))
    end = start + timedelta(hours=34)
    zone = ZoneInfo(name)
    expression = times.restore(text, zone=name, gap=gap, fold=fold)
    found = list(expression.between(start, end, limit=5_000))
    assert found == _reference(text, zone, gap, fold, start, end)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_instants_strictly_increase_and_do_not_depend_on_where_one_starts(data: st.DataObject) -> None:
    name, start, label = data.draw(_around_a_change())
    expression = times.restore(data.draw(_expressions(label)), zone=name)
    found = list(expression.between(start, start + timedelta(days=3), limit=60))
    assert all(one < two for one, two in pairwise(found))
    for one, two in pairwise(found):
        between = one + (two - one) / 2
        assert expression.next_after(one) == two
        assert expression.next_after(between) == two
        assert expression.next_after(two - timedelta(microseconds=1)) == two


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_the_wall_clock_shows_what_was_written_except_right_after_a_gap(data: st.DataObject) -> None:
    name, start, label = data.draw(_around_a_change())
    text = data.draw(_expressions(label))
    zone = ZoneInfo(name)
    gaps = {instant for instant, before, after in _file_transitions(name) if after > before}
    for at in times.restore(text, zone=name).between(start, start + timedelta(days=3), limit=200):
        assert _matches(text, at.astimezone(zone)) or int(at.timestamp()) in gaps


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("text", "zone", "policies", "start", "expected"),
    [
        ("30 2 * * *", "America/New_York", {}, "2026-03-08T00:00", "2026-03-08T07:00"),
        ("30 2 * * *", "America/New_York", {"gap": "skip"}, "2026-03-08T00:00", "2026-03-09T06:30"),
        ("30 1 * * *", "America/New_York", {}, "2026-11-01T05:30", "2026-11-02T06:30"),
        ("30 1 * * *", "America/New_York", {"fold": "second"}, "2026-11-01T00:00", "2026-11-01T06:30"),
        ("30 1 * * *", "America/New_York", {"fold": "both"}, "2026-11-01T05:30", "2026-11-01T06:30"),
        ("0 0 30 12 *", "Pacific/Apia", {}, "2011-12-01T00:00", "2012-12-29T10:00"),
        ("0 23 * * *", "Antarctica/Casey", {}, "2010-03-04T12:00", "2010-03-04T12:00"),
        ("15 2 * * *", "Australia/Lord_Howe", {}, "2026-10-03T12:00", "2026-10-03T15:30"),
    ],
)
def test_known_changes(text: str, zone: str, policies: dict[str, str], start: str, expected: str) -> None:
    expression = times.restore(text, zone=zone, **policies)
    found = expression.next_after(_utc(start) - timedelta(seconds=1 if start == expected else 0))
    assert found == _utc(expected)


@pytest.mark.parametrize(
    ("zone", "text", "day", "runs"),
    [
        ("America/New_York", "*/30 * * * *", "2026-11-01", 50),
        ("America/New_York", "*/30 * * * *", "2026-03-08", 46),
        ("Australia/Lord_Howe", "*/30 * * * *", "2026-04-05", 49),
        ("Australia/Lord_Howe", "*/30 * * * *", "2026-10-04", 47),
        ("Pacific/Apia", "*/30 * * * *", "2011-12-31", 48),
        ("Africa/Casablanca", "*/30 * * * *", "2026-02-15", 50),
    ],
)
def test_a_half_hourly_job_follows_real_time(zone: str, text: str, day: str, runs: int) -> None:
    first = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    last = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = list(
        times.restore(text, zone=zone).between(
            first - timedelta(seconds=1), last - timedelta(seconds=1), limit=99
        )
    )
    assert len(found) == runs
    assert {two - one for one, two in pairwise(found)} == {timedelta(minutes=30)}


def test_an_instant_at_the_end_of_the_calendar_has_nothing_after_it() -> None:
    expression = times.restore("0 0 * * *", zone="Europe/Amsterdam")
    assert expression.next_after(datetime(9999, 12, 31, 23, 59, tzinfo=UTC)) is None
    assert expression.next_after(datetime(1, 1, 1, tzinfo=UTC)) is not None


def test_a_bounded_walk_ends_at_its_limit_and_includes_its_end() -> None:
    expression = times.restore("0 0 * * *", zone="UTC")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(list(expression.between(start, start + timedelta(days=400), limit=10))) == 10
    assert list(expression.between(start, start + timedelta(days=2), limit=10)) == [
        start + timedelta(days=1),
        start + timedelta(days=2),
    ]


def test_the_second_before_a_gap_ends_still_sees_what_is_caught_up() -> None:
    expression = times.restore("0-59/20 22,23 * * *", zone="Africa/Algiers")
    after_the_gap = datetime(1971, 4, 25, 23, 0, tzinfo=UTC)
    assert expression.next_after(after_the_gap - timedelta(microseconds=1)) == after_the_gap


def test_the_same_day_next_year_does_not_pass_the_second_time_of_this_one() -> None:
    expression = times.restore("*/10 2 25 10 *", zone="Europe/Berlin")
    before = datetime(2026, 10, 25, 0, 55, tzinfo=UTC)  # 02:55, the first time
    assert expression.next_after(before) == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
