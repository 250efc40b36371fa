"""What a process may claim now: the next in turn of everything that is queued, and what is held back.

The engine's ids say that there is work, and how many slots are free; the rows say whose turn it is. So a
batch of a thousand never stands before another job's single run, whatever brought the ids here. Where
less can be claimed than there are slots, the rest is held back by a cap or a pause: it is not asked for
again before something ends here, or `PAUSE` is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from core import runs
from core.runs import Claim
from core.store import runs as rows
from core.turns import Turn, Turns

PAUSE = 0.45  # seconds; the sweep brings ids again twice a second
MOST = 1_000  # ids that are remembered


class Backlog:
    """The claims of one worker."""

    def __init__(self, turns: Turns, tags: Sequence[str] = ()) -> None:
        self._turns = turns
        self._tags = tuple(tags)
        self._held: frozenset[str] = frozenset()
        self._since = 0.0
        self._ends = 0

    async def claim(self, run_ids: Sequence[str], worker: int) -> list[Claim]:
        """Claim as many runs as these ids are, those whose turn it is."""
        if monotonic() - self._since > PAUSE:
            self._held = frozenset()
        wanted = [one for one in run_ids if one not in self._held]
        if not wanted:
            return []

        async def take(turn: Turn) -> tuple[list[Claim], list[str]]:
            claims = await runs.claim(turn, len(wanted), worker, self._tags)
            left = await rows.queued(turn.connection, MOST) if len(claims) < len(wanted) else []
            return claims, [run_id for run_id, _ in left]

        while True:
            ends = self._ends
            claims, held = await self._turns.take(take)
            if claims or self._ends == ends:
                break  # else something ended while the rows were read: its news came too early to be heard
        if len(claims) < len(wanted):
            self._held, self._since = frozenset(held), monotonic()
            if self._ends != ends:  # some were claimed, and something ended meanwhile
                await self._ask_again()
        return claims

    async def ended(self) -> None:
        """Something ended here: what was held back may have its turn."""
        self._ends += 1
        await self._ask_again()

    async def _ask_again(self) -> None:
        held, self._held = self._held, frozenset()
        if held and self._turns.engine is not None:
            await self._turns.engine.enqueue(None, [(run_id, 0) for run_id in held])
