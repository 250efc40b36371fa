"""Small words: how long, how long ago; refusals that show lines as lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Invalid, Misunderstood
from core.messages import Paragraph, unmarked
from core.wording import refusals, words

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "just now"),
        (1.9, "just now"),
        (2, "2 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (509, "8 min ago"),
        (3600, "1 h ago"),
        (47 * 3600, "47 h ago"),
        (48 * 3600, "2 days ago"),
    ],
)
def test_the_past_is_told_in_one_place(seconds: float, text: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (12.4, "12 s"), (185, "3 min 5 s"), (7800, "2 h 10 min"), (3 * 86400, "3 days")],
)
def test_a_length_is_told_in_two_places(seconds: float, text: str) -> None:
    assert words.lasted(timedelta(seconds=seconds)) == text


def test_a_refusal_marks_its_lines_and_nothing_that_it_repeats() -> None:
    refused = Misunderstood("There is no job called *a* \\ b.", hint="`list` shows the jobs.")
    sentence, _, hint = refusals.refusal(refused, "/JOB run *a*").blocks
    assert isinstance(sentence, Paragraph)
    assert isinstance(hint, Paragraph)
    assert unmarked(sentence.text) == "There is no job called *a* \\ b."
    assert (hint.text, hint.marked) == ("`list` shows the jobs.", True)


@pytest.mark.parametrize("line", ["/job run x", "job run x", "  run x ", "/JOB  run x"])
def test_a_refusal_repeats_the_line_with_one_prefix(line: str) -> None:
    code = refusals.refusal(Misunderstood("No."), line).blocks[1]
    assert getattr(code, "text", "") == "/job run x"


def test_a_line_that_only_begins_like_the_prefix_is_kept() -> None:
    code = refusals.refusal(Misunderstood("No."), "jobs").blocks[1]
    assert getattr(code, "text", "") == "/job jobs"


def test_several_mistakes_stand_in_lines_of_their_own() -> None:
    refused = Invalid("All of it.", fields={"a": "'a' wants a number.", "b": "'b' is *wrong*."})
    first = refusals.refusal(refused, "run x").blocks[0]
    assert isinstance(first, Paragraph)
    assert unmarked(first.text) == "• 'a' wants a number.\n• 'b' is *wrong*."
