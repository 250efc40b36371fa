"""Conditions on results: what holds, what does not, and what cannot be told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import conditions
from core.conditions import Known, Results, Table
from core.errors import ConditionError

RESULTS = Results(
    tables={
        "total": Table(("total",), ((900.5,),)),
        "channels": Table(("channel", "revenue", "day"), (("search", 10, "2026-03-02"), ("mail", 5, None))),
        "nothing": Table(("day", "amount"), ()),
        "flag": Table(("on",), ((1,),)),
        "half": Table(("value",), ((None,),)),
    },
    headlines={"open_tickets": 12},
    parameters={"region": "EU", "campaign_id": 42, "since": "2026-03-01"},
    failed=False,
    changed=lambda: True,
)
KNOWN = Known({"total": ("total",), "channels": ("channel", "revenue"), "free": None}, ("region",))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("total.total < 1000", True),
        ("total.total < 1000000 and total.total >= 900.5", True),
        ("total > 1000", False),
        ("total.total * 2 - 1 == 1800", True),
        ("-total.total < 0", True),
        ("--1 == 1 and not not true", True),
        ("1 + 2 * 3 == 7 and (1 + 2) * 3 == 9 and 10 - 2 - 3 == 5", True),
        ("7 % 4 == 3 and 1 / 4 = 0.25", True),
        ("rows(channels) == 2", True),
        ("rows(nothing)", False),
        ("any rows(nothing)", False),
        ("any rows", True),
        ("rows == 5", True),
        ("not any rows(channels) or changed", True),
        ("failed", False),
        ("not failed and changed", True),
        ('params.region == "EU"', True),
        ("params.region != 'EU'", False),
        ("params.region == “EU”", True),
        ("params.campaign_id = 42", True),
        ('params.since < "2026-03-02"', True),
        ("channels.channel contains 'ear'", True),
        ("channels.day >= '2026-03-01'", True),
        ("nothing.amount == null", True),
        ("half.value != none", False),
        ("flag.on", True),
        ("flag.on == true", True),
        ("open_tickets > 10", True),
        ("abs(0 - 3) == 3 and min(2, 1) == 1 and max(2, 1, 5) == 5", True),
        ("true or nonsense.here", True),
        ("TRUE AND NOT FALSE", True),
        ("'and' == 'and'", True),
    ],
)
def test_a_condition_holds_or_not(text: str, wanted: bool) -> None:
    assert conditions.holds(text, RESULTS) is wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("half.value < 3", "null and 3 cannot be compared"),
        ("nothing.amount < 3", "null and 3 cannot be compared"),
        ("channels.channel < 3", "the text 'search' and 3 cannot be compared"),
        ("channels.channel == 3", "one is a text"),
        ("channels.revenu > 3", "has no column 'revenu'; did you mean revenue?"),
        ("chanels.revenue > 3", "no result 'chanels'; did you mean channels?"),
        ("rows(chanels)", "did you mean channels?"),
        ("channels > 3", "has 3 columns"),
        ("params.regoin == 'EU'", "no parameter 'regoin'; did you mean region?"),
        ("total.total / 0 > 1", "divided by 0"),
        ("params.region", "neither yes nor no"),
        ("half.value", "null"),
        ("not half.value", "null is neither yes nor no"),
        ("params.region + 1", "is no number"),
        ("true + 1", "true is no number"),
        ("1 < 2 < 3", "joined with 'and'"),
        ("", "is empty"),
        ("total.total <", "the end is not expected"),
        ("(total.total < 1", "')' is missing before the end"),
        ("total.total < 1)", "')' is not expected"),
        ("total..total", "a name follows"),
        ("a.b.c", "too many parts"),
        ("__import__('os')", "no function __import__"),
        ("total.__class__", "has no column '__class__'"),
        ("lambda: 1", "cannot be read"),
        ("any total", "before rows"),
        ("abs(1, 2)", "wants one number"),
        ("min(1)", "wants two numbers"),
        ("rows(3)", "the name of a question"),
        ("1" * 40, "at most 30 digits"),
        ("x" * 501, "at most 500 characters"),
        ("(" * 40 + "1" + ")" * 40, "nested too deeply"),
        ("1" + "+1" * 150, "at most 200"),
        ("and 1", "'and' is not expected"),
        ("1 ** 2", "'*' is not expected"),
    ],
)
def test_what_cannot_be_told_is_an_error_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(ConditionError) as raised:
        conditions.holds(text, RESULTS)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("total.total < 1", ""),
        ("free.anything < 1", ""),
        ("free > 1", ""),
        ("total > 1", ""),
        ("changed or failed or rows > 3", ""),
        ("totl.total < 1", "there is no question 'totl'; did you mean total?"),
        ("total.totl < 1", "selects no column 'totl'; did you mean total?"),
        ("params.regoin == 'EU'", "'regoin' is no parameter of the job; did you mean region?"),
        ("chnged", "did you mean changed?"),
        ("channels > 1", "write channels.channel"),
        ("rows(totals)", "did you mean total?"),
        ("total.total <", "the end is not expected there"),
    ],
)
def test_mistakes_are_told_before_anything_runs(text: str, said: str) -> None:
    found = conditions.mistake(text, KNOWN)
    assert said in found
    assert bool(found) is bool(said)


def test_where_results_are_not_known_beforehand_any_name_is_welcome() -> None:
    assert conditions.mistake("tickets.open > 3 or backlog > 2", Known(open=True)) == ""
    assert "no parameter" in conditions.mistake("params.x", Known(open=True))


def test_what_asks_for_a_change_is_known() -> None:
    assert conditions.asks_for_change("any rows and changed")
    assert not conditions.asks_for_change("total.total < 'changed'")
    assert not conditions.asks_for_change("changed <")


def test_whether_something_changed_is_looked_at_only_where_it_is_asked() -> None:
    with pytest.raises(ConditionError, match="not known here"):
        conditions.holds("changed", Results())
    assert conditions.holds("true or changed", Results())


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="abtol.rows()<>=!+-*/%'\" 0123456789,andortif", max_size=60))
def test_any_text_is_a_yes_a_no_or_a_mistake_and_never_anything_else(text: str) -> None:
    said = conditions.mistake(text, KNOWN)
    try:
        told = conditions.holds(text, RESULTS)
    except ConditionError as error:
        said = str(error)
        told = False
    assert told in (True, False)
    assert isinstance(said, str)


NUMBERS = st.integers(-1_000, 1_000)


@settings(max_examples=100, deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_arithmetic_is_what_it_is_everywhere(a: int, b: int, c: int) -> None:
    text = f"{a} + {b} * {c} - ({a} - {b}) < {c} or {a} >= {b}"
    assert conditions.holds(text, Results()) is (a + b * c - (a - b) < c or a >= b)
