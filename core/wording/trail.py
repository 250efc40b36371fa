"""What is said of who did what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from core.commands import Command, Name, spell
from core.messages import Button, Cell, Column, Message, Paragraph, Table
from core.trail import PAGE, Deed
from core.wording import words

DETAIL = 120  # characters of what is told of one deed
_WHAT = {
    "batch.start": "started",
    "batch.propose": "asked to start",
    "batch.skip": "asked for, and was skipped",
    "batch.cancel": "cancelled",
    "batch.approve": "approved",
    "batch.reject": "turned down",
    "batch.note": "noted",
    "job.created": "made the job",
    "job.changed": "changed the job",
    "job.enabled": "enabled the job",
    "job.disabled": "disabled the job",
    "job.pause": "paused the job",
    "job.resume": "resumed the job",
    "schedule.save": "saved a schedule",
    "schedule.remove": "removed a schedule",
    "set.save": "saved a parameter set",
    "set.remove": "removed a parameter set",
    "lock.break": "broke the lock",
    "member.met": "came for the first time",
    "member.role": "gave a role",
    "member.claim": "became the first admin",
    "member.linked": "joined two accounts",
    "member.link_offered": "offered to join accounts",
    "channel.allow": "allowed a shared channel",
    "incident.ack": "looks after a failure",
    "installation.made": "installed",
    "installation.revoked": "uninstalled",
}
_SAID_OTHERWISE = ("origin", "ids", "incidents")


def page(deeds: Sequence[Deed], about: str, number: int, reader: ZoneInfo, *, more: bool) -> Message:
    """A page of what was done, newest first; `about` is the word that was asked for, or nothing."""
    of = f" of {about}" if about else ""
    if not deeds:
        text = (
            f"There is no page {number} of what was done{of}." if number > 1 else f"Nothing was done{of} yet."
        )
        return Message(text=text, blocks=(Paragraph(text),))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (words.instant(one.at, reader), one.who or "the bot", _what(one.action), _detail(one.data))
        for one in deeds
    )
    titles = (f"when ({reader.key})", "who", "what", "details")
    text = f"What was done{of}" + (f" · page {number}" if number > 1 else "")
    buttons: tuple[Button, ...] = ()
    if more:
        following = Command(Name.AUDIT, (about,) if about else (), options={"page": str(number + 1)})
        buttons = (Button("Older", spell(following)),)
    table = Table(tuple(Column(one) for one in titles), rows, shown_rows=PAGE)
    return Message(text=text, title=text, blocks=(table,), buttons=buttons)


def _what(action: str) -> str:
    return _WHAT.get(action, action.replace(".", " ").replace("_", " "))


def _detail(data: dict[str, Any]) -> str:
    """What was recorded, in one short line."""
    parts = []
    for key, value in data.items():
        if key in _SAID_OTHERWISE or value in (None, "", [], {}):
            continue
        told = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
        parts.append(f"#{told}" if key == "number" else told if key in ("job", "name") else f"{key} {told}")
    line = " · ".join(parts).replace("\n", " ")
    return line if len(line) <= DETAIL else f"{line[: DETAIL - 1]}…"
