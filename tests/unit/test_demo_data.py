"""The demo's database is believable, repeatable and quick to ask."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.demo import data

TODAY = date(2026, 3, 4)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "shop.db"
    data.make(path, today=TODAY)
    return path


def ask(shop: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(shop)) as database:
        return database.execute(sql).fetchall()


def test_the_same_day_makes_the_same_shop(shop: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.db"
    data.make(again, today=TODAY)
    for table in ("campaigns", "spend", "orders", "sales", "events"):
        assert ask(again, f"select * from {table}") == ask(shop, f"select * from {table}")


def test_making_it_again_replaces_it_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "shop.db"
    data.make(path, today=date(2025, 1, 1))
    data.make(path, today=TODAY)
    assert ask(path, "select max(day) from sales") == [("2026-03-03",)]
    assert [one.name for one in path.parent.iterdir()] == ["shop.db"]


def test_two_years_end_yesterday(shop: Path) -> None:
    assert ask(shop, "select min(day), max(day) from sales") == [("2024-03-03", "2026-03-03")]


def test_sales_are_the_orders_added_up(shop: Path) -> None:
    from_orders = "select round(sum(amount), 2), sum(refund_of is null) from orders"
    assert ask(shop, "select round(sum(amount), 2), sum(orders) from sales") == ask(shop, from_orders)


def test_refunds_are_negative_and_follow_their_order(shop: Path) -> None:
    total, wrong = ask(
        shop,
        "select count(*), sum(back.amount <> -sold.amount or back.day <= sold.day)"
        " from orders back join orders sold on sold.id = back.refund_of",
    )[0]
    assert total > 500
    assert wrong == 0


def test_one_campaign_has_no_data_and_one_ended(shop: Path) -> None:
    silent = ask(shop, "select id from campaigns where id not in (select campaign_id from spend)")
    assert silent == [(49,)]
    assert ask(shop, "select max(day) from spend where campaign_id = 48") == [("2025-11-04",)]


def test_nothing_was_sold_on_the_day_of_the_outage(shop: Path) -> None:
    day = ask(shop, "select day from events where campaign_id is null")[0][0]
    assert ask(shop, f"select count(*) from orders where day = '{day}' and refund_of is null") == [(0,)]
    assert ask(shop, f"select sum(cost) > 1000 from spend where day = '{day}'") == [(1,)]


@pytest.mark.parametrize("today", [date(2026, 3, 4), date(2028, 2, 29), date(2026, 12, 26), date(2027, 1, 1)])
def test_exactly_one_campaign_is_over_its_budget_whenever_the_demo_runs(tmp_path: Path, today: date) -> None:
    path = tmp_path / "shop.db"
    data.make(path, today=today)
    over = ask(
        path,
        "select id from campaigns where monthly_budget < (select sum(cost) from spend"
        f" where campaign_id = campaigns.id and day >= date('{today}', '-30 days'))",
    )
    assert over == [(45,)]


def test_the_shop_grows_and_summer_sells_more(shop: Path) -> None:
    first, second = (
        ask(shop, f"select sum(amount) from sales where day >= '{a}' and day < '{b}'")[0][0]
        for a, b in (("2024-03-04", "2025-03-04"), ("2025-03-04", "2026-03-04"))
    )
    assert second > 1.15 * first
    july, january = (
        ask(shop, f"select sum(amount) from sales where campaign_id = 44 and day like '{month}-%'")[0][0]
        for month in ("2025-07", "2026-01")
    )
    assert july > 1.3 * january


@pytest.mark.parametrize("table", ["sales", "spend", "orders"])
def test_a_campaign_and_a_period_are_found_by_an_index(shop: Path, table: str) -> None:
    plan = ask(
        shop, f"explain query plan select * from {table} where campaign_id = 42 and day >= '2026-01-01'"
    )
    assert all("SEARCH" in row[3] for row in plan), plan
