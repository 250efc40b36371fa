"""Who executes on a SQLite file: one process at a time, decided by a lock of the operating system.

The lock is freed by the kernel when its holder dies, however it dies; no lease has to run out.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that executes: its number and what it was started as (`serve`, `say` …)."""

    pid: int
    role: str


class ExecutionLock:
    """An exclusive lock on a file beside the database."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.lock")
        self._file: IO[str] | None = None

    def acquire(self, role: str) -> bool:
        """Take it without waiting; False where another process has it. Safe to call twice.

        Raises:
            Misconfigured: the file cannot be written.
        """
        if self._file is not None:
            return True
        try:
            file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise Misconfigured([f"The file {self._path} cannot be written: {error.strerror}."]) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"pid": os.getpid(), "role": role}))
        file.flush()
        self._file = file
        return True

    @property
    def held(self) -> bool:
        """This process has it."""
        return self._file is not None

    async def wait(self, role: str, *, pause: float = 0.1) -> None:
        """Take it as soon as it is free."""
        while not self.acquire(role):
            await asyncio.sleep(pause)

    def holder(self) -> Holder | None:
        """Who has it; None where nobody does or it cannot be read just now."""
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            return Holder(int(data["pid"]), str(data["role"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def release(self) -> None:
        """Let go. Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None
