"""Fan-out: lists, ranges and * become every combination, counted before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import combinations
from core.definitions import Parameter
from core.errors import Invalid
from core.parameters import Fan, Given, Range, Star, Unbound
from tests.limits import within

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")

JOB = {
    "campaign_id": Parameter(type="integer", min=1),
    "region": Parameter(choices=("EU", "US", "APAC"), default="EU"),
    "since": Parameter(type="date", default="-7d"),
    "dry": Parameter(type="boolean", default="no"),
    "note": Parameter(default=""),
}


def expand(*sets: Mapping[str, Given], limit: int = 1_000, choices: Any = None) -> list[dict[str, Any]]:
    return combinations.expand(JOB, sets, now=NOW, zone=UTC_ZONE, limit=limit, choices=choices or {})


def count(*sets: Mapping[str, Given]) -> int:
    return combinations.count(JOB, sets, now=NOW, zone=UTC_ZONE)


def ids(made: list[dict[str, Any]]) -> list[Any]:
    return [one["campaign_id"] for one in made]


def test_one_value_each_is_one_combination() -> None:
    assert expand({"campaign_id": "42"}) == [
        {"campaign_id": 42, "region": "EU", "since": "-7d", "dry": False, "note": ""}
    ]


def test_a_list_and_a_range_run_in_the_order_typed_each_value_once() -> None:
    fan = Fan(("43", Range("1", "3"), "2", "42", "043"))
    assert ids(expand({"campaign_id": fan})) == [43, 1, 2, 3, 42]
    assert count({"campaign_id": fan}) == 5


def test_every_combination_the_first_typed_parameter_slowest() -> None:
    made = expand({"region": Fan(("US", "EU")), "campaign_id": Fan(("1", "2"))})
    assert [(one["region"], one["campaign_id"]) for one in made] == [
        ("US", 1),
        ("US", 2),
        ("EU", 1),
        ("EU", 2),
    ]
    assert list(made[0]) == list(JOB)


def test_days_have_ranges_too_and_relative_ends_are_settled() -> None:
    made = expand({"campaign_id": "1", "since": Fan((Range("2026-02-27", "2026-03-01"),))})
    assert [one["since"] for one in made] == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
    assert count({"campaign_id": "1", "since": Fan((Range("-7d", "today"), "-7d", "2026-03-02"))}) == 9


def test_a_star_is_every_choice() -> None:
    assert [one["region"] for one in expand({"campaign_id": "1", "region": Star()})] == ["EU", "US", "APAC"]
    assert [one["dry"] for one in expand({"campaign_id": "1", "dry": Star()})] == [False, True]
    assert ids(expand({"campaign_id": Star()}, choices={"campaign_id": ["7", "8"]})) == [7, 8]
    with pytest.raises(Unbound, match="no choices"):
        expand({"campaign_id": Star()})


def test_sets_follow_each_other_and_what_they_share_runs_once() -> None:
    made = expand({"campaign_id": Fan(("1", "2"))}, {"campaign_id": Fan(("2", "3"))})
    assert ids(made) == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("campaign_id", Fan((Range("20", "1"),)), "runs backwards in 20..1; did you mean 1..20?"),
        ("campaign_id", Fan((Range("0", "5"),)), "is at least 1, not 0"),
        ("campaign_id", Fan((Range("a", "b"),)), "wants a whole number, not a"),
        ("campaign_id", Fan(("1", "x", "y")), "wants a whole number, not x"),
        ("campaign_id", Fan(()), "has an empty list"),
        (
            "note",
            Fan((Range("a", "c"),)),
            'has no ranges, they are for whole numbers and dates; quote "a..c"',
        ),
        ("region", Fan(("EU", "UX")), "is one of EU, US, APAC, not UX"),
    ],
)
def test_a_wrong_item_is_refused(name: str, given: Given, said: str) -> None:
    with pytest.raises(Unbound) as mistake:
        expand({"campaign_id": "1", name: given})
    assert said in mistake.value.fields[name]


def test_a_range_over_choices_stays_inside_of_them() -> None:
    job = {"n": Parameter(type="integer", choices=("1", "2", "4"))}
    made = combinations.expand(job, [{"n": Fan((Range("1", "2"),))}], now=NOW, zone=UTC_ZONE, limit=9)
    assert [one["n"] for one in made] == [1, 2]
    with pytest.raises(Unbound, match="not 3"):
        combinations.count(job, [{"n": Fan((Range("1", "4"),))}], now=NOW, zone=UTC_ZONE)


def test_mistakes_of_all_sets_are_told_at_once() -> None:
    with pytest.raises(Unbound) as mistake:
        expand({"campain_id": "1"}, {"campaign_id": "x"}, {"campaign_id": "1", "region": "nowhere"})
    assert set(mistake.value.fields) == {"campain_id", "campaign_id", "region"}


def test_a_billion_combinations_are_counted_and_refused_at_once() -> None:
    huge: dict[str, Given] = {
        "campaign_id": Fan((Range("1", "9000000000000000000"), Range("5", "8000000000000000000"))),
        "region": Star(),
        "since": Fan((Range("1900-01-01", "2999-12-31"),)),
    }
    with within(60):
        assert count(huge) == 9_000_000_000_000_000_000 * 3 * 401_767
        with pytest.raises(Invalid, match="at most 1,000"):
            expand(huge)


def test_the_widest_range_of_all_is_counted() -> None:
    job = {"n": Parameter(type="integer")}
    widest = Range(str(-(2**63) + 1), str(2**63 - 1))
    assert combinations.count(job, [{"n": Fan((widest,))}], now=NOW, zone=UTC_ZONE) == 2**64 - 1


def test_the_limit_itself_may_be_started() -> None:
    assert len(expand({"campaign_id": Fan((Range("1", "5"),))}, limit=5)) == 5
    with pytest.raises(Invalid, match="6 runs; at most 5"):
        expand({"campaign_id": Fan((Range("1", "6"),))}, limit=5)


ITEMS = st.lists(
    st.integers(1, 30).map(str)
    | st.tuples(st.integers(1, 30), st.integers(0, 9)).map(
        lambda two: Range(str(two[0]), str(two[0] + two[1]))
    ),
    min_size=1,
    max_size=6,
)
DAYS = st.lists(st.sampled_from(["2026-03-01", "2026-03-02", "today", "-7d"]), min_size=1, max_size=5)


@given(ITEMS, DAYS)
def test_the_count_is_the_number_of_combinations(items: list[str | Range], days: list[str]) -> None:
    line: dict[str, Given] = {"campaign_id": Fan(tuple(items)), "since": Fan(tuple(days)), "region": Star()}
    made = expand(line, limit=10_000)
    assert len(made) == count(line)
    assert len({tuple(one.values()) for one in made}) == len(made)
