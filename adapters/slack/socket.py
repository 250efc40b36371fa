"""Socket Mode: the same deliveries through a link that we open, for where Slack cannot reach us.

An envelope is acknowledged after its listener; one that could not be stored is not, so Slack sends it again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.http import dispatch
from adapters.slack.inbound import ENVELOPE
from core.turnstile import Turnstile

_log = logging.getLogger(__name__)

_quiet = logging.getLogger("slack_sdk.socket_mode.slashjob")
_quiet.setLevel(logging.WARNING)  # at DEBUG it logs payloads


class Socket:
    """One link of one process, renewed whenever Slack or the network drops it."""

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        client: AsyncWebClient,
        turnstile: Turnstile,
        *,
        ping_interval: float = 5.0,
    ) -> None:
        self._app = app
        self._turnstile = turnstile
        self._client = SocketModeClient(
            app_token=app_token, web_client=client, logger=_quiet, ping_interval=ping_interval
        )
        self._client.socket_mode_request_listeners.append(self._received)

        self._opening: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to connect, and try again until it succeeds: meanwhile the log says why it does not."""
        connect: Callable[[], Coroutine[Any, Any, None]] = self._client.connect
        self._opening = asyncio.create_task(connect())

    async def connected(self) -> bool:
        """The link stands."""
        return bool(await self._client.is_connected())

    async def close(self) -> None:
        """Let go."""
        close: Callable[[], Coroutine[Any, Any, None]] = self._client.close
        self._client.closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._client.current_session is not None:
            await close()
        else:
            self._client.message_processor.cancel()
            await self._client.aiohttp_client_session.close()

    async def _received(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        payload: dict[str, Any] = {**(request.payload or {}), ENVELOPE: request.envelope_id}
        headers = {"x-slack-retry-num": str(request.retry_attempt)} if request.retry_attempt else {}
        with self._turnstile.arriving():
            answer = await dispatch(self._app, payload, headers)
        if answer.status == 200:
            text = answer.text or ""
            body = json.loads(text) if answer.content_type == "application/json" else None
            await client.send_socket_mode_response(
                SocketModeResponse(envelope_id=request.envelope_id, payload=body)
            )
            return
        _log.warning("slack.not_acknowledged", extra={"status": answer.status})
