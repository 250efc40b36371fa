"""The envelope of a program: what it may say, and what is said about a wrong one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.agents import envelope
from core.entries import Answered, Charted, Entry, Headlined, Logged, Progressed, Returned, encode
from core.errors import AgentError

TABLE = {
    "name": "days",
    "title": "Days",
    "columns": ["day", {"name": "sum", "format": "number"}],
    "rows": [["mon", 1.5], {"sum": 2, "day": "tue"}, {"day": "wed"}],
}


def entries(**said: Any) -> list[Entry]:
    found = envelope.read(json.dumps(said))
    assert found is not None
    return envelope.entries(found)


def test_everything_that_it_may_hold() -> None:
    said = entries(
        summary="*3* days",
        headline=[{"name": "Sum", "value": 3.5, "format": "currency", "unit": "€", "change": -0.1}],
        tables=[TABLE],
        charts=[{"table": "days", "type": "line", "x": "day", "y": "sum", "title": "By day", "unit": "€"}],
        progress={"text": "done", "done": 3, "total": 3},
    )
    rows = (("mon", 1.5), ("tue", 2), ("wed", None))
    progress, table, chart, headline, answer = said
    assert progress == Progressed("done", 3, 3)
    assert table == Returned("days", ("day", "sum"), rows, formats=("text", "number"), title="Days")
    assert isinstance(chart, Charted)
    assert (chart.name, chart.alt) == ("days", "By day: line chart")
    assert (chart.chart.columns, chart.chart.rows, chart.chart.x, chart.chart.unit) == (
        ("day", "sum"), rows, "day", "€",
    )  # fmt: skip
    assert headline == Headlined("Sum", 3.5, "currency", "€", -0.1)
    assert answer == Answered("*3* days", marked=True)


@pytest.mark.parametrize(
    "text",
    [
        "", "text", "{", "{}", "[1]", '"x"', '{"other": 1}', '{"summary": "x"} trailing', "{'summary': 'x'}",
        '{"summary": "\\ud800"}', "[" * 100_000, '{"a":' * 100_000, '{"summary": NaN',
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_text(text: str) -> None:
    assert envelope.read(text) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"summary": 5}, "`summary`"),
        ({"headline": {}}, "`headline`"),
        ({"headline": [{"name": "x"}]}, "`headline[0].value`"),
        ({"headline": [{"name": "x", "value": 1, "format": "roman"}]}, "`headline[0].format`"),
        ({"headline": [{"name": "x", "value": 1}] * 21}, "`headline`"),
        ({"tables": [{"rows": []}]}, "`tables[0].columns`"),
        ({"tables": [{"columns": [], "rows": []}]}, "`tables[0].columns`"),
        ({"tables": [{"columns": ["a", "a"], "rows": []}]}, "same name"),
        ({"tables": [{"columns": ["a"], "rows": [[1], [1, 2]]}]}, "row 2 has 2 cells for 1 columns"),
        ({"tables": [{"columns": ["a"], "rows": [{"b": 1}]}]}, "row 1 has cells that belong to no column"),
        ({"tables": [{"columns": ["a"], "rows": [[[]]]}]}, "`tables[0].rows[0]"),
        ({"tables": [{"columns": ["a"], "rows": [], "extra": 1}]}, "`tables[0].extra`"),
        ({"charts": [{"x": "a"}]}, "wants the table ''"),
        ({"charts": [{"table": "zz"}], "tables": [TABLE]}, "wants the table 'zz'"),
        ({"charts": [{"x": "zz"}], "tables": [TABLE]}, "wants the column 'zz'"),
        ({"files": [{"name": "a"}]}, "either text or base64"),
        ({"files": [{"name": "a", "text": "", "base64": ""}]}, "either text or base64"),
        ({"files": [{"name": "a", "text": "", "media_type": "html"}]}, "`files[0].media_type`"),
        ({"progress": 5}, "`progress`"),
    ],
)
def test_a_wrong_envelope_is_one_permanent_failure_that_says_where(said: dict[str, Any], words: str) -> None:
    with pytest.raises(AgentError) as refused:
        entries(**said)
    assert words in refused.value.sentence
    assert refused.value.permanent
    assert "pydantic" not in refused.value.sentence


def test_an_unknown_key_is_named_and_ignored() -> None:
    assert entries(summary="x", sumary="y") == [
        Logged("Unknown in the answer: sumary.", "warning"),
        Answered("x", marked=True),
    ]


@pytest.mark.parametrize(("count", "kept", "truncated"), [(1000, 1000, False), (1001, 1000, True)])
def test_a_long_table_is_cut_and_says_so(count: int, kept: int, *, truncated: bool) -> None:
    (table,) = entries(tables=[{"columns": ["a"], "rows": [[number] for number in range(count)]}])
    assert isinstance(table, Returned)
    assert (len(table.rows), table.truncated) == (kept, truncated)


def test_numbers_that_are_none_and_huge_texts_do_not_reach_the_store() -> None:
    found = envelope.read(
        '{"tables": [{"columns": ["a", "b"], "rows": [[NaN, "%s"], [Infinity, true]]}],'
        ' "headline": [{"name": "x", "value": NaN}]}' % ("x" * 5_000)
    )
    assert found is not None
    table, headline = envelope.entries(found)
    assert isinstance(table, Returned)
    assert [row[0] for row in table.rows] == [None, None]
    assert table.rows[0][1] == "x" * 1_999 + "…"
    assert table.rows[1][1] is True
    assert headline == Headlined("x", None)
    json.dumps([encode(table), encode(headline)], allow_nan=False)


def test_a_file_holds_text_or_bytes() -> None:
    found = envelope.read('{"files": [{"name": "a", "text": "ä"}, {"name": "b", "base64": "AAE="}]}')
    assert found is not None
    assert [file.content() for file in found.files] == ["ä".encode(), b"\0\1"]


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ({"text": "x", "done": 1, "total": 2}, Progressed("x", 1, 2)),
        ({"text": "x"}, Progressed("x")),
        ({"done": 1}, Progressed("", 1)),
        ({"text": 5}, None),
        ({"done": "many"}, None),
        ({"stage": "x"}, None),
    ],
)
def test_a_step_is_read_or_left_alone(said: dict[str, Any], step: Progressed | None) -> None:
    assert envelope.progressed(said) == step
