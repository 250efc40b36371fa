"""One request to one operation: who asks, whether they may, what they bring, and what is answered.

In this order: the key (401), the organization (404), the pace (429), the permission (403), the query and
the body (413, 415, 400, 422), then the work. What changes something happens in one transaction with the
request's row, so that a POST that is sent again with its Idempotency-Key finds the first answer and starts
nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.rest import problems, reading
from adapters.rest.access import Access, Headers
from adapters.rest.desk import Desk
from adapters.rest.endpoint import Answer, Ask, Call, Endpoint
from adapters.rest.pace import Pace
from adapters.rest.problems import Refused
from core import ids, keys
from core.choices import Asked
from core.errors import Refusal
from core.store import requests as rows
from core.turns import Turn

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Brought:
    """What a request brings: `body` as values, `raw` as the JSON that it was."""

    path: Mapping[str, str]
    query: Any
    body: Any
    raw: Any


class Door:
    """Answers requests."""

    def __init__(self, desk: Desk, pace: Pace | None = None) -> None:
        self._desk = desk
        self._access = Access(desk.turns, pace or Pace())

    async def answer(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
        """Answer one request; whatever goes wrong is a problem in words, and never a traceback."""
        try:
            return await self._answer(request, endpoint)
        except Refused as refused:
            return problems.response(refused.problem, refused.headers)
        except Refusal as refused:
            made = problems.of_refusal(refused)
            return problems.response(made.problem, made.headers)
        except (web.HTTPException, ConnectionResetError):
            raise
        except Exception:  # a door: it is logged with a reference, which is told
            return crashed()

    async def _answer(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
        sure = endpoint.stream is not None
        try:
            headers, key = await self._access.admit(request.headers, endpoint.needs, sure=sure)
            brought = await _bring(request, endpoint)
        except Refused:
            await self._access.still_there(request.headers)  # else a revoked key would hear more than 401
            raise
        if endpoint.stream is not None:
            ask: Ask[Any, Any] = Ask(
                key=key, path=brought.path, query=brought.query, body=brought.body, desk=self._desk
            )
            return await endpoint.stream(request, ask)

        async def work(turn: Turn, asked: Asked | None) -> tuple[web.Response, bool]:
            now = await self._access.confirm(turn, headers, write=endpoint.changes)
            call: Call[Any, Any] = Call(
                turn=turn,
                key=now,
                path=brought.path,
                query=brought.query,
                body=brought.body,
                desk=self._desk,
                asked=asked,
            )
            said = await self._work(endpoint, call, headers, _digest(request, brought.raw))
            return said, not endpoint.changes and keys.stale(now, turn.now)

        turns = self._desk.turns

        async def turn_of(asked: Asked | None) -> tuple[web.Response, bool]:
            if not endpoint.changes:
                return await turns.look(lambda turn: work(turn, asked))
            take = turns.share if endpoint.shares else turns.take
            return await take(lambda turn: work(turn, asked))

        try:
            said, stale = await self._desk.chooser.during(turn_of)
        except Refusal as refused:
            body = brought.raw if isinstance(brought.raw, dict) else {}
            raise problems.of_refusal(refused, body=body) from None
        if stale:
            await self._access.still_there(request.headers)
        return said

    async def _work(
        self, endpoint: Endpoint, call: Call[Any, Any], headers: Headers, digest: str
    ) -> web.Response:
        if endpoint.work is None:
            raise LookupError(endpoint.name)
        connection, now = call.turn.connection, call.turn.now
        name = headers.idempotency_key if endpoint.keeps_answers else None
        source = f"api:{call.key.pk}"
        if name is not None:
            call.row = await rows.add(connection, call.organization, source, name, digest, None, now)
            if call.row is None:
                return await self._first(call, source, name, digest)
        answer = await endpoint.work(call)
        if call.row is not None:
            if answer.status >= 400:
                await rows.remove(connection, call.row)
            else:
                await rows.answer(connection, call.row, self._kept(answer))
        return _response(answer.status, _dumped(answer), answer.headers)

    async def _first(
        self, call: Call[Any, Any], source: str, idempotency_key: str, digest: str
    ) -> web.Response:
        """The first answer, again. Raises `Refused` 409 where it was another request."""
        first = await rows.first(call.turn.connection, call.organization, source, idempotency_key)
        if first.hash != digest or first.answer is None:
            raise Refused(
                "reused-key",
                "This Idempotency-Key came before with another request.",
                hint="Use a new one for a new request; the same only to send the same again.",
            )
        body = first.answer.get("body")
        if "sealed" in first.answer:
            body = json.loads(self._desk.vault.open(first.answer["sealed"]))
        return _response(first.answer["status"], body, {"Idempotent-Replayed": "true"})

    def _kept(self, answer: Answer) -> dict[str, Any]:
        body = _dumped(answer)
        if answer.secret:
            return {"status": answer.status, "sealed": self._desk.vault.seal(json.dumps(body))}
        return {"status": answer.status, "body": body}


def crashed() -> web.Response:
    """An error of our own: logged under a reference, which is all that is told."""
    reference = ids.new()[-8:]
    _log.exception("rest.crashed", extra={"reference": reference})
    detail = f"Something went wrong in the bot itself (reference {reference}); nothing was changed."
    return problems.response(problems.problem("fault", detail, reference=reference))


async def _bring(request: web.Request, endpoint: Endpoint) -> Brought:
    """Read everything before the transaction. Raises `Refused`."""
    path = reading.path(request)
    query = reading.query(request, endpoint.query) if endpoint.query else None
    if endpoint.body is None:
        return Brought(path, query, None, None)
    body, raw = await reading.body(request, endpoint.body, required=endpoint.body_required)
    return Brought(path, query, body, raw)


def _digest(request: web.Request, raw: Any) -> str:
    """What makes two requests the same: the method, the address, and what the body says."""
    said = json.dumps(raw or {}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{request.method} {request.path_qs}\n{said}".encode()).hexdigest()


def _dumped(answer: Answer) -> Any:
    return answer.body.model_dump(mode="json", by_alias=True, exclude_none=answer.sparse)


def _response(status: int, body: Any, headers: Mapping[str, str]) -> web.Response:
    kind = problems.MEDIA_TYPE if status >= 400 else "application/json"
    data = json.dumps(body, ensure_ascii=False).encode("utf-8")
    return web.Response(status=status, body=data, content_type=kind, headers=dict(headers))
