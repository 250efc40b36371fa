"""Talks to a service over HTTP, and explains in one sentence what went wrong.

No redirect is followed, no proxy of the environment is used, nothing is decompressed, no cookie is kept; an
answer is read up to `ANSWER_LIMIT` and no further. Faults that another try may heal (a connection, 408, 425,
429, 5xx) are `AgentError`s that are not permanent.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from adapters.agents import endings, requests
from adapters.agents.output import HEAD_LIMIT, readable
from adapters.agents.secrecy import Secrets
from adapters.remote import addresses, sessions
from core.errors import AgentError

ANSWER_LIMIT = HEAD_LIMIT  # bytes of one answer
CONNECT_LIMIT = 30.0  # seconds to connect
LATER = frozenset({408, 425, 429})  # of 4xx: the same request may be taken later
DETAIL_LIMIT = 2_000  # characters of an answer that belong to a failure
_CHUNK = 64 << 10
_UNSAID = frozenset({"", "application/octet-stream"})  # what clients and servers send that were told nothing
_HINTS = {
    401: "Look at the agent's secret.",
    403: "Look at the agent's secret, and at what it is allowed to do there.",
    404: "Look at the agent's url and the job's path.",
    405: "The service takes no POST at this address: look at the agent's url and the job's path.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered, read to its end."""

    status: int
    body: bytes
    content_type: str = ""
    location: str = ""
    retry_after: str = ""

    def wait(self, now: datetime) -> float | None:
        """Seconds that it asks to wait, from seconds or a date; None where nothing can be read."""
        return sessions.read_retry_after(self.retry_after, now)

    def text(self, name: str) -> str:
        """The answer as text. Raises a permanent `AgentError` where it is none, or a page for browsers."""
        kind, _, parameters = self.content_type.lower().partition(";")
        kind = kind.strip()
        if kind in ("text/html", "application/xhtml+xml"):
            raise AgentError(
                f"{name} answered with a page for browsers, not with the answer of a job.",
                hint="Look at the agent's url: it may lead to a login page or to a proxy.",
                permanent=True,
                detail=endings.last_lines(readable(self.body[:DETAIL_LIMIT])),
            )
        if kind not in _UNSAID and not (kind.startswith("text/") or kind.endswith(("/json", "+json"))):
            raise AgentError(
                f"{name} answered with {kind[:60]}, which is no text.",
                hint="It should answer with application/json or text/plain.",
                permanent=True,
            )
        charset = re.search(r"charset=\"?([\w-]{1,40})", parameters)
        try:
            return readable(self.body.decode(charset[1] if charset else "utf-8", "replace").encode())
        except (LookupError, ValueError):  # a character set that nobody knows, or that is none for text
            return readable(self.body)


@dataclass(slots=True)
class Service:
    """A service during one run; `open` makes it. `name` is what sentences call it."""

    name: str
    secrets: Secrets
    session: aiohttp.ClientSession = field(repr=False)
    sockets: addresses.Sockets

    async def send(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        seconds: float | None = None,
    ) -> Reply:
        """One request; a reply of any status but a redirect. Raises `AgentError`."""
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_LIMIT)
        data = None if body is None else io.BytesIO(body)  # large bytes would hold up the event loop
        try:
            async with self.session.request(
                method, url, headers=headers, data=data, timeout=timeout, allow_redirects=False
            ) as response:
                self._check_form(response)
                content = await self._read(response)
        except TimeoutError:
            raise AgentError(f"{self.name} did not answer in time.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._explained(
                error
            ) from None  # what a library says may hold the address with its secrets
        return Reply(
            response.status,
            content,
            response.headers.get("Content-Type", ""),
            response.headers.get("Location", ""),
            response.headers.get("Retry-After", ""),
        )

    def check(self, reply: Reply) -> None:
        """Return where the service took the request. Raises `AgentError` with the beginning of its answer."""
        if reply.status < 400:
            return
        permanent = reply.status < 500 and reply.status not in LATER
        did = "refused the request" if permanent else "cannot do it now"
        text = self.secrets.mask(readable(reply.body))[:DETAIL_LIMIT]
        raise AgentError(
            f"{self.name} {did}: {_status(reply.status)}.",
            hint=_HINTS.get(reply.status, ""),
            permanent=permanent,
            detail=endings.last_lines(self.secrets.mask_end(text)),
        )

    def _check_form(self, response: aiohttp.ClientResponse) -> None:
        if 300 <= response.status < 400:
            raise AgentError(
                f"{self.name} answered with a redirect ({_status(response.status)}); none is followed.",
                hint="Set the agent's url to where it leads.",
                permanent=True,
            )
        if response.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
            raise AgentError(
                f"{self.name} compressed its answer, which was not asked for.",
                hint="It should answer as Accept-Encoding: identity says.",
                permanent=True,
            )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            content += chunk
            if len(content) > ANSWER_LIMIT:
                response.close()
                raise AgentError(
                    f"{self.name} answered with more than {ANSWER_LIMIT:,} bytes.",
                    hint="It should answer with a summary, and with a link to the rest.",
                    permanent=True,
                )
        return bytes(content)

    def _explained(self, error: aiohttp.ClientError | OSError) -> AgentError:
        match error:
            case aiohttp.ClientConnectorError() if self.sockets.refused:
                return AgentError(
                    f"{self.name} is at {self.sockets.refused}, which is no address of the public internet.",
                    hint="Where that is meant, the agent says allow_private: true.",
                    permanent=True,
                )
            case aiohttp.ClientConnectorDNSError():
                return AgentError(f"{self.name} cannot be reached: there is no address for that name.")
            case aiohttp.ClientSSLError():
                return AgentError(
                    f"{self.name} cannot be trusted: its certificate or its TLS is not as it should be.",
                    hint="Renew the certificate, or look at the agent's url.",
                    permanent=True,
                )
            case aiohttp.ClientConnectorError():
                why = os.strerror(error.os_error.errno) if error.os_error.errno else "no connection"
                return AgentError(f"{self.name} cannot be reached: {why}.")
            case aiohttp.InvalidURL():  # such as http://127.1, which no resolver is asked for
                return requests.no_address()
            case aiohttp.ClientResponseError():
                return AgentError(
                    f"{self.name} answered with something that is no HTTP.",
                    hint="Look at the port in the agent's url.",
                    permanent=True,
                )
            case _:
                return AgentError(f"{self.name} closed the connection before it had answered.")


@asynccontextmanager
async def open_service(url: URL, secrets: Secrets, *, allow_private: bool) -> AsyncIterator[Service]:
    """The service at a URL; its connections end with the context."""
    async with sessions.open_session(allow_private=allow_private) as (session, sockets):
        place = url.host if url.is_default_port() else f"{url.host}:{url.port}"
        yield Service(f"The service at {secrets.mask(place or '')}", secrets, session, sockets)


def same_place(url: URL, given: str) -> URL | None:
    """Where `given` leads from `url`; None where that is another host, another port, or no address.

    What a service names as the next address must not make us ask somebody else in its name.
    """
    try:
        joined = url.join(URL(given)).with_fragment(None)
    except ValueError:
        return None
    fits = joined.scheme == url.scheme and joined.host == url.host and joined.port == url.port
    return joined.with_user(url.user).with_password(url.password) if fits else None


@dataclass(slots=True)
class Patience:
    """Bears faults that another look may heal, so many in a row."""

    most: int = 5
    count: int = 0

    def bear(self, error: AgentError) -> None:
        """Return where it may be tried again, else raise the fault."""
        self.count += 1
        if error.permanent or self.count > self.most:
            raise error

    def rest(self) -> None:
        """It went well."""
        self.count = 0


@dataclass(slots=True)
class Pause:
    """How long to wait between two looks: a little longer each time."""

    first: float = 1.0
    longest: float = 10.0
    _next: float = 0.0

    def next(self, asked: float | None = None) -> float:
        """Seconds; what a service asks for goes first, but for less than a tenth of a second."""
        if asked is not None:
            return max(asked, 0.1)
        self._next = min(max(self._next * 1.5, self.first), self.longest)
        return self._next


def now() -> datetime:
    """The time that requests are signed with."""
    return datetime.now(UTC)


async def later(seconds: float | None, *futures: asyncio.Future[Any]) -> None:
    """Return after so many seconds, or once one of the futures is done."""
    if futures:
        await asyncio.wait(futures, timeout=seconds)
    elif seconds is not None:
        await asyncio.sleep(seconds)


def _status(number: int) -> str:
    try:
        return f"{number} {HTTPStatus(number).phrase}"
    except ValueError:
        return str(number)
