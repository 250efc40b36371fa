"""Webhooks as a way out: signed JSON to an address of others, or a card to a workflow of Microsoft Teams.

A request is made once; trying again is the outbox's. A hook tells a second bringing from the first by the
`webhook-id`, which is the delivery's, so what it may have taken is sent again. A workflow cannot, so what it
may have taken is `unknown`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import aiohttp

from adapters.remote.addresses import Sockets
from adapters.remote.sessions import open_session, read_retry_after
from adapters.webhook import card, payload
from adapters.webhook.hooks import Hook
from core.errors import DeliveryError
from core.ports import Post, Receipt

LIMIT = 20.0  # seconds for the whole request; receivers are to answer at once and work afterwards
LATER = frozenset({408, 425, 429})  # of 4xx: the same may be taken later


class Webhook:
    """The platform. `now` is the time that requests are signed with."""

    name = "webhook"
    repeatable = False
    editable = False

    def __init__(
        self,
        hooks: Iterable[Hook],
        *,
        limit: float = LIMIT,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._hooks = {hook.name: hook for hook in hooks}
        self._limit = limit
        self._now = now

    def known(self, address: str) -> bool:
        """There is a hook of that name."""
        return address in self._hooks

    async def deliver(self, post: Post) -> Receipt:
        """Post it once. Raises `DeliveryError`."""
        hook = self._hook(post)
        body = card.body(post.message) if hook.teams else payload.body(post)
        headers = {"Content-Type": "application/json"}
        if not hook.teams:
            headers |= hook.signer.headers(post.delivery_id, self._now(), body)
        async with open_session(allow_private=hook.private) as (session, sockets):
            try:
                timeout = aiohttp.ClientTimeout(total=self._limit)
                async with session.post(
                    hook.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
                ) as response:
                    self._check(hook, response)
            except (aiohttp.ClientError, OSError) as error:
                raise _explained(hook, error, sockets) from None  # their text may hold the address
        return Receipt(post.delivery_id)

    async def find(self, post: Post) -> Receipt | None:
        """None where the hook itself tells a second bringing from the first.

        Raises `DeliveryError`: a workflow cannot be asked what it posted.
        """
        if self._hook(post).teams:
            raise DeliveryError(
                "Teams may have it or not: a workflow cannot be asked.", unknown=True, permanent=True
            )
        return None

    def _hook(self, post: Post) -> Hook:
        hook = self._hooks.get(post.channel.address)
        if hook is None:
            raise DeliveryError(
                f"There is no webhook {post.channel.address[:63]}: SLASHJOB_WEBHOOKS does not name it.",
                permanent=True,
            )
        return hook

    def _check(self, hook: Hook, response: aiohttp.ClientResponse) -> None:
        """Return where it was taken."""
        status = response.status
        if status < 300:
            return
        said = f"The webhook {hook.name} answered {_status(status)}"
        if status < 400:
            raise DeliveryError(f"{said}; no redirect is followed.", permanent=True)
        if status == 429:
            seconds = read_retry_after(response.headers.get("Retry-After", ""), self._now())
            pause = None if seconds is None else timedelta(seconds=min(max(seconds, 1.0), 3600.0))
            raise DeliveryError(f"{said}.", retry_after=pause)
        if hook.teams and (status >= 500 or status == 408):
            raise DeliveryError(f"{said}; Teams may have it or not.", unknown=True)
        raise DeliveryError(f"{said}.", permanent=status < 500 and status not in LATER)


def _explained(hook: Hook, error: aiohttp.ClientError | OSError, sockets: Sockets) -> DeliveryError:
    said = f"The webhook {hook.name}"
    match error:
        case aiohttp.ClientConnectorError() if sockets.refused:
            return DeliveryError(
                f"{said} is at {sockets.refused}, which is no address of the public internet.",
                permanent=True,
            )
        case aiohttp.ClientConnectorDNSError():
            return DeliveryError(f"{said} cannot be reached: there is no address for its name.")
        case aiohttp.ClientSSLError():
            return DeliveryError(f"{said} cannot be trusted: its certificate is not as it should be.")
        case aiohttp.ClientConnectorError():
            why = os.strerror(error.os_error.errno) if error.os_error.errno else "no connection"
            return DeliveryError(f"{said} cannot be reached: {why}.")
        case aiohttp.ConnectionTimeoutError():
            return DeliveryError(f"{said} cannot be reached: it does not answer.")
        case aiohttp.InvalidURL():
            return DeliveryError(f"{said} has no usable address.", permanent=True)
        case TimeoutError():
            return DeliveryError(f"{said} did not answer in time.", unknown=hook.teams)
        case _:
            return DeliveryError(f"{said} closed the connection before it had answered.", unknown=hook.teams)


def _status(number: int) -> str:
    try:
        return f"{number} {HTTPStatus(number).phrase}"
    except ValueError:
        return str(number)
