"""Watches the event loop from a thread, and names who blocks it.

A blocked loop does not make runs look dead (the lease is renewed by a thread of its own), but nobody is
answered meanwhile and no cancel is seen: whose plug-in it is stands in the log.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)

LIMIT = 1.0  # seconds without a sign of the loop
_LOOK = 0.25  # seconds between two looks
_FRAMES = 3  # innermost places of the stack that are named


class Watchdog:
    """Logs `loop.stalled` once for each stall, with its place and the runs of plug-ins, and its end."""

    def __init__(self, running: Callable[[], Sequence[str]], *, limit: float = LIMIT) -> None:
        self._running = running
        self._limit = limit
        self._stop = threading.Event()
        self._seen = time.monotonic()
        self._thread: threading.Thread | None = None

    @property
    def silence(self) -> float:
        """Seconds since the last sign of the loop; at rest as long as the watchdog looks."""
        return time.monotonic() - self._seen if self._thread is not None else 0.0

    def start(self) -> None:
        """Begin to watch the loop that this is called in."""
        loop = asyncio.get_running_loop()
        self._seen = time.monotonic()
        watched = threading.get_ident()
        self._thread = threading.Thread(
            target=self._watch, args=(loop, watched), name="slashjob-watchdog", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Watch no more. Safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _watch(self, loop: asyncio.AbstractEventLoop, watched: int) -> None:
        told = 0.0  # when the stall that was told of began
        while not self._stop.wait(min(_LOOK, self._limit / 2)):
            silent = time.monotonic() - self._seen
            if silent > self._limit and not told:
                told = self._seen
                extra = {"seconds": round(silent, 1), "runs": list(self._running()), "at": _place(watched)}
                _log.warning("loop.stalled", extra=extra)
            elif told and silent <= self._limit:
                _log.warning("loop.resumed", extra={"seconds": round(self._seen - told, 1)})
                told = 0.0
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(self._sign)

    def _sign(self) -> None:
        self._seen = time.monotonic()


def _place(thread: int) -> list[str]:
    """Where the thread is, innermost first."""
    frame = sys._current_frames().get(thread)
    if frame is None:
        return []
    frames = traceback.extract_stack(frame)[-_FRAMES:]
    return [f"{one.filename}:{one.lineno} in {one.name}" for one in reversed(frames)]
