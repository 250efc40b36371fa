from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy.engine import make_url

from adapters.sources.postgres import PostgresSource
from adapters.sources.sql import open_source
from core.definitions import SourceDefinition
from core.errors import SourceError
from tests.store.rig import until


@pytest.fixture
def shop(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create table sales (day date, channel text, amount numeric, note text)")
        connection.execute(
            "insert into sales values ('2026-01-01', 'search', 10.5, null), "
            "('2026-01-02', 'social', 20, '100 % :fine'), ('2026-01-03', 'e-mail', -3, 'it''s')"
        )
        connection.execute("create sequence numbers")
    return postgres_url


@asynccontextmanager
async def opened(url: str, **limits: object) -> AsyncIterator[PostgresSource]:
    definition = SourceDefinition.model_validate({"url": url, **limits})
    source = await open_source("shop", definition, {})
    assert isinstance(source, PostgresSource)
    try:
        yield source
    finally:
        await source.close()
        await source.close()


async def running(url: str, like: str) -> int:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(
            "select count(*) from pg_stat_activity where state = 'active' and query like %s "
            "and pid <> pg_backend_pid()",
            (f"%{like}%",),
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def until_running(url: str, *, wanted: bool) -> None:
    async def seen() -> bool:
        return bool(await running(url, "FETCH%slashjob")) is wanted

    await until(seen)


async def test_a_query_returns_cells_in_the_order_of_its_columns(shop: str) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            'select day, channel, amount as "Amount" from sales where day >= :since order by day',
            {"since": date(2026, 1, 2), "unused": 1},
        )
    assert rows.columns == ("day", "channel", "Amount")
    assert rows.rows == (("2026-01-02", "social", 20), ("2026-01-03", "e-mail", -3))
    assert not rows.truncated
    assert rows.milliseconds > 0


async def test_placeholders_casts_strings_and_percent_signs_are_told_apart(shop: str) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            "select :a::int + 1 as a, ':a' as text, 100 % 7 as rest, '2026-01-01'::date as d, "
            "(array[1, 2, 3])[1:2] as part, :a as again -- :b, 100%\n where 'x%' like '%' /* :c */",
            {"a": 41},
        )
    assert rows.rows == ((42, ":a", 2, "2026-01-01", "[1, 2]", 41),)


async def test_values_are_bound_and_never_become_sql(shop: str) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            "select :v as v, count(*) as n from sales where channel <> :v", {"v": "'; drop table sales --"}
        )
    assert rows.rows == (("'; drop table sales --", 3),)


async def test_every_type_becomes_a_json_scalar(shop: str) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            """select 1.50::numeric, 2::numeric, 'NaN'::float8, '-infinity'::float8, 'NaN'::numeric, true,
                '2026-03-02 08:00+02'::timestamptz, '2026-03-02 08:00'::timestamp, 'infinity'::date,
                '0044-03-15 BC'::date, '08:30'::time, '1 day 2 hours'::interval, '\\x00ff'::bytea,
                '{"a": [1]}'::jsonb, null, 'x', 10::numeric ^ 200, 1e400::numeric, gen_random_uuid()::text""",
            {},
        )
    row = rows.rows[0]
    assert row[:6] == (1.5, 2, "NaN", "-Infinity", "NaN", True)
    assert row[6:9] == ("2026-03-02T06:00:00+00:00", "2026-03-02T08:00:00", "infinity")
    assert row[9:14] == ("0044-03-15 BC", "08:30:00", "1 day 02:00:00", "(binary, 2 bytes)", '{"a": [1]}')
    assert row[14:16] == (None, "x")
    assert row[16] == 10**200
    assert isinstance(row[17], str)
    assert len(set(rows.columns)) == len(rows.columns)


async def test_parameters_of_every_type_are_bound(shop: str) -> None:
    async with opened(shop) as source:
        rows = await source.query(
            "select :i::int, :f::float8, :t::text, :b::bool, :d::date, :at::timestamptz, "
            ":n::int, :dec::numeric",
            {
                "i": 7,
                "f": 1.5,
                "t": "täxt %s :x",
                "b": True,
                "d": date(2026, 1, 1),
                "at": datetime(2026, 1, 1, 8, tzinfo=UTC),
                "n": None,
                "dec": Decimal("2.5"),
            },
        )
    assert rows.rows == ((7, 1.5, "täxt %s :x", True, "2026-01-01", "2026-01-01T08:00:00+00:00", None, 2.5),)


@pytest.mark.parametrize(("rows", "truncated"), [(0, False), (100, False), (101, True), (10_000_000, True)])
async def test_a_result_is_truncated_only_where_there_was_more(
    shop: str, rows: int, *, truncated: bool
) -> None:
    async with opened(shop, max_rows=100) as source:
        result = await source.query("select i from generate_series(1, :rows) as t(i)", {"rows": rows})
    assert len(result.rows) == min(rows, 100)
    assert result.columns == ("i",)
    assert result.truncated is truncated


async def test_a_result_is_kept_up_to_its_size_in_bytes(shop: str) -> None:
    async with opened(shop, max_bytes=10_000) as source:
        result = await source.query("select :t::text as t from generate_series(1, 500)", {"t": "y" * 1_000})
    assert len(result.rows) == 10
    assert result.truncated


async def test_a_query_that_takes_too_long_is_stopped_and_says_so(shop: str) -> None:
    async with opened(shop, timeout="2s") as source:  # which a slow machine takes for no short query
        with pytest.raises(SourceError, match=r"timed out after 2s") as caught:
            await source.query("select count(*) from generate_series(1, 2000000000)", {})
        assert not caught.value.permanent
        assert (await source.query("select 1", {})).rows == ((1,),)


async def test_a_query_that_lifts_the_servers_limit_is_stopped_even_so(shop: str) -> None:
    async with opened(shop, timeout="300ms") as source:
        with pytest.raises(SourceError, match=r"timed out after 300ms"):
            await source._run(
                "select set_config('statement_timeout', '0', true), "
                "(select count(*) from generate_series(1, 2000000000))",
                {},
            )
    assert await running(shop, "FETCH%slashjob") == 0


async def test_cancelling_the_asker_stops_the_query_at_the_server(shop: str) -> None:
    async with opened(shop) as source:
        asking = asyncio.create_task(source.query("select count(*) from generate_series(1, 2000000000)", {}))
        await until_running(shop, wanted=True)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until_running(shop, wanted=False)
        assert (await source.query("select 1", {})).rows == ((1,),)


GUARDED = [
    "drop table sales",
    "delete from sales",
    "insert into sales values (now(), 'x', 1, '')",
    "update sales set amount = 0",
    "with gone as (delete from sales returning 1) select * from gone",
    "create table t (a int)",
    "create temp table t (a int)",
    "select * into t from sales",
    "select * from sales for update",
    "select nextval('numbers')",
    "select set_config('transaction_read_only', 'off', true)",
    "set transaction read write",
    "copy sales to stdout",
    "commit",
    "rollback",
    "select 1; commit; drop table sales",
    "select 1; drop table sales; --",
    "select lo_create(0)",
    "vacuum",
    "do $$ begin delete from sales; end $$",
    "explain analyze delete from sales",
]


@pytest.mark.parametrize("statement", GUARDED)
async def test_the_server_refuses_what_does_more_than_read_without_the_filter(
    shop: str, statement: str
) -> None:
    async with opened(shop) as source:
        with pytest.raises(SourceError) as caught:
            await source._run(statement, {})
        assert caught.value.permanent
        assert (await source.query("select count(*) from sales", {})).rows == ((3,),)


@pytest.mark.parametrize(
    ("statement", "sentence", "hint"),
    [
        ("select * from sale", 'relation "sale" does not exist', "Did you mean sales?"),
        ("select * from zzz", 'relation "zzz" does not exist', "There are: sales."),
        ("select amont from sales", 'column "amont" does not exist', "sales.amount"),
        ("select :missing", ":missing", ""),
        ("select nonsense(1)", "nonsense", ""),
        ("select * from sales where", "could not be read", ""),
        ("drop table sales", "read only", ""),
        ("select 'a'::int", "invalid input syntax", ""),
        ("select 1 / :zero::int", "division by zero", ""),
        ("select 1,\n 2,\n nope", "(line 3)", ""),
    ],
)
async def test_a_wrong_query_is_told_in_a_sentence_with_what_would_work(
    shop: str, statement: str, sentence: str, hint: str
) -> None:
    async with opened(shop) as source:
        with pytest.raises(SourceError) as caught:
            await source.query(statement, {"zero": 0})
        assert (await source.query("select 1", {})).rows == ((1,),)
    assert sentence in caught.value.sentence
    assert caught.value.sentence.endswith(".")
    assert hint in caught.value.hint
    assert caught.value.permanent


async def test_a_lost_connection_is_told_and_the_next_query_makes_another(shop: str) -> None:
    async with opened(shop) as source:
        asking = asyncio.create_task(source.query("select count(*) from generate_series(1, 2000000000)", {}))
        async with await psycopg.AsyncConnection.connect(shop, autocommit=True) as connection:
            await until_running(shop, wanted=True)
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where query like 'FETCH%slashjob'"
            )
        with pytest.raises(SourceError, match="was lost") as caught:
            await asking
        assert not caught.value.permanent
        assert (await source.query("select 1", {})).rows == ((1,),)


async def test_a_server_that_is_not_there_is_told_and_may_be_tried_again() -> None:
    with pytest.raises(SourceError, match="cannot be reached") as caught:
        async with opened("postgresql://ana:hunter22@127.0.0.1:1/shop"):
            pass
    assert not caught.value.permanent
    assert "hunter22" not in str(caught.value)


async def test_an_unknown_database_is_told(shop: str) -> None:
    url = make_url(shop).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(SourceError, match="nowhere"):
        async with opened(url):
            pass


async def test_variables_fill_the_parts_of_the_url_as_they_are(shop: str) -> None:
    url = make_url(shop)
    definition = SourceDefinition(url=shop.replace(str(url.database), "${SHOP_DATABASE}"))
    source = await open_source("shop", definition, {"SHOP_DATABASE": str(url.database)})
    assert (await source.query("select current_database()", {})).rows == ((url.database,),)
    await source.close()
    whole = await open_source("shop", SourceDefinition(url="${SHOP_URL}"), {"SHOP_URL": shop})
    assert (await whole.query("select 1", {})).rows == ((1,),)
    await whole.close()


async def test_a_secret_in_an_errors_text_is_masked() -> None:
    definition = SourceDefinition(
        url="postgresql://ana:${SHOP_PASSWORD}@127.0.0.1:1/shop?sslmode=${SHOP_MODE}"
    )
    with pytest.raises(SourceError) as caught:
        await open_source("shop", definition, {"SHOP_PASSWORD": "p@ss/w:rd", "SHOP_MODE": "hunter22"})
    assert "hunter22" not in str(caught.value)
    assert "p@ss" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_queries_of_one_source_take_turns(shop: str) -> None:
    async with opened(shop) as source:
        results = await asyncio.gather(*(source.query("select :i::int", {"i": i}) for i in range(8)))
    assert [result.rows[0][0] for result in results] == list(range(8))
