"""The files of a folder as a source: what may be asked, and what the process around DuckDB keeps away."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from adapters.sources import duckdb as module
from adapters.sources.duckdb import DuckdbSource
from adapters.sources.sql import Sources
from core.definitions import SourceDefinition
from core.errors import SourceError
from core.ports import Source
from tests.limits import within


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    (data / "sales.csv").write_text(
        "day,amount,channel\n2026-01-01,12.5,ads\n2026-01-02,8,mail\n2026-01-03,1.25,ads\n"
    )
    (data / "orders.json").write_text('[{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}]')
    (data / "events.jsonl").write_text('{"kind": "open"}\n{"kind": "close"}\n')
    (data / "zipped.csv.gz").write_bytes(gzip.compress(b"n\n1\n2\n"))
    duckdb.execute(f"copy (select 42 as answer) to '{data / 'facts.parquet'}'")
    (data / "twin.csv").write_text("a\n1\n")
    (data / "twin.json").write_text('[{"a": 2}]')
    (data / "it's odd.csv").write_text("a\n3\n")
    (data / "notes.txt").write_text("not read\n")
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")
    (data / "leak.csv").symlink_to(tmp_path / "secret.csv")
    (data / "below").mkdir()
    (data / "below" / "deep.csv").write_text("a\n1\n")
    return tmp_path


async def opened(folder: Path, **more: Any) -> Source:
    definition = SourceDefinition.model_validate({"url": "duckdb:///data"} | more)
    return await Sources(folder).open("files", definition, {})


@pytest.fixture
async def files(folder: Path) -> AsyncIterator[Source]:
    source = await opened(folder)
    yield source
    await source.close()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select channel, sum(amount) s from sales group by 1 order by 1", (("ads", 13.75), ("mail", 8.0))),
        ("from sales select count(*)", ((3,),)),
        ("select day from SALES order by day limit 1", (("2026-01-01",),)),
        ("select id, tags from orders order by id", ((1, '["a", "b"]'), (2, "[]"))),
        ("select kind from events order by kind", (("close",), ("open",))),
        ("select sum(n) from zipped", ((3,),)),
        ("select answer from facts", ((42,),)),
        ('select a from "twin.csv" union all select a from "twin.json"', ((1,), (2,))),
        ('select a from "it\'s odd"', ((3,),)),
        ("with x as (select 1 as a) select * from x", ((1,),)),
        ("select timestamptz '2026-03-02 08:00:00+00' at time zone 'UTC'", (("2026-03-02T08:00:00",),)),
        ("select 'nan'::float, 1.50::decimal(9, 2), 'x'::blob", (("NaN", 1.5, "(binary, 1 bytes)"),)),
    ],
)
async def test_files_are_tables(files: Source, sql: str, rows: tuple[Any, ...]) -> None:
    assert (await files.query(sql, {})).rows == rows


async def test_a_time_with_a_zone_is_iso_text(files: Source) -> None:
    rows = await files.query("select timestamptz '2026-03-02 08:00:00+00' as t", {})
    assert datetime.fromisoformat(str(rows.rows[0][0])) == datetime(2026, 3, 2, 8, tzinfo=UTC)


async def test_values_are_bound_and_keep_their_types(files: Source) -> None:
    values = {
        "text": "'; drop table sales; --",
        "day": date(2026, 1, 2),
        "at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "number": 1.5,
        "whole": 7,
        "yes": True,
        "money": Decimal("1.10"),
        "nothing": None,
        "unused": "not sent",
    }
    sql = (
        "select :text, typeof(:day), typeof(:number), typeof(:whole), typeof(:yes), typeof(:money), "
        "epoch(:at), :nothing, (select amount from sales where day = :day)"
    )
    assert (await files.query(sql, values)).rows == (
        (
            values["text"], "DATE", "DOUBLE", "INTEGER", "BOOLEAN", "DECIMAL(3,2)",
            datetime(2026, 1, 2, 3, 4, tzinfo=UTC).timestamp(), None, 8.0,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('{folder}/secret.csv')",
        "select * from '{folder}/secret.csv'",
        "select * from read_csv('{folder}/data/../secret.csv') -- sales",
        "select * from '{folder}/data/below/deep.csv'",
        "select * from glob('/*')",
        "select * from read_blob('/proc/self/environ')",
        "select * from read_csv('http://127.0.0.1:9/x.csv')",
        "select * from read_parquet('s3://bucket/x.parquet')",
        "select * from sniff_csv('/etc/passwd')",
        "select * from duckdb_secrets()",
        "select * from leak",
        "select * from deep",
    ],
)
async def test_nothing_but_the_files_is_read(folder: Path, files: Source, sql: str) -> None:
    with pytest.raises(SourceError) as caught:
        await files.query(sql.replace("{folder}", str(folder)), {})
    assert "hunter2" not in str(caught.value)


async def test_what_reaches_outside_is_told_what_it_may_read(files: Source) -> None:
    with pytest.raises(SourceError, match="outside of its files") as caught:
        await files.query("select * from read_text('/etc/passwd')", {})
    assert caught.value.permanent
    assert "sales" in caught.value.hint


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("copy (select 1) to '{folder}/data/sales.csv' (use_tmp_file false)", "read only"),
        ("create table t as select 1", "read only"),
        ("insert into sales values (1)", "read only"),
        ("attach '{folder}/x.db'", "read only"),
        ("install httpfs", "read only"),
        ("set memory_limit = '10GB'", "read only"),
        ("pragma version", "read only"),
        ("select 1; select 2", "one statement"),
        ("-- nothing", "empty"),
        ("selec 1", "syntax error"),
        ("select nocol from sales", "nocol"),
        (f"select {'1+' * 30_000}1", "longer than"),
    ],
)
async def test_only_one_selecting_statement_is_run(folder: Path, files: Source, sql: str, said: str) -> None:
    before = (folder / "data" / "sales.csv").read_bytes()
    with pytest.raises(SourceError, match=said) as caught:
        await files.query(sql.replace("{folder}", str(folder)), {})
    assert caught.value.permanent
    assert str(folder) not in caught.value.sentence
    assert (folder / "data" / "sales.csv").read_bytes() == before


async def test_a_missing_table_names_the_nearest_file(files: Source) -> None:
    with pytest.raises(SourceError, match="salse does not exist") as caught:
        await files.query("select * from salse", {})
    assert caught.value.hint == "Did you mean sales?"


async def test_rows_and_bytes_are_limited(folder: Path) -> None:
    few = await opened(folder, max_rows=2)
    rows = await few.query("select * from range(1000000)", {})
    assert rows.rows == ((0,), (1,))
    assert rows.truncated
    small = await opened(folder, max_bytes=1_000)
    rows = await small.query("select 'x' || i from range(1000000) t(i)", {})
    assert rows.truncated
    assert 0 < len(rows.rows) < 1_000


async def test_a_query_ends_at_its_time(folder: Path) -> None:
    slow = await opened(folder, timeout="1500ms")
    with within(60), pytest.raises(SourceError, match=r"timed out after 1500ms"):
        await slow.query("select count(*) from range(100000000000) t(i) where hash(i) % 7 = i % 5", {})


async def test_one_function_that_wants_all_memory_gets_none(folder: Path) -> None:
    """DuckDB itself neither limits nor interrupts this one."""
    source = await opened(folder, timeout="60s")
    with pytest.raises(SourceError, match=r"more memory than it may have"):
        await source.query("select length(repeat('x', 3000000000))", {})


async def test_a_cancelled_query_leaves_no_process(folder: Path) -> None:
    source = await opened(folder, timeout="60s")
    assert isinstance(source, DuckdbSource)
    task = asyncio.create_task(
        source.query("select count(*) from range(100000000000) t(i) where hash(i) % 7 = i % 5", {})
    )
    async with asyncio.timeout(60):
        while not source._children:
            await asyncio.sleep(0.01)
    (child,) = source._children
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert child.returncode is not None
    assert not source._children


async def test_the_loop_goes_on_meanwhile(folder: Path) -> None:
    source = await opened(folder)
    task = asyncio.create_task(source.query("select sum(hash(i)) is null from range(20000000) t(i)", {}))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert (await task).rows == ((False,),)
    assert turns > 3


async def test_a_closed_source_asks_nothing(folder: Path) -> None:
    source = await opened(folder)
    await source.close()
    await source.close()
    with pytest.raises(SourceError, match="closed"):
        await source.query("select 1", {})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("duckdb:///nowhere", "not there"),
        ("duckdb:///:memory:", "names no folder"),
        ("duckdb://", "names no folder"),
        ("duckdb://host/data", "names no folder"),
        ("duckdb:///data/sales.csv", "not there"),
    ],
)
async def test_a_url_that_is_no_folder_is_explained(folder: Path, url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        await opened(folder, url=url)


async def test_without_the_extra_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)  # type: ignore[attr-defined]
    with pytest.raises(SourceError, match="not installed") as caught:
        await opened(folder)
    assert caught.value.hint == "Install it: pip install 'slashjob[duckdb]'"
    assert caught.value.permanent


async def test_a_child_that_says_nonsense_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHILD", "import os; os.kill(os.getpid(), 9)")
    source = await opened(folder)
    with pytest.raises(SourceError, match="more memory"):
        await source.query("select 1", {})


async def test_the_environment_of_the_bot_is_not_handed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLASHJOB_SECRET_KEYS", "hunter2")
    said = json.dumps({"columns": ["e"], "truncated": False})[:-1]
    child = (
        f"import os, json; print({said!r} + ', \"rows\": [[' + json.dumps(str(dict(os.environ))) + ']]}}')"
    )
    monkeypatch.setattr(module, "_CHILD", child)
    source = await opened(folder, timeout=timedelta(seconds=20))
    rows = await source.query("select 1", {})
    assert "hunter2" not in str(rows.rows)
    assert "PATH" in str(rows.rows)
