"""Guard processes: started, kept ready, and told how long the worker holds the run.

A guard (`guard.py`) takes some milliseconds to start, so one waits ready for the next program once the first
has run. The deadlines are moved by a thread of their own: an event loop that is blocked for a while does not
look like a frozen worker, and no program is ended for it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_log = logging.getLogger(__name__)

SCRIPT = Path(__file__).with_name("guard.py")
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
MOST_PAUSE = 1.0  # seconds between two renewals
_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # an interpreter may need them to start at all


def boottime() -> float:
    """Seconds on the clock that goes on while the machine sleeps."""
    return time.clock_gettime(CLOCK)


@dataclass(slots=True, eq=False)
class Guard:
    """One guard process and our ends of what connects us: descriptors, -1 once closed."""

    pid: int
    control: int
    stdin: int
    stdout: int
    stderr: int
    reaped: bool = field(default=False)

    def close(self, name: str) -> None:
        """Close one descriptor. Safe to call twice."""
        descriptor = getattr(self, name)
        if descriptor >= 0:
            setattr(self, name, -1)
            os.close(descriptor)

    def close_all(self) -> None:
        """Close all of them; a guard whose socket is closed ends its program and itself."""
        for name in ("stdin", "stdout", "stderr", "control"):
            self.close(name)

    def gone(self) -> bool:
        """It has ended (and is collected)."""
        if not self.reaped:
            try:
                self.reaped = os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
            except ChildProcessError:
                self.reaped = True
        return self.reaped

    def kill(self) -> None:
        """End the guard itself, for one that does not answer."""
        if not self.gone():
            os.kill(self.pid, signal.SIGKILL)


def start() -> Guard:
    """Start a guard that waits for its order. Raises OSError where the system has no room for it."""
    opened: list[int] = []
    try:
        stdin, stdout, stderr = (_pipe(opened) for _ in range(3))
        ours, theirs = (_high(one.detach(), opened) for one in socket.socketpair())
        actions = [
            (os.POSIX_SPAWN_DUP2, descriptor, number)
            for number, descriptor in enumerate((stdin[0], stdout[1], stderr[1], theirs))
        ]
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", str(SCRIPT)],
            {name: os.environ[name] for name in _LOADER if name in os.environ},
            file_actions=actions,
            setpgroup=0,  # a terminal's Ctrl-C is for the worker, which then says what to do
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD),
        )
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        raise
    for descriptor in (stdin[0], stdout[1], stderr[1], theirs):
        os.close(descriptor)
    for descriptor in (ours, stdin[1], stdout[0], stderr[0]):
        os.set_blocking(descriptor, False)
    return Guard(pid, control=ours, stdin=stdin[1], stdout=stdout[0], stderr=stderr[0])


def _pipe(opened: list[int]) -> tuple[int, int]:
    first, second = os.pipe()
    return _high(first, opened), _high(second, opened)


def _high(descriptor: int, opened: list[int]) -> int:
    """The same open file above the numbers that the guard's own descriptors get."""
    try:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    finally:
        os.close(descriptor)
    opened.append(moved)
    return moved


class Guards:
    """Hands out guards and keeps the deadlines of those at work moving. Safe from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._spare: Guard | None = None
        self._kept: dict[Guard, Callable[[], float]] = {}
        self._thread: threading.Thread | None = None
        self._wanted = False  # a spare is to be started; one failure waits for the next program
        self._closed = False

    def take(self) -> Guard:
        """A guard that waits for its order. Raises OSError where none can be started."""
        with self._changed:
            spare, self._spare = self._spare, None
            self._wanted = not self._closed
        if spare is None:
            return start()
        if spare.gone():
            spare.close_all()
            return start()
        return spare

    def keep(self, guard: Guard, lease_until: Callable[[], float]) -> None:
        """Tell the guard from now on how long the run is ours: `lease_until()`, in CLOCK_BOOTTIME seconds."""
        with self._changed:
            self._kept[guard] = lease_until
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew, name="slashjob-guards", daemon=True)
                self._thread.start()
            self._changed.notify()

    def release(self, guard: Guard) -> None:
        """The guard's work is over; its descriptors may be closed."""
        with self._changed:
            self._kept.pop(guard, None)

    def close(self) -> None:
        """Let the waiting guard go. What is at work stays until its own end."""
        with self._changed:
            self._closed, self._wanted = True, False
            spare, self._spare = self._spare, None
            self._changed.notify()
        if spare is not None:
            spare.close_all()
            os.waitpid(spare.pid, 0)

    def _renew(self) -> None:
        while True:
            with self._changed:
                pause = min((self._tell(*one) for one in self._kept.items()), default=0.0)
                wanted, self._wanted = self._wanted, False
                if not wanted and not self._kept:
                    self._thread = None
                    return
                if not wanted:
                    self._changed.wait(pause)
            if wanted:
                self._prepare()

    def _tell(self, guard: Guard, lease_until: Callable[[], float]) -> float:
        """Send the newest deadline; returns the seconds until the next time."""
        until = lease_until()
        try:
            os.write(guard.control, b"until %r\n" % until)
        except BlockingIOError:
            _log.warning("guard.does_not_read", extra={"pid": guard.pid})
        except ConnectionError:
            return MOST_PAUSE  # it has ended, and whoever reads from it sees so too
        return min(MOST_PAUSE, max(0.05, (until - boottime()) / 4))

    def _prepare(self) -> None:
        """Start the next spare guard; a failure only makes the next program start slower."""
        try:
            guard = start()
        except OSError as error:
            _log.warning("guard.not_started", extra={"error": str(error)})
            return
        with self._changed:
            welcome = not self._closed and self._spare is None
            if welcome:
                self._spare = guard
        if not welcome:
            guard.close_all()
            os.waitpid(guard.pid, 0)
