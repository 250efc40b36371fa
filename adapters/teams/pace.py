"""How fast we speak in one conversation, for all runs, replies and edits in it together.

Nothing waits here: what comes too soon is told when to come again. In memory, so each process has its own
pace; the 429 of Teams is the backstop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import timedelta

from core.errors import DeliveryError

# (seconds, operations): https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
LIMITS = ((1.0, 7), (2.0, 8), (30.0, 60), (3600.0, 1_800))
KEPT = 0.25  # of each limit that progress leaves to endings and answers
_MOST = 10_000  # conversations remembered


class Pace:
    """Says when it is too soon. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._done: dict[str, deque[float]] = {}
        self._held: dict[str, float] = {}

    def take(self, conversation: str, *, progress: bool = False) -> None:
        """Take one operation. Raises `DeliveryError` with the time to wait where it is not yet."""
        wait = self.wait(conversation, progress=progress)
        if wait > 0:
            raise later(timedelta(seconds=wait))
        self._done.setdefault(conversation, deque()).append(self._clock())

    def wait(self, conversation: str, *, progress: bool = False) -> float:
        """Seconds until the next operation there is in time."""
        now = self._clock()
        wait = self._held.get(conversation, now) - now
        done = self._done.get(conversation)
        if done is None:
            self._forget(now)
            return max(wait, 0.0)
        while done and done[0] <= now - LIMITS[-1][0]:
            done.popleft()
        for seconds, most in LIMITS:
            allowed = int(most * (1 - KEPT)) if progress else most
            if len(done) >= allowed:
                wait = max(wait, done[-allowed] + seconds - now)
        return max(wait, 0.0)

    def hold(self, conversation: str, pause: timedelta) -> None:
        """Teams asked to wait: nothing there before."""
        until = self._clock() + pause.total_seconds()
        self._held[conversation] = max(until, self._held.get(conversation, 0.0))

    def _forget(self, now: float) -> None:
        """Let go of conversations in which nothing happened for long."""
        if len(self._done) >= _MOST:
            kept = {name: done for name, done in self._done.items() if done and done[-1] > now - 60}
            self._done = kept
            self._held = {name: until for name, until in self._held.items() if until > now}


def later(pause: timedelta) -> DeliveryError:
    """Nothing was sent: come again after the pause."""
    return DeliveryError("Teams is given time: it is sent a little later.", retry_after=pause)
