"""Socket Mode of the fake: links with tickets, envelopes that wait for their acknowledgement."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web


@dataclass(slots=True)
class Envelope:
    """What was sent through a link; `acknowledged` is set by its acknowledgement, `answers` keeps them."""

    id: str
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    answers: list[dict[str, Any]] = field(default_factory=list)


class Socket:
    """The links that apps hold. `connected` is set while there is one."""

    def __init__(self) -> None:
        self.links: list[web.WebSocketResponse] = []
        self.connected = asyncio.Event()
        self.opened = 0
        self.envelopes: dict[str, Envelope] = {}
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)

    def ticket(self) -> str:
        """Leave to open one link."""
        made = f"ticket-{next(self._numbers)}"
        self._tickets.add(made)
        return made

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One link of an app; each needs a ticket of its own."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401)
        self._tickets.discard(ticket)
        link = web.WebSocketResponse(heartbeat=None)
        await link.prepare(request)
        self.opened += 1
        await link.send_json(
            {
                "type": "hello",
                "num_connections": len(self.links) + 1,
                "debug_info": {"host": "applink-1", "approximate_connection_time": 18060},
                "connection_info": {"app_id": "A000000001"},
            }
        )
        self.links.append(link)
        self.connected.set()
        try:
            async for message in link:
                if message.type is WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            if link in self.links:
                self.links.remove(link)
            if not self.links:
                self.connected.clear()
        return link

    async def send(
        self, kind: str, payload: dict[str, Any], *, envelope_id: str = "", **more: Any
    ) -> Envelope:
        """Send an envelope through the newest link; the same `envelope_id` again is a redelivery.

        `kind` is `slash_commands`, `interactive` or `events_api`.
        """
        await self.connected.wait()
        envelope_id = envelope_id or f"envelope-{next(self._numbers)}"
        made = self.envelopes.setdefault(envelope_id, Envelope(envelope_id))
        sent = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
            **more,
        }
        await self.links[-1].send_json(sent)
        return made

    async def disconnect(self, *, warning: bool = False, reason: str = "refresh_requested") -> None:
        """Drop every link: politely with a message, or only a `warning` before."""
        for link in list(self.links):
            await link.send_json({"type": "disconnect", "reason": "warning" if warning else reason})
            if not warning:
                self.links.remove(link)
                await link.close()
        if not self.links:
            self.connected.clear()

    async def abort(self) -> None:
        """Drop every link without a word."""
        for link in list(self.links):
            self.links.remove(link)
            transport = link._req.transport if link._req is not None else None
            if transport is not None:
                transport.abort()
        self.connected.clear()

    async def close(self) -> None:
        """The server stops."""
        for link in list(self.links):
            await link.close()

    def _heard(self, text: str) -> None:
        said = json.loads(text)
        envelope = self.envelopes.get(said.get("envelope_id", ""))
        if envelope is not None:
            envelope.answers.append(said)
            envelope.acknowledged.set()
