"""The talk between a member at a console and the bot, however lines are read and written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Protocol

from adapters.console.conversation import Conversation
from adapters.console.look import Look
from adapters.console.render import compact, write
from core.errors import SlashjobError
from core.messages import Message, Tone

LEAVING = frozenset({"exit", "quit", "bye"})
YES = frozenset({"y", "yes"})


class Session(Protocol):
    """One member in one channel, seen from a console: what is said, and what comes back."""

    async def answer(self, line: str) -> Message:
        """Say a line; the reply to it. Raises `SlashjobError` where the bot cannot be reached."""
        ...

    async def completions(self, text: str) -> list[str]:
        """What may stand in place of the last word of `text` (an empty one after a blank), best first."""
        ...

    def posts(self) -> AsyncIterator[tuple[str, Message, bool]]:
        """What arrives in the channel, replies to lines left out: (key, message, edited).

        A message that changes comes again under its key, with `edited`; a change of the reply to a line
        comes as an edit too, under a key that was not seen before.
        """
        ...

    async def settled(self) -> None:
        """Wait until nothing that was started here is under way and its posts have been given out."""
        ...


class Voice(Protocol):
    """How a talk is read and written: a prompt in a terminal, or lines through a pipe."""

    def look(self) -> Look:
        """How to write now; a terminal may have changed its width."""
        ...

    def put(self, text: str) -> None:
        """Write text that ends with a newline."""
        ...

    async def ask(self, question: str) -> bool:
        """Ask for a yes."""
        ...

    def moved(self) -> None:
        """What is under way has changed."""
        ...


class Talk:
    """Brings lines to a session and its messages to a voice."""

    def __init__(self, session: Session, voice: Voice, clock: Callable[[], float]) -> None:
        self.session = session
        self.voice = voice
        self.conversation = Conversation(clock)

    def greet(self, message: Message) -> None:
        """Print a message that nobody asked for."""
        self.conversation.said(message)
        self.voice.put(f"\n{self._whole(message)}")

    async def handle(self, line: str) -> None:
        """Answer one line, which may be the number of a button."""
        pressed = self.conversation.pressed(line)
        if pressed is None and (missing := self.conversation.no_button(line)):
            self.voice.put(f"{missing}\n")
            return
        if pressed is not None:
            line = pressed.button.command
            self.voice.put(self._line(f"→ /job {line}"))
            if pressed.question and not await self.voice.ask(self._line(pressed.question).strip()):
                self.voice.put("Nothing was done.\n")
                return
        try:
            reply = await self.session.answer(line)
        except SlashjobError as error:
            reply = Message(text=str(error), tone=Tone.FAILURE)
        self.conversation.replied(reply)
        self.voice.put(f"\n{self._whole(reply)}")

    async def follow(self) -> None:
        """Print what arrives in the channel, as long as it comes."""
        async for key, message, edited in self.session.posts():
            whole = self.conversation.posted(key, message, edited=edited)
            if whole:
                self.conversation.said(message)
                self.voice.put(self._whole(message))
            elif whole is not None:
                self.voice.put(compact(message, self.voice.look()) + "\n\n")
            self.voice.moved()

    async def carry(self, reading: Coroutine[None, None, None]) -> None:
        """Read lines and print what arrives until the reading ends; a fault of either ends both."""
        reader = asyncio.ensure_future(reading)
        follower = asyncio.ensure_future(self.follow())
        try:
            await asyncio.wait((reader, follower), return_when=asyncio.FIRST_COMPLETED)
            if follower.done():
                follower.result()
            await reader
        finally:
            for task in (reader, follower):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def _whole(self, message: Message) -> str:
        return write(message, self.voice.look()) + "\n"

    def _line(self, text: str) -> str:
        return compact(Message(text=text), self.voice.look()) + "\n"
