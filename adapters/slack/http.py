"""`/slack/events`: all of Slack's deliveries over HTTP, mounted on the one aiohttp application.

The signature is checked over the raw bytes before anything is parsed; bolt then gets a dict, because its
own parser loses every form that contains the word `payload`. No body is ever logged.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from adapters.remote import bodies
from adapters.slack import inbound, signatures
from core.turnstile import Turnstile

_log = logging.getLogger(__name__)

PATH = "/slack/events"
_PASSED = ("content-type", "x-slack-retry-num", "x-slack-retry-reason")  # no other header means anything
_FIELDS_LIMIT = 200


class Door:
    """Checks, reads and hands over requests. `app` is there once the process has opened its clients."""

    def __init__(
        self,
        secret: str,
        app: Callable[[], AsyncApp | None],
        clock: Callable[[], float] = time.time,
        *,
        turnstile: Turnstile | None = None,
    ) -> None:
        self._secret = secret
        self._app = app
        self._clock = clock
        self._turnstile = turnstile or Turnstile()

    def mount(self, application: web.Application) -> None:
        """Add the route."""
        application.router.add_post(PATH, self.receive)

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one delivery: never 500, and nothing of the body in the log."""
        with self._turnstile.arriving():
            return await self._received(request)

    async def _received(self, request: web.Request) -> web.Response:
        try:
            body = await bodies.whole(request)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text="too large")
        except (ValueError, web.HTTPException):
            return web.Response(status=400, text="malformed")
        if body == b"ssl_check=1" or body.startswith(b"ssl_check=1&"):
            return web.Response()  # Slack looks at the certificate now and then; nothing is done
        if not signatures.genuine(self._secret, request.headers, body, self._clock()):
            _log.warning("slack.unsigned", extra={"bytes": len(body)})
            return web.Response(status=401, text="not signed by Slack")
        payload = read(body, request.content_type)
        if payload is None or not inbound.sound(payload):
            _log.warning("slack.malformed", extra={"bytes": len(body)})
            return web.Response(status=400, text="malformed")
        if payload.get("type") == "url_verification":
            return web.json_response({"challenge": str(payload.get("challenge") or "")[:200]})
        app = self._app()
        if app is None:
            return web.Response(status=503, text="not ready")
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        return await dispatch(app, payload, headers)


async def dispatch(app: AsyncApp, payload: dict[str, Any], headers: dict[str, str]) -> web.Response:
    """Let bolt find the listener; what nobody listens to is answered 200, else Slack sends it again."""
    asked = AsyncBoltRequest(body=payload, headers=dict(headers), mode="socket_mode")
    try:
        answer = await app.async_dispatch(asked)
    except Exception:  # the door of an HTTP handler: Slack sends it again, the log says why
        _log.exception("slack.dispatch_failed")
        return web.Response(status=503, text="an error of the bot")
    if answer.status == 404:
        return web.Response()
    kind = answer.first_headers().get("content-type", "text/plain").split(";")[0]
    return web.Response(status=answer.status, text=answer.body or "", content_type=kind)


def read(body: bytes, content_type: str) -> dict[str, Any] | None:
    """The payload of a request; None where it is none. Slack sends JSON, or a form that may hold JSON."""
    try:
        text = body.decode("utf-8")
        if content_type == "application/json":
            return _object(text)
        if content_type != "application/x-www-form-urlencoded":
            return None
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_LIMIT, encoding="utf-8"
        )
        form = dict(pairs)
    except (ValueError, RecursionError):
        return None
    if "command" in form or "payload" not in form:
        return dict(form) if form else None
    return _object(form["payload"])


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and bodies.shallow(value) else None
