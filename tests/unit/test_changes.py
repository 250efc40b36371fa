"""What changed between two results: numbers, rows, columns, whatever shape they have."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.changes import Changes, TableChange, compare
from core.entries import Answered, Headlined, Kept, Returned


def table(columns: str, *rows: tuple[Any, ...], name: str = "channels", cut: bool = False) -> Returned:
    return Returned(name, tuple(columns.split()), rows, cut)


def changed(before: Returned, after: Returned, key: str = "") -> TableChange:
    [one] = compare([before], [after], {after.name: key}).tables
    return one


def test_a_headline_number_has_its_difference_and_its_part() -> None:
    made = compare([Headlined("Revenue", 800)], [Headlined("Revenue", 900, "currency", "€")])
    [one] = made.numbers
    assert (one.difference, one.relative, one.unit) == (100, 0.125, "€")
    assert made.any


def test_nothing_in_percent_where_it_was_nothing_before() -> None:
    [one] = compare([Headlined("Revenue", 0)], [Headlined("Revenue", 900)]).numbers
    assert (one.difference, one.relative) == (900, None)


def test_more_than_a_negative_number_is_plus() -> None:
    [one] = compare([Headlined("Margin", -10)], [Headlined("Margin", -5)]).numbers
    assert one.relative == 0.5


def test_the_numbers_of_one_row_are_compared_by_column_in_any_order() -> None:
    before = table("orders total", (3, 10.0), name="sums")
    after = table("total orders", (12.5, 3), name="sums")
    made = compare([before], [after])
    assert [(one.label, one.difference) for one in made.numbers] == [("sums.total", 2.5), ("sums.orders", 0)]


def test_a_number_that_a_headline_tells_is_told_once() -> None:
    before: list[Kept] = [Returned("total", ("total",), ((1,),), title="Revenue"), Headlined("Revenue", 1)]
    after: list[Kept] = [Returned("total", ("total",), ((2,),), title="Revenue"), Headlined("Revenue", 2)]
    assert [one.label for one in compare(before, after).numbers] == ["Revenue"]


def test_a_text_or_nothing_in_one_row_is_another_value() -> None:
    made = compare(
        [table("best worst sum", ("mail", "print", None), name="top")],
        [table("best worst sum", ("search", "print", 4), name="top")],
    )
    assert [(one.label, one.before, one.after) for one in made.others] == [
        ("top.best", "mail", "search"),
        ("top.sum", None, 4),
    ]
    assert made.numbers == ()


def test_rows_are_told_apart_by_the_first_unique_text() -> None:
    one = changed(
        table("revenue channel", (10, "search"), (5, "mail"), (1, "print")),
        table("revenue channel", (5, "mail"), (11, "search"), (2, "radio"), (2, "tv")),
    )
    assert one.key == ("channel",)
    assert one.new == (("radio",), ("tv",))
    assert one.gone == (("print",),)
    assert one.different == (("search",),)


def test_texts_that_are_unique_only_together_are_a_key_together() -> None:
    one = changed(
        table("day channel sum", ("Mon", "a", 1), ("Mon", "b", 2), ("Tue", "a", 3)),
        table("day channel sum", ("Mon", "a", 1), ("Mon", "b", 2), ("Tue", "b", 3)),
    )
    assert one.key == ("day", "channel")
    assert (one.new, one.gone) == ((("Tue", "b"),), (("Tue", "a"),))


def test_a_declared_key_comes_first_and_may_be_a_number() -> None:
    before = table("name number", ("a", 1), ("b", 2))
    after = table("name number", ("a", 1), ("b", 3))
    assert changed(before, after, "number").new == ((3,),)
    assert changed(before, after).different == (("b",),)


def test_a_declared_key_that_is_not_unique_is_not_used() -> None:
    one = changed(table("a b", ("x", 1), ("y", 1)), table("a b", ("x", 1), ("z", 1)), "b")
    assert one.key == ("a",)


def test_an_id_is_a_key_where_there_is_no_text() -> None:
    one = changed(table("sum order_id", (1, 7), (1, 8)), table("sum order_id", (1, 8), (1, 9)))
    assert (one.key, one.new, one.gone) == (("order_id",), ((9,),), ((7,),))


def test_without_a_key_whole_rows_are_compared_as_often_as_they_are_there() -> None:
    one = changed(table("a b", (1, 2), (1, 2), (3, 4)), table("b a", (2, 1), (5, 5), (4, 3), (4, 3)))
    assert one.key == ()
    assert sorted(map(str, one.new)) == ["(4, 3)", "(5, 5)"]
    assert list(map(str, one.gone)) == ["(2, 1)"]


def test_columns_in_another_order_are_no_change() -> None:
    before, after = table("channel sum", ("a", 1), ("b", 2)), table("sum channel", (2, "b"), (1, "a"))
    assert not compare([before], [after]).any


def test_new_and_missing_columns_are_told_and_the_rest_is_compared() -> None:
    one = changed(
        table("channel sum clicks", ("a", 1, 5), ("b", 2, 6)),
        table("channel sum cost", ("a", 1, 0), ("c", 2, 0)),
    )
    assert (one.columns_new, one.columns_gone) == (("cost",), ("clicks",))
    assert (one.new, one.gone, one.different) == ((("c",),), (("b",),), ())


def test_a_renamed_column_is_seen_by_its_values() -> None:
    one = changed(table("channel sum", ("a", 1), ("b", 2)), table("channel total", ("a", 1), ("b", 2)))
    assert one.renamed == {"total": "sum"}
    assert (one.columns_new, one.columns_gone, one.new, one.different) == ((), (), (), ())


def test_a_column_of_mixed_types_is_no_key_and_breaks_nothing() -> None:
    before = table("mixed name", (1, "a"), ("x", "b"), (None, "c"))
    after = table("mixed name", ("1", "a"), (2.5, "b"), (None, "c"))
    one = changed(before, after)
    assert one.key == ("name",)
    assert one.different == (("a",), ("b",))


def test_a_whole_and_a_decimal_number_of_the_same_value_are_the_same() -> None:
    assert not compare([table("n v", ("a", 1), ("b", 2))], [table("n v", ("a", 1.0), ("b", 2.0))]).any


def test_from_no_row_to_some_is_a_change_and_the_other_way_round() -> None:
    none, some = table("channel sum"), table("channel sum", ("a", 1), ("b", 2))
    assert changed(none, some).new == (("a",), ("b",))
    assert changed(some, none).gone == (("a",), ("b",))
    assert changed(none, table("channel sum", ("a", 1))).new == (("a",),)


def test_a_result_that_was_cut_says_so() -> None:
    assert changed(table("a", ("x",), ("y",), cut=True), table("a", ("x",), ("z",))).cut


def test_results_without_a_partner_are_told() -> None:
    made = compare([table("a", (1,), name="old"), Answered("x")], [table("a", (1,), name="new")])
    assert (made.answers_new, made.answers_gone) == (("new",), ("old",))
    assert made.any


def test_nothing_before_and_nothing_after_is_no_change() -> None:
    assert compare([], []) == Changes()
    assert not Changes().any


CELLS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["a", "b", "1"]))
RESULTS = st.integers(1, 3).flatmap(
    lambda width: st.builds(
        lambda names, rows: Returned("q", tuple(names), tuple(rows)),
        st.permutations(["a", "b", "c"]).map(lambda some: some[:width]),
        st.lists(st.tuples(*[CELLS] * width), max_size=5),
    )
)


@settings(max_examples=200, deadline=None)
@given(RESULTS, RESULTS)
def test_any_two_results_can_be_compared_and_the_same_two_always_alike(
    one: Returned, other: Returned
) -> None:
    made = compare([one], [other])
    assert made == compare([one], [other])
    assert not compare([one], [one]).any
    for found in made.tables:
        assert not set(found.new) & set(found.gone) or not found.key
        assert set(found.key) <= set(other.columns)


@settings(max_examples=100, deadline=None)
@given(RESULTS, st.randoms(use_true_random=False))
def test_the_order_of_rows_means_nothing(result: Returned, chance: Any) -> None:
    rows = list(result.rows)
    chance.shuffle(rows)
    assert not compare([result], [Returned("q", result.columns, tuple(rows))]).any
