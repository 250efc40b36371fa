"""The composition root: the only place that knows every part and puts them together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from adapters.agents.callbacks import Callbacks
from adapters.agents.command import Command
from adapters.agents.http import Http
from adapters.agents.interact import Interact
from adapters.agents.plugins import Plugins
from adapters.agents.report import Report
from adapters.console.platform import Console
from adapters.sources.sql import Sources
from bot import keys, parts
from bot.attachments import expect_charts, pages
from bot.checks import CHECKS
from bot.execution import ExecutionLock
from bot.loops import Loops
from bot.settings import Settings
from bot.watchdog import Watchdog
from core import moving, people, places, schedules
from core.choices import Chooser
from core.composer import compose
from core.desk.desk import Desk
from core.equipment import Equipment
from core.errors import Misconfigured
from core.filelinks import Links
from core.janitor import Janitor
from core.lifecycles import Status
from core.locator import Locator
from core.notifier import Notifier
from core.ports import Agent, Engine, Platform
from core.postbox import Postbox
from core.retention import Retention
from core.scheduler import Scheduler
from core.store import dialects
from core.store import people as people_rows
from core.store.migrate import migrate, pending
from core.turns import Turn, Turns
from core.vault import Vault
from core.worker import Worker

_log = logging.getLogger(__name__)

Role = Literal["serve", "worker", "say", "console", "demo"]


ORPHANED = timedelta(hours=1)  # after which what is owed on a platform that is not set up is told elsewhere
LOOK = 0.5  # seconds between two looks whether all is well
NAMES = 30.0  # seconds between two looks for names of channels


class NotReady(Exception):
    """This process cannot do its work now; the text says why, fit for whoever watches it."""


@dataclass(slots=True)
class Execution:
    """What a process has that executes runs."""

    worker: Worker
    loops: Loops
    stop: asyncio.Event
    tasks: list[asyncio.Task[None]]


class Bot:
    """One process of slashjob. `open` readies its rows and its desk, `execute` lets it work."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.environment = dict(os.environ if environment is None else environment)
        self.zone = ZoneInfo(settings.timezone)
        self.store = parts.store(settings)
        self.engine: Engine = parts.engine(settings, self.store)
        self.turns = Turns(self.store, self.engine, wake=self._wake)
        self.keys = keys.find(settings)
        self.vault = Vault(self.keys)
        self.admin_code = keys.admin_code(self.keys)
        self._sources = Sources(settings.workspace.resolve())
        chooser = Chooser(self._sources.open, self.environment)
        self.desk = Desk(
            self.turns,
            self.vault,
            zone=self.zone,
            admin_code=self.admin_code,
            chooser=chooser,
            platforms=settings.platforms,
            checks=CHECKS,
            pages=lambda document: pages(document, self.data / "charts"),
        )
        self.chooser = chooser
        self.platforms: dict[str, Platform] = {"console": Console()}
        self._locator = Locator(self.turns, self.platforms)
        self.data = self._data_folder()
        shared = None if self.store.sqlite else Postbox(self.turns, self.vault)
        self.callbacks = Callbacks(settings.public_url, shared)
        self.slack = parts.slack(settings, self.desk, self.turns, self.vault)
        links = Links(keys.signing(self.keys), settings.public_url, lambda: datetime.now(UTC))
        self.teams = parts.teams(settings, self.desk, self.turns, self.vault, links)
        self.platforms |= parts.outbound(settings, self.data)
        self._plugins = Plugins(settings.agents)
        self._watchdog = Watchdog(self._plugins.running)
        self._lock = ExecutionLock(dialects.file(self.store.address)) if self.store.sqlite else None
        self._execution: Execution | None = None
        self._succession: asyncio.Task[None] | None = None

    def _data_folder(self) -> Path:
        """Where files lie: as set, else beside the SQLite file, else in the workspace."""
        if self.settings.data is not None:
            return self.settings.data.resolve()
        if self.store.sqlite:
            file = dialects.file(self.store.address)
            return file.with_name(f"{file.name}.files")
        return self.settings.workspace.resolve() / "slashjob.files"

    @property
    def executing(self) -> bool:
        """This process claims and executes runs."""
        return self._execution is not None

    @property
    def alone(self) -> bool:
        """This process holds the lock of a SQLite file: no other one serves it."""
        return self._lock is not None and self._lock.held

    @property
    def running(self) -> int:
        """Runs in this process now."""
        return self._execution.worker.running if self._execution else 0

    @property
    def ended(self) -> Mapping[Status, int]:
        """Attempts that ended in this process, by what became of them."""
        return self._execution.worker.ended if self._execution else {}

    @property
    def lease_left(self) -> float | None:
        """Seconds that this process may still be silent; None where it does not execute."""
        return self._execution.worker.lease_left if self._execution else None

    @property
    def silence(self) -> float:
        """Seconds since the event loop gave its last sign."""
        return self._watchdog.silence

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
        if where := await moving.left(self.store):
            raise Misconfigured(
                [
                    f"This installation was moved to {where}: start with DATABASE_URL set to it "
                    "(or, to stay here, run: slashjob move --back)."
                ]
            )
        if await moving.half_filled(self.store):
            raise Misconfigured(["A move into this database has not ended. Run slashjob move again."])
        await self.engine.setup()

    async def migrate(self) -> list[str]:
        """Bring the database to this program's schema, the engine's tables too; what was applied."""
        applied = await migrate(self.store)
        await self.engine.setup()
        return applied

    async def execute(self, role: Role) -> bool:
        """Begin to execute runs; False where another process does so on this SQLite file.

        A `serve` waits until the other has ended.

        Raises:
            Misconfigured: for `serve`, where another `serve` does.
        """
        if self._lock is not None and not self._lock.acquire(role):
            if role != "serve":
                return False
            self.refuse_a_second()
            _log.info("serve.waiting", extra={"holder": str(self._lock.holder())})
            await self._lock.wait(role)
        await self._begin(role)
        return True

    async def execute_when_free(self, role: Role) -> None:
        """Begin to execute now, or as soon as who does so ends: what is waited for here must go on."""
        if not await self.execute(role):
            self._succession = asyncio.create_task(self._succeed(role))

    def refuse_a_second(self) -> None:
        """Pass unless a `serve` executes on this SQLite file already. Raises `Misconfigured`, naming it."""
        if self._lock is None or self._lock.acquire("serve"):
            return
        holder = self._lock.holder()
        if holder is not None and holder.role == "serve":
            raise Misconfigured(
                [
                    f"Another slashjob serve (process {holder.pid}) runs on this database already. "
                    "Stop it first, or move to PostgreSQL to run several."
                ]
            )

    async def finish(self) -> None:
        """Begin nothing more, and wait for what runs here, however long it takes."""
        if self._execution is not None:
            self._execution.stop.set()
            while self.running:
                await asyncio.sleep(LOOK / 5)

    async def close(self) -> None:
        """Stop: no new claims, running work gets its drain time, the rest is interrupted and told.

        Where the database is away, what could not be written is found by the next process.
        """
        if self._succession is not None:
            self._succession.cancel()
            await asyncio.gather(self._succession, return_exceptions=True)
        self._watchdog.stop()
        chats = [one for one in (self.slack, self.teams) if one is not None]
        for chat in chats:
            await chat.stop()
        if self._execution is not None:
            execution, self._execution = self._execution, None
            execution.stop.set()
            await asyncio.gather(*execution.tasks, return_exceptions=True)
            drain = partial(execution.worker.drain, self.settings.drain)
            for step in (drain, execution.loops.stop, execution.worker.close):
                try:
                    await step()
                except Exception as error:  # a door: the rows tell the next process what is left
                    _log.warning("stop.incomplete", extra={"error": str(error)})
        for chat in chats:
            await chat.close()
        await self.engine.close()
        await self.store.close()
        if self._lock is not None:
            self._lock.release()

    async def ready(self) -> None:
        """Pass where this process can do its work. Raises what keeps it from it."""
        async with self.store.reading() as connection:
            await self.store.now(connection)
            await connection.exec_driver_sql("SELECT 1")
        if self._execution is None:
            raise NotReady("another process executes on this database; this one waits for its end")
        if self._execution.worker.buried:
            raise NotReady("the lease was lost; a new worker is on its way")
        if silent := self._execution.loops.silent():
            raise NotReady(f"loops have not come round for too long: {', '.join(silent)}")
        if self.slack is not None and not await self.slack.linked():
            raise NotReady("the link to Slack (Socket Mode) does not stand")

    async def _succeed(self, role: Role) -> None:
        if self._lock is not None:
            await self._lock.wait(role)
        while not self.executing:
            try:
                await self._begin(role)
            except Exception:  # the door of a task: the database may be busy just now
                _log.exception("execution.not_begun")
                await asyncio.sleep(LOOK)

    async def _begin(self, role: Role) -> None:
        settings = self.settings
        executes = bool(settings.concurrency) or role not in ("serve", "worker")
        worker = self._worker(executes=executes)
        await worker.start()
        janitor = Janitor(self.turns, lease=settings.lease, own=self._trusted)
        try:
            if self._lock is not None:
                await janitor.take_over(worker.number)
            await janitor.queue_again()
            await schedules.refresh(self.turns, self.zone.key)
            await self.turns.take(self._make_known)
        except BaseException:  # cancelled too: a worker that was registered leaves
            await worker.close()
            raise
        if self.slack is not None:
            self.platforms["slack"] = self.slack.platform()
        if self.teams is not None:
            self.platforms["teams"] = self.teams.platform()
        only = role == "worker"  # executes, and leaves telling and ticking to those who serve
        orphaned = ORPHANED if role == "serve" else None
        notifier = None if only else Notifier(self.turns, self.platforms, compose, orphaned=orphaned)
        planner = None if only else Scheduler(self.turns, self.vault)
        keeper = Retention(self.turns, self.data, default=settings.retention)
        loops = Loops(notifier, janitor, planner, keeper, lease=settings.lease)
        execution = Execution(worker, loops, asyncio.Event(), [])
        self._execution = execution
        works = [self._replace_when_buried]
        if not only:
            works.append(self._look_up_names)
        if executes:
            works.append(self._let_engine_work)
        execution.tasks += [asyncio.create_task(self._repeat(execution, work)) for work in works]
        loops.start()
        loops.wake()
        self._watchdog.start()

    async def _make_known(self, turn: Turn) -> None:
        """What the settings say of organizations, for every process to read in their rows."""
        await people.cap(turn, self.settings.max_running)
        default = await people.organization(turn, timezone=self.settings.timezone)
        if self.settings.alert_channel:
            place = await places.find(turn, default, self.settings.alert_channel)
            await people_rows.set_alert_channel(turn.connection, default, place)

    def _trusted(self) -> int | None:
        return self._execution.worker.trusted if self._execution is not None else None

    async def _repeat(self, execution: Execution, work: Callable[[Execution], Awaitable[None]]) -> None:
        """Do it until the stop; a fault (the database was away) is logged, and it is begun again."""
        while not execution.stop.is_set():
            try:
                await work(execution)
            except Exception as error:  # the door of a loop
                _log.warning("execution.fault", extra={"error": str(error)})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(execution.stop.wait(), LOOK)

    async def _let_engine_work(self, execution: Execution) -> None:
        async def begin(run_ids: list[str]) -> list[asyncio.Task[None]]:
            return await execution.worker.begin(run_ids)

        async def settled() -> None:
            await execution.worker.settled()

        await self.engine.run_worker(begin, self.settings.concurrency or 1, execution.stop, settled)

    async def _look_up_names(self, execution: Execution) -> None:
        """Learn which channels names such as #ops mean: at the start, then what was added since."""
        await self._locator.work()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(execution.stop.wait(), NAMES)

    async def _replace_when_buried(self, execution: Execution) -> None:
        """A worker that was declared dead while it was silent can never work again: another follows it."""
        if execution.worker.buried and not execution.worker.running:
            worker = self._worker(executes=execution.worker.executes)
            await worker.start()
            buried, execution.worker = execution.worker, worker
            await buried.close()
            _log.warning("worker.replaced", extra={"worker": worker.number})

    def _worker(self, *, executes: bool) -> Worker:
        settings = self.settings
        tags = settings.tags if executes else None
        return Worker(self.turns, self._equipment(), name=settings.process, lease=settings.lease, tags=tags)

    def _wake(self) -> None:
        if self._execution is not None:
            self._execution.loops.wake()

    def _expect_charts(self) -> None:
        """A run with charts begins: where this process draws for a platform, its drawing process starts."""
        if self.platforms.keys() - {"console"}:
            expect_charts()

    def _equipment(self) -> Equipment:
        folder = self.settings.workspace.resolve()
        allowed = [path if path.is_absolute() else folder / path for path in self._commands()]
        agents: dict[str, Agent] = {
            "report": Report(announce=self._expect_charts),
            "command": Command(allowed, folder=folder, data=self.data),
            "http": Http(data=self.data, callbacks=self.callbacks),
            "interact": Interact(data=self.data),
            "python": self._plugins,
        }
        for name in self._plugins.missing():
            _log.warning("settings.agent_missing", extra={"agent": name})
        return Equipment(agents, self._sources.open, self.environment, self.vault, self.zone)

    def _commands(self) -> tuple[Path, ...]:
        for path in self.settings.commands:
            if not path.exists():
                _log.warning("settings.command_missing", extra={"path": str(path)})
        return self.settings.commands
