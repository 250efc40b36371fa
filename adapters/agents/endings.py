"""How a program ended, in plain words."""

from __future__ import annotations

import errno
import os
import signal
from datetime import timedelta

from adapters.agents.processes import Ended
from core.definitions import write_duration
from core.entries import Entry, Logged

LINES = 20  # of standard error that belong to a failure
LINE_LIMIT = 500  # characters of each

_CODES = {
    126: "a program that it calls cannot be run",
    127: "a program that it calls was not found",
}
_SIGNALS = {
    signal.SIGKILL: "it was killed, by somebody or because memory ran out",
    signal.SIGSEGV: "it crashed",
    signal.SIGBUS: "it crashed",
    signal.SIGILL: "it crashed",
    signal.SIGABRT: "it gave up",
    signal.SIGFPE: "it crashed over a number",
    signal.SIGTERM: "somebody told it to stop",
    signal.SIGINT: "somebody interrupted it",
    signal.SIGHUP: "its terminal was closed",
    signal.SIGXCPU: "it used more processor time than it may",
    signal.SIGXFSZ: "it wrote a larger file than it may",
    signal.SIGPIPE: "it wrote to where nobody read",
}
_REFUSALS = {
    errno.ENOENT: "the interpreter that its first line names is missing, or its folder is",
    errno.EACCES: "the system does not permit it",
    errno.ENOEXEC: "it is neither a program nor a script that names its interpreter in a first line #!…",
    errno.E2BIG: "its arguments and environment are too long together; use input: json for large values",
    errno.ENOMEM: "there is not enough memory",
    errno.EAGAIN: "there are too many processes",
    errno.ETXTBSY: "somebody is writing to it",
    errno.ECONNRESET: "the process that starts programs was killed; the next run starts another",
}


def failure(ended: Ended, name: str, limit: timedelta) -> str:
    """Why it was not a success, as a sentence; empty where it was one."""
    if ended.refused is not None:
        why = _REFUSALS.get(ended.refused, os.strerror(ended.refused))
        return f"{name} could not be started: {why}."
    match ended.why:
        case "time":
            return f"{name} was ended: it took longer than its time-out of {write_duration(limit)}."
        case "lease":
            return f"{name} was ended: this worker was too late to say that it still holds the run."
        case "guard":
            return f"{name} was ended: the process that watches over it was killed."
        case "stop" | "closed":
            return f"{name} was ended before it was done."
    return _of_its_own(ended.status, name)


def notices(ended: Ended, name: str) -> list[Entry]:
    """What else is worth a line in the chat."""
    found: list[Entry] = []
    if ended.why == "left":
        processes = "1 process" if ended.left == 1 else f"{ended.left} processes"
        found.append(Logged(f"{name} left {processes} behind when it ended: ended, too.", "warning"))
    if ended.stuck:
        pids = ", ".join(str(pid) for pid in ended.stuck)
        found.append(Logged(f"These processes of {name} cannot be ended: {pids}.", "error"))
    if not ended.tree and ended.why:
        found.append(
            Logged(f"On this system, processes of {name} that left its group may still run.", "warning")
        )
    return found


def last_lines(text: str) -> str:
    """The last lines that say something, each of a readable length."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-LINES:]
    return "\n".join(line if len(line) <= LINE_LIMIT else f"{line[: LINE_LIMIT - 1]}…" for line in lines)


def _of_its_own(status: int | None, name: str) -> str:
    if status is None:
        return f"{name} ended, and nobody saw how."
    if os.WIFSIGNALED(status):
        return f"{name} was ended by {_signal(os.WTERMSIG(status))}."
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return ""
    if code in _CODES:
        return f"{name} ended with exit code {code}: {_CODES[code]}."
    if code > 128 and code - 128 in set(signal.Signals):
        return f"{name} ended with exit code {code}: {_signal(code - 128)} ended what it called."
    return f"{name} ended with exit code {code}."


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    why = _SIGNALS.get(signal.Signals(number), "")
    return f"{name} ({why})" if why else name


PERMANENT = frozenset(_REFUSALS) - {errno.ENOMEM, errno.EAGAIN, errno.ETXTBSY, errno.ECONNRESET}
"""Starts that fail the same way whenever they are tried."""
