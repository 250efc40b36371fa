"""Lines that are said: `/job …`, mentions, direct messages, buttons.

Each is stored, Slack is answered, then it is done and told: what is stored says which of the three it was.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from adapters.slack import buttons, faults, filling, forms, heard, inbound, replies
from adapters.slack.heard import Heard, Kind
from adapters.slack.inbound import Payload
from adapters.slack.reception import Reception
from adapters.slack.workspaces import FAULTS, Workspace, error_of
from core import ids
from core.desk.visit import Outcome, Reply
from core.errors import Busy
from core.inbox import LATE, Claim, PutOff, Work
from core.messages import Message, Paragraph, Tone
from core.wording import refusals

_log = logging.getLogger(__name__)

NOT_INSTALLED = "slashjob is not (or no longer) installed in this workspace."
_LATER = frozenset({"ratelimited", "request_timeout"}) | faults.UNSURE


async def command(reception: Reception, body: Payload) -> dict[str, Any] | None:
    """`/job …`: what its HTTP answer holds; None where it is stored, and the answer comes by itself."""
    arrived = time.monotonic()
    said = inbound.command(body)
    try:
        workspace = await reception.workspace(said.origin)
        if workspace is None:
            return replies.ephemeral(_told(NOT_INSTALLED, "Whoever runs the bot can install it again."))
        await _hear(reception, workspace, Heard(Kind.COMMAND, said), arrived)
    except Busy as busy:
        return replies.ephemeral(_told(busy.sentence, busy.hint))
    except Exception:  # the door of a request: who typed it sees the reference, and nothing else of it
        reference = ids.new()[-8:]
        _log.exception("slack.not_stored", extra={"reference": reference})
        return replies.ephemeral(refusals.fault(reference))
    return None


async def said(reception: Reception, body: Payload) -> None:
    """A mention or a direct message. Raises `Busy` where it could not be stored: Slack sends it again."""
    origin = inbound.event_origin(body)
    workspace = await reception.workspace(origin)
    told = None if workspace is None else inbound.event(body, workspace.bot_user)
    if workspace is None or told is None:
        return
    if told.origin.channel.startswith("D"):
        reception.rooms.meet(workspace.team, told.origin.user, told.origin.channel)
    await _hear(reception, workspace, Heard(Kind.EVENT, told))


async def pressed(reception: Reception, body: Payload) -> None:
    """A button: whoever pressed it says its line, with their own role. Raises as `said`."""
    press = inbound.press(body)
    kind = _kind(body)
    if kind not in (buttons.SAY, buttons.FILL, forms.SEVERAL):
        return
    workspace = await reception.workspace(press.origin)
    if workspace is None:
        return
    if press.in_view == "modal":
        several = kind == forms.SEVERAL
        await reception.in_time(filling.pressed(reception, workspace, press, body["view"], several=several))
        return
    await _hear(reception, workspace, Heard(Kind.PRESS, press))


def reopened(reception: Reception, text: str, age: timedelta) -> tuple[Work, str]:
    """The work of what was stored, perhaps by another process. Raises ValueError where it cannot be read."""
    found = heard.read(text)
    told = None
    if found.refused:
        told = _told(found.refused)
    elif age > LATE:
        told = refusals.too_late(found.said.text, int(age.total_seconds() // 60))
    return _work(reception, found, instead=told), found.lane


async def _hear(reception: Reception, workspace: Workspace, one: Heard, arrived: float | None = None) -> None:
    """Store it, then begin to answer it. A redelivery ends here."""
    origin = one.said.origin
    number = await reception.inbox.store(workspace.organization, origin.key, one.text(), arrived=arrived)
    if number is not None:
        reception.inbox.begin(number, _work(reception, one), lane=one.lane)


def _work(reception: Reception, one: Heard, *, instead: Message | None = None) -> Work:
    """`instead`: what is told in place of doing it."""

    async def work(claim: Claim) -> None:
        origin = one.said.origin
        workspace = await reception.workspace(origin)
        if workspace is None:
            return
        if instead is not None:
            await _tell(workspace, one, Reply(instead, Outcome.REFUSED))
            return
        reply = await reception.answer(workspace, one.said, waited_for=False)
        if reply.busy:  # Slack did not tell who it is
            if one.kind is Kind.EVENT:
                raise PutOff(reply.message.text)
            # from here on nobody does it, and "nothing was started" stays true
            await claim.becomes(replace(one, refused=reply.message.text).text())
        elif reply.posted or one.kind is not Kind.COMMAND:
            reception.refresh_home(workspace, origin)
        if not reply.posted:
            await _told_or_shown(workspace, one, reply)

    return work


async def _told_or_shown(workspace: Workspace, one: Heard, reply: Reply) -> None:
    """The answer as the form that it asks for, as a modal of the App Home, or as a message."""
    origin, form = one.said.origin, reply.message.form
    if form is not None and await filling.opened(workspace, origin, form):
        return
    at_home = one.said.in_view == "home" and not replies.files_of(reply.message)
    if at_home and await filling.shown(workspace, origin, reply.message):
        return
    await _tell(workspace, one, reply)


async def _tell(workspace: Workspace, one: Heard, reply: Reply) -> None:
    """Only to the asker. Raises `PutOff` where Slack may take it later."""
    origin = one.said.origin
    try:
        if one.kind is Kind.COMMAND:
            await replies.to_command(workspace, origin, reply.message)
        else:
            await replies.privately(workspace, origin, reply.message)
    except FAULTS as error:
        word = error_of(error)
        if not isinstance(error, SlackApiError) or word in _LATER:
            raise PutOff(word) from error
        _log.error("slack.not_answered", extra={"error": word})


def _kind(body: Payload) -> str:
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    return str(action.get("action_id") or "").partition(":")[0]


def _told(sentence: str, hint: str = "") -> Message:
    blocks = tuple(Paragraph(one) for one in (sentence, hint) if one)
    return Message(text=sentence, tone=Tone.WARNING, blocks=blocks)
