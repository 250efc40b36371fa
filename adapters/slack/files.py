"""Files beside a message: tables as CSV, texts as text, into the thread of what they belong to.

The three steps of an upload are made here and not by the SDK's `files_upload_v2`, which hands large bodies
to the connection as one piece and blocks the loop meanwhile.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.render import csv
from adapters.slack.calls import once, send
from adapters.slack.faults import Limited, Refused, told
from adapters.slack.places import Place
from adapters.slack.text import one_line
from core.errors import DeliveryError
from core.messages import File

_log = logging.getLogger(__name__)


def mark(files: Sequence[File]) -> str:
    """A short mark of these files, by which an edit knows that they came with the message before."""
    if not files:
        return ""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0".encode("utf-8", "replace") + csv.of_file(file) + b"\0")
    return digest.hexdigest()[:12]


async def upload(client: AsyncWebClient, name: str, data: bytes, *, alt: str = "") -> str:
    """Bring the bytes to Slack; the id of the file, which nobody sees before it is completed.

    Raises as `calls.call`.
    """
    asked = await once(
        client.files_getUploadURLExternal(filename=name, length=len(data), alt_txt=alt or None)
    )
    await send(client, str(asked["upload_url"]), io.BytesIO(data))
    return str(asked["file_id"])


async def complete(
    client: AsyncWebClient, named: Sequence[tuple[str, str]], *, channel: str = "", thread: str = ""
) -> None:
    """Finish uploads (id, title): shown in a channel's thread, or without one the bot's own."""
    files: list[dict[str, Any]] = [{"id": file_id, "title": title} for file_id, title in named]
    await once(
        client.files_completeUploadExternal(files=files, channel_id=channel or None, thread_ts=thread or None)
    )


async def attach(client: AsyncWebClient, place: Place, thread: str, files: Sequence[File]) -> str:
    """Upload files into the thread of a message; a sentence that says what is missing, empty where nothing.

    The message itself is there already, so nothing is raised.
    """
    try:
        uploaded = [(await upload(client, _name(file), csv.of_file(file)), _name(file)) for file in files]
        await complete(client, uploaded, channel=place.channel, thread=thread or place.ts)
    except (Refused, Limited, DeliveryError) as error:
        why = told(error).sentence if isinstance(error, Refused) else str(error)
        names = ", ".join(_name(file) for file in files)
        _log.warning("slack.no_file", extra={"files": names, "error": why})
        return f"{names} could not be attached: {why}"
    return ""


def _name(file: File) -> str:
    return one_line(file.name).replace("/", "-")[:200] or "file.txt"
