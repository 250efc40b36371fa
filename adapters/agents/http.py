"""The `http` agent: has a remote service do the work, and reads what it says.

The service gets `POST {url}{path}` with the job's `body` (all parameters where there is none) and the headers
of Standard Webhooks: `webhook-id` is the same for every attempt of a run, so that a service that has begun
already does not begin again. Beside them `slashjob-job`, `slashjob-run`, `slashjob-attempt` and, where this
process can be reached from outside, `slashjob-callback`. It answers in one of three ways:

1. at once: 2xx with an envelope (`envelope.py`) or text;
2. 202 with `Location` (same host): that address is asked with GET until it answers otherwise than 202, no
   sooner than each `Retry-After` says;
3. 202, and later a POST of the answer to the address of `slashjob-callback`, which works once and only while
   the attempt waits.

Every 202 may hold `{"progress": {"text", "done", "total"}}` and `{"cancel_url": "…"}` (same host). When a run
is cancelled, or its time is over, the service is told: POST to `cancel_url`, else DELETE of the Location. A
stop of the bot and a lost lease are not told: the next attempt asks again with the same `webhook-id`.

An answer `{"error": "sentence"}` fails the run; with `"permanent": true` it is not tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from yarl import URL

from adapters.agents import answers, envelope, references, requests, secrecy, services
from adapters.agents.callbacks import Brought, Callback, Callbacks
from adapters.agents.output import Errors, Output
from adapters.agents.services import Patience, Pause, Reply, Service
from adapters.remote.signing import Signer
from core.entries import Entry, Logged
from core.errors import AgentError
from core.ports import Task

LOOK_LIMIT = 60.0  # seconds that one look for the answer may take
TELL_LIMIT = 5.0  # seconds to pass a cancel on; the worker's grace is 15
ACCEPTED = 202


class Http:
    """Calls services. `data` is where files of an answer are kept; `callbacks` are this process's."""

    def __init__(
        self, *, data: Path | None = None, callbacks: Callbacks | None = None, pause: Pause | None = None
    ) -> None:
        self._data = data
        self._callbacks = callbacks or Callbacks()
        self._pause = pause or Pause()

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        """Ask the service and follow it to its answer. Raises `AgentError`."""
        call = _prepare(task)
        async with AsyncExitStack() as stack:
            callback = await stack.enter_async_context(self._callbacks.offer())
            secrets = secrecy.of(task, [*call.secrets, *([callback.token] if callback else [])])
            agent = task.version.agent
            service = await stack.enter_async_context(
                services.open_service(call.url, secrets, allow_private=agent.allow_private)
            )
            pause = Pause(self._pause.first, self._pause.longest)
            exchange = _Exchange(task, call, service, callback, pause)
            reply = await exchange.ask()
            while reply.status == ACCEPTED:
                for step in exchange.note(reply):
                    yield step
                reply = await exchange.look(reply)
            async for entry in self._say(service, reply):
                yield entry

    async def _say(self, service: Service, reply: Reply) -> AsyncIterator[Entry]:
        text = reply.text(service.name)
        _check_json(service, reply, text)
        output = Output()
        output.feed(text.encode())
        async for entry in answers.Answer(output, Errors(), service.secrets, self._data).entries():
            yield entry


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked: where, what, and with which key it is signed. `secrets` may be shown nowhere."""

    url: URL
    body: bytes
    signer: Signer
    secrets: tuple[str, ...]


def _prepare(task: Task) -> _Call:
    agent, job = task.version.agent, task.version.job
    known = requests.known(task)
    secret = references.fill(agent.secret, task.environment)
    base = references.fill_url(agent.url, task.environment)
    return _Call(
        requests.address(base, job.path, known),
        requests.body(job.body, known),
        _signer(secret),
        (secret, *references.values(agent.url, task.environment)),
    )


def _signer(secret: str) -> Signer:
    try:
        return Signer.of(secret)
    except ValueError as error:
        raise AgentError(
            f"The agent's secret cannot be used: {error}.",
            hint="Copy it again from where the service shows it.",
            permanent=True,
        ) from None


@dataclass(slots=True)
class _Exchange:
    """One attempt's conversation with a service."""

    task: Task
    call: _Call
    service: Service
    callback: Callback | None
    pause: Pause
    patience: Patience = field(default_factory=Patience)
    location: URL | None = None
    cancel_url: URL | None = None

    async def ask(self) -> Reply:
        """The first request, which starts the work."""
        reply = await self.service.send("POST", self.call.url, self._headers(self.call.body), self.call.body)
        self.service.check(reply)
        return reply

    def note(self, reply: Reply) -> list[Entry]:
        """Where the work is and how to follow it, from a 202. Raises `AgentError` where it says neither."""
        if reply.location:
            self.location = self._here(reply.location, "the Location of its 202")
        said = _json(reply.body)
        if isinstance(said.get("cancel_url"), str):
            self.cancel_url = self._here(said["cancel_url"], "its cancel_url")
        if self.location is None and self.callback is None:
            raise AgentError(
                f"{self.service.name} took the work with 202 and named no Location to ask for the answer.",
                hint="It should send one; or set SLASHJOB_PUBLIC_URL, so that it can call back.",
                permanent=True,
            )
        progress = said.get("progress")
        step = envelope.progressed(progress if isinstance(progress, dict) else {"text": progress})
        return [self.service.secrets.entry(step)] if progress and step is not None else []

    async def look(self, reply: Reply) -> Reply:
        """Wait, and see how far it is: a 202 where it goes on. A cancel meanwhile is passed on."""
        try:
            return await self._look(self.pause.next(reply.wait(services.now())))
        except asyncio.CancelledError:
            if self.task.halt() in ("", "cancel", "time"):
                await self._pass_on()
            raise

    async def _look(self, pause: float) -> Reply:
        waiting = [self.callback.answered] if self.callback else []
        while True:
            await services.later(pause if self.location else None, *waiting)
            if self.callback is not None and self.callback.answered.done():
                return _brought(self.callback.answered.result())
            try:
                reply = await self._poll()
            except AgentError as error:
                self.patience.bear(error)
                pause = self.pause.next()
                continue
            if reply.status < 400:
                self.patience.rest()
                return reply
            try:
                self.service.check(reply)
            except AgentError as error:
                self.patience.bear(error)
            pause = self.pause.next(reply.wait(services.now()))

    async def _poll(self) -> Reply:
        if self.location is None:
            raise ValueError("there is no location to look at")
        return await self.service.send("GET", self.location, self._headers(b""), seconds=LOOK_LIMIT)

    async def _pass_on(self) -> None:
        """Tell the service that nobody waits any more; what came of it is a line in the chat."""
        method, url, body = "DELETE", self.location, b""
        if self.cancel_url is not None:
            method, url, body = "POST", self.cancel_url, b"{}"
        if url is None:
            await self.task.emit(Logged(f"{self.service.name} named no way to stop its work.", "warning"))
            return
        try:
            reply = await self.service.send(
                method, url, self._headers(body), body or None, seconds=TELL_LIMIT
            )
            if reply.status not in (404, 410):  # it knows nothing of it any more, which is as good
                self.service.check(reply)
        except AgentError as error:
            text = f"The stop could not be passed on, the work may go on there: {error.sentence}"
            await self.task.emit(Logged(text, "warning"))
            return
        await self.task.emit(Logged(f"{self.service.name} was told to stop."))

    def _headers(self, body: bytes) -> dict[str, str]:
        task = self.task
        made = self.call.signer.headers(task.idempotency_key, services.now(), body)
        made |= {
            "Accept": "application/json, text/plain",
            "slashjob-job": task.version.name,
            "slashjob-run": task.label,
            "slashjob-attempt": str(task.attempt),
        }
        if body:
            made["Content-Type"] = "application/json"
        if self.callback is not None:
            made["slashjob-callback"] = self.callback.url
        return made

    def _here(self, given: str, what: str) -> URL:
        found = services.same_place(self.call.url, given)
        if found is None:
            raise AgentError(
                f"{self.service.name} named another place in {what}, and only its own is asked.",
                hint="It should be a path, or an address with the same scheme, host and port.",
                permanent=True,
            )
        return found


def _brought(brought: Brought) -> Reply:
    return Reply(200, brought.body, brought.content_type)


def _check_json(service: Service, reply: Reply, text: str) -> None:
    """Raise where the service said that it failed, or where what it calls JSON is none."""
    if "json" in reply.content_type.lower() and text.strip():
        try:
            from_json(text)  # unlike json, it refuses what is nested too deeply as any other mistake
        except ValueError:
            raise AgentError(
                f"{service.name} answered with something that it calls JSON, and that is none.",
                permanent=True,
                detail=service.secrets.mask(text[:500]),
            ) from None
    said = _json(reply.body)
    if isinstance(said.get("error"), str) and said["error"].strip():
        sentence = service.secrets.mask(said["error"].strip())[:1_000]
        raise AgentError(sentence, permanent=said.get("permanent") is True)


def _json(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is; an empty one where it is something else."""
    try:
        found = from_json(body) if body.lstrip().startswith(b"{") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
