"""Bodies of requests from outside: read up to a limit, and JSON only as deep as anybody means it."""

from __future__ import annotations

from aiohttp import web

LIMIT = 1024**2  # bytes of a delivery; above it 413
DEPTH = 60  # levels of JSON that no platform reaches


async def whole(request: web.Request, limit: int = LIMIT) -> bytes:
    """The body as it came. Raises HTTPRequestEntityTooLarge above the limit, ValueError for nonsense."""
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=request.content_length or 0)
    body = await request.read()
    if len(body) > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(body))
    return body


def shallow(value: object, left: int = DEPTH) -> bool:
    """It is not nested deeper than that."""
    if isinstance(value, dict):
        return left > 0 and all(shallow(one, left - 1) for one in value.values())
    if isinstance(value, list):
        return left > 0 and all(shallow(one, left - 1) for one in value)
    return True
