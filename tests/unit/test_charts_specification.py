from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.render import description, numbers, points
from adapters.render.specification import specify
from core.errors import Fault
from core.messages import Cell, ChartData

DAYS = tuple(f"2026-02-{day:02}" for day in range(1, 29))
KINDS = ("number", "bar", "stacked_bar", "line", "area", "pie")


def chart(kind: str, columns: tuple[str, ...], *rows: tuple[Cell, ...], **more: str) -> ChartData:
    return ChartData(kind, columns, rows, title=more.pop("title", "Revenue"), **more)


def values(spec: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec["data"]["values"]
    return found


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_carries_its_title_and_data_and_loads_nothing(kind: str, *, dark: bool) -> None:
    spec = specify(chart(kind, ("day", "n"), ("2026-02-01", 1), ("2026-02-02", 2)), dark=dark)
    assert spec["title"]["text"] == ["Revenue"]
    assert values(spec)
    assert '"url"' not in json.dumps(spec)
    assert spec["background"] == ("#1A1D21" if dark else "#FFFFFF")


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_without_rows_says_so(kind: str) -> None:
    spec = specify(chart(kind, ("day", "n"), x="day", y="n"))
    assert spec["mark"]["text"] == "No data"


def test_categories_are_sorted_by_size_and_the_smallest_become_one() -> None:
    rows = [(f"P{i}", 100 - i) for i in range(30)]
    spec = specify(chart("bar", ("product", "n"), *reversed(rows)))
    order = spec["encoding"]["y"]["sort"]
    assert order[:3] == ["P0", "P1", "P2"]
    assert (len(order), order[-1]) == (points.CATEGORY_LIMIT, "Other")
    assert spec["title"]["subtitle"] == ["Other: 11 more"]
    assert values(spec)[-1]["v"] == sum(value for _, value in rows[19:])


def test_days_are_in_the_order_of_time_whatever_the_order_of_rows() -> None:
    spec = specify(chart("line", ("day", "n"), ("2026-02-03", 3), ("2026-02-01", 1), ("2026-02-02", 2)))
    assert [row["v"] for row in values(spec)] == [1, 2, 3]
    assert spec["encoding"]["x"]["scale"]["type"] == "utc"


def test_rows_of_the_same_place_are_added_up() -> None:
    spec = specify(chart("bar", ("channel", "n"), ("search", 1), ("social", 5), ("search", 7)))
    assert [(row["x"], row["v"]) for row in values(spec)] == [("search", 8), ("social", 5)]


def test_more_series_than_can_be_told_apart_become_one() -> None:
    rows = [(day, f"S{i}", i + 1) for day in DAYS for i in range(14)]
    spec = specify(chart("line", ("day", "s", "n"), *rows, x="day", y="n", series="s"))
    names = {row["s"] for row in values(spec)}
    assert len(names) == points.SERIES_LIMIT
    assert "Other" in names
    assert spec["title"]["subtitle"] == ["Other: 7 more series"]


def test_lines_carry_their_names_where_they_end_and_no_label_lies_on_another() -> None:
    rows = [(day, f"S{i}", 100 + i * 0.01) for day in DAYS for i in range(6)]
    spec = specify(chart("line", ("day", "s", "n"), *rows, x="day", y="n", series="s"))
    ends = spec["layer"][1]["data"]["values"]
    assert {end["s"] for end in ends} == {f"S{i}" for i in range(6)}
    low, high = spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    heights = sorted(end["v"] for end in ends)
    apart = [b - a for a, b in pairwise(heights)]
    assert min(apart) >= (high - low) * 0.05


def test_slices_are_shares_and_small_ones_become_one() -> None:
    spec = specify(chart("pie", ("c", "n"), ("a", 700), ("b", 290), ("c", 6), ("d", 4)))
    assert [(row["x"], row["p"]) for row in values(spec)] == [("a", "70%"), ("b", "29%"), ("Other", "1%")]


def test_a_pie_with_a_negative_slice_becomes_bars() -> None:
    spec = specify(chart("pie", ("c", "n"), ("a", 70), ("b", -3)))
    assert spec["layer"][0]["mark"]["type"] == "bar"


def test_a_number_is_written_with_its_unit() -> None:
    assert values(specify(chart("number", ("total",), (1234567.5,), unit="EUR"))) == [{"t": "€1,234,567.50"}]
    assert values(specify(chart("number", ("total",), (12,), unit="clicks"))) == [{"t": "12 clicks"}]


def test_bars_begin_at_zero_and_a_flat_line_need_not() -> None:
    rows = [(day, 20_000 + i) for i, day in enumerate(DAYS)]
    bars = specify(chart("bar", ("day", "n"), *rows))["layer"][0]["encoding"]["y"]["scale"]["domain"]
    line = specify(chart("line", ("day", "n"), *rows))["layer"][0]["encoding"]["y"]["scale"]["domain"]
    area = specify(chart("area", ("day", "n"), *rows))["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert bars[0] == area[0] == 0
    assert line[0] >= 19_000


@pytest.mark.parametrize("column", ["x", "y", "series"])
def test_a_column_that_is_not_there_is_told_with_the_nearest(column: str) -> None:
    with pytest.raises(Fault, match="did you mean amount\\?"):
        specify(ChartData("bar", ("day", "amount"), (("a", 1),), title="T", **{column: "amuont"}))


def test_names_in_data_never_become_expressions() -> None:
    evil = "'+alert(1)+'${x}{{y}}"
    spec = specify(
        chart("stacked_bar", ("r", "s", "n"), (evil, evil, 1), ("b", "c", 2), title=evil, series="s")
    )
    expressions = _strings(spec, ("expr", "labelExpr", "filter", "signal"))
    assert expressions
    assert all("alert" not in text for text in expressions)


def _strings(value: Any, keys: tuple[str, ...]) -> list[str]:
    found = []
    if isinstance(value, dict):
        for key, one in value.items():
            if key in keys and isinstance(one, str):
                found.append(one)
            found += _strings(one, keys)
    elif isinstance(value, list):
        for one in value:
            found += _strings(one, keys)
    return found


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(DAYS),
)


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=20),
    names=st.sampled_from([("", "", ""), ("a", "b", "c"), ("a", "c", ""), ("", "c", "b"), ("a", "c", "a")]),
)
def test_any_rows_make_a_specification_that_is_json(
    kind: str, rows: list[tuple[Cell, ...]], names: tuple[str, str, str]
) -> None:
    data = ChartData(kind, ("a", "b", "c"), tuple(rows), *names, title="T", unit="€")
    json.dumps(specify(data), allow_nan=False)
    assert description.describe(data).endswith(".")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            chart("bar", ("c", "n"), ("search", 12345.5), ("social", 2), unit="EUR"),
            "Bar chart: Revenue. 2 values, highest search: €12,345.50, lowest social: €2.",
        ),
        (chart("number", ("n",), (12,), unit="EUR"), "Number: Revenue. €12."),
        (chart("line", ("c", "n")), "Line chart: Revenue. No data."),
        (
            chart("line", ("d", "s", "n"), ("a", "x", 1), ("a", "y", 2), x="d", y="n", series="s"),
            "Line chart: Revenue. 1 value in 2 series, highest a: 3.",
        ),
    ],
)
def test_a_chart_is_described_for_who_cannot_see_it(data: ChartData, text: str) -> None:
    assert description.describe(data) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (12, "12"), (1234, "1,234"), (-1234.5, "-1,234.5"), (12345.678, "12,345.68"),
        (0.1234567, "0.1235"),
        (0.00001234, "1.2e-05"), (-0.0, "0"), (1e20, "1e+20"), (10**20, "1.000e+20"),
        (float("nan"), "–"), (2.0, "2"),
    ],
)  # fmt: skip
def test_numbers_are_written_with_the_digits_that_say_something(value: float, text: str) -> None:
    assert numbers.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (999, "999"), (999.6, "1k"), (1000, "1k"), (1234, "1.23k"), (12345, "12.3k"),
        (999_999, "1M"),
        (1_234_567, "1.23M"), (-5_000_000_000, "-5B"), (0.5, "0.5"), (0.0001, "0.0001"), (2.5e12, "2.5T"),
    ],
)  # fmt: skip
def test_compact_numbers_have_three_digits_and_a_letter(value: float, text: str) -> None:
    assert numbers.compact(value) == text
