"""What the tests of incidents share: a schedule that fires as often as it is told, and what is said then."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from core import composer
from core.batches import Batch
from core.deliveries import Kind
from core.jobs import Job
from core.messages import Message
from core.notifier import Notifier
from core.store import tables
from core.store.dialects import Row
from tests.store import schedule_rig
from tests.store.schedule_rig import START, Planner

OFTEN = {"name": "often", "when": "*/10 * * * *"}
WHY = "The source shop does not answer."


def lasting(minutes: int) -> str:
    """A pattern of about so long: the seconds that a slow machine takes come on top, or are missing."""
    return rf"({minutes} min( \d+ s)?|{minutes - 1} min \d+ s)"


class Watch:
    """A planner whose notifier says what the bot really says; the schedule is due every ten minutes."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.rig = planner.rig
        self.notifier = Notifier(self.rig.turns, {"mailbox": self.rig.mailbox}, composer.compose)
        self.at = START

    async def fires(self, why: str = WHY) -> Batch:
        """Let the schedule fire ten minutes later, and fail with that sentence; nothing is a success."""
        self.rig.agent.fails = why
        self.at += schedule_rig.minutes(10)
        await self.planner.through(self.at)
        return await self.rig.batch((await self.planner.batches())[-1].pk)

    async def succeeds(self) -> Batch:
        """Let the schedule fire ten minutes later, and succeed."""
        return await self.fires("")

    async def by_hand(self, job: Job, why: str = "") -> Batch:
        """Let Alice run the job, and let it fail with that sentence; nothing is a success."""
        self.rig.agent.fails = why
        started = await self.rig.start((job.pk, job.id, job.version, job.definition))
        return await self.rig.ended(started.batch)

    def wait(self, length: timedelta) -> None:
        """Put the clock on."""
        self.at += length
        self.planner.move(self.at)

    async def messages(self) -> list[Message]:
        """Deliver what is owed; what was posted or edited."""
        before = len(self.rig.mailbox.posts)
        await self.notifier.deliver()
        return [post.message for post in self.rig.mailbox.posts[before:]]

    async def told(self) -> list[str]:
        """The same as text, edits as `edit: …`, replies in a thread as `reply: …`."""
        before = len(self.rig.mailbox.posts)
        await self.notifier.deliver()
        return [
            ("edit: " if post.external_id else "reply: " if post.reply_to else "") + post.message.text
            for post in self.rig.mailbox.posts[before:]
        ]

    async def incidents(self) -> list[Row]:
        return await self.rows(tables.incidents)

    async def deliveries(self, kind: Kind) -> list[Row]:
        return [row for row in await self.rows(tables.deliveries) if row.kind == kind]

    async def rows(self, table: sa.Table) -> list[Row]:
        async with self.rig.store.reading() as connection:
            return list(await connection.execute(sa.select(table).order_by(table.c.pk)))
