"""Executes runs: claims them, lets their agents work, keeps their chats, ends them.

A run stops for one of five reasons, which is set before its task is cancelled and never guessed:
its time or that of its batch is over, somebody cancelled it, the process stops, or the lease was lost. Then
nothing is written: the run belongs to somebody else by now.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core import gates, ids, masks, parameters, runs, stops
from core.backlog import Backlog
from core.chats import Line, append
from core.collector import Collector
from core.definitions import Version
from core.deliveries import touched
from core.entries import Entry, Kept, Progressed
from core.equipment import Equipment
from core.errors import AgentError, Busy
from core.lease import Lease, boottime
from core.lifecycles import Status
from core.live import Live, outcome, storable
from core.ports import Halt, Task
from core.stops import Stop, Verdict
from core.store import runs as rows
from core.store import workers as worker_rows
from core.store.dialects import Row
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)

FLUSH = 0.25  # seconds between two writes of the entries of running runs
WATCH = 1.0  # seconds between two looks for cancels
BREATH = 0.004  # seconds in which what was claimed a moment ago may end: short runs do
SETTLE = 0.1  # seconds that a claim waits for ends that are being written
GRACE = 15.0  # seconds that an agent has to stop before its run is ended without it


class Worker:
    """One process's share of the work: any number of runs under one lease."""

    def __init__(
        self,
        turns: Turns,
        equipment: Equipment,
        *,
        name: str,
        lease: timedelta,
        tags: Sequence[str] | None = (),
    ) -> None:
        """`tags`: what it can do beside the usual; None: it takes no runs."""
        self._turns = turns
        self._equipment = equipment
        self._name = name
        self._length = lease
        self._lease: Lease | None = None
        self._live: dict[int, Live] = {}
        self._versions: dict[int, Version] = {}
        self._strangers: set[tuple[int, int]] = set()
        self._tags = None if tags is None else tuple(tags)
        self._backlog = Backlog(turns, self._tags or ())
        self._writing = asyncio.Lock()
        self._endings = Collector(self._finish)
        self._tasks: list[asyncio.Task[None]] = []
        self.ended: Counter[Status] = Counter()  # attempts that ended here, since the start

    @property
    def number(self) -> int:
        """The worker's row."""
        if self._lease is None:
            raise RuntimeError("the worker was not started")
        return self._lease.worker

    @property
    def executes(self) -> bool:
        """It takes runs."""
        return self._tags is not None

    @property
    def buried(self) -> bool:
        """Somebody declared this worker dead while it was silent: another must take its place."""
        return self._lease is not None and self._lease.buried

    @property
    def trusted(self) -> int | None:
        """The worker's row while this process may trust that it holds its runs."""
        return self._lease.worker if self._lease is not None and self._lease.alive else None

    @property
    def lease_left(self) -> float:
        """Seconds until this process stops its runs by itself."""
        return max(0.0, self._lease.deadline - boottime()) if self._lease is not None else 0.0

    @property
    def running(self) -> int:
        """Runs in this process."""
        return len(self._live)

    async def start(self) -> None:
        """Register, and begin to renew the lease, to watch for cancels and to write entries."""
        loop = asyncio.get_running_loop()

        def lost() -> None:
            loop.call_soon_threadsafe(self._lost)

        async def register(turn: Turn) -> int:
            return await worker_rows.register(
                turn.connection,
                {
                    "id": ids.new(),
                    "name": self._name,
                    "started_at": turn.now,
                    "lease_until": turn.now + self._length,
                    "tags": None if self._tags is None else list(self._tags),
                },
            )

        before = boottime()
        number = await self._turns.take(register)
        self._lease = Lease(self._turns.store, number, self._length, lost=lost)
        self._lease.deadline = before + self._length.total_seconds()
        self._lease.start()
        self._tasks = [
            asyncio.create_task(self._repeat(self._watch, WATCH)),
            asyncio.create_task(self._repeat(self._flush, FLUSH)),
        ]

    async def begin(self, run_ids: list[str]) -> list[asyncio.Task[None]]:
        """Claim as many runs as these in one transaction; returns a task for each that is now ours."""
        if self._lease is None or not self._lease.alive:
            return []
        claims = await self._backlog.claim(run_ids, self.number)
        tasks = []
        for claim in claims:
            live = Live(claim, await self._version(claim.version), sequence=claim.last_sequence)
            self._live[claim.pk] = live
            live.work = asyncio.create_task(self._execute(live), name=f"run {claim.label}")
            _log.info("run.started", extra={"run": claim.id, "label": claim.label, "attempt": claim.attempt})
            tasks.append(live.work)
        return tasks

    async def settled(self) -> None:
        """Wait a moment for the ends that are being written, or are to be at once: one claim fills all slots
        that they free. Where nothing runs here, nothing is waited for."""
        await self._endings.settled(SETTLE, breath=BREATH if self._live else 0.0)

    async def drain(self, within: timedelta) -> None:
        """Let running work end; what has not by then is interrupted. Claims must have stopped."""
        works = [live.work for live in self._live.values() if live.work is not None]
        if works:
            await asyncio.wait(works, timeout=within.total_seconds())
        for live in list(self._live.values()):
            self._halt(live, Stop.SHUTDOWN)
        works = [live.work for live in self._live.values() if live.work is not None]
        if works:
            await asyncio.wait(works, timeout=GRACE + 5)

    async def close(self) -> None:
        """End the lease. What still ran is found by the reaper."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._lease is not None:
            await asyncio.to_thread(self._lease.stop)
            number = self._lease.worker
            await self._turns.take(lambda turn: worker_rows.retire(turn.connection, number, turn.now))
            self._lease = None

    async def _execute(self, live: Live) -> None:
        """One attempt, from its agent's first entry to its end in the rows."""
        try:
            status, failure, permanent = await self._attempt(live)
            if live.stop is Stop.LEASE:
                return
            if failure is not None:
                failure = masks.entry(failure, live.secrets)
                self._keep(live, failure)
            await self._end(live, status, storable(failure.sentence) if failure else "", permanent=permanent)
        finally:
            self._live.pop(live.claim.pk, None)

    async def _attempt(self, live: Live) -> Verdict:
        """Let the agent work; returns the status, why it was not a success, and whether for good."""
        limit = live.version.job.timeout
        agent = asyncio.create_task(self._let_work(live), name=f"agent of {live.claim.label}")
        try:
            await asyncio.wait({agent}, timeout=limit.total_seconds())
            live.late = not agent.done()
        except asyncio.CancelledError:
            live.late = False
        if not agent.done():
            await self._stop_agent(live, agent)
        stopped = stops.verdict(live.stop, live.version.job, late=live.late)
        if stopped is not None:
            return stopped
        return outcome(live, agent)

    async def _let_work(self, live: Live) -> None:
        claim, version, have = live.claim, live.version, self._equipment
        agent = have.agents.get(version.agent.kind)
        if agent is None:
            raise AgentError(
                f"This installation has no agent of the kind {version.agent.kind}.", permanent=True
            )
        zone = ZoneInfo(version.job.timezone) if version.job.timezone else have.zone
        bound = parameters.from_json(version.job.parameters, have.vault.open_values(claim.parameters))
        live.secrets = masks.secrets(version.job.parameters, bound)
        meant = claim.due_at or claim.started_at  # what relative dates are counted from
        values = parameters.settle(version.job.parameters, bound, now=meant, zone=zone)
        lease = self._lease

        async def emit(entry: Entry) -> None:
            self._take(live, entry)

        def halt() -> Halt:
            gone = lease is None or not lease.alive
            return "lease" if gone else stops.halt(live.stop, late=live.late)

        task = Task(
            run_id=claim.id,
            label=claim.label,
            attempt=claim.attempt,
            version=version,
            parameters=values,
            now=claim.started_at,
            zone=zone,
            deadline=version.job.timeout,
            environment=have.environment,
            open_source=have.open_source,
            emit=emit,
            lease_until=lambda: lease.deadline if lease is not None else 0.0,
            halt=halt,
            due_at=claim.due_at,
        )
        if version.job.run_if:
            judged = await gates.work(task)
            self._take(live, judged)
            if judged.holds is False:
                live.closed = masks.mask(judged.detail, live.secrets)
                return
        async with aclosing(agent.run(task)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                self._take(live, entry)

    async def _stop_agent(self, live: Live, agent: asyncio.Task[None]) -> None:
        agent.cancel()
        waited = asyncio.ensure_future(asyncio.wait({agent}, timeout=GRACE))
        while not waited.done():
            try:
                await asyncio.shield(waited)
            except asyncio.CancelledError:
                continue  # the reason stands already; the agent still has its grace
        if not agent.done():
            _log.error("run.agent_would_not_stop", extra={"run": live.claim.id})

    def _take(self, live: Live, entry: Entry) -> None:
        entry = masks.entry(entry, live.secrets)
        if isinstance(entry, Progressed):
            live.step = storable(entry.text)
        else:
            self._keep(live, entry)

    def _keep(self, live: Live, entry: Kept) -> None:
        live.sequence += 1
        claim = live.claim
        live.lines.append(Line(claim.pk, live.sequence, claim.attempt, entry, datetime.now(UTC)))

    async def _end(self, live: Live, status: Status, reason: str, *, permanent: bool) -> None:
        """Write the end, again and again for as long as a lease lasts; then `_watch` or the reaper does."""
        claim, job = live.claim, live.version.job
        async with self._writing:  # entries on their way to the rows go first
            live.ending = True
            lines, live.lines = tuple(live.lines), []
        ending = runs.Ending(
            pk=claim.pk,
            fence=claim.fence,
            job=claim.job,
            attempt=claim.attempt,
            status=status,
            reason=reason,
            retry=job.retry,
            rerun_interrupted=job.rerun_interrupted,
            permanent=permanent,
            entries=lines,
            closed=live.closed,
            gates=job if job.run_if or job.post_if else None,
        )
        pause, until = 0.05, boottime() + self._length.total_seconds()
        while self._lease is not None and self._lease.alive and boottime() < until:
            try:
                if await self._endings.add(ending):
                    self.ended[status] += 1
                    said = {"run": claim.id, "label": claim.label, "attempt": claim.attempt, "status": status}
                    _log.info("run.ended", extra=said)
                else:
                    _log.warning("run.end_refused", extra={"run": claim.id, "fence": claim.fence})
                return
            except Exception as error:  # the database is away: the end is not lost while the lease lives
                _log.warning("run.end_failed", extra={"run": claim.id, "error": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
        _log.error("run.end_given_up", extra={"run": claim.id})  # `_watch` or the reaper ends it

    async def _finish(self, endings: list[runs.Ending]) -> list[bool]:
        async def finish(turn: Turn) -> set[int]:
            turn.freed = len(endings)
            return await runs.finish(turn, endings)

        ours = await self._turns.take(finish)
        await self._backlog.ended()
        return [ending.pk in ours for ending in endings]

    async def _version(self, pk: int) -> Version:
        if pk not in self._versions:
            if len(self._versions) > 500:
                self._versions.clear()
            self._versions[pk] = await self._turns.look(lambda turn: runs.version_of(turn, pk))
        return self._versions[pk]

    async def _flush(self) -> None:
        """Write the new entries and steps of all running runs in one transaction."""
        async with self._writing:
            changed = [live for live in self._live.values() if (live.lines or live.step is not None)]
            changed = [live for live in changed if not live.ending]
            if not changed:
                return
            lines = {live.claim.pk: live.lines for live in changed}
            steps = {live.claim.pk: live.step for live in changed if live.step is not None}
            for live in changed:
                live.lines, live.step = [], None
            try:
                await self._turns.take(lambda turn: self._write(turn, changed, lines, steps))
            except Exception:  # whatever it is: what was not written is written with the next
                for live in changed:
                    live.lines = lines[live.claim.pk] + live.lines
                raise

    async def _write(
        self,
        turn: Turn,
        changed: Sequence[Live],
        lines: Mapping[int, list[Line]],
        steps: Mapping[int, str],
    ) -> None:
        held = await rows.held(turn.connection, [(one.claim.pk, one.claim.fence) for one in changed])
        ours = [live for live in changed if live.claim.pk in held]
        await append(turn, [line for live in ours for line in lines[live.claim.pk]])
        moved = [live for live in ours if live.claim.pk in steps]
        if moved:
            keys = [(live.claim.pk, live.claim.fence) for live in moved]
            await rows.step(turn.connection, keys, [steps[live.claim.pk] for live in moved])
            await touched(turn, sorted({live.claim.batch for live in moved}))

    async def _watch(self) -> None:
        """Stop what was cancelled or taken over; end what is ours by the rows but unknown here."""
        if self._lease is None:
            return
        known = dict(self._live)  # taken before the statement: what is claimed meanwhile is not missing
        now, owned = await self._turns.look(self._look)
        for pk, live in known.items():
            if live.ending:
                continue
            row = owned.get(pk)
            if row is None or row.fence != live.claim.fence:
                self._halt(live, Stop.LEASE)
            elif row.cancel_requested_at is not None:
                self._halt(live, Stop.CANCEL)
            elif row.until_at is not None and row.until_at <= now:
                self._halt(live, Stop.BATCH)
        strangers = {(pk, row.fence) for pk, row in owned.items() if pk not in self._live}
        lost = strangers & self._strangers  # a claim whose answer never came: seen on two looks
        self._strangers = strangers
        if lost:
            await self._turns.take(lambda turn: runs.abandon(turn, sorted(lost)))

    async def _look(self, turn: Turn) -> tuple[datetime, dict[int, Row]]:
        return turn.now, {row.pk: row for row in await rows.owned(turn.connection, self.number)}

    def _halt(self, live: Live, why: Stop) -> None:
        if live.stop is None and live.work is not None and not live.ending:
            live.stop = why
            live.work.cancel()

    def _lost(self) -> None:
        for live in list(self._live.values()):
            self._halt(live, Stop.LEASE)

    async def _repeat(self, look: Callable[[], Awaitable[None]], pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            try:
                await look()
            except Busy as busy:  # the database is away, for each round until it is back
                _log.warning("worker.loop_put_off", extra={"error": busy.sentence})
            except Exception:  # the door of a loop: the next round may do better
                _log.exception("worker.loop_failed")
