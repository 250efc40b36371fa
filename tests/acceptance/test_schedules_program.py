"""Schedules through the program: made in a file or said in chat, fired by `serve`, by several of them too."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.acceptance.program_rig import Program, program, until

JOBS = """\
sources:
  shop: {url: "sqlite:///shop.db"}
agents:
  analyst: {kind: report, source: shop}
jobs:
  tick:
    agent: analyst
    questions:
      - {name: due, sql: "select :due_date as day, :due_at as due, count(*) as number from sales"}
    overlap: allow
    schedules: [{every: 1s, name: quick}]
    channel: console:general
  quiet:
    agent: analyst
    questions: [{name: one, sql: select 1 as one}]
    channel: console:general
"""
FIRINGS = "select f.due_at, f.outcome, f.cause, f.reason from firings f order by f.due_at"


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Program]:
    with program(tmp_path / "home", SLASHJOB_DRAIN="2s") as made:
        (made.folder / "slashjob.yml").write_text(JOBS)
        yield made


def test_a_schedule_of_a_file_fires_through_serve_and_posts_its_result(bot: Program) -> None:
    bot.run("apply")
    serving = bot.serve()
    until(lambda: len(bot.rows(FIRINGS)) >= 4, "four firings")
    until(
        lambda: len(bot.rows("select 1 from deliveries where state = 'sent' and kind = 'status'")) >= 3,
        "three results that are posted",
    )
    assert serving.terminate() == 0
    due = [at for at, *_ in bot.rows(FIRINGS)]
    assert len(due) == len(set(due))
    states = {state for (state,) in bot.rows("select state from batches where ended_at is not null")}
    assert states == {"succeeded"}
    told = bot.say("why tick", wait=False)["reply"]["text"]
    assert "ran as #" in told


def test_a_schedule_that_is_said_beside_a_running_bot_fires(bot: Program) -> None:
    bot.run("apply")
    bot.serve()
    asked = bot.say("schedule quiet in 20 seconds", wait=False, code=2)["reply"]
    assert asked["outcome"] == "question"
    [button] = asked["buttons"]
    bot.say(button["command"], wait=False)
    query = "select f.outcome from firings f join schedules s on s.pk = f.schedule where s.origin = 'chat'"
    until(lambda: bot.rows(query) == [("started",)], "the one-off")
    until(
        lambda: (
            bot.rows("select state from batches b join jobs j on j.pk = b.job where j.name = 'quiet'")
            == [("succeeded",)]
        ),
        "its run",
    )


def test_a_bot_that_was_killed_says_what_it_missed(bot: Program) -> None:
    bot.run("apply")
    first = bot.serve()
    until(lambda: len(bot.rows(FIRINGS)) >= 2, "two firings")
    first.kill()
    before = len(bot.rows(FIRINGS))
    last = bot.rows(FIRINGS)[-1][0]
    until(lambda: _later(bot, last), "some instants that nobody saw to")
    bot.serve()
    until(lambda: len(bot.rows(FIRINGS)) >= before + 4, "firings of the second")
    due = [at for at, *_ in bot.rows(FIRINGS)]
    assert len(due) == len(set(due))
    outcomes = {outcome for _, outcome, *_ in bot.rows(FIRINGS)[before:]}
    assert outcomes == {"started", "missed"}
    reasons = [reason for _, outcome, _, reason in bot.rows(FIRINGS) if outcome == "missed"]
    assert all(reasons)


def _later(bot: Program, last: str) -> bool:
    """Three seconds have passed since that instant, by the database's clock."""
    [(late,)] = bot.rows("select julianday('now') - julianday(?) > 3.0 / 86400", last)
    return bool(late)


def test_two_bots_on_one_database_fire_each_instant_once(bot: Program, postgres_url: str) -> None:
    """A1 and A2 with real processes: one is frozen for a while, the other goes on, then the first is back."""
    settings = {
        "DATABASE_URL": postgres_url,
        "SLASHJOB_SECRET_KEYS": "bm90LWEtc2VjcmV0LWJ1dC1sb25nLWVub3VnaC0wMTI=",
        "SLASHJOB_LEASE": "3s",
    }
    bot.environment |= settings
    bot.run("migrate")
    bot.run("apply")
    engine = sa.create_engine(sa.make_url(postgres_url).set(drivername="postgresql+psycopg"))

    def rows(query: str) -> list[Any]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    one, other = bot.serve(), bot.serve()
    until(lambda: len(rows(FIRINGS)) >= 3, "three firings")
    one.process.send_signal(signal.SIGSTOP)
    seen = len(rows(FIRINGS))
    until(lambda: len(rows(FIRINGS)) >= seen + 12, "firings of the other")
    one.process.send_signal(signal.SIGCONT)
    until(lambda: len(rows(FIRINGS)) >= seen + 15, "firings of both")
    for serving in (one, other):
        serving.terminate()
    due = [at for at, *_ in rows(FIRINGS)]
    assert len(due) == len(set(due))
    gaps = {(later - earlier).total_seconds() for earlier, later in pairwise(due)}
    assert gaps == {1.0}
    started = rows("select due_at, count(*) from batches where trigger = 'schedule' group by due_at")
    assert {number for _, number in started} == {1}
    engine.dispose()
