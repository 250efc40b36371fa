from __future__ import annotations

import csv as stdlib
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.render import csv
from core.entries import Returned
from core.messages import Cell, Column, Table


def written(*cells: Cell) -> str:
    return b"".join(csv.pieces(["a"], [cells])).decode("utf-8-sig").split("\r\n", 1)[1].removesuffix("\r\n")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("two\nlines", '"two\nlines"'),
        (" padded ", '" padded "'),
        ("Ünïcode 日本 🚲", "Ünïcode 日本 🚲"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (-12, "-12"),
        (12.5, "12.5"),
        (-0.25, "-0.25"),
        (1e300, "1e+300"),
        (3.0, "3"),
        (float("nan"), ""),
        (float("inf"), ""),
    ],
)
def test_cells_are_written_as_a_spreadsheet_reads_them(cell: Cell, text: str) -> None:
    assert written(cell) == text


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        '=HYPERLINK("http://x")',
        "＝1",
        "%0a",
    ],
)
def test_text_that_a_spreadsheet_would_compute_is_made_harmless(cell: str) -> None:
    [[read]] = stdlib.reader(io.StringIO(written(cell), newline=""))
    assert read == f"'{cell}"


@pytest.mark.parametrize("cell", ["-12.5", "+3", "-1e5", "-3%", "a=b", "e-mail", "1-2"])
def test_numbers_and_innocent_text_stay_as_they_are(cell: str) -> None:
    assert written(cell) == cell


def test_a_file_has_the_mark_of_utf8_and_lines_of_rfc_4180() -> None:
    table = Table((Column("day"), Column("=total", "number")), (("2026-01-01", 1.5), ("2026-01-02", None)))
    assert b"".join(csv.of_table(table)) == (b"\xef\xbb\xbfday,'=total\r\n2026-01-01,1.5\r\n2026-01-02,\r\n")


def test_a_result_is_written_with_all_of_its_rows() -> None:
    result = Returned("total", ("n",), tuple((i,) for i in range(3000)), title="Total")
    assert b"".join(csv.of_result(result)).count(b"\r\n") == 3001


@settings(max_examples=100)
@given(
    st.lists(
        st.lists(st.text() | st.integers() | st.none() | st.booleans(), min_size=2, max_size=2), max_size=8
    )
)
def test_what_is_written_is_read_back_by_any_reader(rows: list[list[Cell]]) -> None:
    data = b"".join(csv.pieces(["a", "b"], rows)).decode("utf-8-sig")
    read = list(stdlib.reader(io.StringIO(data, newline="")))
    assert len(read) == len(rows) + 1
    for given_row, read_row in zip(rows, read[1:], strict=True):
        for cell, text in zip(given_row, read_row, strict=True):
            if isinstance(cell, str):
                assert text.removeprefix("'") == cell.encode("utf-8", "replace").decode().removeprefix("'")


def test_memory_does_not_grow_with_the_rows() -> None:
    rows = (("x" * 100, i) for i in range(50_000))
    tracemalloc.start()
    written_bytes = sum(len(piece) for piece in csv.pieces(["text", "i"], rows))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written_bytes > 5_000_000
    assert peak < 1_000_000
