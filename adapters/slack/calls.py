"""Calls of the Web API, each made once: what went wrong comes back as one of four kinds.

`Refused`: Slack says no. `Limited`: later. `DeliveryError` with `unknown`: it may have been done. Any other
`DeliveryError`: it was not done, and may be tried again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.faults import Limited, Refused
from core.errors import DeliveryError

LEAST_PAUSE = timedelta(seconds=1)
NO_HEADER = timedelta(seconds=10)  # after a 429 that does not say how long
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


async def call(client: AsyncWebClient, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call a method; what it answered. Raises `Refused`, `Limited`, `DeliveryError`."""
    return await once(client.api_call(method, json=arguments))


async def once(work: Awaitable[Any]) -> dict[str, Any]:
    """Await any call of the SDK, as `call`."""
    try:
        response = await work
    except SlackApiError as error:
        raise _of_answer(error) from error
    except _NOT_SENT as error:
        raise DeliveryError("Slack cannot be reached.") from error
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        raise DeliveryError("The connection to Slack broke while it was asked.", unknown=True) from error
    except SlackClientError as error:
        raise DeliveryError(f"Slack's client refused: {type(error).__name__}.") from error
    data = response.data
    return data if isinstance(data, dict) else {}


async def post_by_url(client: AsyncWebClient, url: str, payload: dict[str, Any]) -> None:
    """Post through a response_url. Raises as `call`; what it refuses is `used_url`, `expired_url` …"""
    status, pause, body = await _ask(client, url, json=payload)
    if status == 429:
        raise Limited(pause)
    if status >= 500:
        raise DeliveryError(f"Slack may have it or not (HTTP {status}).", unknown=True)
    if status != 200 or '"ok":false' in body.replace(" ", ""):
        raise Refused(_word(body))


async def send(client: AsyncWebClient, url: str, data: io.BytesIO) -> None:
    """Send the bytes of a file to where Slack wants them. Raises `DeliveryError`."""
    status, _, _ = await _ask(client, url, data=data)
    if status != 200:
        raise DeliveryError(f"Slack did not take the file (HTTP {status}).")


async def _ask(client: AsyncWebClient, url: str, **what: Any) -> tuple[int, timedelta, str]:
    """POST to an address that Slack gave; status, pause that a 429 asks for, body."""
    if client.session is None:
        raise DeliveryError("The connection to Slack is closed.")
    try:
        async with client.session.post(url, **what) as response:
            return response.status, _pause(response.headers.get("Retry-After")), await response.text()
    except _NOT_SENT as error:
        raise DeliveryError("Slack cannot be reached.") from error
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        raise DeliveryError("The connection to Slack broke while it was asked.", unknown=True) from error


def _of_answer(error: SlackApiError) -> Exception:
    response: Any = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    word = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or word in ("ratelimited", "rate_limited"):
        return Limited(_pause(_header(response.headers, "Retry-After")))
    if status >= 500:
        return DeliveryError(f"Slack may have it or not (HTTP {status}).", unknown=True)
    if not word or not isinstance(data, dict):
        return DeliveryError(f"Slack answered with HTTP {status}, without a reason.")
    details = [str(one) for one in data.get("errors") or ()]
    details += [str(one) for one in (data.get("response_metadata") or {}).get("messages") or ()]
    return Refused(word, details, str(data.get("needed") or ""))


def _header(headers: Any, name: str) -> str | None:
    value = next((headers[key] for key in headers if key.lower() == name.lower()), None)
    return value[0] if isinstance(value, list) else value


def _pause(header: str | None) -> timedelta:
    """Retry-After in seconds; never nothing, and a moment where it does not say."""
    try:
        return max(LEAST_PAUSE, timedelta(seconds=float(header or "")))
    except (ValueError, OverflowError):
        return NO_HEADER


def _word(body: str) -> str:
    try:
        return str(json.loads(body).get("error") or "no_reason")
    except (ValueError, AttributeError):
        return body.strip()[:80] or "no_reason"
