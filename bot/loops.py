"""The loops of a process: what wakes them, and what a failing pass does (it is logged, and tried again).

APScheduler does the waking and holds no truth: whatever a pass does, it finds in the rows.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from core.errors import Busy
from core.janitor import REAP_EVERY, Janitor
from core.notifier import Notifier
from core.retention import Retention
from core.scheduler import Scheduler

_log = logging.getLogger(__name__)

QUEUE_AGAIN = 0.5  # seconds: how soon runs that other processes queued are noticed
SWEEP = 1.0
STUCK = 15.0
PLAN = 1.0  # seconds after a failed look at the schedules
REMIND = 5.0
WARN = 60.0  # also after the start: what queued up while nobody was there has a minute to begin
LATE = 5.0  # seconds after which a waking of the scheduler counts as lost
HOURLY = 3600.0
SILENT = 120.0  # seconds without a good end after which a loop is reported by /readyz
SOON = 60.0  # seconds after the start by which everything periodic was done once
SENDING = 15.0  # seconds that a stop waits for what is being sent
NOTICE = 1.0  # seconds: how soon deliveries that other processes owe are noticed


class Loops:
    """Runs the periodic work of one process until `stop`."""

    def __init__(
        self,
        notifier: Notifier | None,
        janitor: Janitor,
        planner: Scheduler | None,
        keeper: Retention,
        *,
        lease: timedelta,
    ) -> None:
        """A process that only executes has neither notifier nor planner: others tell and tick."""
        self._notifier = notifier
        self._janitor = janitor
        self._planner = planner
        self._keeper = keeper
        self._lease = lease
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._owed = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._passes: set[asyncio.Future[None]] = set()
        self._stopping = False
        self._done: dict[str, float] = {}  # when a loop came to a good end last, by the event loop's clock
        self._planned = math.inf  # when the planner is to be woken, by the event loop's clock

    def wake(self) -> None:
        """Something is owed now."""
        self._owed.set()

    async def plan(self) -> None:
        """Settle the schedules that are due, and be woken for the next."""
        await self._finish(self._plan())

    def silent(self) -> list[str]:
        """The loops that have not come to a good end for too long: nobody is told, nothing starts."""
        now = asyncio.get_running_loop().time()
        return [name for name, at in self._done.items() if now - at > SILENT]

    def start(self) -> None:
        """Begin."""
        here = {"scheduler": self._planner, "notifier": self._notifier}
        now = asyncio.get_running_loop().time()
        self._done = {name: now for name, part in here.items() if part is not None}
        reap = min(REAP_EVERY, self._lease / 3).total_seconds()
        self._every(QUEUE_AGAIN, self._janitor.queue_again)
        self._every(SWEEP, self._janitor.sweep)
        self._every(reap, self._janitor.reap)
        self._every(REMIND, self._janitor.remind)
        self._every(STUCK, self._janitor.tell_of_stuck)
        self._every(WARN, self._janitor.warn)
        self._every(HOURLY, self._janitor.forget)
        self._every(HOURLY, self._keeper.clear)
        if self._planner is not None:
            self._wake_planner(0)
        self._scheduler.start()
        if self._notifier is not None:
            self._telling = asyncio.create_task(self._tell(self._notifier))

    async def stop(self) -> None:
        """End: nothing new begins; what is owed already is brought once more."""
        self._stopping = True
        self._scheduler.pause()
        await asyncio.sleep(0)  # what it has handed over begins, and ends at once: cancelled, it is an error
        self._scheduler.shutdown(wait=False)
        if self._passes:
            await asyncio.wait(set(self._passes))
        if self._telling is not None:
            self._owed.set()  # what is being sent comes to its end: a send that is cut off may have arrived
            await asyncio.wait({self._telling}, timeout=SENDING)
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        if self._notifier is not None:
            await self._notifier.deliver()

    async def _plan(self) -> None:
        if self._planner is None:
            return
        pause = PLAN
        self._planned = math.inf
        try:
            pause = (await self._planner.work()).total_seconds()
            self._done["scheduler"] = asyncio.get_running_loop().time()
        except Exception as error:  # the door of a loop: the next pass finds the same rows
            _failed("scheduler", error)
        self._wake_planner(pause)

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a pass come to its end even while the loops stop: it may be in the middle of a commit."""
        if self._stopping:
            work.close()
            return
        one = asyncio.ensure_future(work)
        self._passes.add(one)
        one.add_done_callback(self._passes.discard)
        try:
            await asyncio.shield(one)
        except asyncio.CancelledError:
            if not self._stopping:
                raise

    def _wake_planner(self, seconds: float) -> None:
        self._planned = asyncio.get_running_loop().time() + seconds
        self._scheduler.add_job(
            self.plan,
            "date",
            run_date=datetime.now(UTC) + timedelta(seconds=seconds),
            id="scheduler",
            replace_existing=True,
            misfire_grace_time=None,
        )

    def _see_to_planner(self) -> None:
        """Wake it where its waking was lost: APScheduler's clock is the wall's, which may be put back."""
        if asyncio.get_running_loop().time() > self._planned + LATE:
            _log.warning("loop.overdue", extra={"loop": "scheduler"})
            self._wake_planner(0)

    def _every(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        name = getattr(work, "__name__", "work")

        async def once() -> None:
            try:
                await work()
            except Exception as error:  # the door of a loop: the next pass finds the same rows
                _failed(name, error)

        async def whole() -> None:
            await self._finish(once())

        self._scheduler.add_job(
            whole,
            "interval",
            seconds=seconds,
            next_run_time=datetime.now(UTC) + timedelta(seconds=min(seconds, SOON)),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            id=name,
            name=name,
        )

    async def _tell(self, notifier: Notifier) -> None:
        pause = NOTICE
        while not self._stopping:
            try:
                async with asyncio.timeout(pause):
                    await self._owed.wait()
            except TimeoutError:
                pass  # nobody woke us: look whether another process owes something
            self._owed.clear()
            self._see_to_planner()
            try:
                pause = await self._bring(notifier)
                self._done["notifier"] = asyncio.get_running_loop().time()
            except Exception as error:  # the door of a loop
                _failed("notifier", error)
                pause = NOTICE

    async def _bring(self, notifier: Notifier) -> float:
        """Bring what is due; returns the seconds until the next look."""
        wait = await notifier.next_due()
        if wait is not None and wait <= timedelta(0):
            await notifier.deliver()
            wait = await notifier.next_due()
        return NOTICE if wait is None else min(NOTICE, max(0.01, wait.total_seconds()))


def _failed(loop: str, error: Exception) -> None:
    """A pass failed. While the database is away every loop fails every second: a line each, no traceback."""
    if isinstance(error, Busy):
        _log.warning("loop.put_off", extra={"loop": loop, "error": error.sentence})
    else:
        _log.error("loop.failed", exc_info=error, extra={"loop": loop})
