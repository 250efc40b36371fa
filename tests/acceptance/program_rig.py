"""The program as a user starts it: real processes in a folder of their own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIMIT = 120.0  # seconds that a condition, or a whole command, may take on a busy machine

WORKSPACE = """\
sources:
  shop: {url: "sqlite:///shop.db", max_rows: 100, max_bytes: 2000}
  hurried: {url: "sqlite:///shop.db", timeout: 1s}
  away: {url: "sqlite:///nowhere.db"}
agents:
  analyst: {kind: report, source: shop}
  hasty: {kind: report, source: hurried}
  lost: {kind: report, source: away}
  scripts: {kind: command}
jobs:
  count:
    title: Count the sales
    agent: analyst
    parameters: {campaign_id: {type: integer, min: 1}, region: {choices: [EU, US], default: EU}}
    questions:
      - name: total
        sql: select count(*) as number, sum(amount) as amount from sales where campaign_id = :campaign_id
    summary: "Campaign {{ params.campaign_id }}: *{{ total.number }}* sales."
    parameter_sets: {both: [{campaign_id: 42}, {campaign_id: 43}]}
  no-table:
    agent: analyst
    questions: [{name: q, sql: select * from nothing_here}]
  no-source:
    agent: lost
    questions: [{name: q, sql: select 1 as one}]
  too-slow:
    agent: hasty
    questions:
      - name: q
        sql: >-
          with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) as most from n
  too-much:
    agent: analyst
    questions:
      - name: q
        sql: >-
          with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
          select i, 'a text that is rather long for a cell of a table' as text from n
  gated:
    agent: scripts
    command: [gate.sh, "{gate}"]
    parameters: {gate: {}}
  gated-again:
    agent: scripts
    command: [gate.sh, "{gate}"]
    parameters: {gate: {}}
    rerun_interrupted: true
  gated-retry:
    agent: scripts
    command: [gate.sh, "{gate}"]
    parameters: {gate: {}}
    retry: {attempts: 2, delay: 100ms}
"""
GATE = """#!/bin/sh
echo begun >> "$1.begun"
while [ ! -e "$1" ]; do sleep 0.05; done
echo "through the gate"
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Program:
    """slashjob in a folder, with the settings that a test gives it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: list[Serving] = field(default_factory=list)

    def run(self, *arguments: str, code: int | None = 0, text: str | None = None, **settings: str) -> Ended:
        """Run a command to its end; `code` is what it must exit with, None for any."""
        done = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(settings),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in ended.err, ended.err
        assert code is None or ended.code == code, ended
        return ended

    def say(self, line: str, *, code: int | None = 0, wait: bool = True, **settings: str) -> Any:
        """Say a line; returns what it prints as JSON."""
        waiting = ("--wait",) if wait else ()
        return self.run("say", line, "--json", *waiting, code=code, **settings).json

    def start(self, *arguments: str, **settings: str) -> Serving:
        """Start a command that goes on; the test's end kills it."""
        log = self.folder / f"{arguments[0]}-{len(self.running)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                self._command(arguments),
                cwd=self.folder,
                env=self._environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(Serving(process, log))
        return self.running[-1]

    def serve(self, **settings: str) -> Serving:
        """Start a bot and wait until it is ready."""
        serving = self.start("serve", **settings)
        serving.ready()
        return serving

    def stop(self) -> None:
        for serving in self.running:
            serving.kill()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the SQLite file."""
        with contextlib.closing(sqlite3.connect(self.folder / "slashjob.db", timeout=LIMIT)) as connection:
            return connection.execute(query, values).fetchall()

    def states(self) -> list[tuple[Any, ...]]:
        """(batch's state, run's status, its attempt) of every run in order."""
        return self.rows(
            "select b.state, r.status, r.attempt from runs r join batches b on b.pk = r.batch order by r.pk"
        )

    def begun(self, gate: str, times: int = 1) -> None:
        """Wait until a gated job has come to its gate that many times."""
        path = self.folder / f"{gate}.begun"
        until(lambda: path.exists() and len(path.read_text().splitlines()) >= times, f"{gate} began")

    def open(self, gate: str) -> None:
        (self.folder / gate).touch()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "bot", *arguments]

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLASHJOB", "DATABASE"))
        }
        own = {"PYTHONPATH": str(ROOT), "SLASHJOB_PORT": "0", "SLASHJOB_COMMANDS": str(self.folder)}
        return kept | own | self.environment | settings


@dataclass
class Serving:
    """A command under way."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def port(self) -> int:
        found = re.search(r"serves on http://127\.0\.0\.1:([0-9]+)", self.said)
        assert found, self.said
        return int(found[1])

    def ready(self) -> None:
        until(lambda: self._alive() and "serves on http" in self.said, lambda: self.said)

    def get(self, path: str) -> tuple[int, Any]:
        """The status and JSON body of a GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT)

    def kill(self) -> None:
        """SIGKILL: it has no time for anything."""
        self.process.kill()
        self.process.wait(LIMIT)

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.said
        return True


def until(condition: Callable[[], bool], what: str | Callable[[], str] = "it", limit: float = LIMIT) -> None:
    """Wait for a condition with a limit."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what() if callable(what) else what}")
        time.sleep(0.02)


@contextlib.contextmanager
def program(folder: Path, **environment: str) -> Iterator[Program]:
    """A folder with a workspace, and slashjob in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slashjob.yml").write_text(WORKSPACE)
    gate = folder / "gate.sh"
    gate.write_text(GATE)
    gate.chmod(0o755)
    with contextlib.closing(sqlite3.connect(folder / "shop.db")) as shop:
        shop.execute("create table sales (day text, campaign_id integer, amount real)")
        shop.executemany(
            "insert into sales values (?, ?, ?)", [("2026-01-05", 42, 100.0), ("2026-01-06", 42, 20.5)]
        )
        shop.commit()
    made = Program(folder, environment)
    try:
        yield made
    finally:
        made.stop()
