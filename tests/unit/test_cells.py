from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.render.cells import is_right_aligned, write_cell
from core.messages import Cell, ColumnFormat

FORMATS: list[ColumnFormat] = ["text", "number", "integer", "percent", "currency", "date", "duration"]


@pytest.mark.parametrize(
    ("cell", "kind", "written"),
    [
        (None, "number", "–"),
        (True, "text", "yes"),
        (False, "integer", "no"),
        (42, "text", "42"),
        (1_234, "text", "1234"),
        (0.1 + 0.2, "text", "0.3"),
        (1_234.5, "number", "1,234.5"),
        (1_234, "integer", "1,234"),
        (1_234.6, "integer", "1,235"),
        (0.412, "percent", "41.2%"),
        (48_210.5, "currency", "48,210.50"),
        (48_210, "currency", "48,210.00"),
        (2.34, "duration", "2.3 s"),
        (93, "duration", "1 min 33 s"),
        (3_725, "duration", "1 h 2 min"),
        (90_000, "duration", "1 d 1 h"),
        (-93, "duration", "-1 min 33 s"),
        ("2026-03-02T00:00:00", "date", "2026-03-02"),
        ("2026-03-02 00:00:00+00:00", "date", "2026-03-02"),
        ("2026-03-02T09:30:00", "date", "2026-03-02T09:30:00"),
        (math.nan, "number", "–"),
        (10**30, "number", f"{10**30:,}"),
        pytest.param(-(10**5_000), "integer", "about -10^5000", id="huge"),
        ("n/a", "currency", "n/a"),
    ],
)
def test_a_cell_is_written_as_its_column_says(cell: Cell, kind: ColumnFormat, written: str) -> None:
    assert write_cell(cell, kind) == written


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.sampled_from(FORMATS))
def test_any_cell_is_written_in_any_format(cell: Cell, kind: ColumnFormat) -> None:
    assert isinstance(write_cell(cell, kind), str)


@pytest.mark.parametrize(
    ("kind", "cells", "right"),
    [
        ("text", [1, 2.5, None], True),
        ("text", [1, "a"], False),
        ("text", [True], False),
        ("text", [None], False),
        ("currency", ["n/a"], True),
    ],
)
def test_columns_of_numbers_stand_at_the_right(kind: ColumnFormat, cells: list[Cell], right: bool) -> None:
    assert is_right_aligned(kind, cells) is right
