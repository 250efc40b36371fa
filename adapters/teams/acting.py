"""Actions on cards: whoever presses says the card's line, with their own role, whoever it was made for.

`Action.Execute` comes as an invoke, whose answer is the result. `Action.Submit`, of clients that do not
know it, comes as a message, and is answered by one.

What a press changes is done once by its key, in one transaction with the request's row, before it is
answered. What comes after the answer (a message beside it, the card that others see, the whole of it where
it takes long) is stored first: a process that dies leaves it to another. To look into a form's menu and to
put a form away is stored nowhere: nobody has lost anything by pressing again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from adapters.teams import files, forms, offering, references, render
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.forms import Pressed
from adapters.teams.http import Answer
from adapters.teams.inbound import Origin
from adapters.teams.reception import Reception, look
from core.desk.visit import Outcome, Reply
from core.errors import Busy, Misunderstood, NotAllowed
from core.messages import Message, Paragraph, Tone, unmarked
from core.wording import refusals

_log = logging.getLogger(__name__)

ACTION = "adaptiveCard/action"
IN_TIME = 4.0  # seconds after which an invoke is answered while the work goes on
PATIENCE = timedelta(seconds=3)  # for the database, while Teams waits
_IN_FORM = ("fill", "several")
SHOWN = 500  # characters of a sentence that is shown over a card


async def invoked(reception: Reception, origin: Origin, activity: dict[str, Any]) -> Answer:
    """An invoke: the answer's body is what becomes of the card."""
    value = activity.get("value")
    if activity.get("name") == files.INVOKE:
        return await offering.answered(reception, origin, activity)
    if activity.get("name") != ACTION:
        return Answer(501)
    if not isinstance(value, Mapping) or not origin.user:
        return Answer(200, forms.invoke_error("This action cannot be read."))
    try:
        pressed = forms.read(value, origin.person)
    except (Misunderstood, NotAllowed) as refused:
        return Answer(200, forms.invoke_message(f"{refused.sentence} {refused.hint}".strip()))
    if pressed.does == "drop":
        dropped = _plain(forms.DROPPED)
        reception.later(_replace(reception, origin, dropped))
        return Answer(200, forms.invoke_card(render.card(dropped, mentions={})))
    in_form = pressed.does in _IN_FORM
    task = reception.later(reception.answer(origin, pressed.line, patience=PATIENCE, in_form=in_form))
    done, _ = await asyncio.wait({task}, timeout=IN_TIME)
    if done:
        body, follows = _result(origin, pressed, task.result())
        if follows:
            shown = partial(_show, reception, origin, pressed, task.result())
            await _follow(reception, origin, activity, shown)
        return Answer(200, body)
    kept = await _follow(reception, origin, activity, partial(_when_done, reception, origin, pressed, task))
    return Answer(200, forms.invoke_message(refusals.NOT_IN_TIME if kept else refusals.NOT_KNOWN))


async def taken_up(reception: Reception, origin: Origin, activity: dict[str, Any]) -> None:
    """What a process left that died after it had answered an invoke. Raises as `submitted`."""
    value = activity.get("value")
    if activity.get("name") == files.INVOKE:
        await offering.bring(reception, origin, files.read(value))
    elif isinstance(value, Mapping):
        await submitted(reception, origin, value)


async def submitted(reception: Reception, origin: Origin, value: Mapping[str, Any]) -> None:
    """What an `Action.Submit` sent. Raises as `Reception.tell`, and `Busy`."""
    try:
        pressed = forms.read(value, origin.person)
    except (Misunderstood, NotAllowed) as refused:
        await reception.tell(origin, Reply(refusals.refusal(refused, ""), Outcome.REFUSED))
        return
    if pressed.does == "drop":
        await _replace(reception, origin, _plain(forms.DROPPED))
        return
    reply = await reception.answer(origin, pressed.line, in_form=pressed.does in _IN_FORM)
    if reply.busy:
        raise Busy(reply.message.text)
    await _show(reception, origin, pressed, reply)


def _result(origin: Origin, pressed: Pressed, reply: Reply) -> tuple[dict[str, Any], bool]:
    """What the pressed card becomes, or is said beside it; whether more follows the answer."""
    message = reply.message
    in_form = pressed.does in _IN_FORM
    if reply.busy:
        return forms.invoke_message(_words(message)), False
    if in_form and message.form is not None:
        several = pressed.does == "several"
        shown = render.card(message, mentions={}, look=look(origin, message, several=several))
        return forms.invoke_card(shown), False
    if in_form and reply.outcome is not Outcome.REFUSED:
        return forms.invoke_card(render.card(_decided(reply), mentions={})), True
    told = reply.outcome is Outcome.REFUSED or reply.posted or not _worth_a_message(message)
    return forms.invoke_message(_words(message)), not told


async def _follow(
    reception: Reception,
    origin: Origin,
    activity: dict[str, Any],
    work: Callable[[], Coroutine[Any, Any, None]],
) -> bool:
    """Do it after the invoke was answered; stored before, unless another process has stored it already.

    False where it could not be stored: it is done all the same, but a crash would lose it.
    """
    kept = await reception.hear(origin, activity, work)
    if not kept:
        reception.later(work())
    return kept


async def _when_done(
    reception: Reception, origin: Origin, pressed: Pressed, task: asyncio.Task[Reply]
) -> None:
    """What came of it, once that is known. Raises `Busy` where nothing could be done yet."""
    reply = await task
    if reply.busy:
        raise Busy(reply.message.text)
    await _show(reception, origin, pressed, reply)


async def _show(reception: Reception, origin: Origin, pressed: Pressed, reply: Reply) -> None:
    """The outcome as messages: a form that was filled in is replaced, the rest is said."""
    if pressed.does == "several" and reply.message.form is not None:
        await reception.say(origin, reply.message, several=True)
        return
    decided = reply.outcome is not Outcome.REFUSED and reply.message.form is None
    if pressed.does == "fill" and decided:
        await _replace(reception, origin, _decided(reply))
    elif not reply.posted:
        await reception.tell(origin, reply)


async def _replace(reception: Reception, origin: Origin, message: Message) -> None:
    """Put what was decided in the place of the card, for everybody who sees it."""
    if not origin.reply_to:
        return
    where = references.where(origin)
    try:
        await reception.platform.replace(where, origin.reply_to, message, look(origin, message))
    except (Unsent, Unsure, Refused, TimeoutError) as error:
        _log.warning("teams.card_not_replaced", extra={"error": str(error)})


def _decided(reply: Reply) -> Message:
    """What stands in the place of a form: what was started has its own message, which follows."""
    return _plain(reply.message.text, reply.message.tone) if reply.posted else reply.message


def _worth_a_message(message: Message) -> bool:
    """There is more to it than the sentence that is shown over the card."""
    more = [one for one in message.blocks if one != Paragraph(message.text)]
    return bool(more or message.buttons or message.form)


def _words(message: Message) -> str:
    """The sentences of a message, for where there is room for one."""
    found = [message.text]
    for block in message.blocks:
        if isinstance(block, Paragraph):
            text = unmarked(block.text) if block.marked else block.text
            if text not in found:
                found.append(text)
    words = " ".join(found)
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def _plain(text: str, tone: Tone = Tone.NEUTRAL) -> Message:
    return Message(text=text, tone=tone, blocks=(Paragraph(text),))
