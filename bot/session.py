"""One person at a console: says commands, and sees what is posted into the channel."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator

from bot.app import Bot
from bot.attachments import Attachments
from core import deliveries, ids, jobs, people, views
from core.commands import COMMANDS
from core.composer import compose
from core.deliveries import Delivery, Kind
from core.desk.visit import Reply, Request
from core.lifecycles import DeliveryState
from core.messages import Message
from core.people import Speaker, Standing
from core.ports import Channel
from core.store import workers as worker_rows
from core.turns import Turn

LOOK = 0.1  # seconds between two looks at the channel
SAID = (Kind.ALERT, Kind.MENTION, Kind.RESULT)  # in the result that who started it here sees already
SETTLED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SUPPRESSED)


class Session:
    """A console's side of the bot, whether this process executes or another does: it waits on rows."""

    def __init__(
        self, bot: Bot, *, channel: str = "console", member: str = "", attachments: Attachments | None = None
    ) -> None:
        self._bot = bot
        self._attachments = attachments
        self.channel = Channel("console", channel)
        name = member or getpass.getuser()
        standing = Standing.MEMBER if member else Standing.OWNER
        self.speaker = Speaker("console", "local", name, name, standing)
        self._since = 0
        self._number = 0
        self._organization = 0
        self._seen: dict[int, int] = {}
        self._mine: dict[int, Message] = {}

    async def open(self) -> None:
        """Begin with what is posted from now on."""

        async def ready(turn: Turn) -> int:
            organization = await people.organization(turn, timezone=self._bot.settings.timezone)
            self._number = await people.channel(turn, organization, self.channel)
            return organization

        self._organization = await self._bot.turns.take(ready)
        before = await self._bot.turns.look(lambda turn: deliveries.of_channel(turn, self._number))
        self._since = max((one.pk for one in before), default=0)

    async def ask(self, line: str) -> Reply:
        """Say a line; returns the whole reply."""
        reply = await self._bot.desk.answer(
            Request(speaker=self.speaker, channel=self.channel, text=line, key=ids.new())
        )
        await self._prepare(reply.message)
        return reply

    async def answer(self, line: str) -> Message:
        """Say a line; what becomes of a batch that it started comes as edits of this answer."""
        reply = await self.ask(line)
        if reply.posted and reply.batch is not None:
            self._mine[reply.batch] = reply.message
        return reply.message

    async def completions(self, text: str) -> list[str]:
        """Words that may follow: commands, then jobs, then the job's parameters."""
        words = text.split(" ")
        if words and words[0] in ("/job", "job"):
            words = words[1:]
        if len(words) <= 1:
            return [str(name) for name, spec in COMMANDS.items() if spec.available]
        every = await self._bot.turns.look(lambda turn: jobs.every(turn, self._organization))
        if len(words) == 2:
            return [one.name for one in every if one.enabled]
        found = next((one for one in every if one.name == words[1]), None)
        if words[0] != "run" or found is None:
            return []
        return [f"{name}=" for name in found.job.parameters]

    async def posts(self) -> AsyncIterator[tuple[str, Message, bool]]:
        """What is posted: its key, the message as it is now, and whether it is an edit. Never ends."""
        while True:
            for delivery in await self._new():
                message = await self._message(delivery)
                if delivery.kind in SAID and delivery.batch in self._mine:
                    self._seen[delivery.pk] = delivery.sent_version
                    continue
                mine = delivery.kind is Kind.STATUS and delivery.batch in self._mine
                same = mine and self._mine[delivery.batch] == message
                edited = mine or delivery.pk in self._seen
                if mine:
                    self._mine[delivery.batch] = message
                self._seen[delivery.pk] = delivery.sent_version
                if not same:
                    yield delivery.id, message, edited
            await asyncio.sleep(LOOK)

    async def settled(self) -> None:
        """Wait until what was started here has ended and all of it was given out."""
        for batch in list(self._mine):
            await self.ended(batch)
            while await self._new():
                await asyncio.sleep(LOOK)

    async def ended(self, batch: int) -> views.BatchView:
        """Wait until a batch has ended and what it owes here is settled; however long it takes.

        What rules owe to other channels is nothing that somebody at a console waits for.
        """
        while True:
            view = await self._bot.turns.look(lambda turn: views.of_batch(turn, batch))
            if view.batch.state.ended:
                owed = await self._bot.turns.look(lambda turn: deliveries.of_batch(turn, batch))
                if all(one.state in SETTLED for one in owed if self._is_here(one)):
                    return await self._bot.turns.look(lambda turn: views.of_batch(turn, batch))
            await asyncio.sleep(LOOK)

    async def executed(self) -> bool:
        """Some process executes what is started here."""
        return await self._bot.turns.look(lambda turn: worker_rows.anybody(turn.connection, turn.now))

    async def _message(self, delivery: Delivery) -> Message:
        message = await self._bot.turns.look(lambda turn: compose(turn, delivery))
        await self._prepare(message)
        return message

    async def _prepare(self, message: Message) -> None:
        if self._attachments is not None:
            await self._attachments.prepare(message)

    async def posted(self, batch: int) -> list[tuple[Delivery, Message]]:
        """The messages of a batch as they are now."""

        async def read(turn: Turn) -> list[tuple[Delivery, Message]]:
            return [(one, await compose(turn, one)) for one in await deliveries.of_batch(turn, batch)]

        return await self._bot.turns.look(read)

    async def results(self, batch: int) -> list[Message]:
        """What became of a batch, as somebody sees it who waited for it: an alert would say it twice."""
        said = await self.posted(batch)
        found = [message for one, message in said if one.kind is Kind.STATUS and self._is_here(one)]
        for message in found:
            await self._prepare(message)
        return found

    def _is_here(self, delivery: Delivery) -> bool:
        place = delivery.channel
        return (place.platform, place.address) == (self.channel.platform, self.channel.address)

    async def _new(self) -> list[Delivery]:
        after = self._since
        found = await self._bot.turns.look(
            lambda turn: deliveries.of_channel(turn, self._number, after=after)
        )
        return [one for one in found if self._seen.get(one.pk, 0) < one.sent_version]
