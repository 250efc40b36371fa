"""A strict Slack on loopback: the Web API, response_urls, uploads and Socket Mode.

It refuses what the real one refuses (limits, scopes, membership, used triggers and response_urls, too many
posts), writes down every request, and fails on demand:

    async with FakeSlack() as slack:
        channel = slack.channel("growth")            # an id; the bot is a member
        client = AsyncWebClient(token=slack.token, base_url=slack.url)
        slack.fault("chat.postMessage", Fault(retry_after="30"))
        slack.messages(channel)
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.channels.slack_methods import METHODS, take_upload
from tests.channels.slack_posting import post_by_url
from tests.channels.slack_socket import Socket
from tests.channels.slack_workspace import Fault, Issued, Payload, Refused, Workspace

__all__ = ["Call", "FakeSlack", "Fault"]

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BURST = 4  # posts to a channel at once, before the rule of one a second holds
UPDATES_A_MINUTE = 50  # chat.update is of tier 3


@dataclass(slots=True)
class Call:
    """A request and what it was answered."""

    method: str
    arguments: Payload
    token: str
    at: float
    status: int = 0
    answer: Payload = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether Slack did it."""
        return self.status == 200 and bool(self.answer.get("ok", True))


class FakeSlack(Workspace):
    """The server; an asynchronous context. `url` is the base of the Web API, `calls` what was asked."""

    token = "xoxb-1"
    app_token = "xapp-1"
    signing_secret = SIGNING_SECRET

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.impatient: list[Call] = []
        """calls that came before the time that a 429 had given"""
        self.limited = True
        """whether posting too fast is answered 429"""
        self.socket = Socket()
        self.address = ""
        self.oauth_codes: dict[str, Payload] = {}
        """code -> what oauth.v2.access answers for it"""
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._posts: dict[str, tuple[float, float]] = {}
        self._updates: dict[str, list[float]] = defaultdict(list)
        self._not_before: dict[tuple[str, str], float] = {}
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FakeSlack:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_post("/commands/{key}", self._response_url)
        app.router.add_get("/socket", self.socket.serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.address = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The base address of the Web API."""
        return f"{self.address}/api/"

    def fault(self, method: str, fault: Fault) -> Fault:
        """Let the next calls of a method go wrong (`response_url` and `upload` are methods here)."""
        self._faults[method].append(fault)
        return fault

    def mend(self) -> None:
        """No more faults."""
        self._faults.clear()

    def asked(self, method: str) -> list[Call]:
        """The calls of a method."""
        return [call for call in self.calls if call.method == method]

    def response_url(self, channel: str, user: str) -> str:
        """A response_url, fit for five uses within half an hour."""
        key = f"T1/{self.number()}/{'k' * 8}".replace("/", "-")
        self.response_urls[key] = Issued(self.now(), user, channel)
        return f"{self.address}/commands/{key}"

    def slash(self, text: str, channel: str, user: str, **more: str) -> dict[str, str]:
        """The form of a slash command."""
        place, person = self.places[channel], self.people[user]
        return {
            "token": "deprecated",
            "team_id": person.team,
            "team_domain": "example",
            "channel_id": channel,
            "channel_name": place.name if place.kind == "channel" else "privategroup",
            "user_id": user,
            "user_name": person.name,
            "command": "/job",
            "text": text,
            "api_app_id": "A000000001",
            "is_enterprise_install": "false",
            "response_url": self.response_url(channel, user),
            "trigger_id": self.trigger(user, channel),
            **more,
        }

    def sign(self, body: bytes, *, at: float | None = None, secret: str = "") -> dict[str, str]:
        """The headers that prove that a body is Slack's."""
        stamp = str(int(self.now() if at is None else at))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new((secret or self.signing_secret).encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    def form(self, fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        """A signed form: its body and headers."""
        body = urlencode(fields).encode()
        return body, {**self.sign(body), "Content-Type": "application/x-www-form-urlencoded"}

    def json(self, payload: Payload) -> tuple[bytes, dict[str, str]]:
        """A signed event: its body and headers."""
        body = json.dumps(payload).encode()
        return body, {**self.sign(body), "Content-Type": "application/json"}

    def check_rate(self, method: str, key: str) -> None:
        """Refuse what comes too fast: `key` is a channel, or the workspace for edits."""
        if not self.limited:
            return
        if method == "chat.update":
            times = self._updates[key] = [at for at in self._updates[key] if at > self.now() - 60]
            if len(times) >= UPDATES_A_MINUTE:
                raise Limited(max(1, round(times[0] + 60 - self.now() + 0.5)))
            times.append(self.now())
            return
        left, at = self._posts.get(key, (float(BURST), self.now()))
        left = min(float(BURST), left + max(0.0, self.now() - at))
        if left < 1:
            raise Limited(1)
        self._posts[key] = (left - 1, self.now())

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await _arguments(request)
        header = request.headers.get("Authorization", "")
        token = str(arguments.pop("token", "") or header.removeprefix("Bearer ").strip())
        call = Call(method, arguments, token, self.now())
        return await self._answer(request, call, lambda: self._do(call))

    async def _do(self, call: Call) -> Payload:
        if call.method not in METHODS:
            raise Refused("unknown_method", req_method=call.method)
        return {"ok": True, **METHODS[call.method](self, call)}

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        call = Call("upload", {"id": request.match_info["id"]}, "", self.now())
        data = await _uploaded(request)

        async def work() -> Payload:
            return take_upload(self, call, data)

        return await self._answer(request, call, work)

    async def _response_url(self, request: web.Request) -> web.StreamResponse:
        call = Call("response_url", await _arguments(request), "", self.now())
        key = request.match_info["key"]

        async def work() -> Payload:
            return post_by_url(self, key, call.arguments)

        return await self._answer(request, call, work)

    async def _answer(self, request: web.Request, call: Call, work: Any) -> web.StreamResponse:
        self.calls.append(call)
        if self._not_before.get((call.method, call.token), 0.0) > self.now():
            self.impatient.append(call)
        fault = self._next_fault(call.method)
        if fault is not None and not fault.after:
            return await self._fail(request, call, fault)
        install = self.installs.get(call.token)
        headers = {"x-oauth-scopes": ",".join(sorted(install.scopes))} if install else {}
        try:
            call.status, call.answer = 200, await work()
        except Limited as limited:
            call.status, call.answer = 429, {"ok": False, "error": "ratelimited"}
            headers["Retry-After"] = str(limited.seconds)
            self._not_before[call.method, call.token] = self.now() + limited.seconds - 1
        except Refused as refused:
            call.status, call.answer = (404 if call.method == "response_url" else 200), refused.body
        if fault is not None:
            return await self._fail(request, call, fault)
        if call.method == "upload" and call.status == 200:
            return web.Response(text="OK - " + str(call.answer["length"]))
        if call.method == "response_url" and call.status == 200:
            return web.Response(text="ok")
        return web.json_response(call.answer, status=call.status, headers=headers)

    def _next_fault(self, method: str) -> Fault | None:
        waiting = self._faults[method]
        if not waiting:
            return None
        waiting[0].times -= 1
        return waiting.pop(0) if waiting[0].times <= 0 else waiting[0]

    async def _fail(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        if fault.gate is not None:
            await fault.gate.wait()
        if fault.reset:
            call.status = 0
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault.retry_after is not None or fault.status == 429:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            call.status, call.answer = 429, {"ok": False, "error": "ratelimited"}
            header = fault.retry_after or ""
            seconds = float(header) if header.isdigit() else 0.0
            self._not_before[call.method, call.token] = self.now() + seconds
            return web.json_response(call.answer, status=429, headers=headers)
        if fault.status >= 500:
            call.status = fault.status
            return web.Response(text="<html>upstream</html>", status=fault.status, content_type="text/html")
        if fault.error:
            call.status, call.answer = fault.status, {"ok": False, "error": fault.error}
            return web.json_response(call.answer, status=fault.status)
        return web.json_response(call.answer, status=call.status or 200)


class Limited(Exception):
    """Too fast: 429."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


async def _arguments(request: web.Request) -> Payload:
    """What was asked with, whichever way it was sent; JSON inside a form is read."""
    found: Payload = dict(request.query)
    if request.content_type == "application/json":
        found.update(await request.json())
    else:
        found.update(
            {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        )
    for name in ("blocks", "attachments", "metadata", "view", "files", "unfurls"):
        if isinstance(found.get(name), str):
            found[name] = json.loads(found[name])
    return found


async def _uploaded(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
