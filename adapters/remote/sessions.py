"""HTTP to services of others: nothing is followed, unpacked, kept or taken from the environment."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from adapters.remote.addresses import Sockets


@asynccontextmanager
async def open_session(*, allow_private: bool) -> AsyncIterator[tuple[aiohttp.ClientSession, Sockets]]:
    """A session whose connections end with the context, and its sockets, which remember what they refused.

    No redirect is followed where the caller says `allow_redirects=False`; answers are not decompressed, no
    cookie is kept, no proxy of the environment is used.
    """
    sockets = Sockets(allow_private)
    connector = aiohttp.TCPConnector(socket_factory=sockets, use_dns_cache=False)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "slashjob", "Accept-Encoding": "identity"},
        max_line_size=16 << 10,
        max_field_size=16 << 10,
    ) as session:
        yield session, sockets


def read_retry_after(text: str, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks to wait, from seconds or a date; None where nothing can be read."""
    given = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", given, re.ASCII):
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
