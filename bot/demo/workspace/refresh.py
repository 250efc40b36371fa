#!/usr/bin/env python3
"""Adds the orders up again, campaign by campaign, and says so: the demo's example of a command job.

Lines of progress go to standard error, the answer is one JSON object on standard output. Doing it twice, or
stopping it half way, does no harm: each campaign is one transaction.
"""

import argparse
import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

CLEAR = "delete from sales where campaign_id = ?"
ADD_UP = """
insert into sales (campaign_id, day, channel, region, amount, orders)
select campaign_id, day, channel, region, round(sum(amount), 2), sum(refund_of is null)
from orders where campaign_id = ? group by campaign_id, day, channel, region
"""
TOTALS = """
select count(*) filter (where refund_of is null), coalesce(round(sum(amount)), 0),
       coalesce(round(-sum(amount) filter (where refund_of is not null)), 0)
from orders where campaign_id = ?
"""


def tell(text: str, done: int, total: int) -> None:
    """Move the run's progress."""
    print(json.dumps({"progress": {"text": text, "done": done, "total": total}}), file=sys.stderr, flush=True)


def refresh(shop: sqlite3.Connection, pause: float) -> list[list[object]]:
    """Add up every campaign; returns a row for each: name, orders, revenue, refunds."""
    campaigns = shop.execute("select id, name from campaigns order by id").fetchall()
    rows: list[list[object]] = []
    for done, (number, name) in enumerate(campaigns):
        tell(f"adding up {name}", done, len(campaigns))
        with shop:
            shop.execute(CLEAR, (number,))
            shop.execute(ADD_UP, (number,))
        rows.append([name, *shop.execute(TOTALS, (number,)).fetchone()])
        time.sleep(pause)  # a real one would wait for a warehouse
    tell("done", len(campaigns), len(campaigns))
    return rows


def main() -> None:
    """Do it, and answer."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pause", type=float, default=0.0, help="seconds to rest after each campaign")
    begun = time.monotonic()
    with closing(sqlite3.connect(Path(__file__).with_name("shop.db"), timeout=10)) as shop:
        rows = refresh(shop, arguments.parse_args().pause)
    orders, revenue, refunds = (sum(float(str(row[place])) for row in rows) for place in (1, 2, 3))
    answer = {
        "summary": f"*{orders:,.0f} orders* of {len(rows)} campaigns were added up"
        f" in {time.monotonic() - begun:.0f} s.",
        "headline": [
            {"name": "Revenue", "value": revenue, "format": "currency", "unit": "€"},
            {"name": "Orders", "value": orders, "format": "integer"},
            {"name": "Refunded", "value": refunds / (revenue + refunds), "format": "percent"},
        ],
        "tables": [
            {
                "name": "campaigns",
                "title": "Two years by campaign",
                "columns": [
                    "campaign",
                    {"name": "orders", "format": "integer"},
                    {"name": "revenue", "format": "currency"},
                    {"name": "refunds", "format": "currency"},
                ],
                "rows": sorted(rows, key=lambda row: -float(str(row[2]))),
            }
        ],
        "charts": [
            {"type": "bar", "x": "campaign", "y": "revenue", "title": "Revenue in two years", "unit": "€"}
        ],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
