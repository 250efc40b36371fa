"""The demo's shop: two years of a small marketing department, made from a fixed seed.

Bikes and outdoor gear are sold in three regions. Beside trend, weekdays and seasons there are the oddities
that real data has: refunds as negative amounts, a day without orders, a price test, one huge order, a
campaign over its budget (45) and one that has no data yet (49). The table `events` says when they happened.
"""

from __future__ import annotations

import itertools
import math
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

SEED = 20_240_613
DAYS = 731  # the last of them is yesterday: today is not over yet
REGIONS = ("EU", "US", "APAC")
OUTAGE_DAYS_AGO = 45
PRICE_TEST_DAYS_AGO = (80, 66)  # first and last day
BULK_ORDER_DAYS_AGO = 24
REFUNDED = 0.035  # share of the orders
KEPT = ("City bike", "Service at home")  # never sent back: a bike a day would hide everything else
BUDGET_WINDOW = 30  # days over which `budget-check` compares cost with the monthly budget

SCHEMA = """
create table campaigns (
    id integer primary key, name text not null, market text not null, starts_on text not null, ends_on text,
    monthly_budget integer not null, owner text not null
);
create table channels (name text primary key, label text not null, kind text not null);
create table spend (
    campaign_id integer not null references campaigns(id), day text not null,
    channel text not null references channels(name),
    impressions integer not null, clicks integer not null, cost real not null,
    primary key (campaign_id, day, channel)
) without rowid;
create table orders (
    id integer primary key, day text not null, campaign_id integer not null references campaigns(id),
    channel text not null references channels(name), region text not null, product text not null,
    quantity integer not null, amount real not null, price_list text not null,
    refund_of integer references orders(id)
);
create table sales (
    campaign_id integer not null references campaigns(id), day text not null,
    channel text not null references channels(name), region text not null,
    amount real not null, orders integer not null,
    primary key (campaign_id, day, channel, region)
) without rowid;
create table events (day text not null, campaign_id integer references campaigns(id), title text not null);
"""

INDICES = """
create index orders_by_campaign on orders (campaign_id, day);
create index orders_by_day on orders (day);
create index sales_by_day on sales (day);
create index spend_by_day on spend (day);
"""

SALES = """
insert into sales
select campaign_id, day, channel, region, round(sum(amount), 2), sum(refund_of is null)
from orders group by campaign_id, day, channel, region
"""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a campaign is like: `orders` a day when it is grown up, `mix` the share of its channels."""

    id: int
    name: str
    market: str
    owner: str
    budget: int  # a month
    orders: float
    mix: dict[str, float]
    first_days_ago: int = DAYS
    last_days_ago: int | None = None  # None: it goes on
    peak: int = 172  # day of the year around which it sells most
    swing: float = 0.25
    pace: float = 0.88  # share of its budget that it uses


CHANNELS = {
    "search": ("Paid search", "paid"),
    "social": ("Paid social", "paid"),
    "email": ("Newsletter", "owned"),
    "display": ("Display", "paid"),
    "affiliates": ("Affiliates", "partner"),
}
COST_PER_CLICK = {"search": 0.62, "social": 0.41, "email": 0.05, "display": 0.28, "affiliates": 0.36}
CLICKS_PER_IMPRESSION = {
    "search": 0.042, "social": 0.013, "email": 0.09, "display": 0.0035, "affiliates": 0.021,
}  # fmt: skip

_PERFORMANCE = {"search": 0.42, "social": 0.23, "email": 0.17, "display": 0.08, "affiliates": 0.10}
_SOCIAL = {"social": 0.46, "search": 0.24, "display": 0.12, "email": 0.10, "affiliates": 0.08}

CAMPAIGNS = (
    Campaign(
        40,
        "Always-on brand",
        "EU",
        "Ana Ruiz",
        9_000,
        11,
        {"search": 0.7, "display": 0.3},
        swing=0.12,
        pace=0.93,
    ),
    Campaign(
        41,
        "Win-back letters",
        "EU",
        "Ana Ruiz",
        1_500,
        6,
        {"email": 0.85, "social": 0.15},
        swing=0.1,
        pace=0.62,
    ),
    Campaign(42, "City bikes", "EU", "Ana Ruiz", 14_000, 24, _PERFORMANCE, swing=0.2),
    Campaign(43, "Family cargo", "EU", "Bob Meier", 11_000, 10, _SOCIAL, first_days_ago=520, pace=0.96),
    Campaign(44, "Trail season", "US", "Bob Meier", 12_000, 13, _SOCIAL, swing=0.35, pace=0.81),
    Campaign(45, "Commuter kit", "US", "Chris Park", 7_000, 9, _PERFORMANCE, first_days_ago=410, pace=1.19),
    Campaign(
        46, "Holiday gifts", "US", "Chris Park", 10_000, 11, _PERFORMANCE, peak=345, swing=0.7, pace=0.74
    ),
    Campaign(47, "Monsoon gear", "APAC", "Dewi Tan", 6_000, 8, _SOCIAL, peak=200, swing=0.4, pace=0.91),
    Campaign(48, "Night rides", "APAC", "Dewi Tan", 5_000, 6, _SOCIAL, first_days_ago=600, last_days_ago=120),
    Campaign(49, "Loyalty pilot", "EU", "Dewi Tan", 4_000, 0, {"email": 1.0}, first_days_ago=-21),
)

PRODUCTS = (  # name, price, weight
    ("Bottle and cage", 24.0, 20), ("Helmet", 79.0, 18), ("Lights, pair", 49.0, 17), ("Pannier", 95.0, 14),
    ("Rain jacket", 129.0, 12), ("Lock", 69.0, 10), ("Child seat", 149.0, 5), ("Hydration pack", 109.0, 6),
    ("Service at home", 59.0, 5), ("City bike", 749.0, 1),
)  # fmt: skip
_WEIGHTS = list(itertools.accumulate(weight for _, _, weight in PRODUCTS))

Row = tuple[object, ...]


def make(path: Path, *, today: date) -> None:
    """Write the shop's SQLite database to `path`, replacing what is there; the same for the same `today`.

    The file appears at once: a reader never sees half of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as database:
        database.execute("pragma journal_mode = off")
        database.execute("pragma synchronous = off")
        database.executescript(SCHEMA)
        _fill(database, today)
        database.executescript(INDICES)
        database.execute("analyze")
        database.commit()
    part.replace(path)


def _fill(database: sqlite3.Connection, today: date) -> None:
    chance = random.Random(SEED)  # noqa: S311 - believable numbers, not secrets
    channels = [(name, label, kind) for name, (label, kind) in CHANNELS.items()]
    database.executemany("insert into campaigns values (?, ?, ?, ?, ?, ?, ?)", _campaigns(today))
    database.executemany("insert into channels values (?, ?, ?)", channels)
    database.executemany("insert into events values (?, ?, ?)", _events(today))
    database.executemany("insert into spend values (?, ?, ?, ?, ?, ?)", _spend(chance, today))
    database.executemany("insert into orders values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _orders(chance, today))
    database.execute(SALES)


def _campaigns(today: date) -> Iterator[Row]:
    for one in CAMPAIGNS:
        starts_on = today - timedelta(days=one.first_days_ago)
        ends_on = None if one.last_days_ago is None else today - timedelta(days=one.last_days_ago)
        yield one.id, one.name, one.market, starts_on.isoformat(), _iso(ends_on), one.budget, one.owner


def _events(today: date) -> Iterator[Row]:
    first, last = PRICE_TEST_DAYS_AGO
    for days_ago, campaign_id, title in (
        (first, 43, "Price test begins: list B is 8 % dearer"),
        (last, 43, "Price test ends"),
        (OUTAGE_DAYS_AGO, None, "Check-out down all day: no orders"),
        (BULK_ORDER_DAYS_AGO, 40, "A company buys a fleet of 12 city bikes"),
    ):
        yield (today - timedelta(days=days_ago)).isoformat(), campaign_id, title


def _spend(chance: random.Random, today: date) -> Iterator[Row]:
    for campaign, days_ago in _active_days():
        day = today - timedelta(days=days_ago)
        budget = campaign.budget / BUDGET_WINDOW * campaign.pace * (0.86 if day.weekday() >= 5 else 1.056)
        for channel, share in campaign.mix.items():
            price = COST_PER_CLICK[channel] * chance.uniform(0.94, 1.06)
            clicks = round(budget * share / price * chance.uniform(0.93, 1.07))
            impressions = round(clicks / (CLICKS_PER_IMPRESSION[channel] * chance.uniform(0.9, 1.1)))
            yield campaign.id, day.isoformat(), channel, impressions, clicks, round(clicks * price, 2)


def _orders(chance: random.Random, today: date) -> Iterator[Row]:
    """Every order and, some days after it, its refund."""
    numbers = itertools.count(100_001)
    for campaign, days_ago in _active_days():
        if days_ago == OUTAGE_DAYS_AGO:
            continue
        day = today - timedelta(days=days_ago)
        level = _level(campaign, day, days_ago)
        for channel, share in campaign.mix.items():
            expected = campaign.orders * level * share * _event_lift(campaign, channel, days_ago)
            for _ in range(_about(chance, expected)):
                bought = _basket(chance, campaign, days_ago)
                number = next(numbers)
                yield number, day.isoformat(), campaign.id, channel, *bought, None
                back = days_ago - chance.randint(2, 20)
                region, product, quantity, amount, prices = bought
                if chance.random() < REFUNDED and back >= 1 and product not in KEPT:
                    later = (today - timedelta(days=back)).isoformat()
                    refund = (region, product, quantity, -amount, prices, number)
                    yield next(numbers), later, campaign.id, channel, *refund
    fleet = (today - timedelta(days=BULK_ORDER_DAYS_AGO)).isoformat()
    yield next(numbers), fleet, 40, "search", "EU", "City bike", 12, 8_388.0, "A", None


def _basket(chance: random.Random, campaign: Campaign, days_ago: int) -> tuple[str, str, int, float, str]:
    """Region, product, quantity, amount and price list of one order."""
    last, first = sorted(PRICE_TEST_DAYS_AGO)
    testing = campaign.id == 43 and last <= days_ago <= first
    prices = "B" if testing and chance.random() < 0.5 else "A"
    product, price, _ = chance.choices(PRODUCTS, cum_weights=_WEIGHTS)[0]
    quantity = 1 if price > 100 else chance.choice((1, 1, 1, 2, 2, 3))
    amount = price * quantity * (1.08 if prices == "B" else 1) * chance.uniform(0.9, 1)
    region = campaign.market if chance.random() < 0.78 else chance.choice(REGIONS)
    return region, product, quantity, round(amount, 2), prices


def _active_days() -> Iterator[tuple[Campaign, int]]:
    """Every campaign with each of its days so far, as days before today, oldest first."""
    for campaign in CAMPAIGNS:
        for days_ago in range(campaign.first_days_ago, max(campaign.last_days_ago or 1, 1) - 1, -1):
            yield campaign, days_ago


def _level(campaign: Campaign, day: date, days_ago: int) -> float:
    """How much is sold on that day: growth, season, weekday, and the slow first weeks of a campaign."""
    growth = math.pow(1.28, -days_ago / 365)
    angle = 2 * math.pi * (day.timetuple().tm_yday - campaign.peak) / 365
    season = 1 + campaign.swing * math.cos(angle)
    weekday = (1.06, 1.0, 0.97, 1.02, 1.1, 1.18, 0.82)[day.weekday()]
    age = campaign.first_days_ago - days_ago
    start = min(1.0, 0.35 + age / 40)
    black_friday = 1.9 if day.month == 11 and 22 <= day.day <= 29 else 1.0
    return growth * season * weekday * start * black_friday


def _event_lift(campaign: Campaign, channel: str, days_ago: int) -> float:
    """A newsletter went out two days ago, and social has been weaker for a week (campaign 42)."""
    if campaign.id != 42:
        return 1.0
    if channel == "email" and days_ago in (2, 3):
        return 2.6 if days_ago == 3 else 1.7
    return 0.72 if channel == "social" and days_ago <= 6 else 1.0


def _about(chance: random.Random, expected: float) -> int:
    """A whole number of orders around `expected` (Poisson, by Knuth's method)."""
    limit, count, product = math.exp(-expected), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
