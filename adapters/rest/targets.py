"""What the words of an address point at, as far as the key may see it: else it is not there."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from adapters.rest.endpoint import Call
from adapters.rest.problems import Mistake, Refused
from core import jobs, keys, privacy, views
from core.commands import read_reference
from core.errors import Misunderstood, NotFound
from core.jobs import Job
from core.runs import Run
from core.store import batches as batch_rows
from core.views import BatchView


async def job(call: Call[Any, Any], word: str) -> Job:
    """The job of exactly that name or id. Raises `NotFound`, `NotAllowed` for a key limited to others."""
    found = await jobs.named(
        call.turn, call.organization, word, seen=lambda one: call.actor.may(one.job.access.view)
    )
    keys.permit_job(call.key, found)
    return found


async def batch(call: Call[Any, Any], word: str, *, whole: bool = False) -> BatchView:
    """The batch of that number or id, or of the run with that id. Raises `NotFound`, `NotAllowed`."""
    return (await _find(call, word, whole=whole))[0]


async def run(call: Call[Any, Any], word: str, *, whole: bool = True) -> tuple[BatchView, Run]:
    """The run of that id or label (`128.3`), or the only one of a batch. Raises `NotFound`, `NotAllowed`."""
    view, index = await _find(call, word, whole=whole)
    if index is None and view.single:
        index = 1
    if index is None or not 0 < index <= len(view.runs):
        raise NotFound(f"There is no run {word[:60]} here.")
    return view, view.runs[index - 1]


async def _find(call: Call[Any, Any], word: str, *, whole: bool) -> tuple[BatchView, int | None]:
    unknown = NotFound(f"There is nothing called {word[:60]} here.")
    try:
        reference = read_reference(word)
    except Misunderstood:
        raise unknown from None
    if reference is None:
        raise unknown
    number: int | None = reference.batch
    if reference.id is not None:
        number = await batch_rows.by_id(call.turn.connection, call.organization, str(reference.id))
    if number is None or number > _LARGEST:
        raise unknown
    rows = await batch_rows.get(call.turn.connection, [number])
    if not rows or rows[0].organization != call.organization:
        raise unknown
    view = await views.of_batch(call.turn, number, whole=whole)
    seen = privacy.may_see(call.actor, view.batch.member, view.job.job, view.version.job)
    if not call.actor.may(view.job.job.access.view) or not seen:
        raise unknown
    keys.permit_job(call.key, view.job)
    if reference.id is not None:
        place = next((one.index for one in view.runs if one.id == str(reference.id)), None)
        return view, place
    return view, reference.run


_LARGEST = 2**62  # numbers of rows are below it in either database


def cursor(place: tuple[int, ...] | None) -> str | None:
    """Where the next page begins, as a text that says nothing."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place(text: str | None, count: int) -> tuple[int, ...] | None:
    """Read a cursor of so many numbers. Raises `Refused` 422."""
    if not text:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or len(found) != count
        or not all(type(one) is int and 0 <= one < _LARGEST for one in found)
    ):
        said = "It is no cursor of this list: take it from the page before."
        raise Refused("invalid", said, errors=[Mistake(detail=said, parameter="cursor")])
    return tuple(found)
