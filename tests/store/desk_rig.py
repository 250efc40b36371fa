"""A rig with a desk: people say lines in a channel, and everything that is kept can be searched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core import ids
from core.batches import Batch
from core.desk.desk import Desk
from core.desk.visit import Outcome, Reply, Request
from core.messages import Code, Facts, Message, Paragraph, Table
from core.people import Speaker, Standing
from core.ports import Channel
from core.store import tables
from core.store.database import Store
from tests.store.rig import Rig

CODE = "7Q4K-2M9T"
ALICE = Speaker("mailbox", "t", "alice", "Alice", Standing.OWNER)
BOB = Speaker("mailbox", "t", "bob", "Bob")
GINA = Speaker("mailbox", "elsewhere", "gina", "Gina Guest", Standing.GUEST)
GENERAL = Channel("mailbox", "general")

REPORT = {
    "title": "Weekly report",
    "parameters": {
        "do": {"default": "ok"},
        "campaign_id": {"type": "integer", "min": 1},
        "note": {"default": "-"},
        "since": {"type": "date", "default": "-7d"},
    },
}


class Office(Rig):
    """A rig whose people talk to the desk. Alice is an admin, Bob an operator, Gina a guest."""

    def __init__(self, store: Store, *, lease: timedelta = timedelta(seconds=30)) -> None:
        super().__init__(store, lease=lease)
        self.desk = Desk(self.turns, self.vault, zone=ZoneInfo("UTC"), admin_code=CODE)

    async def say(self, line: str, speaker: Speaker = ALICE, *, key: str = "") -> Reply:
        """Say a line; each is a new request unless it has a key."""
        return await self.desk.answer(
            Request(speaker=speaker, channel=GENERAL, text=line, key=key or ids.new())
        )

    async def done(self, line: str, speaker: Speaker = ALICE) -> Reply:
        """Say a line that must be answered."""
        reply = await self.say(line, speaker)
        assert reply.outcome is Outcome.DONE, said(reply.message)
        return reply

    async def refused(self, line: str, speaker: Speaker = ALICE) -> str:
        """Say a line that must be refused; everything that the refusal says."""
        reply = await self.say(line, speaker)
        assert reply.outcome is Outcome.REFUSED, said(reply.message)
        assert reply.batch is None
        return said(reply.message)

    async def ran(self, line: str, speaker: Speaker = ALICE) -> Batch:
        """Start something and wait for its end."""
        reply = await self.done(line, speaker)
        assert reply.batch is not None
        return await self.ended(reply.batch)

    async def rows(self, table: sa.Table) -> list[Any]:
        async with self.store.reading() as connection:
            return list(await connection.execute(sa.select(table)))

    async def audit(self) -> list[str]:
        return [row.action for row in await self.rows(tables.audit)]

    async def everything(self) -> str:
        """Every row of every table, as text."""
        found = [await self.rows(table) for table in tables.metadata.sorted_tables]
        return "\n".join(str(tuple(row)) for rows in found for row in rows)


def said(message: Message) -> str:
    """All the words of a message, its buttons and its form."""
    parts = [message.title, message.text]
    for block in message.blocks:
        match block:
            case Paragraph() | Code():
                parts.append(block.text)
            case Facts():
                parts += [f"{label}: {value}" for label, value in block.items]
            case Table():
                parts += [column.title for column in block.columns]
                parts += [" ".join(map(str, row)) for row in block.rows]
            case _:
                parts.append(str(block))
    parts += [f"[{button.label}] {button.command}" for button in message.buttons]
    if message.form is not None:
        parts += [f"{one.name} ({one.kind}) {one.value!r}: {one.error}" for one in message.form.fields]
    return "\n".join(parts)


def buttons(reply: Reply) -> list[str]:
    """The commands of its buttons."""
    return [button.command for button in reply.message.buttons]
