"""Following a batch: wait for its end with a limit, or be told of every change as server-sent events.

Whoever waits, waits on rows: it works whichever process executes the runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import Field

from adapters.rest import targets
from adapters.rest.batches import TAG, Batch, told
from adapters.rest.endpoint import Ask, Call, Endpoint, Query
from adapters.rest.reading import read_seconds
from core import views
from core.keys import Permission
from core.store import batches as rows
from core.turns import Turn
from core.views import BatchView

Result = TypeVar("Result")

LOOK = 0.25  # seconds between two looks
BEAT = 15.0  # seconds after which an idle stream says that it lives
LONGEST = 300.0  # seconds that one request waits


class WaitQuery(Query):
    """How long."""

    timeout: Annotated[
        float, Field(ge=0, le=LONGEST, description="Seconds to wait at most."), read_seconds
    ] = 30.0


class Followers:
    """Requests that last. `stop` lets all of them end, so that the process can."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """The process stops: what waits is answered with what there is."""
        self._stopped.set()

    async def pause(self, seconds: float) -> bool:
        """Wait so long; True where the process stops meanwhile."""
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return False
        return True


async def wait(request: web.Request, ask: Ask[WaitQuery, None]) -> web.StreamResponse:
    """The batch once it has ended, or as it is when the time is over."""
    number = await _number(ask)
    end = monotonic() + ask.query.timeout
    followers: Followers = request.app[FOLLOWERS]
    while not await _look(ask, lambda turn: _ended(turn, number)):
        left = end - monotonic()
        if left <= 0 or await followers.pause(min(LOOK, left)):
            break
    view = await _look(ask, lambda turn: views.of_batch(turn, number, whole=False))
    return web.json_response(told(view).model_dump(mode="json"))


async def events(request: web.Request, ask: Ask[None, None]) -> web.StreamResponse:
    """Every change of a batch as an event, the state at the beginning first; ends with the batch."""
    number = await _number(ask)
    followers: Followers = request.app[FOLLOWERS]
    stream = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await stream.prepare(request)
    before: dict[str, str] = {}
    silent_since = monotonic()
    while True:
        view = await _look(ask, lambda turn: views.of_batch(turn, number, whole=False))
        changed = _changes(view, before)
        for name, data in changed:
            await stream.write(f"event: {name}\ndata: {data}\n\n".encode())
        if changed:
            silent_since = monotonic()
        elif monotonic() - silent_since > BEAT:
            await stream.write(b": still here\n\n")
            silent_since = monotonic()
        if view.batch.state.ended or await followers.pause(LOOK):
            break
    await stream.write_eof()
    return stream


def _changes(view: BatchView, before: dict[str, str]) -> list[tuple[str, str]]:
    """What is not as it was before: runs first, then the batch without them, `end` last."""
    batch = told(view).model_dump(mode="json")
    runs = batch.pop("runs")
    found = [("run", one["id"], json.dumps(one, ensure_ascii=False)) for one in runs]
    name = "end" if view.batch.state.ended else "batch"
    found.append((name, "batch", json.dumps(batch, ensure_ascii=False)))
    changed = [(name, data) for name, key, data in found if before.get(key) != data]
    before.update({key: data for _, key, data in found})
    return changed


async def _number(ask: Ask[Any, Any]) -> int:
    """The batch that is meant, as far as the key may see it."""

    async def find(turn: Turn) -> int:
        call: Call[Any, Any] = Call(
            turn=turn, key=ask.key, path=ask.path, query=None, body=None, desk=ask.desk
        )
        return (await targets.batch(call, ask.path["batch"])).batch.number

    return await _look(ask, find)


async def _look(ask: Ask[Any, Any], work: Callable[[Turn], Awaitable[Result]]) -> Result:
    return await ask.desk.turns.look(work)


async def _ended(turn: Turn, number: int) -> bool:
    return await rows.ended(turn.connection, number)


FOLLOWERS: web.AppKey[Followers] = web.AppKey("rest_followers", Followers)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/batches/{batch}/wait",
        "waitForBatch",
        "Wait for the end of a batch",
        TAG,
        Permission.READ,
        Batch,
        stream=wait,
        description="Answers when the batch has ended (`ended` is true), or with what it is by then.",
        query=WaitQuery,
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/api/v1/batches/{batch}/events",
        "followBatch",
        "Follow a batch as events",
        TAG,
        Permission.READ,
        None,
        stream=events,
        description="Server-sent events: `run` and `batch` for every change, the state at the beginning "
        "first; `end` is the last.",
        answer_type="text/event-stream",
        refusals=(404,),
    ),
)
