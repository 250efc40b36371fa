"""Files in a 1:1 chat: offered by a card, brought to the person's OneDrive once they agree.

https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4. An offer carries the command
that makes the file again, never its content: whoever accepts it is asked for the same role as if they had
said the command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.render import csv
from adapters.teams import payload
from adapters.teams.payload import Payload
from adapters.teams.text import cut, one_line
from core import commands
from core.commands import Command, Name
from core.errors import Misunderstood
from core.messages import File, Message

CONSENT = "application/vnd.microsoft.teams.card.file.consent"
INFO = "application/vnd.microsoft.teams.card.file.info"
INVOKE = "fileConsent/invoke"
PDF = "application/pdf"
OFFERS = 3  # files that one message offers
BYTES = 60 * 1024**2  # of a file: what one upload takes

_LABEL = re.compile(r"#\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Answered:
    """What somebody said to an offer: the command that makes the file, and where its bytes go.

    `content_url`, `unique_id` and `kind` are what the card that shows the file afterwards repeats.
    """

    accepted: bool
    line: str
    name: str
    upload_url: str = ""
    content_url: str = ""
    unique_id: str = ""
    kind: str = ""


def line(message: Message) -> str:
    """The command that gives the message's files again, empty where that is not known."""
    for button in message.buttons:
        if button.command.startswith("csv "):
            return button.command
    found = _LABEL.search(message.title) or _LABEL.search(message.text)
    return f"csv {found[0]}" if found else ""


def again(message: Message, file: File) -> str:
    """The command that brings a file of the message again, empty where that is not known."""
    command = of_file(file, line(message)) if file.media_type == PDF else line(message)
    if not file.path:
        return command
    found = _LABEL.search(command)
    return f"show {found[0]}" if found else ""


def offered(message: Message) -> list[File]:
    """The files that can be offered: those whose command is known and whose content is at hand."""
    if not line(message):
        return []
    files = [one for one in message.blocks if isinstance(one, File)]
    return [one for one in files if one.table is not None or one.text or one.data][:OFFERS]


def offers(message: Message) -> list[dict[str, Any]]:
    """An activity for each file that is offered."""
    return [_offer(file, of_file(file, line(message))) for file in offered(message)]


def of_file(file: File, command: str) -> str:
    """The command that gives just this file, where its name tells which question it answers."""
    found = _LABEL.search(command)
    if found is None or command != f"csv {found[0]}":
        return command
    if file.media_type == PDF:
        return commands.spell(Command(Name.CSV, (found[0],), flags=frozenset({"pdf"})))
    label = found[0].removeprefix("#").replace(".", "-")
    question = file.name.partition(f"-{label}-")[2].removesuffix(".csv")
    return commands.spell(Command(Name.CSV, (found[0], question))) if question else command


def _offer(file: File, command: str) -> dict[str, Any]:
    label, size = name(file), len(csv.of_file(file))
    told = {**payload.write(Payload(command)), "name": label}
    card = {
        "contentType": CONSENT,
        "name": label,
        "content": {
            "description": f"{label}, {_size(size)}: it goes into your OneDrive",
            "sizeInBytes": size,
            "acceptContext": told,
            "declineContext": told,
        },
    }
    summary = f"May I bring {label} into your OneDrive?"
    return {"type": "message", "summary": summary, "attachments": [card], "entities": []}


def read(value: object) -> Answered:
    """What was said to an offer. Raises `Misunderstood` where it is no offer of ours."""
    if not isinstance(value, Mapping) or value.get("type") != "fileUpload":
        raise Misunderstood("This offer of a file cannot be read.", hint="Say csv and the number of its run.")
    held, told = payload.read(value.get("context"))
    accepted = value.get("action") == "accept"
    upload = value.get("uploadInfo")
    known: Mapping[str, Any] = upload if isinstance(upload, Mapping) else {}
    texts = {key: one for key, one in known.items() if isinstance(one, str)}
    return Answered(
        accepted,
        held.line,
        str(told.get("name") or ""),
        texts.get("uploadUrl", ""),
        texts.get("contentUrl", ""),
        texts.get("uniqueId", ""),
        texts.get("fileType", ""),
    )


def info(answered: Answered) -> dict[str, Any]:
    """The activity that shows a file which was brought."""
    card = {
        "contentType": INFO,
        "contentUrl": answered.content_url,
        "name": answered.name,
        "content": {"uniqueId": answered.unique_id, "fileType": answered.kind},
    }
    summary = f"{answered.name} is in your OneDrive."
    return {"type": "message", "summary": summary, "attachments": [card], "entities": []}


def name(file: File) -> str:
    """The file's name without what OneDrive refuses in one."""
    kept = re.sub(r'[\\/:*?"<>|#%~&{}]', "-", one_line(file.name)).strip(". ")
    return cut(kept, 120) or "file.txt"


def _size(size: int) -> str:
    return f"{size:,} bytes" if size < 2_000 else f"{size / 1_000:,.0f} kB"
