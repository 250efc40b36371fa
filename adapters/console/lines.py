"""A talk through pipes: lines are read as they come, and the output reads as a conversation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from adapters.console.look import Look
from adapters.console.render import compact
from adapters.console.talk import LEAVING, YES, Session, Talk
from core.messages import Message


class Lines:
    """Reads from `source` and writes to `sink`; what was started is waited for at the end."""

    def __init__(
        self, session: Session, look: Look, source: TextIO, sink: TextIO, clock: Callable[[], float]
    ) -> None:
        self.session = session
        self.talk = Talk(session, self, clock)
        self.source = source
        self.sink = sink
        self._look = look
        if isinstance(source, TextIOWrapper):
            source.reconfigure(errors="replace")  # a line that is no UTF-8 is refused, not fatal

    async def run(self, greeting: Message | None = None) -> None:
        """Read to the end, then wait for what was started."""
        if greeting is not None:
            self.talk.greet(greeting)
        await self.talk.carry(self._read())

    def look(self) -> Look:
        """As it was given."""
        return self._look

    def put(self, text: str) -> None:
        """Write at once; what the sink's encoding does not know becomes a question mark."""
        encoding = getattr(self.sink, "encoding", None) or "utf-8"
        self.sink.write(text.encode(encoding, "replace").decode(encoding))
        self.sink.flush()

    async def ask(self, question: str) -> bool:
        """The next line is the answer; the end of the input is a no."""
        self.put(f"{question} [y/N] ")
        answer = await _line(self.source)
        self.put(compact(Message(text=answer.strip()), self._look) + "\n")
        return answer.strip().lower() in YES

    def moved(self) -> None:
        """Nothing lives below a pipe."""

    async def _read(self) -> None:
        while line := await _line(self.source):
            if line.strip().lower() in LEAVING:
                break
            if line.strip():
                self.put(compact(Message(text=f"> {line}"), self._look) + "\n")
                await self.talk.handle(line.rstrip("\r\n"))
        await self.session.settled()


async def _line(source: TextIO) -> str:
    """The next line. Its thread may be left behind: a pipe that stays open must not keep us from ending."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[str] = loop.create_future()

    def deliver(line: str, fault: Exception | None) -> None:
        if waiting.done():
            return
        if fault is not None:
            waiting.set_exception(fault)
        else:
            waiting.set_result(line)

    def read() -> None:
        line, fault = "", None
        try:
            line = source.readline()
        except (OSError, ValueError) as error:  # the source was closed under us
            fault = error
        with suppress(RuntimeError):  # the loop is gone: nobody waits for the line any more
            loop.call_soon_threadsafe(deliver, line, fault)

    threading.Thread(target=read, name="console-line", daemon=True).start()
    return await waiting
