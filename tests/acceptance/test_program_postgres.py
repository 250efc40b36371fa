"""The program on PostgreSQL: migrations, several bots, one of them killed, the database away for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tests.acceptance.program_rig import Program, program, until

LEASE = "6s"  # what a slow machine renews in time
TOLD = "select kind from deliveries where batch = 1 and state = 'sent' order by kind"


@pytest.fixture
def database(postgres_url: str) -> Iterator[sa.Engine]:
    """Looks into the bots' database."""
    engine = sa.create_engine(
        sa.make_url(postgres_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    yield engine
    engine.dispose()


@pytest.fixture
def engine() -> str:
    return "embedded"


ENGINES = pytest.mark.parametrize("engine", ["embedded", "distributed"])


@pytest.fixture
def bots(tmp_path: Path, postgres_url: str, engine: str) -> Iterator[Program]:
    """A folder whose bots use PostgreSQL, nothing migrated yet."""
    settings = {"DATABASE_URL": postgres_url, "SLASHJOB_SECRET_KEYS": Fernet.generate_key().decode()}
    settings |= {"SLASHJOB_ENGINE": engine, "SLASHJOB_LEASE": LEASE, "SLASHJOB_DRAIN": "1s"}
    with program(tmp_path, **settings) as made:
        yield made


def rows(engine: sa.Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def change(engine: sa.Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def states(engine: sa.Engine) -> Callable[[], list[tuple[Any, ...]]]:
    return lambda: rows(
        engine,
        "select b.state, r.status, r.attempt from runs r join batches b on b.pk = r.batch order by r.pk",
    )


@ENGINES
def test_it_is_migrated_by_hand_and_a_newer_one_is_refused(bots: Program, database: sa.Engine) -> None:
    assert "Run: slashjob migrate" in bots.run("serve", code=2).err
    told = bots.run("doctor", code=1).out
    assert "Migrations are missing" in told
    assert "Run: slashjob migrate" in told
    assert "Applied 0001" in bots.run("migrate").out
    assert "Nothing to do." in bots.run("migrate").out
    assert bots.run("doctor", "--json", code=1).json[0]["verdict"] == "well"
    change(database, "update alembic_version set version_num = '9999'")
    told = bots.run("serve", code=2).err
    assert "The database is of a newer slashjob" in told
    assert bots.run("migrate", code=2).err == told


def test_what_it_needs_and_has_not_is_told_at_once(bots: Program) -> None:
    told = bots.run("serve", code=2, SLASHJOB_SECRET_KEYS="").err
    assert "SLASHJOB_SECRET_KEYS must be set with PostgreSQL" in told
    told = bots.run("plan", code=2, DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/none").err
    assert "cannot be opened" in told
    assert "hunter2" not in told
    told = bots.run("doctor", code=1, DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/none").out
    assert "Check DATABASE_URL" in told
    assert "hunter2" not in told


@ENGINES
def test_two_bots_share_the_work_and_one_takes_over_from_a_killed_one(
    bots: Program, database: sa.Engine
) -> None:
    bots.run("migrate")
    bots.run("apply")
    first = bots.serve()
    for job in ("gated", "gated-retry"):
        bots.run("say", f"run {job} gate={job}")
        bots.begun(job)
    second = bots.serve()
    until(lambda: first.get("/readyz")[0] == second.get("/readyz")[0] == 200, lambda: first.said)
    until(lambda: len(rows(database, "select 1 from workers where dead_at is null")) == 2, "both at work")
    first.kill()
    bots.open("gated-retry")
    until(
        lambda: states(database)() == [("failed", "lost", 1), ("succeeded", "succeeded", 2)],
        lambda: str(states(database)()),
    )
    until(lambda: rows(database, "select * from locks") == [], "the locks")
    until(lambda: rows(database, TOLD) == [("alert",), ("status",)], "the alert")
    assert bots.say("run count campaign_id=42")["batch"]["runs"][0]["answer"] == "Campaign 42: *2* sales."
    assert second.terminate() == 0


@ENGINES
def test_a_database_that_leaves_and_comes_back_finds_the_bot_at_work(
    bots: Program, database: sa.Engine, postgres_url: str
) -> None:
    bots.run("migrate")
    bots.run("apply")
    serving = bots.serve()
    for job in ("gated", "gated-retry"):
        bots.run("say", f"run {job} gate={job}")
        bots.begun(job)
    with away(postgres_url):
        until(lambda: serving.get("/readyz")[0] == 503, "readyz red")
        assert serving.get("/healthz")[0] == 200
        until(lambda: "lease.lost" in serving.said, lambda: serving.said)
        told = bots.run("say", "run count campaign_id=42", code=2).err
        assert "cannot be opened" in told
    until(lambda: serving.get("/readyz")[0] == 200, lambda: serving.said)
    bots.open("gated-retry")
    until(
        lambda: [row[0] for row in states(database)()] == ["failed", "succeeded"],
        lambda: f"{states(database)()} {serving.said}",
    )
    [(_, ended, tries), (_, _, again)] = states(database)()
    assert ended in ("lost", "interrupted")  # by others, or by itself when it has come back
    assert (tries, again) == (1, 2)
    until(lambda: rows(database, TOLD) == [("alert",), ("status",)], "the alert")
    assert rows(database, "select * from locks") == []
    assert bots.say("run count campaign_id=42")["batch"]["status"] == "succeeded"
    assert serving.terminate() == 0


@contextlib.contextmanager
def away(address: str) -> Iterator[None]:
    """Nobody can connect to the database, and who was connected is thrown out."""
    url = sa.make_url(address).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS false"))
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": url.database},
        )
        yield
        connection.execute(sa.text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS true"))
    engine.dispose()


def test_a_source_whose_role_may_write_is_hinted_at(
    bots: Program, database: sa.Engine, postgres_url: str
) -> None:
    change(
        database,
        "create table sales (amount int)",
        "drop role if exists slashjob_reader",
        "create role slashjob_reader login password 'pw'",
        "grant select on sales to slashjob_reader",
    )
    reader = sa.make_url(postgres_url).set(username="slashjob_reader", password="pw")
    text = (
        "sources:\n  mighty: {url: '${MIGHTY}'}\n  humble: {url: '${HUMBLE}'}\n"
        "agents: {a: {kind: report, source: mighty}}\njobs: {}\n"
    )
    (bots.folder / "slashjob.yml").write_text(text)
    bots.run("migrate")
    told = bots.run(
        "doctor",
        "database",
        MIGHTY=postgres_url,
        HUMBLE=reader.render_as_string(hide_password=False),
    ).out
    assert "Source mighty answers, but its role is a superuser" in told
    assert "create role slashjob_reader" in told
    assert "Source humble answers, and its role can only read." in told
    change(database, "drop owned by slashjob_reader", "drop role slashjob_reader")
