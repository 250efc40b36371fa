"""Guard processes: started in a moment, and told how long the worker holds the run.

A nursery (`guard.py`), started with the first program, forks a guard for each. The deadlines are moved by a
thread of their own: an event loop that is blocked for a while does not look like a frozen worker, and no
program is ended for it.
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
from contextlib import suppress
from dataclasses import dataclass
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
    """Our ends of what connects us with one guard: descriptors, -1 once closed. It tells its `pid` itself."""

    control: int
    stdin: int
    stdout: int
    stderr: int
    pid: int = 0

    def close(self, name: str) -> None:
        """Close one descriptor. Safe to call twice."""
        descriptor = getattr(self, name)
        if descriptor >= 0:
            setattr(self, name, -1)
            os.close(descriptor)

    def kill(self) -> None:
        """End the guard itself, for one that does not answer. Only while its socket is open."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """The process that forks guards, and our socket to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            moved = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)  # not 3: dup2 would do nothing
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", str(SCRIPT)],
                {name: os.environ[name] for name in _LOADER if name in os.environ},
                file_actions=[(os.POSIX_SPAWN_DUP2, moved, 3)],
                setpgroup=0,  # a terminal's Ctrl-C is for the worker, which then says what to do
                setsigmask=(),
                setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD),
            )
        except BaseException:  # cancelled or failed: the socket is nobody's any more
            ours.close()
            raise
        finally:
            os.close(moved)
        ours.setblocking(False)
        self._socket = ours.detach()  # a plain number: nothing complains where an agent is never closed

    def hand_over(self, descriptors: list[int]) -> None:
        """Have a guard forked. Raises OSError where the nursery is gone or does not answer."""
        with socket.socket(fileno=os.dup(self._socket)) as sender:
            socket.send_fds(sender, [b"1"], descriptors)

    def close(self) -> None:
        """End it. Guards at work do not depend on it."""
        os.close(self._socket)
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


class Guards:
    """Hands out guards and keeps the deadlines of those at work moving. Safe from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._nursery: Nursery | None = None
        self._kept: dict[Guard, Callable[[], float]] = {}
        self._thread: threading.Thread | None = None

    def take(self) -> Guard:
        """A guard that waits for its order. Raises OSError where the system has no room for one."""
        opened: list[int] = []
        try:
            ours, theirs = (one.detach() for one in socket.socketpair())
            opened += ours, theirs
            for _ in range(3):
                opened += os.pipe()
            _, _, stdin, to_stdin, from_stdout, stdout, from_stderr, stderr = opened
            self._hand_over([stdin, stdout, stderr, theirs])
        except BaseException:  # cancelled or failed: no descriptor is left open
            for descriptor in opened:
                os.close(descriptor)
            raise
        for descriptor in (stdin, stdout, stderr, theirs):
            os.close(descriptor)
        for descriptor in (ours, to_stdin, from_stdout, from_stderr):
            os.set_blocking(descriptor, False)
        return Guard(ours, to_stdin, from_stdout, from_stderr)

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
        """End the nursery. Guards at work stay until the end of their programs; a new start begins anew."""
        with self._changed:
            nursery, self._nursery = self._nursery, None
        if nursery is not None:
            nursery.close()

    def _hand_over(self, descriptors: list[int]) -> None:
        with self._changed:
            if self._nursery is not None:
                try:
                    self._nursery.hand_over(descriptors)
                    return
                except OSError as error:  # killed, or frozen with a full socket: the next one does it
                    _log.warning("nursery.replaced", extra={"error": str(error)})
                    self._nursery.close()
            self._nursery = None
            self._nursery = Nursery()
            self._nursery.hand_over(descriptors)

    def _renew(self) -> None:
        with self._changed:
            while self._kept:
                self._changed.wait(min(self._tell(*one) for one in self._kept.items()))
            self._thread = None

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
