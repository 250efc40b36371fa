from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.nearest import nearest

JOBS = ("weekly-report", "budget-check", "refresh-numbers", "weekly-digest")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("weekly-reprot", "weekly-report"),
        ("weeklyreport", "weekly-report"),
        ("Weekly_Report", "weekly-report"),
        ("budgetchek", "budget-check"),
        ("budget", "budget-check"),
        ("refresh-number", "refresh-numbers"),
    ],
)
def test_a_slip_finds_what_was_meant(typed: str, meant: str) -> None:
    assert nearest(typed, JOBS)[0] == meant


@pytest.mark.parametrize("typed", ["", " ", "x", "completely-else", "w" * 10_000])
def test_what_is_far_from_everything_finds_nothing(typed: str) -> None:
    assert nearest(typed, JOBS) == ()


def test_a_swap_of_neighbours_is_one_edit() -> None:
    assert nearest("rnu", ("run", "now", "sun")) == ("run",)


def test_the_nearest_comes_first_and_ties_keep_their_order() -> None:
    assert nearest("lists", ("lasts", "list", "lists", "lusts")) == ("lists", "lasts", "list")


def test_a_candidate_that_begins_with_the_word_is_near_however_long_it_is() -> None:
    assert nearest("ref", JOBS) == ("refresh-numbers",)


def test_a_name_given_twice_is_offered_once() -> None:
    assert nearest("lst", ("list", "list")) == ("list",)


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=6), st.integers(0, 5))
def test_any_words_give_candidates_only_and_never_too_many(word: str, names: list[str], limit: int) -> None:
    found = nearest(word, names, limit)
    assert len(found) <= limit
    assert set(found) <= set(names)


@given(st.text("abcdefgh", min_size=2, max_size=20))
def test_a_word_is_nearest_to_itself(word: str) -> None:
    assert nearest(word, [word + "x", word])[0] == word
