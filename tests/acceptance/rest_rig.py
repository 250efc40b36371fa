"""A pipeline's side of the HTTP API: a plain HTTP client, which knows nothing of the project."""

from __future__ import annotations

import contextlib
import http.client
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.program_rig import LIMIT, Program, Serving, program, until

JOBS = """\
  queued:
    agent: scripts
    command: [gate.sh, "{gate}"]
    parameters: {gate: {}}
    overlap: {policy: queue, cap: 1}
  open:
    agent: scripts
    command: [gate.sh, "{gate}"]
    parameters: {gate: {}, size: {type: integer, default: 1, max: 9}}
    overlap: allow
    channel: "console:pipelines"
  sealed:
    agent: scripts
    command: [gate.sh, "{gate}"]
    environment: {PASSWORD: "{password}"}
    parameters: {gate: {}, password: {secret: true}}
  guarded:
    agent: analyst
    access: {run: admin, view: editor}
    questions: [{name: q, sql: select 1 as one}]
"""


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Client:
    """Speaks HTTP to one server with one key."""

    port: int
    key: str | None = None
    organization: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str | None] | None = None,
        limit: float = LIMIT,
    ) -> Said:
        sent: dict[str, str | None] = {
            "X-API-Key": self.key,
            "X-Organization-Id": self.organization,
            **self.headers,
        }
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)
        try:
            given = {name: value for name, value in sent.items() if value is not None}
            connection.request(method, path, body=data, headers=given)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Said(answer.status, found, answer.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Said:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Said:
        return self.ask("POST", path, body, **more)

    def trigger(self, job: str, body: Any = None, **more: Any) -> Said:
        return self.post(f"/api/agents/jobs/{job}/trigger", body, **more)

    def ended(self, chat: str) -> Any:
        """Wait for the end of a chat; returns it."""
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.get(f"/api/agents/chats/{chat}").json)
            return found["status"] not in ("waiting", "queued", "running")

        until(over, f"the chat {chat} ended")
        return found

    def together(self, count: int, path: str, body: Any, **more: Any) -> list[Said]:
        """Post the same so many times at once."""
        with ThreadPoolExecutor(count) as pool:
            asked = [pool.submit(self.post, path, body, **more) for _ in range(count)]
            return [one.result() for one in asked]


@dataclass
class Pipeline:
    """A program that serves, and clients of it."""

    program: Program
    serving: Serving

    def client(self, *permissions: str, name: str = "", jobs: tuple[str, ...] = ()) -> Client:
        """A client with a key of its own."""
        key = make_key(self.program, *permissions, name=name, jobs=jobs)
        return Client(self.serving.port, key["key"], key["organization_id"])

    def again(self) -> None:
        """Stop the server and start another."""
        self.serving.terminate()
        self.serving = self.program.serve()


def make_key(
    made: Program, *permissions: str, name: str = "", jobs: tuple[str, ...] = (), more: tuple[str, ...] = ()
) -> Any:
    name = name or " ".join(("key for", *permissions, *jobs))
    wanted = [part for one in permissions for part in ("--permission", one)]
    limited = [part for one in jobs for part in ("--job", one)]
    return made.run("keys", "create", "--name", name, *wanted, *limited, *more, "--json").json


@contextlib.contextmanager
def pipeline(folder: Path, **settings: str) -> Iterator[Pipeline]:
    """A served workspace with jobs that wait for their gates."""
    with program(folder, **settings) as made:
        file = folder / "slashjob.yml"
        file.write_text(file.read_text() + JOBS)
        made.run("apply")
        yield Pipeline(made, made.serve())


def other_organization(made: Program) -> str:
    """The id of another organization on the same server."""
    other = "0198a1f0-aaaa-7bbb-8ccc-ddddeeeeffff"
    with contextlib.closing(sqlite3.connect(made.folder / "slashjob.db", timeout=10)) as connection:
        connection.execute(
            "insert into organizations (id, name, created_at) values (?, 'other', ?)",
            (other, "2026-01-01T00:00:00.000000Z"),
        )
        connection.commit()
    return other
