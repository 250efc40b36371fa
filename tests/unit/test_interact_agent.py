"""The interact agent against a server that answers as Interact documents it, and otherwise."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.agents.interact import Interact
from adapters.agents.services import Pause
from core.entries import Answered, Asked, Attached, Entry, Logged, Progressed
from core.errors import AgentError
from tests.unit import service_rig
from tests.unit.service_rig import Service, ask, entries, serving, until

KEY = "interact-key-123"
DOCUMENTED = [
    {"success": True, "chat": {"id": "c/1"}, "job": {"id": "job-7"}},
    {"chat_id": "c/1", "job_id": "job-7"},
]
TALK = [
    {"role": "user", "content": "How did we do?"},
    {"role": "tool", "content": [{"type": "text", "text": "asked the database"}]},
    {"role": "assistant", "content": f"It went *well*, says {KEY}."},
]


class Server:
    """Strict about the two headers; its chat goes through `chats`, and stays at the last."""

    def __init__(self, *chats: Any, started: Any = None) -> None:
        self.started = started if started is not None else DOCUMENTED[0]
        self.chats = list(chats) or [{"status": "completed", "messages": TALK}]
        self.looks = 0
        self.faults: list[int] = []

    async def __call__(self, request: web.Request) -> web.Response:
        if request.headers.get("X-API-Key") != KEY or request.headers.get("X-Organization-Id") != "acme":
            return web.json_response({"error": "who are you?"}, status=401)
        if request.method == "POST" and request.raw_path == "/base/api/agents/jobs/job%2F7/trigger":
            assert request.headers["Idempotency-Key"] == service_rig.RUN
            return _json(self.started)
        if request.method == "GET" and request.raw_path == "/base/api/agents/chats/c%2F1":
            self.looks += 1
            if self.faults:
                return web.Response(status=self.faults.pop(0))
            return _json(self.chats.pop(0) if len(self.chats) > 1 else self.chats[0])
        return web.Response(status=404)


def _json(value: Any) -> web.Response:
    return value if isinstance(value, web.Response) else web.json_response(value)


def asked(service: Service, **more: Any) -> service_rig.Asked:
    agent = {
        "kind": "interact",
        "url": f"{service.url}/base/",
        "secret": "${INTERACT_KEY}",
        "organization": "acme",
        "allow_private": True,
    }
    return ask(agent, environment={"INTERACT_KEY": KEY}, remote_job="job/7", **more)


def interact(**more: Any) -> Interact:
    return Interact(pause=Pause(0.01, 0.02), **more)


async def run(server: Server, **more: Any) -> tuple[list[Entry], Service]:
    async with serving(server, signed=False) as service:
        return await entries(interact(), asked(service, **more)), service


async def refused(server: Server) -> AgentError:
    with pytest.raises(AgentError) as caught:
        await run(server)
    return caught.value


@pytest.mark.parametrize("started", DOCUMENTED)
async def test_both_documented_answers_lead_to_the_chat(started: dict[str, Any]) -> None:
    said, service = await run(Server(started=started))
    host = service.url.removeprefix("http://")
    assert said == [
        Logged(f"The service at {host} started the chat c/1."),
        Asked("message 1", "How did we do?"),
        Logged("tool: asked the database"),
        Answered("It went *well*, says ••••••."),
    ]


async def test_parameters_are_sent_with_their_types() -> None:
    _, service = await run(Server(), parameters={"campaign_id": 42, "since": date(2026, 3, 2)})
    assert service.said[0].json == {"parameters": {"campaign_id": 42, "since": "2026-03-02"}}


async def test_the_body_of_the_job_goes_before_all_parameters() -> None:
    _, service = await run(Server(), parameters={"campaign_id": 42}, body={"id": "{campaign_id}", "x": [1]})
    assert service.said[0].json == {"parameters": {"id": 42, "x": [1]}}


async def test_without_parameters_the_body_is_empty() -> None:
    _, service = await run(Server())
    assert service.said[0].body == b""


async def test_the_chat_is_followed_while_it_goes_on() -> None:
    server = Server(
        {"status": "Queued"},
        {"status": "in progress", "messages": TALK[:1]},
        {"status": "in progress", "messages": TALK[:2]},
        {"status": "in progress", "messages": [*TALK[:2], {"role": "assistant", "content": "It w"}]},
        {"status": "Completed", "messages": TALK},
    )
    said, _ = await run(server)
    assert [one.text for one in said if isinstance(one, Progressed)] == ["queued", *["in_progress"] * 3]
    assert [one.question for one in said if isinstance(one, Asked)] == ["How did we do?"]
    assert [one.text for one in said if isinstance(one, Logged)][1:] == ["tool: asked the database"]
    assert [one.text for one in said if isinstance(one, Answered)] == ["It went *well*, says ••••••."]


@pytest.mark.parametrize(
    "chat",
    [
        {"success": True, "chat": {"status": "done", "messages": TALK}},
        {"data": {"chat": {"state": "Success"}, "messages": TALK}},
        {"chat": {"id": "c/1", "status": "FINISHED"}, "messages": TALK},
    ],
)
async def test_the_chat_may_be_wrapped(chat: dict[str, Any]) -> None:
    said, _ = await run(Server(chat))
    assert isinstance(said[-1], Answered)


@pytest.mark.parametrize("word", ["failed", "ERROR", "timed out", "Timed-Out", "rejected"])
async def test_a_failed_chat_fails_the_run_with_its_own_reason(word: str) -> None:
    async with serving(
        Server({"status": word, "error": f"no data, {KEY}", "messages": TALK}), signed=False
    ) as service:
        one = asked(service)
        with pytest.raises(AgentError, match="no data, ••••••"):
            await entries(interact(), one)
    assert isinstance(one.said[-1], Answered)


@pytest.mark.parametrize("word", ["cancelled", "canceled", "aborted", "stopped"])
async def test_a_chat_that_was_stopped_there_fails_the_run(word: str) -> None:
    assert "Somebody stopped the chat" in (await refused(Server({"status": word}))).sentence


async def test_documents_become_files(tmp_path: Path) -> None:
    documents = [
        {"name": "../report.md", "content": f"# {KEY}", "media_type": "text/markdown"},
        {"title": "numbers", "content": {"a": 1}, "mime_type": "not a type"},
        {"title": "elsewhere", "url": "https://example.com/x"},
        "nonsense",
        *[{"title": f"d{number}", "content": "x"} for number in range(30)],
    ]
    server = Server({"status": "completed", "documents": documents, "messages": TALK})
    async with serving(server, signed=False) as service:
        said = await entries(interact(data=tmp_path), asked(service))
    files = [one for one in said if isinstance(one, Attached)]
    assert (files[0].name, files[0].media_type) == ("report.md", "text/markdown")
    assert (tmp_path / files[0].path).read_text() == "# ••••••"
    assert (files[1].name, files[1].media_type) == ("numbers", "text/plain")
    told = [one.text for one in said if isinstance(one, Logged)]
    assert "Document: elsewhere (https://example.com/x)" in told
    assert any("more documents are not kept" in one for one in told)
    assert isinstance(said[-1], Answered)


async def test_a_chat_of_any_size_is_kept_within_limits() -> None:
    messages = [{"role": "tool", "content": "y" * 30_000}] * 300 + TALK
    said, _ = await run(Server({"status": "completed", "messages": messages[:33]}))
    assert all(len(one.text) < 21_000 for one in said if isinstance(one, Logged))
    short = [{"role": "tool", "content": "y"}] * 1_000
    said, _ = await run(Server({"status": "completed", "messages": short}))
    assert len(said) < 210
    assert any(isinstance(one, Logged) and "More messages" in one.text for one in said)


@pytest.mark.parametrize(
    ("started", "said"),
    [
        ({"success": False, "error": "the job is disabled"}, "did not start the job: the job is disabled"),
        ({"success": True}, "without the id of a chat"),
        ({"chat_id": True}, "without the id of a chat"),
        (["c1"], "something else than a JSON object"),
        (web.Response(text="hello"), "something else than a JSON object"),
        (web.Response(text="<p>Log in", content_type="text/html"), "page for browsers"),
        (web.Response(status=404), "404 Not Found"),
        (web.Response(status=302, headers={"Location": "/login"}), "redirect"),
    ],
)
async def test_nonsense_to_the_trigger_is_explained(started: Any, said: str) -> None:
    assert said in (await refused(Server(started=started))).sentence


@pytest.mark.parametrize(
    ("chat", "said"),
    [
        ({"id": "c/1"}, "a chat that has no status"),
        ({"status": 7}, "a chat that has no status"),
        ([], "something else than a JSON object"),
    ],
)
async def test_nonsense_as_the_chat_is_explained(chat: Any, said: str) -> None:
    error = await refused(Server(chat))
    assert said in error.sentence
    assert error.permanent


@pytest.mark.parametrize(
    "messages",
    [None, "text", [1, None, "x"], [{"role": 7, "content": 7}], [{"content": {"deep": [1]}}], [{}]],
)
async def test_odd_messages_are_borne(messages: Any) -> None:
    said, _ = await run(Server({"status": "completed", "messages": messages}))
    assert said


async def test_a_wrong_key_is_said() -> None:
    async with serving(Server(), signed=False) as service:
        one = asked(service)
        one.task.environment = {"INTERACT_KEY": "wrong-key"}
        with pytest.raises(AgentError, match="401 Unauthorized") as caught:
            await entries(interact(), one)
    assert caught.value.permanent
    assert "secret" in caught.value.hint
    assert json.loads(caught.value.detail) == {"error": "who are you?"}


async def test_passing_faults_are_borne_and_lasting_ones_are_not() -> None:
    server = Server()
    server.faults = [503, 502, 429]
    assert isinstance((await run(server))[0][-1], Answered)
    server.faults = [503] * 50
    error = await refused(server)
    assert "503" in error.sentence
    assert not error.permanent


async def test_a_cancelled_run_says_that_the_chat_goes_on() -> None:
    server = Server({"status": "running"})
    async with serving(server, signed=False) as service:
        one = asked(service)
        task = asyncio.create_task(entries(interact(), one))
        await until(lambda: server.looks > 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    last = one.said[-1]
    assert isinstance(last, Logged)
    assert "goes on with the chat c/1" in last.text
