"""Charts and files that a console links to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.attachments import Attachments
from core.errors import Fault
from core.messages import ChartData, Column, File, Image, Message, Table

CHART = Image(ChartData("bar", ("x", "y"), (("a", 1), ("b", 2)), "x", "y"), "two bars")
TABLE = File("../sales 1.csv", "text/csv", Table((Column("day"), Column("sum")), (("Mon", 1), ("=1+1", 2))))


async def test_a_file_is_written_below_the_data_folder_and_linked(tmp_path: Path) -> None:
    made = Attachments(tmp_path)
    assert made.file(TABLE) == ""
    await made.prepare(Message(text="x", blocks=(TABLE,)))
    [path] = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert made.file(TABLE) == path.as_uri()
    assert path.name == "_sales_1.csv"
    assert path.read_text("utf-8-sig").splitlines() == ["day,sum", "Mon,1", "'=1+1,2"]


async def test_a_chart_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    async def draw(chart: ChartData) -> bytes:
        drawn.append(chart)
        return b"picture"

    monkeypatch.setattr("adapters.render.charts.png", draw)
    made = Attachments(tmp_path)
    for _ in range(2):
        await made.prepare(Message(text="x", blocks=(CHART,)))
    assert drawn == [CHART.chart]
    [path] = tmp_path.glob("charts/*.png")
    assert (made.image(CHART), path.read_bytes()) == (path.as_uri(), b"picture")


async def test_what_cannot_be_drawn_loses_its_link_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(chart: ChartData) -> bytes:
        raise Fault("no such column")

    monkeypatch.setattr("adapters.render.charts.png", fail)
    made = Attachments(tmp_path)
    await made.prepare(Message(text="x", blocks=(CHART, TABLE)))
    assert made.image(CHART) == ""
    assert made.file(TABLE)
    assert [record.getMessage() for record in caplog.records] == ["attachment.not_made"]


async def test_a_kept_file_is_linked_where_it_lies(tmp_path: Path) -> None:
    kept = File("plan.pdf", "application/pdf", path="ab/abcdef")
    made = Attachments(tmp_path)
    await made.prepare(Message(text="x", blocks=(kept,)))
    assert made.file(kept) == (tmp_path / "ab" / "abcdef").as_uri()
