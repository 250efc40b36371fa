"""Binding what was typed: types, rules, every mistake at once, storing and showing."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import parameters, patterns
from core.definitions import Parameter, Scalar
from core.errors import Invalid
from core.parameters import Fan, Unbound
from tests.limits import within

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")

WEEKLY = {
    "campaign_id": Parameter(type="integer", min=1),
    "since": Parameter(type="date", default="-7d"),
    "region": Parameter(choices=("EU", "US", "APAC"), default="EU"),
}


def bind(definitions: dict[str, Parameter], given: dict[str, Scalar]) -> dict[str, Any]:
    return parameters.bind(definitions, given, now=NOW, zone=AMSTERDAM)


def bound(parameter: Parameter, given: Scalar) -> Any:
    return bind({"x": parameter}, {"x": given})["x"]


def refused(parameter: Parameter, given: Scalar) -> str:
    with pytest.raises(Unbound) as mistake:
        bound(parameter, given)
    return mistake.value.fields["x"]


def test_values_are_typed_and_defaults_filled_in_the_order_of_the_definitions() -> None:
    made = bind(WEEKLY, {"region": "US", "campaign_id": "42"})
    assert list(made.items()) == [("campaign_id", 42), ("since", "-7d"), ("region", "US")]


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("string", "10:30", "10:30"),
        ("string", "", ""),
        ("string", "  kept  ", "  kept  "),
        ("string", 42, "42"),
        ("string", "no", "no"),
        ("integer", "42", 42),
        ("integer", "-7", -7),
        ("integer", "+7", 7),
        ("integer", "007", 7),
        ("integer", 42, 42),
        ("integer", 42.0, 42),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("number", "1.5", 1.5),
        ("number", "1e3", 1000.0),
        ("number", ".5", 0.5),
        ("number", "0e999", 0.0),
        ("number", 3, 3.0),
        ("boolean", "Yes", True),
        ("boolean", "off", False),
        ("boolean", "1", True),
        ("boolean", 0, False),
        ("boolean", False, False),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("date", "today", "today"),
        ("date", "-7d", "-7d"),
        ("datetime", "2026-03-02T08:00Z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("datetime", "2026-03-02 08:00", datetime(2026, 3, 2, 7, tzinfo=UTC)),
        ("datetime", "2026-03-02T08:00:30.5+02:00", datetime(2026, 3, 2, 6, 0, 30, 500000, UTC)),
        ("datetime", "2026-03-02", datetime(2026, 3, 1, 23, tzinfo=UTC)),
    ],
)
def test_a_value_becomes_its_type(kind: Any, given: Scalar, value: Any) -> None:
    made = bound(Parameter(type=kind), given)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("integer", "10:30"),
        ("integer", "4.2"),
        ("integer", "1_000"),
        ("integer", "1,000"),
        ("integer", "٤٢"),
        ("integer", ""),
        ("integer", "0x10"),
        ("integer", True),
        ("integer", 4.2),
        ("integer", "9223372036854775808"),
        ("integer", "9" * 10_000),
        ("number", "nan"),
        ("number", "inf"),
        ("number", "1e400"),
        ("number", "-1e400"),
        ("number", "1e-400"),
        ("number", "1_0"),
        ("number", "10:30"),
        ("number", "1" * 10_000),
        ("number", math.nan),
        ("number", math.inf),
        ("number", True),
        ("boolean", "maybe"),
        ("boolean", "2"),
        ("boolean", 1.0),
        ("date", "2026-02-30"),
        ("date", "20260228"),
        ("date", "28/02/2026"),
        ("date", "2026-W01-1"),
        ("date", "whenever"),
        ("date", ""),
        ("date", 20260228),
        ("datetime", "2026-03-02T25:00"),
        ("datetime", "2026-03-02T08"),
        ("datetime", "0001-01-01T00:00+23:59"),
        ("datetime", "2026-03-02T08:00 Europe"),
        ("string", 1.5),
        ("string", True),
        ("string", "a\x00b"),
        ("string", "\ud800"),
    ],
)
def test_what_does_not_fit_its_type_is_refused_with_a_sentence(kind: Any, given: Scalar) -> None:
    sentence = refused(Parameter(type=kind), given)
    assert sentence.startswith("'x' ")
    assert sentence.endswith(".")
    assert len(sentence) < 200


def test_a_huge_whole_number_is_refused_at_once() -> None:
    with within(60):
        assert "too long" in refused(Parameter(type="integer"), "9" * 1_000_000)


def test_what_is_given_is_repeated_short_and_on_one_line() -> None:
    sentence = refused(Parameter(type="integer"), "a\n\x1b[31m " + "b" * 100_000)
    assert sentence.startswith("'x' wants a whole number, not a �[31m bbb")
    assert "b…" in sentence
    assert len(sentence) < 100


@pytest.mark.parametrize(
    ("parameter", "given", "said"),
    [
        (Parameter(type="integer", min=1), "0", "'x' is at least 1, not 0."),
        (Parameter(type="integer", max=9), "10", "'x' is at most 9, not 10."),
        (Parameter(type="number", max="1.5"), "1.6", "'x' is at most 1.5, not 1.6."),
        (
            Parameter(type="date", min="2026-01-01"),
            "2025-12-31",
            "'x' is at least 2026-01-01, not 2025-12-31.",
        ),
        (Parameter(type="date", max="today"), "2026-03-03", "'x' is at most today, not 2026-03-03."),
        (Parameter(type="date", min="2026-03-01"), "-7d", "'x' is at least 2026-03-01, not -7d."),
        (Parameter(choices=("EU", "US")), "UE", "'x' is one of EU, US, not UE; did you mean EU?"),
        (Parameter(max_length=3), "abcd", "'x' has 4 characters; at most 3 are read."),
        (Parameter(pattern="[a-z]+"), "a1", "'x' has to look like [a-z]+, which a1 does not."),
        (Parameter(pattern="[a-z]+"), "ab\n", "'x' has to look like [a-z]+, which ab does not."),
    ],
)
def test_a_broken_rule_is_told(parameter: Parameter, given: str, said: str) -> None:
    assert refused(parameter, given) == said


def test_bounds_and_choices_let_their_own_ends_pass() -> None:
    assert bound(Parameter(type="integer", min=1, max=3), "1") == 1
    assert bound(Parameter(type="integer", min=1, max=3), "3") == 3
    assert bound(Parameter(type="date", max="today"), "2026-03-02") == date(2026, 3, 2)
    assert bound(Parameter(pattern="[a-z]{2}|x"), "ab") == "ab"


def test_a_choice_is_found_in_any_case_but_exactly_first() -> None:
    assert bound(Parameter(choices=("EU", "US")), "eu") == "EU"
    assert bound(Parameter(choices=("a", "A")), "A") == "A"
    assert bound(Parameter(type="integer", choices=("7", "30")), "07") == 7
    assert "one of" in refused(Parameter(choices=("straße", "STRASSE")), "Strasse")


@pytest.mark.parametrize("pattern", [r"(a+)+", r"(a|a)*b", r"(\w?){100}b", ".*" * 50])
def test_no_pattern_makes_a_match_run_away(pattern: str) -> None:
    patterns.check(pattern)
    with within(60):
        patterns.fits(pattern, "a" * 1_000 + "!")


@pytest.mark.parametrize(
    "pattern", ["[", "a)|(b", "(?=a)a", r"(a)\1", "((a{99}){99}){9}", "a" * 201, "a{1001}"]
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|longer|parts"):
        patterns.check(pattern)


def test_a_pattern_of_every_day_is_let_through() -> None:
    for pattern in (r"[A-Z]{3}-[0-9]{4}-[0-9]{8}", r"(?i)ab+", r"\{x\}", r"[{}]{2}", "(a|b{2,5})*"):
        patterns.check(pattern)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(Unbound) as mistake:
        bind(WEEKLY, {"regoin": "EU", "since": "soon", "region": "XX"})
    told = mistake.value
    assert list(told.fields) == ["regoin", "since", "region", "campaign_id"]
    assert (told.missing, told.wrong, told.unknown) == (("campaign_id",), ("since", "region"), ("regoin",))
    assert not told.only_missing
    assert "Did you mean 'region'?" in told.sentence
    assert "'campaign_id' is required." in told.sentence
    assert "campaign_id (a whole number, required)" in told.hint
    assert isinstance(told, Invalid)


def test_what_is_only_missing_is_told_apart() -> None:
    two = {"a": Parameter(), "b": Parameter(), "c": Parameter(default="1")}
    with pytest.raises(Unbound) as mistake:
        bind(two, {"c": "2", "a": None})
    assert mistake.value.only_missing
    assert mistake.value.missing == ("a", "b")
    assert mistake.value.sentence == "'a' and 'b' are required."


def test_a_job_without_parameters_says_so() -> None:
    with pytest.raises(Unbound) as mistake:
        bind({}, {"x": "1"})
    assert mistake.value.hint == "The job takes no parameters."


def test_many_mistakes_stay_one_readable_sentence() -> None:
    with pytest.raises(Unbound) as mistake:
        bind({}, {f"n{number}": "1" for number in range(500)})
    assert len(mistake.value.fields) == 500
    assert "And 492 more mistakes." in mistake.value.sentence


def test_a_secret_is_never_repeated() -> None:
    secret = "hunter2-hunter2"
    definitions = {
        "pin": Parameter(type="integer", secret=True),
        "token": Parameter(pattern="[0-9]+", secret=True),
        "choice": Parameter(choices=("a",), secret=True),
        "day": Parameter(type="date", max="2026-01-01", secret=True),
    }
    with pytest.raises(Unbound) as mistake:
        bind(definitions, {"pin": secret, "token": secret, "choice": secret, "day": "2031-05-06"})
    told = str(mistake.value) + str(mistake.value.fields) + mistake.value.hint
    assert len(mistake.value.fields) == 4
    assert secret not in told
    assert "2031-05-06" not in told


def test_a_relative_date_is_settled_when_the_run_starts_in_its_zone() -> None:
    made = bind(WEEKLY, {"campaign_id": "42"})
    late = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)  # already the 10th in Amsterdam
    settled = parameters.settle(WEEKLY, made, now=late, zone=AMSTERDAM)
    assert settled == {"campaign_id": 42, "since": date(2026, 3, 3), "region": "EU"}
    assert parameters.settle(WEEKLY, settled, now=NOW, zone=AMSTERDAM) == settled


def test_a_relative_date_that_has_left_its_bounds_is_refused_when_it_is_settled() -> None:
    definitions = {"day": Parameter(type="date", max="2026-03-05", default="today")}
    made = bind(definitions, {})
    with pytest.raises(Unbound, match="at most 2026-03-05"):
        parameters.settle(definitions, made, now=NOW + timedelta(days=9), zone=AMSTERDAM)


ANY: dict[str, tuple[Parameter, st.SearchStrategy[Any]]] = {
    "text": (
        Parameter(max_length=50),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50),
    ),
    "whole": (Parameter(type="integer"), st.integers(-(2**63) + 1, 2**63 - 1)),
    "number": (Parameter(type="number"), st.floats(allow_nan=False, allow_infinity=False)),
    "truth": (Parameter(type="boolean"), st.booleans()),
    "day": (Parameter(type="date"), st.dates()),
    "instant": (
        Parameter(type="datetime"),
        st.integers(-(10**15), 10**16).map(
            lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
        ),
    ),
}
DEFINITIONS = {name: parameter for name, (parameter, _) in ANY.items()}
VALUES = st.fixed_dictionaries({name: values for name, (_, values) in ANY.items()})


@given(VALUES)
def test_what_is_shown_can_be_typed_again(values: dict[str, Any]) -> None:
    shown = {name: parameters.show(value) for name, value in values.items()}
    assert bind(DEFINITIONS, dict(shown)) == values


@given(VALUES)
def test_what_is_stored_is_read_back(values: dict[str, Any]) -> None:
    stored = parameters.to_json(DEFINITIONS, values)
    assert all(isinstance(one, str | int | float | bool) for one in stored.values())
    assert parameters.from_json(DEFINITIONS, stored) == values


@pytest.mark.parametrize(
    ("kind", "value"), [("string", "s3"), ("integer", 7), ("boolean", True), ("date", date(2026, 1, 2))]
)
def test_a_secret_is_sealed_where_it_is_stored_and_read_back_once_opened(kind: Any, value: Any) -> None:
    definitions = {"x": Parameter(type=kind, secret=True), "y": Parameter()}
    stored = parameters.to_json(
        definitions, {"x": value, "y": "open"}, seal=lambda text: {"$sealed": text[::-1]}
    )
    assert stored == {"x": {"$sealed": parameters.show(value)[::-1]}, "y": "open"}
    opened = {"x": stored["x"]["$sealed"][::-1], "y": "open"}
    assert parameters.from_json(definitions, opened) == {"x": value, "y": "open"}


def test_a_stored_name_that_the_version_does_not_have_is_no_value() -> None:
    with pytest.raises(ValueError, match="'gone' is no parameter"):
        parameters.from_json({}, {"gone": 1})


def test_secrets_are_masked_where_values_are_shown() -> None:
    definitions = {"token": Parameter(secret=True), "n": Parameter(type="number")}
    assert parameters.shown(definitions, {"token": "abc", "n": 3.0}) == {"token": parameters.MASK, "n": "3"}


def test_a_fingerprint_ignores_order_and_secrets_and_nothing_else() -> None:
    definitions = {"a": Parameter(), "b": Parameter(type="date"), "s": Parameter(secret=True)}
    first = parameters.fingerprint(definitions, {"a": "1", "b": date(2026, 1, 1), "s": "x"})
    assert first == parameters.fingerprint(definitions, {"s": "y", "b": date(2026, 1, 1), "a": "1"})
    assert first != parameters.fingerprint(definitions, {"a": "1", "b": date(2026, 1, 2), "s": "x"})
    assert first != parameters.fingerprint(definitions, {"a": "1", "b": "today", "s": "x"})


def test_a_form_asks_for_everything_prefilled_with_mistakes_beside() -> None:
    definitions = WEEKLY | {"token": Parameter(secret=True), "dry": Parameter(type="boolean", default="off")}
    made = parameters.form(
        definitions,
        {"region": "us", "token": "abc", "campaign_id": "many"},
        {"campaign_id": "'campaign_id' wants a whole number, not many."},
        title="Weekly report",
        command="run weekly-report",
    )
    fields = {field.name: field for field in made.fields}
    assert list(fields) == ["campaign_id", "since", "region", "token", "dry"]
    assert (fields["campaign_id"].kind, fields["campaign_id"].value) == ("integer", "many")
    assert fields["campaign_id"].required
    assert fields["campaign_id"].error.endswith("not many.")
    assert (fields["since"].kind, fields["since"].value, fields["since"].required) == ("date", "-7d", False)
    assert fields["region"].value == "US"
    assert [option.value for option in fields["region"].options] == ["EU", "US", "APAC"]
    assert (fields["token"].kind, fields["token"].value) == ("secret", "")
    assert fields["dry"].value == "no"
    assert made.command == "run weekly-report"


def test_a_form_leaves_lists_to_the_command() -> None:
    made = parameters.form(
        WEEKLY, {"campaign_id": Fan(("42", "43"))}, title="x", command="run x campaign_id=42,43"
    )
    assert [field.name for field in made.fields] == ["since", "region"]
