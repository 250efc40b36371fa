"""How long charts, tables and results take: one JSON line per figure; `ratio` over `limit` is too slow.

`reference` is what the figure is held against, measured in the same run or fixed; both in milliseconds.
"""

from __future__ import annotations

import asyncio
import csv as stdlib
import io
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from adapters.render import charts, csv, studio
from adapters.sources.sql import Sources
from core.definitions import SourceDefinition
from core.messages import ChartData, Column, Table
from tests.benchmarks.figures import figure

CHART_COLD = 400.0  # milliseconds, of the first chart of a run; the bare library takes 400 to 560 to start
CHART_WARM = 200.0
TABLE = 20.0
STALL = 50.0
LIBRARY = "import vl_convert as v; v.vegalite_to_png({'data': {'values': [{}]}, 'mark': 'point'})"
THOUSAND = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) "
    "select i, i * 1.5 as f, 'name ' || i as t, date('2026-01-01', i || ' days') as d from n"
)


def chart(number: int) -> ChartData:
    """Thirty days of four channels; another number, another picture."""
    names = ("Paid search", "Paid social", "Newsletter", "Display")
    rows = tuple(
        (f"2026-03-{day:02}", name, (day * 37 + index * 113 + number * 7) % 900 + 100.5)
        for day in range(1, 31)
        for index, name in enumerate(names)
    )
    return ChartData("stacked_bar", ("day", "channel", "n"), rows, "day", "n", "channel", "Revenue", "EUR")


def table() -> Table:
    """A thousand rows of six columns."""
    columns = tuple(Column(title) for title in ("day", "channel", "clicks", "cost", "revenue", "note"))
    rows = tuple(
        ("2026-03-01", f"channel {i % 7}", i, i * 0.37, i * 1.91, 'says "hi", twice') for i in range(1_000)
    )
    return Table(columns, rows)


async def took(work: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    await work()
    return (time.perf_counter() - started) * 1000


async def cold() -> float:
    """A chart when no drawing process is there."""
    studio.close()
    return await took(lambda: charts.png(chart(0)))


async def prepared() -> float:
    """The first chart of a run that was announced with `studio.prepare()` when it started."""
    studio.close()
    studio.prepare()
    while not studio.is_ready():
        await asyncio.sleep(0.01)
    return await took(lambda: charts.png(chart(0)))


async def stall(work: Callable[[], Awaitable[Any]]) -> float:
    """The longest that the event loop did not turn meanwhile, in milliseconds."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    watching = asyncio.create_task(watch())
    await work()
    watching.cancel()
    return longest * 1000


def library() -> float:
    """The bare library in a bare process: what a cold chart cannot be faster than."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", LIBRARY], check=True)
    return (time.perf_counter() - started) * 1000


def write_table() -> float:
    """A table of a thousand rows as CSV, in milliseconds."""
    started = time.perf_counter()
    b"".join(csv.of_table(table_made))
    return (time.perf_counter() - started) * 1000


def write_bare() -> float:
    """The same rows through the standard library's writer, in milliseconds."""
    started = time.perf_counter()
    stdlib.writer(io.StringIO()).writerows(table_made.rows)
    return (time.perf_counter() - started) * 1000


table_made = table()


async def measure() -> None:
    """Every figure: medians, so that one disturbance of the machine decides nothing."""
    pairs = [
        (await asyncio.to_thread(library), await cold()) for _ in range(5)
    ]  # in turns: the load is the same
    bare, coldest = (statistics.median(column) for column in zip(*pairs, strict=True))
    figure("chart to PNG, nothing announced, to the bare library's first picture", coldest, bare, 1.6)
    first = statistics.median([await prepared() for _ in range(5)])
    figure("chart to PNG, cold: the first of a run (ms, of 400)", first, CHART_COLD, 1)
    warm = statistics.median([await took(lambda n=n: charts.png(chart(n))) for n in range(1, 10)])  # type: ignore[misc]
    figure("chart to PNG, warm (ms, of 200)", warm, CHART_WARM, 1)
    figure("chart: event loop held (ms, of 50)", await stall(lambda: charts.png(chart(50))), STALL, 1)
    figure("1,000 rows to CSV (ms, of 20)", statistics.median([write_table() for _ in range(21)]), TABLE, 1)
    plain = statistics.median([write_bare() for _ in range(21)])
    figure(
        "1,000 rows to CSV, to csv.writer", statistics.median([write_table() for _ in range(21)]), plain, 12
    )
    await measure_source()
    studio.close()


async def measure_source() -> None:
    """A thousand rows of a source."""
    with tempfile.TemporaryDirectory() as folder:
        sqlite3.connect(Path(folder) / "shop.db").close()
        source = await Sources(Path(folder)).open("shop", SourceDefinition(url="sqlite:///shop.db"), {})
        await source.query("select 1", {})
        held = statistics.median([await stall(lambda: source.query(THOUSAND, {})) for _ in range(9)])
        figure("1,000 rows from SQLite: event loop held (ms, of 50)", held, STALL, 1)
        await source.close()


def main() -> None:
    """Print every figure."""
    asyncio.run(measure())


if __name__ == "__main__":
    main()
