"""`POST /api/messages`: all that Teams delivers, mounted on the one aiohttp application.

Read, authenticated, stored, answered, in this order; the work comes after the answer, but for an invoke,
whose answer is the result. No body is ever logged, and nothing of an error is told.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.remote import bodies
from adapters.teams import inbound
from adapters.teams.auth import Guard, Turned
from adapters.teams.inbound import Malformed, Origin
from core.turnstile import Turnstile

_log = logging.getLogger(__name__)

PATH = "/api/messages"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with; `body` is JSON, for invokes."""

    status: int = 200
    body: Mapping[str, Any] | None = None


Accept = Callable[[Origin, dict[str, Any]], Awaitable[Answer]]


class Door:
    """Checks, reads and hands over. `accept` is there once the process has opened its clients."""

    def __init__(
        self, guard: Guard, accept: Callable[[], Accept | None], turnstile: Turnstile | None = None
    ) -> None:
        self._guard = guard
        self._accept = accept
        self._turnstile = turnstile or Turnstile()

    def mount(self, application: web.Application) -> None:
        """Add the route."""
        application.router.add_post(PATH, self.receive)

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one delivery: never 500."""
        with self._turnstile.arriving():
            return await self._received(request)

    async def _received(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415, text="application/json, please")
        accept = self._accept()
        if accept is None:
            return web.Response(status=503, text="not ready")
        try:
            activity = inbound.read(await bodies.whole(request))
            origin = inbound.origin(activity)
            await self._guard.check(request.headers.get("Authorization", ""), origin)
            answer = await accept(origin, activity)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text="too large")
        except (Malformed, web.HTTPException) as error:
            _log.warning("teams.malformed", extra={"error": str(error)})
            return web.Response(status=400, text="malformed")
        except Turned as turned:
            _log.warning("teams.turned_away", extra={"status": turned.status, "why": turned.why})
            return web.Response(status=turned.status, text="turned away")
        except Exception:  # the door of an HTTP handler: Teams sends it again, the log says why
            _log.exception("teams.dispatch_failed")
            return web.Response(status=503, text="an error of the bot")
        if answer.body is None:
            return web.Response(status=answer.status)
        return web.json_response(dict(answer.body), status=answer.status)
