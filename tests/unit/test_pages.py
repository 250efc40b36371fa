from __future__ import annotations

import json

import pytest

from adapters.render import pages, sheets
from core.messages import ChartData, Column, Facts, Headline, Headlines, Image, Message, Paragraph, Table


def text(words: object) -> str:
    """The words of the template's data, joined."""
    if isinstance(words, str):
        return words
    assert isinstance(words, dict)
    return "\n".join("".join(one["text"] for one in line) for line in words["lines"])


def table(columns: int, rows: int, cell: str = "value") -> Table:
    made = tuple(Column(f"column {index}") for index in range(columns))
    return Table(made, tuple((cell,) * columns for _ in range(rows)), title="Many")


def test_a_message_becomes_its_blocks_in_order_and_every_text_a_value() -> None:
    hostile = '#panic("x") *bold* $y$ <label>'
    message = Message(
        text="Succeeded · report · #1",
        title=hostile,
        blocks=(
            Facts((("region", "EU"), ("note", ""))),
            Headlines((Headline("total", "€1,234", "+5 %"),)),
            Paragraph("It is *so*\nand `so`", marked=True),
            Table((Column("day"), Column("n", "integer")), (("Mon", 1234),)),
        ),
    )
    data = pages.describe(message, "report · #1")
    assert text(data["title"]) == hostile
    assert [one["kind"] for one in data["blocks"]] == ["facts", "headlines", "paragraph", "table"]
    facts, numbers, paragraph, rows = data["blocks"]
    assert [text(one["value"]) for one in facts["items"]] == ["EU", "–"]
    assert text(numbers["items"][0]["value"]) == "€1,234"
    assert paragraph["words"]["lines"][0][1] == {"text": "so", "style": "bold"}
    assert paragraph["words"]["lines"][1][1] == {"text": "so", "style": "code"}
    assert rows["parts"][0]["rows"] == [["Mon", "1,234"]]
    assert rows["parts"][0]["right"] == [False, True]
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_what_takes_over_a_page_is_taken_out_and_long_words_may_break() -> None:
    said = pages.words("a\u202eb\x00c " + "x" * 30)
    assert text(said) == "abc " + "x" * 12 + "\u200b" + "x" * 12 + "\u200b" + "x" * 6
    assert pages.words(" \n ")["lines"] == []


@pytest.mark.parametrize(
    ("said", "rtl"), [("مرحبا 42", True), ("42 שלום", True), ("a مرحبا", False), ("42", False)]
)
def test_a_text_has_the_direction_of_its_first_letter(said: str, *, rtl: bool) -> None:
    assert pages.words(said)["rtl"] is rtl


def test_a_table_lies_then_shrinks_then_goes_on_in_parts_that_repeat_its_first_column() -> None:
    narrow, wide, endless = (sheets.write(table(count, 2)) for count in (4, 13, 30))
    assert not sheets.is_wide(narrow)
    assert [one.widths for one in sheets.parts(narrow, lying=False)] == [(None,) * 4]
    assert sheets.is_wide(wide)
    assert len(sheets.parts(wide, lying=True)) == 1
    assert sheets.parts(wide, lying=True)[0].size <= sheets.SIZES[0]
    parts = sheets.parts(endless, lying=True)
    assert len(parts) > 1
    assert {one.columns[0] for one in parts} == {"column 0"}
    assert [name for one in parts for name in one.columns[1:]] == [
        f"column {index}" for index in range(1, 30)
    ]
    assert parts[0].note.startswith("Columns 2 to ")
    assert parts[-1].note.endswith("to 30 of 30")


def test_a_long_table_says_that_it_goes_on_in_the_csv_file() -> None:
    whole, long = (sheets.write(table(2, count)) for count in (sheets.ROWS, sheets.ROWS + 1))
    assert whole.note == ""
    assert long.note == "These are the first 500 of 501 rows; the CSV file has all of it."
    many = sheets.write(table(sheets.COLUMNS + 1, 60))
    assert len(many.columns) == sheets.COLUMNS
    assert len(many.rows) * len(many.columns) <= sheets.CELLS
    assert (
        many.note
        == "These are the first 50 of 60 rows and the first 120 of 121 columns; the CSV file has all of it."
    )


def test_a_chart_that_cannot_be_drawn_is_told_in_words() -> None:
    chart = ChartData("bar", ("c", "n"), (("a", 1),))
    data = pages.describe(Message(text="Succeeded", blocks=(Image(chart, "Bar chart: a 1."),)), "x", [None])
    assert text(data["blocks"][0]["instead"]) == "The chart is not shown. Bar chart: a 1."
