"""Lines that are said: `/job …`, mentions, direct messages, buttons."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from adapters.slack import buttons, filling, forms, inbound, replies
from adapters.slack.inbound import Origin, Payload
from adapters.slack.reception import Reception
from adapters.slack.workspaces import Workspace
from core.desk.visit import Reply
from core.errors import Busy
from core.messages import Message, Paragraph, Tone

NOT_INSTALLED = "slashjob is not (or no longer) installed in this workspace."


async def command(reception: Reception, body: Payload) -> dict[str, Any] | None:
    """`/job …`: what its HTTP answer holds; None where the answer comes as a message of its own."""
    began = time.monotonic()
    said = inbound.command(body)
    try:
        workspace = await reception.workspace(said.origin)
    except Busy as busy:
        return replies.ephemeral(_told(busy.sentence, busy.hint))
    if workspace is None:
        return replies.ephemeral(_told(NOT_INSTALLED, "Whoever runs the bot can install it again."))
    reply = await reception.answer(workspace, said, began=began)
    if reply.posted:
        reception.refresh_home(workspace, said.origin)
        return None
    if reply.message.form is not None and await filling.opened(workspace, said.origin, reply.message.form):
        return None
    if replies.files_of(reply.message):
        reception.later(replies.directly(workspace, said.origin.user, reply.message))
    return replies.ephemeral(reply.message)


async def said(reception: Reception, body: Payload) -> None:
    """A mention or a direct message. Raises `Busy` where nothing could be stored: Slack sends it again."""
    origin = inbound.event_origin(body)
    workspace = await reception.workspace(origin)
    heard = None if workspace is None else inbound.event(body, workspace.bot_user)
    if workspace is None or heard is None:
        return
    if heard.origin.channel.startswith("D"):
        reception.rooms.meet(workspace.team, heard.origin.user, heard.origin.channel)
    if await reception.answered(workspace, heard.origin.key):
        return
    reply = await reception.answer(workspace, heard)
    if reply.busy:
        raise Busy(reply.message.text)
    reception.refresh_home(workspace, heard.origin)
    if not reply.posted:
        await _tell(reception, workspace, heard.origin, reply)


async def pressed(reception: Reception, body: Payload) -> None:
    """A button: whoever pressed it says its line, with their own role."""
    press = inbound.press(body)
    kind = _kind(body)
    if kind not in (buttons.SAY, buttons.FILL, forms.SEVERAL):
        return
    workspace = await reception.workspace(press.origin)
    if workspace is None:
        return
    if press.in_view == "modal":
        await filling.pressed(reception, workspace, press, body["view"], several=kind == forms.SEVERAL)
        return
    reply = await reception.answer(workspace, press)
    reception.refresh_home(workspace, press.origin)
    if reply.posted:
        return
    if reply.message.form is not None and await filling.opened(workspace, press.origin, reply.message.form):
        return
    files = replies.files_of(reply.message)
    if press.in_view == "home" and not files and await filling.shown(workspace, press.origin, reply.message):
        return
    await _tell(reception, workspace, press.origin, reply)


async def _tell(reception: Reception, workspace: Workspace, origin: Origin, reply: Reply) -> None:
    """Only to the asker; once, whatever is delivered again. While nothing can be stored, just so."""
    tell = partial(replies.privately, workspace, origin, reply.message)
    await (tell() if reply.busy else reception.once(workspace, origin.key, tell))


def _kind(body: Payload) -> str:
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    return str(action.get("action_id") or "").partition(":")[0]


def _told(sentence: str, hint: str) -> Message:
    return Message(text=sentence, tone=Tone.WARNING, blocks=(Paragraph(sentence), Paragraph(hint)))
