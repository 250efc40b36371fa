"""Databases of other kinds: what is guarded without knowing them, with a driver that is there."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from adapters.sources.other import OtherSource
from adapters.sources.sql import Sources
from core.definitions import SourceDefinition
from core.errors import SourceError
from tests.limits import within


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "create table sales(id integer, note text); insert into sales values (1, 'a:b'), (2, ':x')"
        )
    return path


async def opened(path: Path, **more: object) -> OtherSource:
    definition = SourceDefinition.model_validate({"url": "other://"} | more)
    return await OtherSource.open("shop", definition, make_url(f"sqlite+pysqlite:///{path}"), ())


@pytest.fixture
async def source(shop: Path) -> AsyncIterator[OtherSource]:
    made = await opened(shop)
    yield made
    await made.close()


async def test_it_answers_with_values_bound(source: OtherSource) -> None:
    rows = await source.query("select id, ':x' as t from sales where note = :note", {"note": ":x", "more": 1})
    assert rows.columns == ("id", "t")
    assert rows.rows == ((2, ":x"),)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("delete from sales", "not allowed"),
        ("select 1; delete from sales", "Only one statement"),
        ("select nocol from sales", "no such column"),
    ],
)
async def test_what_is_no_select_is_refused(source: OtherSource, sql: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        await source.query(sql, {})


async def test_a_write_that_slips_through_is_rolled_back(
    shop: Path, source: OtherSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sources.other.refusal", lambda *_: None)
    with pytest.raises(SourceError):
        await source.query("delete from sales", {})
    with closing(sqlite3.connect(shop)) as connection:
        assert connection.execute("select count(*) from sales").fetchone() == (2,)


async def test_rows_are_limited(shop: Path) -> None:
    source = await opened(shop, max_rows=1)
    rows = await source.query("select id from sales order by id", {})
    assert rows.rows == ((1,),)
    assert rows.truncated


async def test_who_asks_waits_no_longer_than_the_time_out(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await opened(shop, timeout="300ms")
    held = threading.Event()

    def hang(_: object, sql: object, values: object, gone: threading.Event) -> None:
        held.set()
        gone.wait(30)

    monkeypatch.setattr(OtherSource, "_run", hang)
    with within(60), pytest.raises(SourceError, match="timed out after 300ms"):
        await source.query("select 1", {})
    assert held.is_set()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql+pymysql://u:hunter22@127.0.0.1:9/x", r"driver for mysql\+pymysql, which is not installed"),
        ("nosuch://host/x", "driver for nosuch, which is not installed"),
        ("oracle+oracledb://host/x", "which is not installed"),
    ],
)
async def test_a_driver_that_is_missing_is_named(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        await Sources(tmp_path).open("shop", SourceDefinition(url=url), {})
    assert caught.value.permanent
    assert "hunter22" not in caught.value.sentence + caught.value.hint


async def test_an_asynchronous_driver_is_refused(tmp_path: Path) -> None:
    url = make_url(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(SourceError, match="asynchronous"):
        await OtherSource.open("shop", SourceDefinition(url="other://"), url, ())


async def test_a_closed_source_asks_nothing(shop: Path) -> None:
    source = await opened(shop)
    await source.close()
    with pytest.raises(SourceError, match="closed"):
        await source.query("select 1", {})
