"""slack-bolt's application: which of Slack's deliveries goes to which function of ours.

Both ways in use it (HTTP and Socket Mode). Signatures are checked before, over the raw bytes, because bolt
parses a body first; tokens are found by us, in the rows, so that no request asks Slack who it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from adapters.slack import filling, happening, talking
from adapters.slack.inbound import Malformed
from adapters.slack.reception import Reception
from adapters.slack.workspaces import FAULTS, error_of
from core.errors import Busy

_log = logging.getLogger(__name__)
_ALL = re.compile(".*", re.DOTALL)
_UNSEEN = "listened to by our own code before bolt is asked"  # bolt wants a secret, and never uses it

Happening = Callable[[Reception, dict[str, Any]], Awaitable[None]]

EVENTS: dict[str, Happening] = {
    "app_mention": talking.said,
    "message": talking.said,
    "app_home_opened": happening.home_opened,
    "member_joined_channel": happening.joined,
    "channel_left": happening.left,
    "group_left": happening.left,
    "app_uninstalled": happening.removed,
    "tokens_revoked": happening.removed,
}


def bolt(reception: Reception) -> AsyncApp:
    """The application. A listener works, then acknowledges; what it raises becomes the status."""
    quiet = logging.getLogger("slack_bolt.slashjob")
    quiet.setLevel(logging.CRITICAL)  # it logs bodies; what matters is logged here
    app = AsyncApp(
        logger=quiet,
        name="slashjob",
        client=reception.workspaces.client(""),
        authorize=_authorizer(reception),
        signing_secret=_UNSEEN,
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    app.command(_ALL)(_command(reception))
    app.action(_ALL)(_stored(reception, talking.pressed))
    app.shortcut(_ALL)(_done(reception, filling.shortcut))
    app.view(_ALL)(_submitted(reception))
    app.options(_ALL)(_options(reception))
    for name, work in EVENTS.items():
        stores = work is talking.said
        app.event(name)((_stored if stores else _done)(reception, work))
    app.error(_failed)
    return app


def _authorizer(reception: Reception) -> Callable[..., Awaitable[AuthorizeResult]]:
    """bolt asks only to leave out what the bot itself did; who may do what is asked at the desk."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        try:
            found = await reception.workspaces.find(team_id or "", enterprise_id or "")
        except FAULTS as error:
            _log.warning("slack.unreachable", extra={"error": error_of(error)})
            found = None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_user_id=found.bot_user if found else None,
            bot_id=found.bot if found else None,
            bot_token=found.token if found else None,
        )

    return authorize


def _command(reception: Reception) -> Callable[..., Awaitable[None]]:
    async def listener(ack: Any, body: dict[str, Any]) -> None:
        answer = await talking.command(reception, body)
        await (ack() if answer is None else ack(**answer))

    return listener


def _stored(reception: Reception, work: Happening) -> Callable[..., Awaitable[None]]:
    """What is stored, then answered; the work comes after."""

    async def listener(ack: Any, body: dict[str, Any]) -> None:
        await work(reception, body)
        await ack()

    return listener


def _done(reception: Reception, work: Happening) -> Callable[..., Awaitable[None]]:
    async def listener(ack: Any, body: dict[str, Any]) -> None:
        await reception.in_time(_awaited(work(reception, body)))
        await ack()

    return listener


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _submitted(reception: Reception) -> Callable[..., Awaitable[None]]:
    async def listener(ack: Any, body: dict[str, Any]) -> None:
        answer = await filling.submitted(reception, body)
        await (ack() if answer is None else ack(**answer))

    return listener


def _options(reception: Reception) -> Callable[..., Awaitable[None]]:
    async def listener(ack: Any, body: dict[str, Any]) -> None:
        await ack(**await filling.options(reception, body))

    return listener


async def _failed(error: Exception) -> BoltResponse:
    """What a listener raised, as a status: Slack sends a 503 again, and nothing was started."""
    if isinstance(error, Busy):
        return BoltResponse(status=503, body="busy, nothing was started")
    if isinstance(error, Malformed):
        return BoltResponse(status=400, body="malformed")
    _log.error("slack.listener_failed", exc_info=error)
    return BoltResponse(status=503, body="an error of the bot")
