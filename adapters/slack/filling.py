"""Forms on their way: opened, searched in, drawn anew, submitted as one line to the same desk."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from slack_sdk.errors import SlackApiError

from adapters.slack import filled, forms, inbound
from adapters.slack.forms import Place, TooLong
from adapters.slack.inbound import Origin, Payload, Said
from adapters.slack.reception import Reception
from adapters.slack.render import Look, render
from adapters.slack.workspaces import FAULTS, Workspace, error_of
from core import commands
from core.commands import Command, Name
from core.desk.visit import Reply
from core.errors import Busy, Misunderstood
from core.messages import Form, Message

_log = logging.getLogger(__name__)

_LATE = (
    "expired_trigger_id",
    "exchanged_trigger_id",
    "trigger_expired",
    "trigger_exchanged",
    "invalid_trigger_id",
)


def place(origin: Origin) -> Place:
    """Where a form was asked for."""
    until = inbound.until(origin) if origin.response_url else ""
    return Place(channel=origin.channel, thread=origin.thread, response_url=origin.response_url, until=until)


async def opened(workspace: Workspace, origin: Origin, form: Form) -> bool:
    """Open the form; False where there is no trigger (any more), or no modal can hold it."""
    try:
        return await _open(workspace, origin, forms.modal(form, place(origin)))
    except TooLong:
        return False


async def shown(workspace: Workspace, origin: Origin, message: Message) -> bool:
    """Show a message as a modal; False where that is not possible."""
    return await _open(workspace, origin, _notice(message, place(origin)))


async def shortcut(reception: Reception, body: Payload) -> None:
    """ "Run a job" from anywhere asks where; "Run a job here" answers in the message's thread."""
    here = body.get("type") == "message_action"
    origin = inbound.message_shortcut(body) if here else inbound.interaction(body)
    workspace = await reception.workspace(origin)
    if workspace is not None:
        await reception.answer(workspace, Said(origin, "help"))  # known from now on: jobs can be offered
        await _open(workspace, origin, forms.pick(place(origin), ask_place=not here))


async def options(reception: Reception, body: Payload) -> dict[str, Any]:
    """What a searching select shows for what was typed into it."""
    origin = inbound.interaction(body)
    workspace = await reception.workspace(origin)
    if workspace is None:
        return {"options": []}
    speaker = await reception.speakers.of(origin, workspace)
    word = str(body.get("value") or "")
    if body.get("action_id") == forms.JOB:
        return forms.options(await reception.desk.offer(speaker, word))
    line = forms.place(body.get("view") or {}).command
    field = str(body.get("block_id") or "").removeprefix(forms.PREFIX)
    return forms.options(await reception.desk.offer(speaker, word, line=line, field=field))


async def submitted(reception: Reception, body: Payload) -> dict[str, Any] | None:
    """A submitted form: None closes it, else what Slack is to do with the view."""
    view = body.get("view")
    if not isinstance(view, dict) or view.get("callback_id") not in (forms.FORM, forms.PICK):
        return None
    origin = inbound.interaction(body)
    try:
        workspace = await reception.workspace(origin)
        if workspace is None:
            return None
        picking = view["callback_id"] == forms.PICK
        said = _picked(origin, view) if picking else Said(_at(origin, forms.place(view)), filled.line(view))
    except (Busy, Misunderstood) as refused:
        return filled.errors(view, {}, f"{refused.sentence} {refused.hint}")
    reply = await reception.answer(workspace, said)
    reception.refresh_home(workspace, said.origin)
    return _result(view, said.origin, reply, picking=picking)


async def pressed(
    reception: Reception, workspace: Workspace, press: Said, view: Payload, *, several: bool
) -> None:
    """A button inside a modal: the answer takes the modal's place."""
    held = forms.place(view)
    origin = _at(press.origin, held)
    reply = await reception.answer(workspace, Said(origin, held.command if several else press.text))
    reception.refresh_home(workspace, origin)
    form = reply.message.form
    try:
        if form is not None:
            form = filled.with_values(form, view) if several else form
            made = forms.modal(form, _of(origin, held), several=several)
        else:
            made = _notice(reply.message, held)
        await workspace.client.views_update(view_id=str(view.get("id")), hash=view.get("hash"), view=made)
    except TooLong:
        return
    except FAULTS as error:
        _log.warning("slack.view_not_updated", extra={"error": error_of(error)})


def _result(view: Payload, origin: Origin, reply: Reply, *, picking: bool) -> dict[str, Any] | None:
    if reply.posted:
        return {"response_action": "clear"} if not picking else None
    held = forms.place(view)
    form = None if reply.message.form is None else forms.fitting(reply.message.form)
    if form is not None and (picking or _another(form, held)):
        try:
            return {"response_action": "update", "view": forms.modal(form, _of(origin, held))}
        except TooLong:
            return {"response_action": "update", "view": _notice(reply.message, held)}
    if form is not None:
        mistakes = {one.name: one.error for one in form.fields if one.error}
        return filled.errors(view, mistakes, reply.message.text)
    if reply.busy or (reply.mistakes and not picking):
        return filled.errors(view, reply.mistakes, reply.message.text)
    return {"response_action": "update", "view": _notice(reply.message, _of(origin, held))}


def _another(form: Form, held: Place) -> bool:
    """It asks for other things than the view does, or shows something new: the view is to be drawn anew."""
    mistaken = any(one.error for one in form.fields)
    return [one.name for one in form.fields] != list(held.kinds or {}) or bool(form.again and not mistaken)


def _picked(origin: Origin, view: Payload) -> Said:
    job, conversation = filled.picked(view)
    held = forms.place(view)
    line = commands.spell(Command(Name.RUN, (job,)))
    where = replace(held, channel=conversation, thread="") if conversation else held
    return Said(_at(origin, where), line)


def _at(origin: Origin, held: Place) -> Origin:
    """The origin of what is done in a view: where the view was asked for."""
    return replace(
        origin,
        channel=held.channel,
        thread=held.thread,
        response_url=held.response_url,
        until=held.until,
    )


def _of(origin: Origin, held: Place) -> Place:
    return replace(held, channel=origin.channel, thread=origin.thread)


def _notice(message: Message, held: Place) -> dict[str, Any]:
    blocks = render(message, Look(attach=False, surface="modal")).blocks
    return forms.notice(message.title or "slashjob", blocks, held)


async def _open(workspace: Workspace, origin: Origin, view: dict[str, Any]) -> bool:
    if not origin.trigger:
        return False
    try:
        await workspace.client.views_open(trigger_id=origin.trigger, view=view)
    except FAULTS as error:
        late = isinstance(error, SlackApiError) and error_of(error) in _LATE
        (_log.info if late else _log.error)("slack.view_not_opened", extra={"error": error_of(error)})
        return False
    return True
