"""The `interact` agent: starts a job on an Interact server and follows its chat to the end.

`POST {url}/api/agents/jobs/{remote_job}/trigger` with `X-API-Key` and `X-Organization-Id` and the body
`{"parameters": {…}}` (none where there are no parameters) starts it. Both documented answers are read:
`{"success": true, "chat": {"id"}, "job": {"id"}}` and `{"chat_id", "job_id"}`. Then
`GET {url}/api/agents/chats/{chat_id}` is asked until its status has ended. The chat's messages become lines
of the record, its documents files, the last message of the assistant the answer.

Interact documents no way to stop a chat: when the run is cancelled, its record says that it goes on there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json
from yarl import URL

from adapters.agents import answers, references, requests, secrecy, services, transcripts
from adapters.agents.output import Errors, Output
from adapters.agents.services import Patience, Pause, Service
from adapters.agents.transcripts import Chat, Ending
from core.entries import Answered, Entry, Logged, Progressed
from core.errors import AgentError
from core.ports import Task

REQUEST_LIMIT = 60.0  # seconds of one request
SPEECHLESS_LIMIT = 5  # looks in a row at a chat that says no status


class Interact:
    """Starts jobs of Interact servers. `data` is where documents of a chat are kept."""

    def __init__(self, *, data: Path | None = None, pause: Pause | None = None) -> None:
        self._data = data
        self._pause = pause or Pause()

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        """Start the job and follow its chat. Raises `AgentError` where it did not succeed."""
        agent = task.version.agent
        key = references.fill(agent.secret, task.environment)
        organization = references.fill(agent.organization, task.environment)
        base = requests.read(references.fill_url(agent.url, task.environment).rstrip("/"))
        secrets = secrecy.of(task, [key, *references.values(agent.url, task.environment)])
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(
                services.open_service(base, secrets, allow_private=agent.allow_private)
            )
            talk = _Talk(task, service, base, {"X-API-Key": key, "X-Organization-Id": organization})
            chat_id = await talk.trigger()
            yield Logged(f"{service.name} started the chat {secrets.mask(chat_id)}.")
            chat = Chat({}, secrets)
            pause = Pause(self._pause.first, self._pause.longest)
            said = 0
            while chat.ending is None:
                chat = await talk.look(chat_id, pause)
                for entry in chat.settled(said):
                    yield entry
                said = max(said, chat.settled_count)
                if chat.ending is None:
                    yield Progressed(chat.status or "started")
            for entry in chat.rest(said):
                yield entry
            keeper = answers.Answer(Output(), Errors(), secrets, self._data)
            for document in chat.documents():
                yield secrets.entry(
                    document if isinstance(document, Logged) else await keeper.attach(document)
                )
            async for entry in _end(service, chat):
                yield entry


async def _end(service: Service, chat: Chat) -> AsyncIterator[Entry]:
    """The answer, then a failure where it was one."""
    answer = chat.answer()
    if answer:
        yield Answered(answer)
    match chat.ending:
        case Ending.FAILED:
            why = chat.reason() or f"The chat at {service.name.removeprefix('The service at ')} failed."
            raise AgentError(why)
        case Ending.CANCELLED:
            raise AgentError(f"Somebody stopped the chat on {service.name.removeprefix('The service at ')}.")


@dataclass(slots=True)
class _Talk:
    """The requests of one run."""

    task: Task
    service: Service
    base: URL
    headers: Mapping[str, str]
    patience: Patience = field(default_factory=Patience)
    speechless: int = 0

    async def trigger(self) -> str:
        """Start the job; the chat's id. Raises `AgentError`."""
        job = self.task.version.job
        known = requests.known(self.task)
        given = (
            requests.fill(job.body, known) if job.body else {n: requests.plain(v) for n, v in known.items()}
        )
        body = requests.encode({"parameters": given}) if given else None
        headers = {**self.headers, "Idempotency-Key": self.task.idempotency_key, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = self._url("jobs", job.remote_job, "trigger")
        reply = await self.service.send("POST", url, headers, body, seconds=REQUEST_LIMIT)
        self.service.check(reply)
        return self._chat_id(self._read(reply.text(self.service.name), "its answer to the trigger"))

    async def look(self, chat_id: str, pause: Pause) -> Chat:
        """Wait a little, then read the chat. Raises `AgentError`."""
        wait = pause.next()
        while True:
            try:
                await asyncio.sleep(wait)
                reply = await self.service.send(
                    "GET", self._url("chats", chat_id), self.headers, seconds=REQUEST_LIMIT
                )
            except asyncio.CancelledError:
                await self.task.emit(
                    Logged(f"{self.service.name} goes on with the chat {chat_id}.", "warning")
                )
                raise
            except AgentError as error:
                self.patience.bear(error)
                wait = pause.next()
                continue
            try:
                self.service.check(reply)
            except AgentError as error:
                self.patience.bear(error)
                wait = pause.next(reply.wait(services.now()))
                continue
            self.patience.rest()
            return self._chat(reply.text(self.service.name))

    def _chat(self, text: str) -> Chat:
        chat = Chat(transcripts.unwrap(self._read(text, "the chat")), self.service.secrets)
        self.speechless = 0 if chat.status else self.speechless + 1
        if self.speechless >= SPEECHLESS_LIMIT:
            raise AgentError(
                f"{self.service.name} answers with a chat that has no status.",
                hint="Look at the agent's url: is it an Interact server?",
                permanent=True,
            )
        return chat

    def _chat_id(self, said: dict[str, Any]) -> str:
        chat = said.get("chat")
        found = chat.get("id") if isinstance(chat, dict) else said.get("chat_id")
        if said.get("success") is False:
            why = transcripts.reason(said) or "it said no more"
            raise AgentError(f"{self.service.name} did not start the job: {self.service.secrets.mask(why)}")
        if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            raise AgentError(
                f"{self.service.name} answered the trigger without the id of a chat.",
                hint="Look at the agent's url: is it an Interact server?",
                permanent=True,
            )
        return str(found)

    def _read(self, text: str, what: str) -> dict[str, Any]:
        try:
            found = from_json(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise AgentError(
                f"{self.service.name} sent something else than a JSON object as {what}.",
                hint="Look at the agent's url: is it an Interact server?",
                permanent=True,
                detail=self.service.secrets.mask(text[:500]),
            )
        return found

    def _url(self, *parts: str) -> URL:
        path = "/".join(quote(part, safe="") for part in ("api", "agents", *parts))
        return requests.read(f"{str(self.base).rstrip('/')}/{path}")
