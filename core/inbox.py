"""What a platform delivers: stored before it is acknowledged, then done, once over all processes.

1. `store`: a row under the delivery's key holds it, sealed; a redelivery finds the row and ends there.
2. The platform is answered: from here on the delivery cannot get lost. 3. `begin`: the work runs beside.
4. The row is settled. Whoever dies between 1 and 4 leaves a row that another process takes up: at its start
where it is alone, else once the claim is old. What the desk did stays done once, because it keeps the key
as well; an answer that only tells something may be told again where its teller died before step 4.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from core import people, redeliveries
from core.collector import Collector
from core.errors import Busy, Fault, Unsettled
from core.redeliveries import Abandoned
from core.turns import Turn, Turns
from core.vault import Vault

_log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds for the database from the arrival to the stored row; then nothing was taken
LEAST_PATIENCE = 0.2  # seconds that even the last of a group gets
LOOK = 10.0  # seconds between two looks for what other processes left, and renewals of what is at work here
LATE = timedelta(minutes=10)  # what was said longer ago is not done any more, and that is told
NOBODY_WAITS = timedelta(days=1)  # what is older is begun once more, and then given up
BREATH = 0.005  # seconds in which the acknowledgement leaves this process before the work begins
ORDER = 10.0  # seconds that somebody's later word waits for an earlier one, at most
STOP_LIMIT = 5.0  # seconds that unfinished work gets when the process stops


class PutOff(Exception):
    """It could not be done or told yet: it stays stored, and is begun again later."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A stored delivery that is ours to do."""

    number: int
    _rewrite: Callable[[int, str], Awaitable[None]]

    async def becomes(self, text: str) -> None:
        """From here on whoever takes this up does what `text` says instead: what was told is not undone.

        Raises `Busy` where it could not be written.
        """
        await self._rewrite(self.number, text)


Work = Callable[[Claim], Awaitable[None]]
"""Does and tells what a delivery asks for. `PutOff`, `Busy` and `TimeoutError` leave it for a later look;
anything else that it raises is logged and ends it: it would fail again."""

Reopen = Callable[[str, timedelta], tuple[Work, str]]
"""(what was stored, its age) -> the work and its lane. Raises ValueError or `Fault` if it cannot be read."""


@dataclass(frozen=True, slots=True)
class _Item:
    organization: str
    key: str
    sealed: str
    until: float  # monotonic seconds: by then it is stored, or the platform is told that it is not


class Inbox:
    """One platform's, in one process. `source` names the kind of key."""

    def __init__(self, turns: Turns, vault: Vault, source: str, reopen: Reopen) -> None:
        self._turns = turns
        self._vault = vault
        self._source = source
        self._reopen = reopen
        self._stores: Collector[_Item, int | Busy | None] = Collector(self._store)
        self._settles: Collector[int, None] = Collector(self._write_settled)
        self._numbers: dict[str, int] = {}  # of committed organizations, which never change
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._held: dict[int, float] = {}  # what is at work here, and since when (monotonic seconds)
        self._looking: asyncio.Task[None] | None = None
        self._opened = time.monotonic()

    def open(self, *, alone: bool = False) -> None:
        """From now on what other processes left is looked for.

        `alone`: no other process serves this database, so that whatever was not settled before was left.
        """
        self._opened = time.monotonic()
        self._looking = asyncio.create_task(self._look(alone=alone))

    async def store(
        self, organization: str, key: str, text: str, *, arrived: float | None = None
    ) -> int | None:
        """The stored row's number; None where somebody has this delivery already.

        `arrived` (monotonic seconds) is when the platform began to wait.

        Raises:
            Busy: it could not be stored in time.
        """
        began = time.monotonic() if arrived is None else arrived
        item = _Item(organization, key, self._vault.seal(text), began + PATIENCE)
        stored = await self._stores.add(item)
        if isinstance(stored, Busy):
            raise stored
        return stored

    def begin(self, number: int, work: Work, *, lane: str = "") -> None:
        """Do what was stored, beside; after what was begun before in the same lane."""
        before = self._lanes.get(lane) if lane else None
        self._held[number] = time.monotonic()
        task = asyncio.create_task(self._do(number, work, before))
        self._tasks.add(task)
        if lane:
            self._lanes[lane] = task
        task.add_done_callback(lambda done: self._ended(done, number, lane))

    async def idle(self) -> None:
        """Wait until nothing is at work here."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def take_up(self, *, alone: bool = False) -> int:
        """Begin some of what others stored and never settled, the oldest; returns how much that was."""
        wait = timedelta(seconds=time.monotonic() - self._opened) if alone else redeliveries.ABANDONED
        if not await self._turns.look(lambda turn: redeliveries.any_abandoned(turn, self._source, wait)):
            return 0

        async def take(turn: Turn) -> list[tuple[Abandoned, timedelta]]:
            taken = await redeliveries.take_over(turn, self._source, wait=wait)
            return [(one, turn.now - one.since) for one in taken]

        taken = [(one, age) for one, age in await self._turns.take(take) if one.claimed not in self._held]
        for one, age in taken:
            self._begin_again(one, age)
        if taken:
            _log.info("inbox.taken_up", extra={"source": self._source, "count": len(taken)})
        return len(taken)

    async def close(self) -> None:
        """Let what was begun end, for a while; the rest is in the rows. Safe to call twice."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=STOP_LIMIT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _store(self, group: list[_Item]) -> list[int | Busy | None]:
        """Store what came together in one transaction; in the order of keys, as every process does."""
        order = sorted(range(len(group)), key=lambda place: group[place].key)
        until = min(one.until for one in group)
        try:
            numbers = await self._known({one.organization for one in group}, until)
            items = [
                (numbers[one.organization], one.key, one.sealed) for one in map(group.__getitem__, order)
            ]
            try:
                claimed = await redeliveries.claim_at_once(
                    self._turns, self._source, items, patience=_left(until)
                )
            except Unsettled:  # what was written after all is found, and taken up in time
                claimed = await redeliveries.claim_at_once(
                    self._turns, self._source, items, patience=_left(until)
                )
        except Busy as busy:  # for all of them: one after the other they would wait far too long
            return [busy] * len(group)
        found = dict(zip(order, claimed, strict=True))
        return [found[place] for place in range(len(group))]

    async def _known(self, names: set[str], until: float) -> dict[str, int]:
        """The numbers of organizations."""
        for name in sorted(names - self._numbers.keys()):
            number = await self._turns.take(
                lambda turn, name=name: people.organization(turn, name),  # type: ignore[misc]
                patience=_left(until),
            )
            self._numbers[name] = number
        return self._numbers

    async def _settle(self, number: int) -> None:
        await self._settles.add(number)

    async def _rewrite(self, number: int, text: str) -> None:
        sealed = self._vault.seal(text)
        await self._turns.take(lambda turn: redeliveries.rewrite(turn, number, sealed))

    async def _write_settled(self, group: list[int]) -> list[None]:
        async def settle(turn: Turn) -> None:
            for number in sorted(set(group)):
                await redeliveries.settle(turn, number)

        await self._turns.take(settle)
        return [None] * len(group)

    async def _do(self, number: int, work: Work, before: asyncio.Task[None] | None) -> None:
        await asyncio.sleep(BREATH)
        if before is not None and not before.done():
            await asyncio.wait({before}, timeout=ORDER)
        try:
            await work(Claim(number, self._rewrite))
        except (PutOff, Busy, TimeoutError) as error:
            told = str(error) or type(error).__name__
            _log.warning("inbox.put_off", extra={"source": self._source, "error": told[:200]})
            return
        except Exception:  # the door of a piece of work: it would fail again
            _log.exception("inbox.work_failed", extra={"source": self._source})
        await self._settle(number)

    def _ended(self, task: asyncio.Task[None], number: int, lane: str) -> None:
        self._tasks.discard(task)
        self._held.pop(number, None)
        if self._lanes.get(lane) is task:
            del self._lanes[lane]
        if not task.cancelled() and (error := task.exception()) is not None:
            told = f"{type(error).__name__}: {error}"[:200]
            _log.warning("inbox.not_settled", extra={"source": self._source, "error": told})

    def _begin_again(self, one: Abandoned, age: timedelta) -> None:
        try:
            work, lane = self._reopen(self._vault.open(one.text), age)
        except (Fault, ValueError) as error:
            _log.error("inbox.unreadable", extra={"source": self._source, "error": type(error).__name__})
            work, lane = _nothing, ""
        self.begin(one.claimed, self._once_more(work) if age > NOBODY_WAITS else work, lane=lane)

    def _once_more(self, work: Work) -> Work:
        """The work, for the last time: a process that was away for long tells what it has to tell, once."""

        async def last(claim: Claim) -> None:
            try:
                await work(claim)
            except (PutOff, TimeoutError) as error:
                told = str(error) or type(error).__name__
                _log.error("inbox.given_up", extra={"source": self._source, "error": told[:200]})

        return last

    async def _look(self, *, alone: bool) -> None:
        """Take up, again and again, what a process left that died; keep what is at work here for us."""
        while True:
            try:
                await self._renew()
                while await self.take_up(alone=alone):
                    continue
                alone = False
            except Exception as error:  # the door of a loop: the database may be away
                _log.warning("inbox.look_failed", extra={"source": self._source, "error": str(error)})
            await asyncio.sleep(LOOK)

    async def _renew(self) -> None:
        """Tell the others that what takes long here is still at work."""
        old = [number for number, since in self._held.items() if since < time.monotonic() - LOOK / 2]
        if old:
            await self._turns.take(lambda turn: redeliveries.renew(turn, old))


def _left(until: float) -> timedelta:
    return timedelta(seconds=max(LEAST_PATIENCE, until - time.monotonic()))


async def _nothing(_: Claim) -> None:
    """Nothing can be done."""
