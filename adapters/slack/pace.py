"""How fast we speak: one message a second in a channel, edits within what a workspace allows.

Nothing waits here: what comes too soon is told when to come again. In memory, so each process has its own
pace; Slack's 429 is the backstop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import timedelta

from adapters.slack import limits
from core.errors import DeliveryError

_MINUTE = 60.0
_MOST = 10_000  # channels remembered


class Pace:
    """Says when it is too soon. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._posted: dict[str, float] = {}
        self._edits: dict[str, deque[float]] = {}
        self._held: dict[tuple[str, str], float] = {}

    def post(self, team: str, channel: str) -> None:
        """Take the channel's turn. Raises `DeliveryError` with the time to wait where it is not yet."""
        now = self._clock()
        self._unless_held(team, "chat.postMessage")
        wait = self._posted.get(channel, 0.0) + limits.POST_PAUSE.total_seconds() - now
        if channel in self._posted and wait > 0:
            raise later(timedelta(seconds=wait))
        if len(self._posted) >= _MOST:
            oldest = now - limits.POST_PAUSE.total_seconds()
            self._posted = {name: at for name, at in self._posted.items() if at > oldest}
        self._posted[channel] = now

    def edit(self, team: str, *, ending: bool) -> None:
        """Take one of the workspace's edits; progress leaves some for endings. Raises as `post`."""
        now = self._clock()
        self._unless_held(team, "chat.update")
        made = self._edits.setdefault(team, deque())
        while made and made[0] <= now - _MINUTE:
            made.popleft()
        most = limits.UPDATES if ending else limits.UPDATES - limits.UPDATES_KEPT
        if len(made) >= most:
            raise later(timedelta(seconds=made[len(made) - most] + _MINUTE - now))
        made.append(now)

    def hold(self, team: str, method: str, pause: timedelta) -> None:
        """Slack said 429: nothing of that method before."""
        until = self._clock() + pause.total_seconds()
        self._held[team, method] = max(until, self._held.get((team, method), 0.0))

    def _unless_held(self, team: str, method: str) -> None:
        wait = self._held.get((team, method), 0.0) - self._clock()
        if wait > 0:
            raise later(timedelta(seconds=wait))
        self._held.pop((team, method), None)


def later(pause: timedelta) -> DeliveryError:
    """Nothing was sent: come again after the pause."""
    return DeliveryError("Slack is given time: it is sent a little later.", retry_after=pause)
