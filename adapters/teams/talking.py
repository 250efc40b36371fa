"""Lines that are said: typed in a chat, or after a mention; and cards of clients that only submit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from adapters.teams import acting, inbound, references
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.inbound import Origin
from adapters.teams.reception import Reception
from core.errors import Busy

_log = logging.getLogger(__name__)

MOMENT = 1.0  # seconds after which an answer in a 1:1 chat is announced by typing


async def said(reception: Reception, origin: Origin, activity: dict[str, Any]) -> None:
    """A message. Raises `Busy` where nothing could be done yet: it is taken up again."""
    if not origin.user or origin.user == origin.bot:
        return
    heard = inbound.said(activity)
    await reception.keep(origin)
    if heard.value is not None:
        await acting.submitted(reception, origin, heard.value)
        return
    async with _thinking(reception, origin):
        reply = await reception.answer(origin, heard.text)
    if reply.busy:
        raise Busy(reply.message.text)
    if not reply.posted:
        await reception.tell(origin, reply)


@contextlib.asynccontextmanager
async def _thinking(reception: Reception, origin: Origin) -> AsyncIterator[None]:
    """Show in a 1:1 chat that the bot types, where what is done inside takes longer than a moment. In other
    places it would only count among the messages that a conversation takes."""
    task = asyncio.create_task(_type(reception, origin)) if origin.personal else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _type(reception: Reception, origin: Origin) -> None:
    await asyncio.sleep(MOMENT)
    try:
        await reception.platform.post(references.where(origin), {"type": "typing"})
    except (Unsent, Unsure, Refused, TimeoutError) as error:
        _log.info("teams.not_typing", extra={"error": str(error) or type(error).__name__})
