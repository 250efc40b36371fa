"""Many machines: those who serve and those who work, restarted one after the other while runs go on."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tests.acceptance.program_rig import LIMIT, Program, Serving, program, until

STEADY = """
  steady:
    agent: scripts
    command: [effect.sh, "{due_at}"]
    parameters: {due_at: {type: string, default: by-hand}}
    overlap: allow
    max_parallel: 20
    rerun_interrupted: true
    schedules: [{every: 1s, name: steady, catch_up: all}]
    channel: console:general
"""
PATIENT = """
  patient:
    agent: scripts
    command: [gate.sh, "{gate}"]
    parameters: {gate: {}}
    retry: {attempts: 20, delay: 100ms}
"""
EFFECT = """#!/bin/sh
echo "begin $SLASHJOB_RUN_ID" >> effects
sleep 0.7
echo "end $SLASHJOB_RUN_ID" >> effects
"""
STATES = "select b.state, r.status, r.attempt from runs r join batches b on b.pk = r.batch order by r.pk"


@pytest.fixture(params=["embedded", "distributed"])
def bots(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> Iterator[Program]:
    """A folder whose bots share a migrated PostgreSQL."""
    settings = {
        "DATABASE_URL": postgres_url,
        "SLASHJOB_SECRET_KEYS": Fernet.generate_key().decode(),
        "SLASHJOB_ENGINE": request.param,
        "SLASHJOB_LEASE": f"{LIMIT:.0f}s",  # no process is so slow that it loses its lease by that
        "SLASHJOB_DRAIN": "60s",
    }
    with program(tmp_path, **settings) as made:
        made.run("migrate")
        yield made


@pytest.fixture
def rows(postgres_url: str) -> Iterator[Any]:
    engine = sa.create_engine(
        sa.make_url(postgres_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )

    def look(query: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    yield look
    engine.dispose()


def define(bots: Program, jobs: str) -> None:
    """Add jobs to the file, and apply it."""
    file = bots.folder / "slashjob.yml"
    file.write_text(file.read_text() + jobs)
    bots.run("apply")


def work(bots: Program, *arguments: str, **settings: str) -> Serving:
    """Start a worker and wait until it executes."""
    working = bots.start("worker", *arguments, **settings)
    until(lambda: working.process.poll() is None and "worker executes" in working.said, lambda: working.said)
    return working


def watched(working: Serving) -> Callable[[str], tuple[int, Any]]:
    """The page of a worker: (status, body) of a path, JSON where it is some."""
    found = re.search(r"watched at (http://127\.0\.0\.1:\d+)/readyz", working.said)
    assert found is not None, working.said

    def get(path: str) -> tuple[int, Any]:
        with urllib.request.urlopen(found[1] + path, timeout=30) as answer:
            text = answer.read().decode()
        return answer.status, text if path == "/metrics" else json.loads(text)

    return get


def test_a_worker_executes_what_a_serve_without_slots_took_in(bots: Program, rows: Any) -> None:
    bots.run("apply")
    serving = bots.serve(SLASHJOB_CONCURRENCY="0")
    bots.run("say", "run gated gate=g")
    assert rows(STATES) == [("active", "queued", 0)]
    working = work(bots, SLASHJOB_WORKER_PORT="0")
    bots.begun("g")
    page = watched(working)
    assert page("/healthz") == (200, {"status": "ok"})
    assert page("/readyz") == (200, {"status": "ready", "running": 1})
    assert "slashjob_running 1.0" in page("/metrics")[1]
    seat = "select w.name from runs r join workers w on w.pk = r.worker"
    assert rows(seat)[0][0].endswith(f":{working.pid}")
    bots.open("g")
    until(lambda: rows(STATES) == [("succeeded", "succeeded", 1)], lambda: str(rows(STATES)))
    until(lambda: rows("select state from deliveries") == [("sent",)], "its message, told by the serve")
    assert working.terminate() == 0
    assert serving.terminate() == 0


def test_a_frozen_worker_loses_its_run_and_works_again_when_it_comes_back(bots: Program, rows: Any) -> None:
    """Its lease is short: on a slow machine it may lose one without being frozen, and tries once more."""
    bots.environment["SLASHJOB_LEASE"] = "3s"
    define(bots, PATIENT)
    bots.serve(SLASHJOB_CONCURRENCY="0")
    working = work(bots)
    bots.run("say", "run patient gate=g")
    bots.begun("g")
    working.process.send_signal(signal.SIGSTOP)
    latest = "select number, outcome from attempts order by number desc limit 1"
    until(lambda: rows(latest)[0][1] == "lost", lambda: str(rows(STATES)))
    [(frozen, _)] = rows(latest)
    working.process.send_signal(signal.SIGCONT)
    until(lambda: rows(latest)[0][0] > frozen, lambda: working.said)
    bots.open("g")
    until(lambda: rows("select status from runs") == [("succeeded",)], lambda: str(rows(STATES)))
    assert rows(f"select outcome from attempts where number = {frozen}") == [("lost",)]
    assert working.terminate() == 0


def test_a_rolling_restart_loses_no_run_and_doubles_none(bots: Program, rows: Any) -> None:
    """Two serves and a worker are stopped and started one after the other; a job is due every second."""
    script = bots.folder / "effect.sh"
    script.write_text(EFFECT)
    script.chmod(0o755)
    define(bots, STEADY)
    nodes = [bots.serve(), bots.serve(), work(bots)]
    effects = bots.folder / "effects"

    def enough(number: int) -> bool:
        return effects.exists() and len(effects.read_text().splitlines()) >= number

    until(lambda: enough(2), "runs")
    for place, node in enumerate(nodes):
        seen = len(effects.read_text().splitlines())
        assert node.terminate() == 0
        nodes[place] = work(bots) if place == 2 else bots.serve()
        until(lambda wanted=seen + 4: enough(wanted), "more runs")  # type: ignore[misc]
    bots.say("pause steady", wait=False, code=None)
    until(lambda: rows("select 1 from batches where state in ('active', 'waiting')") == [], "the end")
    for node in nodes:
        assert node.terminate() == 0
    assert {state for state, _, _ in rows(STATES)} == {"succeeded"}
    due = [at for (at,) in rows("select due_at from firings where outcome = 'started' order by due_at")]
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(due)} == {1.0}
    done = Counter(effects.read_text().splitlines())
    runs = {run for (run,) in rows("select id from runs")}
    assert {line.split()[1] for line in done} == runs
    assert set(done.values()) == {1}
    assert len(runs) == len(due)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"DATABASE_URL": "sqlite:///slashjob.db"}, "A worker needs PostgreSQL"),
        ({"DATABASE_URL": "sqlite:///x.db", "SLASHJOB_CONCURRENCY": "0"}, "a worker needs at least 1"),
        ({"SLASHJOB_ENGINE": "distributed"}, "SLASHJOB_ENGINE: distributed needs PostgreSQL"),
    ],
)
def test_a_worker_that_cannot_work_says_why(tmp_path: Path, settings: dict[str, str], told: str) -> None:
    with program(tmp_path) as made:
        assert told in made.run("worker", code=2, **settings).err


def test_the_engine_without_its_extra_is_refused_with_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "broken" / "procrastinate").mkdir(parents=True)
    (tmp_path / "broken" / "procrastinate" / "__init__.py").write_text("raise ModuleNotFoundError('no')")
    with program(tmp_path / "home") as made:
        paths = f"{tmp_path / 'broken'}:{Path(__file__).parents[2]}"
        settings = {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "SLASHJOB_ENGINE": "distributed"}
        settings["SLASHJOB_SECRET_KEYS"] = Fernet.generate_key().decode()
        told = made.run("serve", code=2, PYTHONPATH=paths, **settings).err
    assert "pip install 'slashjob[postgres]'" in told
