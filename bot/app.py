"""The composition root: the only place that knows every part and puts them together."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from adapters.agents.command import Command
from adapters.agents.report import Report
from adapters.console.platform import Console
from adapters.engines.embedded import Embedded
from adapters.sources.sql import Sources
from bot import keys
from bot.execution import ExecutionLock
from bot.loops import Loops
from bot.settings import Settings
from core.composer import compose
from core.desk.desk import Desk
from core.errors import Misconfigured
from core.janitor import Janitor
from core.notifier import Notifier
from core.ports import Agent, Engine, Platform
from core.store import dialects
from core.store.database import Store
from core.store.migrate import migrate, pending
from core.turns import Turns
from core.vault import Vault
from core.worker import Equipment, Worker

_log = logging.getLogger(__name__)

Role = Literal["serve", "say", "console", "demo"]


@dataclass(slots=True)
class Execution:
    """What a process has that executes runs."""

    worker: Worker
    loops: Loops
    stop: asyncio.Event
    engine: asyncio.Task[None]


class Bot:
    """One process of slashjob. `open` readies its rows and its desk, `execute` lets it work."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.environment = dict(os.environ if environment is None else environment)
        self.zone = ZoneInfo(settings.timezone)
        self.store = Store(settings.database_url, pool=max(8, min(settings.concurrency, 20)))
        self.engine: Engine = Embedded()
        self.turns = Turns(self.store, self.engine, wake=self._wake)
        self.keys = keys.find(settings)
        self.vault = Vault(self.keys)
        self.admin_code = keys.admin_code(self.keys)
        self.desk = Desk(self.turns, self.vault, zone=self.zone, admin_code=self.admin_code)
        self.platforms: dict[str, Platform] = {"console": Console()}
        self._lock = ExecutionLock(dialects.file(self.store.address)) if self.store.sqlite else None
        self._execution: Execution | None = None

    @property
    def executing(self) -> bool:
        """This process claims and executes runs."""
        return self._execution is not None

    @property
    def running(self) -> int:
        """Runs in this process now."""
        return self._execution.worker.running if self._execution else 0

    async def open(self) -> None:
        """Ready the database: SQLite is migrated by itself, PostgreSQL by `slashjob migrate`.

        Raises:
            Misconfigured: the database is newer than the program, not migrated, or cannot be opened.
        """
        if self.store.sqlite:
            await migrate(self.store)
        elif missing := await pending(self.store):
            raise Misconfigured(
                [f"The database lacks migrations ({', '.join(missing)}). Run: slashjob migrate"]
            )

    async def execute(self, role: Role) -> bool:
        """Begin to execute runs; False where another process does so on this SQLite file.

        Raises:
            Misconfigured: for `serve`, where another `serve` does.
        """
        if self._lock is not None and not await self._locked(self._lock, role):
            return False
        settings = self.settings
        worker = Worker(self.turns, self._equipment(), name=settings.process, lease=settings.lease)
        await worker.start()
        janitor = Janitor(self.turns, lease=settings.lease)
        if self._lock is not None:
            await janitor.take_over(worker.number)
        notifier = Notifier(self.turns, self.platforms, compose)
        loops = Loops(self.turns, notifier, janitor, lease=settings.lease)
        await self.engine.setup()
        await janitor.queue_again()
        stop = asyncio.Event()
        engine = asyncio.create_task(self.engine.run_worker(worker.begin, settings.concurrency, stop))
        self._execution = Execution(worker, loops, stop, engine)
        loops.start()
        loops.wake()
        return True

    async def close(self) -> None:
        """Stop: no new claims, running work gets its drain time, the rest is interrupted and told."""
        if self._execution is not None:
            execution, self._execution = self._execution, None
            execution.stop.set()
            await asyncio.gather(execution.engine, return_exceptions=True)
            await execution.worker.drain(self.settings.drain)
            await execution.loops.stop()
            await execution.worker.close()
        await self.engine.close()
        await self.store.close()
        if self._lock is not None:
            self._lock.release()

    async def ready(self) -> None:
        """Pass where this process can do its work. Raises what keeps it from it."""
        async with self.store.reading() as connection:
            await self.store.now(connection)
            await connection.exec_driver_sql("SELECT 1")
        if self._execution is not None and self._execution.engine.done():
            raise RuntimeError("the engine has stopped")

    def _wake(self) -> None:
        if self._execution is not None:
            self._execution.loops.wake()

    def _equipment(self) -> Equipment:
        folder = self.settings.workspace.resolve()
        agents: dict[str, Agent] = {
            "report": Report(),
            "command": Command(
                [path if path.is_absolute() else folder / path for path in self._commands()], folder=folder
            ),
        }
        return Equipment(agents, Sources(folder).open, self.environment, self.vault, self.zone)

    def _commands(self) -> tuple[Path, ...]:
        for path in self.settings.commands:
            if not path.exists():
                _log.warning("settings.command_missing", extra={"path": str(path)})
        return self.settings.commands

    async def _locked(self, lock: ExecutionLock, role: Role) -> bool:
        if lock.acquire(role):
            return True
        if role != "serve":
            return False
        holder = lock.holder()
        if holder is not None and holder.role == "serve":
            raise Misconfigured(
                [
                    f"Another slashjob serve (process {holder.pid}) runs on this database already. "
                    "Stop it first, or move to PostgreSQL to run several."
                ]
            )
        _log.info("serve.waiting", extra={"holder": holder.role if holder else "another process"})
        await lock.wait(role)
        return True
