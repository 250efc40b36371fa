"""How an answer reaches the one who asked, and nobody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from adapters.slack import files
from adapters.slack.inbound import Origin
from adapters.slack.places import Place
from adapters.slack.render import Look, Rendered, reduced, render
from adapters.slack.workspaces import Workspace, error_of
from core.messages import File, Message

_log = logging.getLogger(__name__)

PAUSE_LIMIT = 10.0  # seconds that a 429 may ask for
_OUTSIDE = ("not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "restricted_action")
_UNSHOWN = ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long")

Post = Callable[[Rendered], Awaitable[Any]]


def ephemeral(message: Message) -> dict[str, Any]:
    """An answer that only the asker sees, as HTTP answers and response_urls take it."""
    return {"response_type": "ephemeral", **render(message, Look(attach=False)).payload()}


async def to_command(workspace: Workspace, origin: Origin, message: Message) -> None:
    """Tell who typed a command, by its response_url: it works wherever commands do; files directly.

    Raises as `privately`, which is tried where the response_url takes nothing (any more).
    """
    if not origin.response_url or not await by_url(workspace, origin.response_url, message):
        await privately(workspace, replace(origin, response_url=""), message)
        return
    if files_of(message):
        await directly(workspace, origin.user, message)


async def privately(workspace: Workspace, origin: Origin, message: Message) -> None:
    """Tell the asker: where they asked if the bot may speak there, by response_url, or directly.

    Raises what Slack answers where none of these is possible.
    """
    client = workspace.client
    channel, thread = origin.channel, origin.thread or None
    if channel.startswith("D") or not channel:
        await directly(workspace, channel or origin.user, message, thread=origin.thread)
        return
    try:
        await _shown(
            message,
            lambda said: client.chat_postEphemeral(
                channel=channel, user=origin.user, thread_ts=thread, text=said.text, blocks=said.blocks
            ),
        )
    except SlackApiError as error:
        if error_of(error) not in _OUTSIDE:
            raise
        if not origin.response_url or not await by_url(workspace, origin.response_url, message):
            await directly(workspace, origin.user, message)
            return
    if files_of(message):
        await directly(workspace, origin.user, message)


def files_of(message: Message) -> tuple[File, ...]:
    """The files that somebody asked for: what only one person sees in a channel cannot carry them."""
    return tuple(block for block in message.blocks if isinstance(block, File))


async def directly(workspace: Workspace, channel: str, message: Message, *, thread: str = "") -> None:
    """In the direct conversation with somebody, with the files that belong to it."""
    client = workspace.client
    said = await _shown(
        message,
        lambda said: client.chat_postMessage(channel=channel, thread_ts=thread or None, **said.payload()),
    )
    if found := files_of(message):
        place = Place(str(said.get("channel") or channel), str(said.get("ts") or ""))
        await files.attach(client, place, thread, found)


async def post(workspace: Workspace, channel: str, message: Message) -> None:
    """Post into a channel, for everybody."""
    await _shown(message, lambda said: workspace.client.chat_postMessage(channel=channel, **said.payload()))


async def by_url(workspace: Workspace, url: str, message: Message) -> bool:
    """Through a response_url, only for the asker; False where it is used up or too old."""
    session = workspace.client.session
    if session is None:
        return False
    try:
        async with session.post(url, json={"replace_original": False, **ephemeral(message)}) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        _log.warning("slack.response_url_failed", extra={"error": type(error).__name__})
        return False


async def _shown(message: Message, send: Post) -> Any:
    """Send it as blocks; as text where Slack refuses them; once more after a 429."""
    said = render(message, Look(attach=False))
    try:
        return await _patiently(said, send)
    except SlackApiError as error:
        if error_of(error) not in _UNSHOWN:
            raise
        _log.error("slack.blocks_refused", extra={"error": error_of(error)})
        return await _patiently(reduced(message, Look(attach=False)), send)


async def _patiently(said: Rendered, send: Post) -> Any:
    try:
        return await send(said)
    except SlackApiError as error:
        pause = _pause(error)
        if pause is None:
            raise
        await asyncio.sleep(pause)
        return await send(said)


def _pause(error: SlackApiError) -> float | None:
    """What a 429 asks for, in seconds; None for anything else, or where it asks for too long."""
    response: Any = error.response
    if getattr(response, "status_code", 0) != 429:
        return None
    try:
        seconds = float((response.headers or {}).get("Retry-After", 1))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= PAUSE_LIMIT else None
