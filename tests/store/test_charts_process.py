from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.render import charts, drawing, pages, specification, studio
from core.errors import Fault
from core.messages import ChartData, Column, Document, Image, Message, Paragraph, Table

CHART = ChartData("bar", ("channel", "n"), (("search", 12), ("social", 7)), title="Orders", unit="EUR")
DRAWING = str(Path(drawing.__file__))


@pytest.fixture(autouse=True)
def _end_processes() -> Iterator[None]:
    """Each test begins and ends without one; a slow machine may take its time to start one."""
    studio.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio, "TIME_LIMIT", 120.0)
        yield
    studio.close()


def children() -> list[int]:
    """The drawing processes of this process that live."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # it ended while we looked
        if DRAWING.encode() in command and int(parent) == os.getpid():
            found.append(int(folder.name))
    return found


async def eventually(condition: Callable[[], Any], limit: float = 60) -> None:
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, "the condition did not come true in time"
        await asyncio.sleep(0.01)


@contextmanager
def specified(spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def specify(_: ChartData, *, dark: bool) -> dict[str, Any]:
        return {**spec, "background": "black" if dark else "white"}

    with monkeypatch.context() as patch:
        patch.setattr(specification, "specify", specify)
        yield


ENDLESS = {
    "data": {"sequence": {"start": 0, "stop": 4_000_000}},
    "transform": [{"calculate": "sin(datum.data) + cos(datum.data)", "as": "y"}],
    "mark": "line",
    "encoding": {"x": {"field": "data", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
}


@pytest.mark.parametrize("kind", ["number", "bar", "stacked_bar", "line", "area", "pie"])
@pytest.mark.parametrize("small", [False, True])
async def test_every_kind_is_drawn_as_wide_as_its_reader_takes(kind: str, *, small: bool) -> None:
    rows = tuple((f"2026-02-{day:02}", name, day * 3.5) for day in range(1, 20) for name in ("a", "b"))
    data = ChartData(kind, ("day", "name", "n"), rows, "day", "n", "name", "Orders by day")
    picture = await charts.png(data, dark=small, small=small)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    least, most, highest = (980, 1_024, 1_024) if small else (1_400, 1_460, 1_600)
    assert least <= width <= most
    assert 140 <= height <= highest


async def test_an_svg_is_text_that_loads_nothing() -> None:
    text = (await charts.svg(CHART)).decode()
    assert text.startswith("<svg")
    assert "Orders" in text
    assert "€12" in text
    assert "http" not in text.replace("http://www.w3.org/", "")


async def test_what_data_says_is_text_in_the_picture() -> None:
    data = ChartData("bar", ("c", "n"), (("<script>alert(1)</script>", 1),), title="<b>&amp;")
    text = (await charts.svg(data)).decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;&amp;amp;" in text


async def test_a_process_is_kept_for_the_next_chart_and_ends_when_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await charts.png(CHART)
    [first] = children()
    await charts.png(CHART, dark=True)
    assert children() == [first]
    monkeypatch.setattr(studio, "IDLE", 0.05)
    await charts.png(CHART)
    await eventually(lambda: not children())


async def test_at_most_two_are_drawn_at_once() -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(children()))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    data = [ChartData("bar", ("c", "n"), (("a", i),), title=f"T{i}") for i in range(6)]
    pictures = await asyncio.gather(*(charts.svg(one) for one in data))
    watching.cancel()
    assert len(set(pictures)) == 6
    assert most == 2


async def test_a_prepared_process_draws_the_next_chart() -> None:
    studio.prepare()
    await eventually(children)
    [prepared] = children()
    await eventually(studio.is_ready)
    await charts.png(CHART)
    assert children() == [prepared]


async def test_a_process_that_was_killed_while_it_waited_costs_no_chart() -> None:
    await charts.png(CHART)
    [process] = children()
    os.kill(process, signal.SIGKILL)
    assert (await charts.png(CHART)).startswith(b"\x89PNG")


async def test_a_chart_that_takes_too_long_is_a_fault_and_its_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(studio, "TIME_LIMIT", 1.5)
    wanted = r"“Orders” could not be drawn: it takes longer than 1\.5 seconds"
    with specified(ENDLESS, monkeypatch), pytest.raises(Fault, match=wanted):
        await charts.png(CHART)
    assert children() == []
    monkeypatch.undo()
    assert (await charts.png(CHART)).startswith(b"\x89PNG")


async def test_a_chart_that_takes_too_much_memory_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    hungry = {"data": {"values": [{}]}, "mark": "bar", "width": 9_000, "height": 9_000}  # 1.3 GB of pixels
    with specified(hungry, monkeypatch), pytest.raises(Fault, match="it may need too much memory"):
        await charts.png(CHART)
    assert children() == []


async def test_a_cancelled_asker_ends_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    with specified(ENDLESS, monkeypatch):
        drawing_task = asyncio.create_task(charts.png(CHART))
        await eventually(children)
        drawing_task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drawing_task
        await eventually(lambda: not children())


@pytest.mark.parametrize(
    "spec",
    [
        {"data": {"url": "https://example.com/x.csv"}, "mark": "bar", "encoding": {"x": {"field": "a"}}},
        {"data": {"url": "data/cars.json"}, "mark": "bar", "encoding": {"x": {"field": "a"}}},
        {"mark": "nonsense", "data": {"values": []}},
        {"nonsense": True},
    ],
)
async def test_what_loads_or_cannot_be_drawn_is_a_fault_with_a_sentence(
    spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with specified(spec, monkeypatch), pytest.raises(Fault, match="could not be drawn") as caught:
        await charts.png(CHART)
    assert "\n" not in str(caught.value)
    assert len(children()) == 1  # there is nothing wrong with the process


async def test_pictures_are_kept_by_what_they_show_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "charts"
    first = await charts.png(CHART, folder=folder)
    [kept] = folder.iterdir()
    assert kept.read_bytes() == first
    assert len(kept.stem) == 64
    kept.write_bytes(b"found")
    assert await charts.png(CHART, folder=folder) == b"found"
    assert await charts.png(CHART, folder=folder, dark=True) != b"found"
    assert (await charts.svg(CHART, folder=folder)).startswith(b"<svg")
    assert len(list(folder.iterdir())) == 3


async def test_a_folder_that_cannot_be_written_costs_no_chart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert (await charts.png(CHART, folder=tmp_path / "file" / "charts")).startswith(b"\x89PNG")
    assert "render.not_kept" in caplog.text


async def test_a_program_that_cannot_be_started_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Fault, match="its process could not be started"):
        await charts.png(CHART)


async def test_charts_are_drawn_from_any_event_loop() -> None:
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(charts.png(CHART))))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert found == [await charts.png(CHART)]
    assert len(children()) == 1


def test_the_process_ends_with_its_parent_and_is_told_no_secret() -> None:
    program = (
        "import asyncio, os\n"
        "from adapters.render import charts, studio\n"
        "from core.messages import ChartData\n"
        "asyncio.run(charts.png(ChartData('bar', ('c', 'n'), (('a', 1),))))\n"
        "child = studio._studio._idle[0]._child.pid\n"
        "print(child, b'hunter2' in open(f'/proc/{child}/environ', 'rb').read(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(charts.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, cwd=root, env={**os.environ, "SECRET": "hunter2"}, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    child, told = done.stdout.split()
    assert told == "False"
    until = time.monotonic() + 60
    while _lives(int(child)):
        assert time.monotonic() < until, "the drawing process outlived its parent"
        threading.Event().wait(0.01)


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_bot_that_draws_nothing_does_not_load_the_library() -> None:
    program = (
        "import sys; from adapters.render import charts; from adapters.agents import report; "
        "print([name for name in ('vl_convert', 'sqlglot', 'psycopg') if name in sys.modules])"
    )
    root = Path(charts.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_a_document_is_set_in_the_same_processes_and_runs_nothing_of_what_it_says() -> None:
    hostile = '#panic("x") #read("/etc/passwd") \\ $ ] } *'
    message = Message(
        text=hostile,
        title="Orders",
        blocks=(Paragraph(hostile), Image(CHART, hostile), Table((Column(hostile),), ((hostile,),))),
    )
    said = Document(message, "orders · #1", datetime(2026, 3, 2, tzinfo=UTC))
    made = await pages.pdf(said)
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert b"/Image" in made
    assert await pages.pdf(said) == made
    assert len(children()) == 1


async def test_a_document_that_cannot_be_set_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "describe", lambda *_: {"name": 1})
    with pytest.raises(Fault, match=r"^The PDF of orders could not be made: .+\.$"):
        await pages.pdf(Document(Message(text="x"), "orders", datetime(2026, 3, 2, tzinfo=UTC)))
