"""One program under its guard, from the order to the end of everything that it started.

Nothing here waits for the program's good will: output is read as it comes and handed to a sink that keeps a
bounded part, and `stop` returns only when the guard has seen the last process of the tree end. A guard that
was killed or frozen itself is replaced by a hunt for what carries the program's mark in its environment.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from adapters.agents.guards import Guard, Guards

CHUNK = 1 << 18  # bytes read at once; a pipe holds 64 KiB unless somebody made it larger
ANSWER = 10.0  # seconds beyond the grace in which a guard has to report, before we do its work
DRAIN = 1.0  # seconds for output that somebody outside the tree still holds open
LOOKS = 5  # that have to find nothing, one after the other
MARK = "SLASHJOB_PROCESS"  # in the environment of the program: one name for each start


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be started. `limits` maps names of `resource` (RLIMIT_NOFILE) to their value."""

    executable: Path
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    input: bytes
    limits: dict[str, int]
    grace: float  # seconds between SIGTERM and SIGKILL
    linger: float  # seconds that what the program left behind may go on
    ends_at: float  # CLOCK_BOOTTIME seconds: the end whatever the worker says


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went. `why` is empty for an end of its own, else stop, closed, lease, time, left or guard.

    `status` is as wait(2) gives it, None where nobody saw it; `refused` is the errno of a start that failed;
    `left` counts the processes that were alive when the tree had to be ended.
    """

    status: int | None
    why: str = ""
    refused: int | None = None
    left: int = 0
    tree: bool = True
    stuck: tuple[int, ...] = ()


Sink = Callable[[bytes], None]


class Process:
    """A program at work. `ended` is done when nothing of it lives and its output is read."""

    def __init__(self, guards: Guards, guard: Guard, order: Order) -> None:
        self._loop = asyncio.get_running_loop()
        self._guards, self._guard, self._order = guards, guard, order
        self._mark = uuid4().hex
        self._report: dict[str, Any] = {}
        self._heard = b""
        self._reported = self._loop.create_future()
        self._drained = [self._loop.create_future(), self._loop.create_future()]
        self._ordered = False
        self._stopping = False
        self.ended: asyncio.Task[Ended]

    @classmethod
    def start(
        cls, guards: Guards, order: Order, lease_until: Callable[[], float], *, stdout: Sink, stderr: Sink
    ) -> Process:
        """Give the order. Raises OSError where the system has no room for another process."""
        guard = guards.take()
        process = cls(guards, guard, order)
        process._read(guard.stdout, "stdout", stdout, process._drained[0])
        process._read(guard.stderr, "stderr", stderr, process._drained[1])
        process._loop.add_reader(guard.control, process._hear)
        process._write("control", process._spelled(lease_until()), lambda: process._obey(lease_until))
        process._write("stdin", order.input, lambda: process._close("stdin"))
        process.ended = process._loop.create_task(process._follow(), name=f"program {order.executable.name}")
        return process

    async def stop(self) -> Ended:
        """End the whole tree; returns when it is gone, also where the caller is cancelled meanwhile.

        Safe to call at any time, also twice.
        """
        self._stopping = True
        self._say_stop()
        cancelled = False
        limit = self._loop.time() + self._order.grace + ANSWER
        while not self.ended.done():
            try:
                await asyncio.wait({self.ended}, timeout=max(0.0, limit - self._loop.time()))
            except asyncio.CancelledError:
                cancelled = True
                continue
            if not self.ended.done() and self._loop.time() >= limit:
                self._give_up()
                limit = self._loop.time() + ANSWER
        if cancelled:
            raise asyncio.CancelledError
        return self.ended.result()

    def _give_up(self) -> None:
        """The guard does not answer: end it, and let `_follow` do its work."""
        self._guard.kill()
        if not self._guard.pid:
            self._guards.close()  # it was never forked: the nursery does not answer, the next one will
        if not self._reported.done():
            self._reported.set_result(None)

    async def _follow(self) -> Ended:
        stuck: tuple[int, ...] = ()
        try:
            await self._reported
            if "ended" not in self._report:
                stuck = tuple(self._report.get("stuck", ())) or await asyncio.to_thread(hunt, self._mark)
            await asyncio.wait(self._drained, timeout=DRAIN)
        finally:
            self._let_go()
        refused = self._report.get("refused")
        end = self._report.get("ended")
        if "guard" not in self._report:  # nobody took the order: nothing was started
            refused = refused or errno.ECONNRESET
        if end is None:
            return Ended(None, "guard", refused, stuck=stuck)
        return Ended(end["status"], end["why"], refused, end["left"], end["tree"])

    def _let_go(self) -> None:
        self._guards.release(self._guard)
        for name in ("stdin", "stdout", "stderr", "control"):
            self._close(name)

    def _spelled(self, until: float) -> bytes:
        order = self._order
        said = {
            "executable": os.fspath(order.executable),
            "arguments": order.arguments,
            "environment": order.environment | {MARK: self._mark},
            "folder": os.fspath(order.folder),
            "limits": order.limits,
            "grace": order.grace,
            "linger": order.linger,
            "ends_at": order.ends_at,
            "until": until,
        }
        return json.dumps(said).encode() + b"\n"

    def _obey(self, lease_until: Callable[[], float]) -> None:
        """The whole order is with the guard: only now may other lines follow it."""
        self._ordered = True
        self._guards.keep(self._guard, lease_until)
        if self._stopping:
            self._say_stop()

    def _say_stop(self) -> None:
        """Tell the guard, unless it is gone; a guard that does not read is dealt with by `stop`."""
        if self._ordered and self._guard.control >= 0:
            with suppress(BlockingIOError, ConnectionError):
                os.write(self._guard.control, b"stop\n")

    def _hear(self) -> None:
        """Take the guard's reports; its silence for good is one too."""
        try:
            data = os.read(self._guard.control, CHUNK)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            self._report.update(json.loads(line))
        self._guard.pid = self._report.get("guard", 0)
        if not data:
            self._loop.remove_reader(self._guard.control)
        if (not data or "ended" in self._report or "stuck" in self._report) and not self._reported.done():
            self._reported.set_result(None)

    def _read(self, descriptor: int, name: str, sink: Sink, over: asyncio.Future[None]) -> None:
        def readable() -> None:
            try:
                data = os.read(descriptor, CHUNK)
            except BlockingIOError:
                return
            if data:
                sink(data)
                return
            self._close(name)
            if not over.done():
                over.set_result(None)

        self._loop.add_reader(descriptor, readable)

    def _write(self, name: str, data: bytes, then: Callable[[], None]) -> None:
        """Write all of it as room comes, then go on; what nobody reads any more is dropped."""
        descriptor: int = getattr(self._guard, name)
        rest = memoryview(data)

        def writable() -> None:
            nonlocal rest
            try:
                rest = rest[os.write(descriptor, rest) :] if rest else rest
            except BlockingIOError:
                return
            except ConnectionError:
                rest = rest[:0]
            if not rest:
                self._loop.remove_writer(descriptor)
                then()

        self._loop.add_writer(descriptor, writable)
        writable()

    def _close(self, name: str) -> None:
        descriptor: int = getattr(self._guard, name)
        if descriptor >= 0:
            self._loop.remove_reader(descriptor)
            self._loop.remove_writer(descriptor)
            self._guard.close(name)


def hunt(mark: str) -> tuple[int, ...]:
    """Kill whatever carries the mark in its environment; returns what would not die (Linux only).

    One look may miss what forks just then: it is over when several in a row have found nothing.
    """
    wanted = f"{MARK}={mark}".encode()
    limit, quiet = time.monotonic() + ANSWER / 2, 0
    while quiet < LOOKS:
        marked = [pid for pid in _processes() if wanted in _environment(pid)]
        if marked and time.monotonic() > limit:
            return tuple(marked)
        for pid in marked:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        quiet = 0 if marked else quiet + 1
        time.sleep(0.01)
    return ()


def _processes() -> list[int]:
    folder = Path("/proc")
    return [int(one.name) for one in folder.iterdir() if one.name.isdecimal()] if folder.is_dir() else []


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []  # it ended, or belongs to somebody else
