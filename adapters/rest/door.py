"""One request to one operation: who asks, whether they may, what they bring, and what is answered.

In this order: the key (401), the organization (404), the pace (429), the permission (403), the body (413,
415, 400, 422), then the work. What changes something happens in one transaction with the request's row, so
that a POST that is sent again with its Idempotency-Key finds the first answer and starts nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.rest import problems, reading
from adapters.rest.desk import Desk
from adapters.rest.endpoint import Answer, Ask, Call, Endpoint
from adapters.rest.pace import Pace
from adapters.rest.problems import Refused
from core import ids, keys
from core.choices import Asked
from core.errors import Busy, Refusal
from core.keys import Key
from core.store import requests as rows
from core.turns import Turn

_log = logging.getLogger(__name__)

KEY_LIMIT = 200  # characters that are looked up


class Headers(BaseModel):
    """The headers that every operation reads."""

    model_config = ConfigDict(frozen=True)

    key: Annotated[str, Field(alias="X-API-Key", description="A key of the organization.")] = ""
    organization: Annotated[
        str, Field(alias="X-Organization-Id", description="The organization's id, as keys create prints it.")
    ]
    idempotency_key: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"),
        Field(
            alias="Idempotency-Key",
            description="Sent again with the same body, the first answer comes again and nothing is started "
            "twice; with another body it is refused.",
            examples=["load-2026-03-02"],
        ),
    ] = None


class Door:
    """Answers requests."""

    def __init__(self, desk: Desk, pace: Pace | None = None) -> None:
        self._desk = desk
        self._pace = pace or Pace()

    async def answer(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
        """Answer one request; whatever goes wrong is a problem in words, and never a traceback."""
        try:
            return await self._answer(request, endpoint)
        except Refused as refused:
            return problems.response(refused.problem, refused.headers)
        except Refusal as refused:
            made = problems.of_refusal(refused, body=request.get("body"))
            return problems.response(made.problem, made.headers)
        except (web.HTTPException, ConnectionResetError):
            raise
        except Exception:
            return crashed()

    async def _answer(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
        headers, key = await self._recognize(request)
        if not key.may(endpoint.needs):
            raise Refused(
                "not-allowed",
                f"The key {key.name} lacks the permission {endpoint.needs}.",
                hint=f"An admin makes one that has it: keys create NAME permissions={endpoint.needs}",
            )
        path = reading.path(request)
        query = reading.query(request, endpoint.query) if endpoint.query else None
        body, raw = None, None
        if endpoint.body is not None:
            body, raw = await reading.body(request, endpoint.body, required=endpoint.body_required)
            request["body"] = raw if isinstance(raw, dict) else {}

        async def work(turn: Turn, asked: Asked | None) -> web.StreamResponse:
            call: Call[Any, Any] = Call(
                turn=turn, key=key, path=path, query=query, body=body, desk=self._desk, asked=asked
            )
            return await self._work(endpoint, call, headers, _digest(request, raw))

        if endpoint.stream is not None:
            ask: Ask[Any, Any] = Ask(key=key, path=path, query=query, body=body, desk=self._desk)
            return await endpoint.stream(request, ask)
        turns = self._desk.turns
        take = turns.take if endpoint.changes else turns.look
        return await self._desk.chooser.during(lambda asked: take(lambda turn: work(turn, asked)))

    async def _recognize(self, request: web.Request) -> tuple[Headers, Key]:
        """The key that asks, and within its pace."""
        text = request.headers.get("X-API-Key", "")
        key = None
        if 0 < len(text) <= KEY_LIMIT:
            key, now = await self._desk.turns.look(lambda turn: _look_up(turn, text))
        if key is None:
            raise Refused(
                "no-key",
                "The header X-API-Key is missing." if not text else "There is no such key, or it is revoked.",
                hint="An admin makes one: slashjob keys create --name NAME --permission agent_jobs_trigger",
                headers={"WWW-Authenticate": 'ApiKey realm="slashjob"'},
            )
        headers = reading.typed(request.headers, Headers)
        if not hmac.compare_digest(headers.organization.encode(), key.organization_id.encode()):
            raise Refused("not-found", "There is no such organization for this key.")
        wait = self._pace.wait(key.pk, key.per_minute)
        if wait:
            raise Refused(
                "too-many",
                f"The key {key.name} may ask {key.per_minute:,} times a minute.",
                hint=f"Try again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
        if keys.stale(key, now):
            await self._used(key)
        return headers, key

    async def _used(self, key: Key) -> None:
        """Record the use; a busy database is no reason to refuse the request."""
        try:
            await self._desk.turns.take(lambda turn: keys.used(turn, key))
        except Busy:
            _log.info("rest.use_not_recorded", extra={"key": key.id})

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


async def _look_up(turn: Turn, text: str) -> tuple[Key | None, Any]:
    return await keys.recognize(turn, text), turn.now


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
