"""The Bot Connector's REST interface over aiohttp: what arrived, what did not, and what may have.

It takes the place of the library's own client, which repeats nothing that could be repeated, loses the
status of an answer in HTML, and works in threads.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import yarl

from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.hosts import Hosts
from adapters.teams.tokens import Tokens

_log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=20.0, connect=8.0)  # seconds
UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=120.0, connect=8.0)  # seconds
KEPT_ALIVE = 15.0  # seconds: a link that the other side has closed would make a send uncertain
ANSWER_LIMIT = 64 * 1024  # bytes of an answer that are read
PAUSES = (1.0, 3600.0)  # seconds: what a 429 without a usable Retry-After is given, and the most
NO_LINK = timedelta(seconds=20)  # until a service that could not be reached is tried again
_NEVER_TAKEN = (412, 429)  # Teams says itself that these may be sent again

Session = Callable[[], aiohttp.ClientSession]
Activity = Mapping[str, Any]


class Connector:
    """Speaks to the service that a conversation's `serviceUrl` names. Without `tokens` it shows none."""

    def __init__(self, session: Session, tokens: Tokens | None, hosts: Hosts) -> None:
        self._session = session
        self._tokens = tokens
        self._hosts = hosts

    async def send(self, service_url: str, conversation: str, activity: Activity) -> str:
        """A new message in the conversation; its id, empty where Teams did not tell it.

        Raises:
            Unsent: it did not arrive.
            Unsure: it may have.
            Refused: it is not taken.
        """
        told = await self._call("POST", service_url, f"{_of(conversation)}/activities", activity)
        return str(told.get("id") or "")

    async def update(self, service_url: str, conversation: str, activity_id: str, activity: Activity) -> None:
        """Replace a message. Safe to repeat. Raises as `send`."""
        path = f"{_of(conversation)}/activities/{quote(activity_id, safe='')}"
        await self._call("PUT", service_url, path, {**activity, "id": activity_id})

    async def create(self, service_url: str, body: Activity) -> str:
        """The id of the conversation with one person; the same each time. Raises as `send`."""
        told = await self._call("POST", service_url, "v3/conversations", body)
        if not told.get("id"):
            raise Unsure("Teams did not say which conversation that is.")
        return str(told["id"])

    async def member(self, service_url: str, conversation: str, person: str) -> dict[str, Any]:
        """What Teams knows of somebody in a conversation. Raises as `send`."""
        return await self._call("GET", service_url, f"{_of(conversation)}/members/{quote(person, safe='')}")

    async def upload(self, url: str, data: bytes) -> None:
        """Put a file where Teams asks for it; the address carries its own permission, no token is shown.

        Raises:
            Unsure: it may have arrived.
            Refused: it is not taken, or the address is none of Microsoft's.
        """
        if not self._hosts.takes_files(url):
            raise Refused(0, "InvalidUploadHost")
        span = {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}"}
        kind = {"Content-Type": "application/octet-stream"}
        try:
            async with self._session().put(
                yarl.URL(url, encoded=True),
                data=data,
                headers=span | kind,
                timeout=UPLOAD_TIMEOUT,
                allow_redirects=False,
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unsure(f"The upload broke off: {type(error).__name__}") from error
        if status not in (200, 201, 202, 204):
            raise Refused(status, "upload")

    async def _call(
        self, method: str, service_url: str, path: str, body: Activity | None = None
    ) -> dict[str, Any]:
        if not self._hosts.allows(service_url):
            raise Refused(0, "InvalidBotApiHost")
        url = f"{service_url.rstrip('/')}/{path}"
        for fresh in (False, True):
            token = await self._tokens.get() if self._tokens is not None else ""
            status, headers, text = await self._ask(method, url, body, token)
            if self._tokens is None:
                break
            if status != 401:
                self._tokens.taken(service_url)
                break
            self._tokens.forget(token)
            if fresh:
                raise self._tokens.untaken(service_url)
        return _read(status, headers, text)

    async def _ask(
        self, method: str, url: str, body: Activity | None, token: str
    ) -> tuple[int, Mapping[str, str], str]:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else _written(body)
        try:
            async with self._session().request(
                method, url, data=data, headers=headers, allow_redirects=False, timeout=TIMEOUT
            ) as answer:
                raw = await answer.content.read(ANSWER_LIMIT)
                return answer.status, answer.headers, raw.decode("utf-8", "replace")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise Unsent(f"Teams cannot be reached ({type(error).__name__}).", NO_LINK) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unsure(f"Teams did not answer ({type(error).__name__}).") from error


def _written(body: Activity) -> bytes:
    """As short as its size is counted: letters as they are, no blanks."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _read(status: int, headers: Mapping[str, str], text: str) -> dict[str, Any]:
    """The answer's JSON, an empty object where it has none."""
    told = _object(text)
    if 200 <= status < 300:
        return told
    if status in _NEVER_TAKEN:
        raise Unsent(f"Teams asks to wait ({status}).", _pause(headers))
    if status == 408 or status >= 500:
        raise Unsure(f"Teams answered {status}.")
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else ""
    raise Refused(status, str(code or "")[:60])


def _pause(headers: Mapping[str, str]) -> timedelta:
    """What is asked for, and a little more: everybody else comes back at that moment too."""
    try:
        asked = float(headers.get("Retry-After", ""))
    except ValueError:
        asked = 0.0
    least, most = PAUSES
    asked = min(max(asked, least), most) if asked == asked else least
    return timedelta(seconds=asked + random.uniform(0.0, 1.0))  # noqa: S311 - spreads retries


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of(conversation: str) -> str:
    return f"v3/conversations/{quote(conversation, safe='')}"
