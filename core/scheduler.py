"""The scheduler's loop body: what is due is settled, in short transactions, by any number of processes.

Schedules, and digests after them. Rows decide: a chunk of due schedules is locked (others skip what is
locked), each is moved on by compare-and-set, and its firing and its batch are in the same transaction.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from core import digests, firings, ids
from core.errors import Busy
from core.firings import Beaten
from core.scheduled import read
from core.store import digests as digest_rows
from core.store import schedules as rows
from core.turns import Turn, Turns
from core.vault import Vault

_log = logging.getLogger(__name__)

CHUNK = 100  # schedules in one transaction: SQLite's write lock is held for all of them, some 30 ms
LONGEST = timedelta(seconds=1)  # a look at the rows: what other processes scheduled is noticed so soon
SEEN_EVERY = timedelta(seconds=60)
SPARED_FOR = timedelta(seconds=60)  # how long a schedule that could not be settled is left alone


class Scheduler:
    """Settles what is due. It holds no truth: whatever it does, it finds in the rows."""

    def __init__(self, turns: Turns, vault: Vault) -> None:
        self._turns = turns
        self._vault = vault
        self._spared: dict[int, datetime] = {}
        self._unposted: dict[int, datetime] = {}  # digests that failed, and until when they are left alone
        self._marked: datetime | None = None

    async def work(self) -> timedelta:
        """Settle what is due; returns how long to sleep, at most `LONGEST`. Never raises for one schedule."""
        due, now = await self._look()
        if due is not None and due <= now:
            await self.tick()
            await self.post()
            due, now = await self._look()
        if self._marked is None or not timedelta(0) <= now - self._marked < SEEN_EVERY:
            await self._turns.take(lambda turn: rows.see(turn.connection, turn.now))
            self._marked = now
        if due is None or due <= now:  # what is still due is held by others, or is left alone for now
            return LONGEST
        return min(due - now, LONGEST)

    async def post(self) -> int:
        """Post the digests that are due; returns how many. One at fault keeps no other from its time."""
        total = 0
        while due := await self._turns.look(lambda turn: digests.due(turn, self._unposted_now(turn.now))):
            posted = 0
            for pk in due:
                try:
                    posted += await self._turns.take(lambda turn, pk=pk: digests.settle(turn, pk))  # type: ignore[misc]
                except Busy:
                    raise
                except Exception:  # broad: whatever is wrong with one digest, the others have their time
                    _log.exception("scheduler.digest_failed", extra={"digest": pk})
                    self._unposted[pk] = (await self._look())[1] + SPARED_FOR
            total += posted
            if not posted or len(due) < digests.CHUNK:  # the others are held by somebody else
                break
        return total

    async def tick(self) -> int:
        """Settle everything that is due now; returns how many schedules were. Safe to repeat and to race."""
        total = 0
        seen_at = await self._turns.look(lambda turn: rows.seen_at(turn.connection))
        while True:
            enough = CHUNK
            try:
                settled = await self._turns.take(lambda turn: self._settle(turn, seen_at), brief=True)
            except Busy:
                raise
            except Exception:  # broad: the one at fault is found by settling each alone
                _log.warning("scheduler.chunk_failed", exc_info=True)
                settled, enough = await self._one_by_one(seen_at), 1
            total += settled
            if settled < enough:
                return total

    async def _look(self) -> tuple[datetime | None, datetime]:
        """When something is due next, and what time it is: two queries, each on the head of an index."""

        async def look(turn: Turn) -> tuple[datetime | None, datetime]:
            found = (await rows.next_due(turn.connection), await digest_rows.next_due(turn.connection))
            return min((one for one in found if one is not None), default=None), turn.now

        return await self._turns.look(look)

    async def _settle(self, turn: Turn, seen_at: datetime | None) -> int:
        spared = self._left_alone(turn.now)
        due = [read(row) for row in await rows.due(turn.connection, turn.now, CHUNK, spared)]
        if due:
            await firings.settle(turn, due, vault=self._vault, seen_at=seen_at, hopeful=True)
        return len(due)

    async def _one_by_one(self, seen_at: datetime | None) -> int:
        """After a chunk that failed: each alone, so that the one at fault keeps nobody else from its time."""

        async def look(turn: Turn) -> list[tuple[int, str]]:
            due = await rows.due(turn.connection, turn.now, CHUNK, self._left_alone(turn.now))
            return [(row.pk, row.id) for row in due]

        settled = 0
        for pk, public_id in await self._turns.take(look):
            try:
                settled += await self._turns.take(lambda turn, pk=pk: self._settle_one(turn, pk, seen_at))  # type: ignore[misc]
            except Beaten:
                continue  # another process has it
            except Busy:  # the database is at fault, and no schedule is left alone for that
                raise
            except Exception:  # broad: whatever is wrong with one schedule, the others have their time
                reference = ids.new()[-8:]
                _log.exception(
                    "scheduler.schedule_failed", extra={"schedule": public_id, "reference": reference}
                )
                self._spared[pk] = (await self._look())[1] + SPARED_FOR
        return settled

    async def _settle_one(self, turn: Turn, pk: int, seen_at: datetime | None) -> int:
        found = [read(row) for row in await rows.lock(turn.connection, [pk])]
        await firings.settle(turn, found, vault=self._vault, seen_at=seen_at)
        return len(found)

    def _unposted_now(self, now: datetime) -> list[int]:
        self._unposted = {pk: until for pk, until in self._unposted.items() if until > now}
        return list(self._unposted)

    def _left_alone(self, now: datetime) -> list[int]:
        self._spared = {pk: until for pk, until in self._spared.items() if until > now}
        return list(self._spared)
