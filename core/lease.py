"""A process's lease: one row, renewed by a thread of its own, so that a blocked loop looks alive.

The database's clock decides when a lease has ended. The local deadline is computed *before* each
renewal and only bounds how long this process trusts that it still holds its runs. It is measured on
CLOCK_BOOTTIME: monotonic time stands still while a machine sleeps.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from core.store import dialects
from core.store import workers as rows
from core.store.database import Store

_log = logging.getLogger(__name__)
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boottime() -> float:
    """Seconds on the clock that goes on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """Renews a worker's lease until `stop`; calls `lost` once where it could not in time."""

    def __init__(self, store: Store, worker: int, length: timedelta, *, lost: Callable[[], None]) -> None:
        self.worker = worker
        self.length = length
        self.buried = False  # somebody has declared this worker dead: it can never renew again
        self.deadline = boottime() + length.total_seconds()
        self._store = store
        self._lost = lost
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="slashjob-lease", daemon=True)

    @property
    def alive(self) -> bool:
        """This process may trust that it holds its runs."""
        return not self.buried and boottime() < self.deadline

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more. Blocks until the thread has ended; the lease then runs out by itself."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _beat(self) -> None:
        engine = dialects.beat_engine(self._store.address)
        pause = self.length.total_seconds() / 3
        told = False
        while not self._stop.wait(min(pause, max(0.05, self.deadline - boottime()))):
            started = boottime()
            try:
                renewed = self._renew(engine)
            except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
                _log.warning("lease.renewal_failed", extra={"worker": self.worker, "error": str(error)})
                renewed = None
                self._stop.wait(pause / 5)
            if renewed:
                self.deadline = started + self.length.total_seconds()
                told = False
            self.buried = renewed is False
            if (self.buried or not self.alive) and not told:
                told = True
                _log.error("lease.lost", extra={"worker": self.worker})
                self._lost()
            if self.buried:
                break
        engine.dispose()

    def _renew(self, engine: sa.Engine) -> bool:
        with engine.begin() as connection:
            now = datetime.now(UTC)
            if not self._store.sqlite:
                now = connection.execute(sa.select(dialects.CLOCK)).scalar_one()
            until = now + self._store.offset + self.length
            return connection.execute(rows.renewal(self.worker, until)).rowcount == 1
