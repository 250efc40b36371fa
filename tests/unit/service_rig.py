"""What the tests of agents that call services share: tasks, and a strict service on the loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.definitions import AgentDefinition, JobDefinition, Parameter, SourceDefinition, Version
from core.entries import Answered, Entry
from core.ports import Agent, Halt, Source, Task

KEY = b"a key of thirty-two bytes, or so"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
RUN = "01980000-0000-7000-8000-000000000001"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Said:
    """A request as the service got it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Service:
    """A service that refuses what is not signed as Standard Webhooks says, and remembers the rest."""

    url: str = ""
    said: list[Said] = field(default_factory=list)
    key: bytes | None = KEY

    @property
    def methods(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.said]

    def check(self, said: Said) -> None:
        """Written anew from the specification, with nothing of the program's own."""
        assert said.headers["webhook-id"] == RUN
        stamp = said.headers["webhook-timestamp"]
        assert abs(int(stamp) - time.time()) < 60
        if self.key is None:
            assert "webhook-signature" not in said.headers
            return
        content = f"{RUN}.{stamp}.{said.body.decode()}".encode()
        wanted = base64.b64encode(hmac.new(self.key, content, hashlib.sha256).digest()).decode()
        assert said.headers["webhook-signature"].split(" ") == [f"v1,{wanted}"]


@asynccontextmanager
async def serving(handle: Handler, *, signed: bool = True) -> AsyncIterator[Service]:
    """A service on the loopback; `handle` answers every request."""
    service = Service()
    problems: list[BaseException] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        said = Said(request.method, request.raw_path, dict(request.headers), await request.read())
        service.said.append(said)
        if signed:
            try:
                service.check(said)
            except (AssertionError, KeyError) as error:
                problems.append(error)
                return web.Response(status=401, text=repr(error))
        return await handle(request)

    application = web.Application(client_max_size=8 << 20)
    application.router.add_route("*", r"/{path:[\s\S]*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
    assert not problems


def agent(service: Service, path: str = "", **more: Any) -> dict[str, Any]:
    """An http agent of the service."""
    return {
        "kind": "http",
        "url": service.url + path,
        "secret": "${SERVICE_SECRET}",
        "allow_private": True,
    } | more


class Polled:
    """Takes the work, and is done at the `turns`-th look."""

    def __init__(self, turns: int, headers: dict[str, str] | None = None, **body: Any) -> None:
        self.turns = turns
        self.headers = headers or {}
        self.body = body
        self.looks: list[float] = []
        self.faults: list[int] = []

    async def __call__(self, request: web.Request) -> web.Response:
        headers = {"Location": "/tasks/7?x=a%26b"} | self.headers
        if request.method == "POST" and not request.path.endswith("/stop"):
            return web.json_response(self.body, status=202, headers=headers)
        if request.method != "GET":
            return web.Response(status=204)
        assert request.raw_path == "/tasks/7?x=a%26b"
        self.looks.append(time.monotonic())
        if self.faults:
            return web.Response(status=self.faults.pop(0), headers=self.headers)
        if len(self.looks) >= self.turns:
            return web.json_response({"summary": "at last"})
        progress = {"progress": {"text": f"step {len(self.looks)}", "done": len(self.looks), "total": 3}}
        return web.json_response(progress, status=202, headers=self.headers)


@dataclass
class Asked:
    """A task with what it was told on the way."""

    task: Task
    said: list[Entry] = field(default_factory=list)


async def _no_source(name: str, _: SourceDefinition, __: Mapping[str, str]) -> Source:
    raise AssertionError(f"a service is no source: {name}")


def ask(
    agent: Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    secret: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
    attempt: int = 1,
    halt: Halt = "",
    **job: Any,
) -> Asked:
    """A task for this agent; `job` is what else `JobDefinition` knows, `secret` names parameters."""
    said: list[Entry] = []

    async def emit(entry: Entry) -> None:
        said.append(entry)

    known = {name: Parameter(secret=name in secret) for name in parameters or {}}
    task = Task(
        run_id=RUN,
        label="#128.3",
        attempt=attempt,
        version=Version(
            name="refresh",
            job=JobDefinition(agent="service", parameters=known, **job),
            agent=AgentDefinition.model_validate(dict(agent)),
        ),
        parameters=parameters or {},
        now=datetime.now(UTC),
        zone=ZoneInfo("UTC"),
        deadline=timedelta(seconds=60),
        environment={"SERVICE_SECRET": SECRET} | dict(environment or {}),
        open_source=_no_source,
        emit=emit,
        lease_until=lambda: float("inf"),
        halt=lambda: halt,
    )
    return Asked(task, said)


async def entries(agent: Agent, asked: Asked) -> list[Entry]:
    """Run it to its end; what came before a failure is in `asked.said`."""
    async with aclosing(agent.run(asked.task)) as run:  # type: ignore[type-var]
        async for entry in run:
            asked.said.append(entry)
    return asked.said


async def answer(agent: Agent, asked: Asked) -> str:
    """Run it and give its last answer."""
    answers = [entry.text for entry in await entries(agent, asked) if isinstance(entry, Answered)]
    return answers[-1] if answers else ""


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it, with a limit."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)
