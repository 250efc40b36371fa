"""What of a long table or text is shown, and the words for what is not."""

from __future__ import annotations

import pytest

from adapters.render import excerpts
from core.messages import Column, Table

WIDE = Table(tuple(Column(f"c{n}") for n in range(9)), tuple((n,) for n in range(12)), total_rows=1_284)


@pytest.mark.parametrize(
    ("rows", "columns", "shortened", "said"),
    [
        (1_284, 9, False, ""),
        (12, 9, False, "first 12 of 1,284 rows"),
        (1_284, 7, False, "7 of 9 columns (without c7, c8)"),
        (1_284, 2, True, "2 of 9 columns (without c2, c3, c4, c5, c6 and 2 more) · long cells cut"),
    ],
)
def test_what_is_left_out_of_a_table_is_said(rows: int, columns: int, shortened: bool, said: str) -> None:
    assert excerpts.note(WIDE, rows, columns, shortened=shortened) == said


def test_a_row_has_a_cell_for_every_column() -> None:
    assert excerpts.cells((1, "a\nb"), WIDE.columns[:3]) == ["1", "a b", ""]
    assert excerpts.right(WIDE, WIDE.columns[:2]) == (True, False)


def test_the_end_of_a_long_text_is_kept_more_than_its_beginning() -> None:
    text = "".join(f"{n:05}" for n in range(1_000))
    shown = excerpts.middle(text, 500)
    assert len(shown) <= 500
    assert shown.startswith("00000")
    assert shown.endswith("00999")
    assert "4,500 characters left out" in shown
    assert shown.index("…") < 100
    assert excerpts.middle(text, len(text)) == text


def test_many_lines_lose_their_middle() -> None:
    lines = [f"line {n}" for n in range(100)]
    shown = excerpts.code("\n".join(lines) + "\n", 10_000).split("\n")
    assert (shown[0], shown[8], shown[-1]) == ("line 0", "… 60 lines left out …", "line 99")
    assert len(shown) == excerpts.CODE_LINES + 1
    whole = "\n".join(lines[: excerpts.CODE_LINES])
    assert excerpts.code(whole, 10_000) == whole
