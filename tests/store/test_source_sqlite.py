from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from adapters.sources.sql import Sources, open_source
from adapters.sources.sqlite import SqliteSource
from core.definitions import SourceDefinition
from core.errors import SourceError
from tests.limits import within

FOREVER = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(
        """
        create table sales (id integer primary key, day text, channel text, amount numeric, note blob);
        create index sales_day on sales (day);
        insert into sales (day, channel, amount, note) values
            ('2026-01-01', 'search', 10.5, null), ('2026-01-02', 'social', 20, x'00ff'),
            ('2026-01-03', 'e-mail', -3, 'it''s 100 % :fine');
        """
    )
    connection.close()
    return tmp_path


@asynccontextmanager
async def opened(
    folder: Path, url: str = "sqlite:///shop.db", **limits: object
) -> AsyncIterator[SqliteSource]:
    definition = SourceDefinition.model_validate({"url": url, **limits})
    source = await Sources(folder).open("shop", definition, {})
    assert isinstance(source, SqliteSource)
    try:
        yield source
    finally:
        await source.close()
        await source.close()


async def eventually(condition: Callable[[], bool], limit: float = 60) -> None:
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, "the condition did not come true in time"
        await asyncio.sleep(0.01)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def threads() -> int:
    return sum(thread.name == "sqlite-source" for thread in threading.enumerate())


async def test_a_query_returns_cells_in_the_order_of_its_columns(shop: Path) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            "select day, channel, amount as Amount from sales where day >= :since order by day",
            {"since": date(2026, 1, 2), "unused": 1},
        )
    assert rows.columns == ("day", "channel", "Amount")
    assert rows.rows == (("2026-01-02", "social", 20), ("2026-01-03", "e-mail", -3))
    assert not rows.truncated
    assert rows.milliseconds > 0


async def test_values_are_bound_and_never_become_sql(shop: Path) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            "select :v as v, ':v' as text, count(*) as n from sales", {"v": "'; drop table sales --"}
        )
    assert rows.rows == (("'; drop table sales --", ":v", 3),)


async def test_odd_cells_become_json_scalars(shop: Path) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            "select x'00ff' as b, 9e999 as inf, cast(x'ff41' as text) as bad, 'a' || char(0) as nul,"
            " null as n, 1 as n, 2 as ''",
            {},
        )
    assert rows.columns == ("b", "inf", "bad", "nul", "n", "n_2", "column_7")
    assert rows.rows[0] == ("(binary, 2 bytes)", "Infinity", "�A", "a␀", None, 1, 2)


async def test_huge_text_is_shortened_with_a_mark(shop: Path) -> None:
    async with opened(shop) as source:
        rows = await source.query("select :text as t", {"text": "x" * 1_000_000})
    cell = rows.rows[0][0]
    assert isinstance(cell, str)
    assert cell.endswith("x… (cut, 1,000,000 characters)")
    assert len(cell) < 4_100


@pytest.mark.parametrize(("rows", "truncated"), [(99, False), (100, False), (101, True), (5_000, True)])
async def test_a_result_is_truncated_only_where_there_was_more(
    shop: Path, rows: int, *, truncated: bool
) -> None:
    async with opened(shop, max_rows=100) as source:
        result = await source.query(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < :rows) select i from n",
            {"rows": rows},
        )
    assert len(result.rows) == min(rows, 100)
    assert result.truncated is truncated


async def test_a_result_is_kept_up_to_its_size_in_bytes(shop: Path) -> None:
    async with opened(shop, max_bytes=10_000) as source:
        result = await source.query(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)"
            " select :filler as t from n",
            {"filler": "y" * 1_000},
        )
    assert len(result.rows) == 10
    assert result.truncated


async def test_an_endless_result_costs_no_more_than_what_is_kept(shop: Path) -> None:
    async with opened(shop, max_rows=10, timeout="60s") as source:  # when it would be given up, and not told
        result = await source.query(
            "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n", {}
        )
    assert result.truncated


async def test_a_query_that_takes_too_long_is_stopped_and_says_so(shop: Path) -> None:
    async with opened(shop, timeout="2s") as source:  # which a slow machine takes for no short query
        with pytest.raises(SourceError, match=r"timed out after 2s") as caught:
            await source.query(FOREVER, {})
        assert not caught.value.permanent
        assert (await source.query("select 1", {})).rows == ((1,),)


async def test_cancelling_the_asker_stops_the_query(shop: Path) -> None:
    async with opened(shop) as source:
        await eventually(lambda: threads() == 0)
        asking = asyncio.create_task(source.query(FOREVER, {}))
        await eventually(lambda: threads() == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await eventually(lambda: threads() == 0)


async def test_closing_the_source_stops_its_queries(shop: Path) -> None:
    async with opened(shop) as source:
        await eventually(lambda: threads() == 0)
        asking = asyncio.create_task(source.query(FOREVER, {}))
        await eventually(lambda: threads() == 1)
        await source.close()
        with pytest.raises(SourceError, match="was stopped"):
            await asking
        with pytest.raises(SourceError, match="is closed"):
            await source.query("select 1", {})


GUARDED = [
    "drop table sales",
    "delete from sales",
    "insert into sales (day) values ('x')",
    "update sales set amount = 0",
    "create table t (a)",
    "create temp table t (a)",
    "attach 'other.db' as other",
    "attach ':memory:' as other",
    "vacuum into 'copy.db'",
    "pragma query_only = off",
    "pragma journal_mode = delete",
    "pragma writable_schema = on",
    "begin immediate",
    "savepoint s",
    "reindex",
    "analyze",
    "select load_extension('x')",
    "select printf('%.*c', 1000000000, 'x')",
    "select zeroblob(1000000000)",
    "select length(randomblob(1000000000))",
    "select * from pragma_query_only",
    "create virtual table v using fts5(a)",
]


@pytest.mark.parametrize("statement", GUARDED)
async def test_the_driver_refuses_what_does_more_than_read_without_the_filter(
    shop: Path, statement: str
) -> None:
    before = contents(shop)
    async with opened(shop) as source:
        with within(60), pytest.raises(SourceError) as caught:
            await unfiltered(source, statement)
    assert caught.value.permanent
    assert contents(shop) == before


async def unfiltered(source: SqliteSource, statement: str) -> object:
    from adapters.sources.sqlite import _Watch
    from adapters.sources.threads import in_thread

    watch = _Watch(deadline=time.monotonic() + 60)
    return await in_thread(lambda: source._run(statement, {}, watch))


async def test_several_statements_are_refused_without_the_filter(shop: Path) -> None:
    async with opened(shop) as source:
        with pytest.raises(SourceError, match="one statement"):
            await unfiltered(source, "select 1; drop table sales")


async def test_text_that_grows_without_end_is_refused_by_the_driver(shop: Path) -> None:
    async with opened(shop, timeout="10s") as source:
        with pytest.raises(SourceError, match="too big"):
            await source.query(
                "with recursive n(t) as (select 'x' union all select t || t from n) select max(t) from n", {}
            )


async def test_the_schema_may_be_read(shop: Path) -> None:
    async with opened(shop) as source:
        rows = await source.query("select name from pragma_table_info('sales') limit 2", {})
        assert rows.rows == (("id",), ("day",))
        rows = await source.query("select name from sqlite_master where type = 'table'", {})
        assert rows.rows == (("sales",),)
        rows = await source.query("select value from json_each('[1, 2]')", {})
        assert rows.rows == ((1,), (2,))


@pytest.mark.parametrize(
    ("statement", "sentence", "hint"),
    [
        ("select * from sale", "no such table: sale", "Did you mean sales?"),
        ("select * from zzz", "no such table: zzz", "There are: sales."),
        ("select amuont from sales", "no such column: amuont", "Did you mean amount?"),
        ("select :missing", ":missing", ""),
        ("select nonsense(1)", "no such function: nonsense", ""),
        ("select * from sales where", "could not be read", ""),
        ("drop table sales", "read only", ""),
        ("select :big", "too large", ""),
    ],
)
async def test_a_wrong_query_is_told_in_a_sentence_with_what_would_work(
    shop: Path, statement: str, sentence: str, hint: str
) -> None:
    async with opened(shop) as source:
        with pytest.raises(SourceError) as caught:
            await source.query(statement, {"big": 2**70})
    assert sentence in caught.value.sentence
    assert caught.value.sentence.endswith(".")
    assert caught.value.hint == hint
    assert caught.value.permanent


async def test_a_file_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"The file of the source shop does not exist: none\.db"):
        async with opened(tmp_path, "sqlite:///none.db"):
            pass
    assert contents(tmp_path) == {}


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("this is no database, but it is long enough to be looked at" * 50)
    with pytest.raises(SourceError, match="not a sound SQLite database") as caught:
        async with opened(tmp_path):
            pass
    assert caught.value.permanent


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:shop.db?mode=rwc&uri=true"]
)
async def test_a_source_has_to_name_a_file(shop: Path, url: str) -> None:
    with pytest.raises(SourceError, match="names no file"):
        async with opened(shop, url):
            pass


async def test_absolute_paths_and_odd_names_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%41.db"
    sqlite3.connect(path).close()
    path.write_bytes(b"")
    source = await Sources(tmp_path).open(
        "odd", SourceDefinition(url="sqlite:///${FILE}"), {"FILE": str(path)}
    )
    assert (await source.query("select 1 as one", {})).rows == ((1,),)


async def test_a_locked_database_is_told_and_may_be_tried_again(shop: Path) -> None:
    writer = sqlite3.connect(shop / "shop.db", isolation_level=None)
    writer.execute("begin exclusive")
    try:
        with pytest.raises(SourceError, match="locked by another program") as caught:
            async with opened(shop, timeout="100ms"):
                pass
        assert not caught.value.permanent
    finally:
        writer.close()


async def test_a_database_in_wal_mode_is_read_while_it_is_written(shop: Path) -> None:
    writer = sqlite3.connect(shop / "shop.db", isolation_level=None)
    try:
        writer.execute("pragma journal_mode=wal")
        writer.execute("begin immediate")
        writer.execute("delete from sales")
        async with opened(shop) as source:
            assert (await source.query("select count(*) from sales", {})).rows == ((3,),)
    finally:
        writer.close()


async def test_a_missing_variable_is_named_and_no_value_is_told(tmp_path: Path) -> None:
    definition = SourceDefinition(url="sqlite:///${FOLDER}/${SHOP_FILE}")
    with pytest.raises(SourceError, match="SHOP_FILE") as caught:
        await open_source("shop", definition, {"FOLDER": "/hidden/away"}, folder=tmp_path)
    assert "hidden" not in str(caught.value)
    assert caught.value.permanent


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "://", "sqlite:/x"])
async def test_other_urls_are_refused_with_what_is_known(tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceError) as caught:
        await open_source("shop", SourceDefinition(url=url), {}, folder=tmp_path)
    assert "sqlite:///" in caught.value.hint
    assert caught.value.permanent


def test_limits_have_their_documented_defaults() -> None:
    definition = SourceDefinition(url="sqlite:///x.db")
    assert (definition.timeout, definition.max_rows, definition.max_bytes) == (
        timedelta(seconds=30),
        1_000,
        5_000_000,
    )
