"""The `command` agent: runs a program that the settings allow, and reads what it says.

What starts is decided by `core.programs` (argument list, environment, input; never a shell). The program runs
in the workspace folder, in a session of its own under a guard (`guard.py`), with a small environment:

    PATH, HOME, LANG, TMPDIR  of the worker; TZ is the zone of the job
    SLASHJOB_RUN_ID, SLASHJOB_ATTEMPT, SLASHJOB_JOB
    SLASHJOB_IDEMPOTENCY_KEY  the same for each attempt of the run
    DUE_AT                    the instant that it is run for, where a schedule started it
    SLASHJOB_PROCESS          a mark by which its processes are found
    and what the job's `environment:` says

Standard output is the answer: an envelope (`envelope.py`), else text. Lines `{"progress": {"text", "done",
"total"}}` on standard error move the progress; the last of its other lines belong to a failure. Secrets of
the run are masked in all of it. Exit code 0 is a success, everything else fails the run.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.agents import endings, envelope, secrecy
from adapters.agents.answers import Answer
from adapters.agents.executables import Executable, Executables
from adapters.agents.guards import Guards, boottime
from adapters.agents.output import Errors, Output
from adapters.agents.processes import Ended, Order, Process
from core import programs
from core.entries import Entry, Logged
from core.errors import AgentError
from core.ports import Task

STEP = 0.5  # seconds between two looks for progress
OVERTIME = 5.0  # seconds after its time-out: the worker ends a run in time, the guard where it did not
_INHERITED = {"PATH": os.defpath, "HOME": "/", "LANG": "C.UTF-8", "TMPDIR": ""}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use. Sizes in bytes, times in seconds; memory and files hold for each process."""

    memory: int = 4 << 30  # private memory that it writes to (Linux: RLIMIT_DATA)
    files: int = 1_024  # open at once
    file_size: int = 1 << 30  # of each file that it writes
    output: int = 256 << 20  # standard output and error together; what is kept is far less
    grace: float = 2.0  # between SIGTERM and SIGKILL
    linger: float = 0.5  # that what it left behind may go on after its own end

    def resources(self, seconds: float) -> dict[str, int]:
        """As setrlimit(2) takes them. Processor time: every core for the whole time-out."""
        cpu = math.ceil(min(seconds, 1e9)) * (os.cpu_count() or 1) + 60
        return {
            "RLIMIT_CORE": 0,  # a core file would hold secrets
            "RLIMIT_CPU": cpu,
            "RLIMIT_DATA": self.memory,
            "RLIMIT_FSIZE": self.file_size,
            "RLIMIT_NOFILE": self.files,
        }


class Command:
    """Runs programs. `allowed` are executables and folders of executables; without any the kind is off.

    `folder` is the workspace: programs run there, and relative paths are meant from there. `data` is where
    files of an answer are kept; without it they are left out with a line in the chat.
    """

    def __init__(
        self,
        allowed: Sequence[Path],
        *,
        folder: Path = Path(),
        data: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self._executables = Executables(allowed, folder=self._folder)
        self._data = data
        self._limits = limits or Limits()
        self._guards = Guards()

    def close(self) -> None:
        """Let the guard go that waits for the next run. Programs at work go on to their end."""
        self._guards.close()

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        """Run the job's program: its progress while it works, then its answer.

        Raises `AgentError`. Leaving it, also by cancellation, returns when no process of the program lives.
        """
        program = programs.fill(task.version.job, task.parameters, task.environment)
        executable = self._executables.find(program.arguments[0])
        answer = Answer(Output(), Errors(), secrecy.of(task, program.secrets), self._data)
        process = self._start(self._order(task, program, executable), task, answer)
        try:
            while not process.ended.done() and not self._too_much(answer):
                await asyncio.wait({process.ended}, timeout=STEP)
                for step in _steps(answer):
                    yield step
        except asyncio.CancelledError:
            await process.stop()
            await _tell_last_words(task, answer)
            raise
        finally:
            ended = await process.stop()
        answer.errors.end()
        for entry in _steps(answer) + endings.notices(ended, executable.path.name):
            yield entry
        self._check(task, ended, executable.path.name, answer)
        async for entry in answer.entries():
            yield entry

    def _order(self, task: Task, program: programs.Program, executable: Executable) -> Order:
        seconds = task.deadline.total_seconds()
        return Order(
            executable=executable.real,
            arguments=(os.fspath(executable.path), *program.arguments[1:]),
            environment=_environment(task) | program.environment,
            folder=self._folder,
            input=program.input,
            limits=self._limits.resources(seconds),
            grace=self._limits.grace,
            linger=self._limits.linger,
            ends_at=boottime() + seconds + OVERTIME,
        )

    def _start(self, order: Order, task: Task, answer: Answer) -> Process:
        feeds = {"stdout": answer.output.feed, "stderr": answer.errors.feed}
        try:
            return Process.start(self._guards, order, task.lease_until, **feeds)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise AgentError(f"The system has no room for another program: {why}.") from error

    def _too_much(self, answer: Answer) -> bool:
        return answer.output.size + answer.errors.size > self._limits.output

    def _check(self, task: Task, ended: Ended, name: str, answer: Answer) -> None:
        """Raise AgentError unless it was a success."""
        sentence = endings.failure(ended, name, task.deadline)
        if self._too_much(answer):
            sentence = f"{name} was ended: it wrote more than {self._limits.output:,} bytes."
        if sentence:
            permanent = ended.refused in endings.PERMANENT
            raise AgentError(sentence, permanent=permanent, detail=answer.last_words())


def _environment(task: Task) -> dict[str, str]:
    known = os.environ | task.environment
    found = {name: known.get(name, default) for name, default in _INHERITED.items()}
    found |= {
        "TZ": task.zone.key,
        "SLASHJOB_RUN_ID": task.run_id,
        "SLASHJOB_ATTEMPT": str(task.attempt),
        "SLASHJOB_IDEMPOTENCY_KEY": task.idempotency_key,
        "SLASHJOB_JOB": task.version.name,
        "DUE_AT": programs.write(task.due_at),
    }
    return {name: value for name, value in found.items() if value}


def _steps(answer: Answer) -> list[Entry]:
    said = answer.errors.progress()
    step = envelope.progressed(said) if said is not None else None
    return [] if step is None else [answer.secrets.entry(step)]


async def _tell_last_words(task: Task, answer: Answer) -> None:
    """A run that is ended by a cancel or its time-out keeps what it said last."""
    answer.errors.end()
    words = answer.last_words()
    if words:
        await task.emit(Logged(f"Its last lines:\n{words}", "warning"))
