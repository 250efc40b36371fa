"""Lines that are said: typed in a chat, or after a mention; and cards of clients that only submit."""

from __future__ import annotations

from typing import Any

from adapters.teams import acting, inbound
from adapters.teams.inbound import Origin
from adapters.teams.reception import Reception
from core.errors import Busy


async def said(reception: Reception, origin: Origin, activity: dict[str, Any]) -> None:
    """A message. Raises `Busy` where nothing could be done yet: it is taken up again."""
    if not origin.user or origin.user == origin.bot:
        return
    heard = inbound.said(activity)
    await reception.keep(origin)
    if heard.value is not None:
        await acting.submitted(reception, origin, heard.value)
        return
    reply = await reception.answer(origin, heard.text)
    if reply.busy:
        raise Busy(reply.message.text)
    if not reply.posted:
        await reception.tell(origin, reply)
