"""The HTTP API as one part of a process, mounted on its one application.

The layer under it is our own and small (`endpoint`, `door`, `reading`, `problems`, `openapi`). Looked at
first was aiohttp-pydantic, alive in 2.6: its document always says "openapi": "3.0.0" (its translation for
3.1 is empty), a request that does not fit is a 400 with pydantic's list and cannot be a problem of RFC 9457
together with what aiohttp itself refuses (404, 405, 413), examples and answers' headers have no place in
it, and bodies are read in pydantic's lax mode. Each would have been worked around; then it carried little.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property, partial

from aiohttp import web
from aiohttp.typedefs import Handler

from adapters.rest import (
    batches,
    commands,
    compatible,
    digests,
    following,
    jobs,
    openapi,
    page,
    people,
    problems,
    records,
    runs,
    schedules,
)
from adapters.rest.desk import Desk
from adapters.rest.door import Door, crashed
from adapters.rest.endpoint import Endpoint
from adapters.rest.pace import Pace
from core import filelinks
from core.nearest import nearest

ENDPOINTS: Sequence[Endpoint] = (
    *compatible.ENDPOINTS,
    *jobs.ENDPOINTS,
    *batches.ENDPOINTS,
    *following.ENDPOINTS,
    *runs.ENDPOINTS,
    *schedules.ENDPOINTS,
    *digests.ENDPOINTS,
    *people.ENDPOINTS,
    *records.ENDPOINTS,
    *commands.ENDPOINTS,
)
OURS = ("/api/agents/", "/api/v1", "/openapi.json", "/docs")


class Rest:
    """The API."""

    def __init__(self, desk: Desk, pace: Pace | None = None) -> None:
        self._desk = desk
        self._door = Door(desk, pace)

    def mount(self, application: web.Application) -> None:
        """Add the routes, and the words for what has none."""
        for one in ENDPOINTS:
            application.router.add_route(one.method, one.path, partial(self._answer, one))
        application.router.add_get("/openapi.json", self._document)
        application.router.add_get("/docs", self._page)
        application.router.add_get(filelinks.ADDRESS, self._file)
        application.middlewares.append(_explained)
        followers = application[following.FOLLOWERS] = following.Followers()

        async def stop(_: web.Application) -> None:
            followers.stop()

        application.on_shutdown.append(stop)

    @cached_property
    def _written(self) -> tuple[bytes, bytes]:
        """The document and its page; made when somebody first asks."""
        made = openapi.document(ENDPOINTS, url=self._desk.public_url)
        return json.dumps(made, ensure_ascii=False).encode(), page.page(made).encode()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return await runs.fetch(request, self._desk)

    async def _document(self, _: web.Request) -> web.Response:
        return web.Response(body=self._written[0], content_type="application/json")

    async def _page(self, _: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": page.POLICY, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self._written[1], content_type="text/html", charset="utf-8", headers=headers)

    async def _answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        return await self._door.answer(request, endpoint)


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What aiohttp itself refuses below our addresses becomes a problem too."""
    if not request.path.startswith(OURS):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refused:
        allowed = ", ".join(sorted(refused.allowed_methods))
        said = f"{request.method} is not possible here, but {allowed} is."
        return problems.response(problems.problem("method", said), {"Allow": allowed})
    except web.HTTPNotFound:
        known = [one.path for one in ENDPOINTS if "{" not in one.path]
        close = nearest(request.path.rsplit("/", 1)[-1], [one.rsplit("/", 1)[-1] for one in known], 1)
        meant = next((one for one in known if close and one.endswith(f"/{close[0]}")), "")
        hint = f"Did you mean {meant}?" if meant else "/docs lists every address."
        return problems.response(
            problems.problem("not-found", f"There is nothing at {request.path[:200]}.", hint=hint)
        )
    except web.HTTPException as refused:
        if refused.status < 400:
            raise
        kind = "too-large" if refused.status == 413 else "bad-request"
        return problems.response(problems.problem(kind, f"The request cannot be read: {refused.reason}."))
    except ConnectionResetError:
        raise
    except Exception:  # the door of an HTTP handler
        return crashed()
