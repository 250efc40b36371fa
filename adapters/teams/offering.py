"""What happens when somebody answers the offer of a file: it is made again, uploaded, and shown."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from adapters.render import csv
from adapters.teams import files, references
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.files import Answered
from adapters.teams.http import Answer
from adapters.teams.inbound import Origin
from adapters.teams.reception import Reception
from core.desk.visit import Outcome
from core.errors import Busy, Misunderstood
from core.messages import File, Message, Paragraph, Tone

_log = logging.getLogger(__name__)


async def answered(reception: Reception, origin: Origin, activity: dict[str, Any]) -> Answer:
    """A `fileConsent/invoke`: stored, then answered; the file follows, once."""
    try:
        made = files.read(activity.get("value"))
    except Misunderstood as refused:
        reception.later(_tell(reception, origin, f"{refused.sentence} {refused.hint}"))
        return Answer(200)
    if not made.accepted or not origin.user:
        return Answer(200)
    taken = await reception.hear(origin, activity, partial(bring, reception, origin, made))
    return Answer(200 if taken else 503)


async def bring(reception: Reception, origin: Origin, wanted: Answered) -> None:
    """Say the command anew, for its roles and its content, and bring the file that was offered.

    Raises `Busy` where that cannot be done now, and as `Reception.tell`.
    """
    reply = await reception.answer(origin, wanted.line)
    if reply.busy:
        raise Busy(reply.message.text)
    found = [one for one in reply.message.blocks if isinstance(one, File) and files.name(one) == wanted.name]
    if reply.outcome is Outcome.REFUSED or not found:
        why = reply.message.text if reply.outcome is Outcome.REFUSED else "It is not there any more."
        await _tell(reception, origin, f"{wanted.name} cannot be brought. {why}")
        return
    data = await asyncio.to_thread(csv.of_file, found[0])
    try:
        if len(data) > files.BYTES:
            raise Refused(413, "file")
        await reception.platform.upload(wanted.upload_url, data)
    except (Refused, Unsent, Unsure, TimeoutError) as error:
        _log.warning("teams.file_not_uploaded", extra={"error": str(error)})
        again = f"{wanted.name} could not be uploaded. Say {wanted.line} to try it again."
        await _tell(reception, origin, again)
        return
    await reception.platform.post(references.where(origin), files.info(wanted))


async def _tell(reception: Reception, origin: Origin, text: str) -> None:
    await reception.say(origin, Message(text=text, tone=Tone.WARNING, blocks=(Paragraph(text),)))
