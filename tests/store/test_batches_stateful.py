"""Batches start, end, are cancelled, killed, retried and broken at random: the rules hold after each step.

Nothing executes here: claims, ends and deaths are the steps, so that every order of them can come about.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core import approvals, batches, holding, ids, jobs, progress, runs
from core.definitions import Retry
from core.errors import OutOfPlace, Refusal
from core.lifecycles import BatchState, Status
from core.runs import Claim, Ending
from core.store import tables
from core.store import workers as worker_rows
from core.store.database import Store
from core.store.migrate import migrate
from core.turns import Turn
from core.wishes import Trigger
from tests.store.rig import Rig

Result = TypeVar("Result")

OPEN = (Status.WAITING, Status.QUEUED, Status.RUNNING)
RETRY = Retry(attempts=2, delay=timedelta(seconds=5), jitter=0)
JOBS: dict[str, dict[str, Any]] = {
    "skip": {},
    "queue": {"overlap": {"policy": "queue", "cap": 3}},
    "replace": {"overlap": "replace"},
    "allow": {"overlap": "allow"},
    "parts": {"overlap": {"policy": "queue", "scope": "job+parameters"}},
    "timed": {"batch_timeout": "20s"},
}
ORGANIZATION_CAP = 3


class Batches(RuleBasedStateMachine):
    """Every step is one transaction of the real verbs; `claims` are what virtual workers believe to hold."""

    open_store: Callable[[], Awaitable[Store]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.rig = self.run(self._open())
        self.jobs: dict[str, Any] = {}
        self.workers: list[int] = []
        self.claims: list[Claim] = []
        self.started: list[int] = []

    def run(self, work: Awaitable[Result]) -> Result:
        async def awaited() -> Result:
            return await work

        return self.runner.run(awaited())

    def take(self, work: Callable[[Turn], Awaitable[Result]]) -> Result | None:
        """A transaction; a refusal undoes it."""

        async def taken() -> Result | None:
            try:
                return await self.rig.turns.take(work)
            except Refusal:
                return None

        return self.run(taken())

    async def _open(self) -> Rig:
        rig = Rig(await type(self).open_store())
        rig.turns.engine = None
        await rig.prepare()
        return rig

    def teardown(self) -> None:
        """Every run ends: what is left is agreed to, claimed and finished, and nothing stays open."""
        try:
            self.pause(on=False)
            self.pass_time(seconds=3700)  # what nobody agreed to is given up
            for _ in range(60):
                self.pass_time(seconds=30)
                self.sweep()
                self.claim(worker=0, room=9)
                for claim in list(self.claims):
                    self._finish(claim, Status.SUCCEEDED)
                if not self._open_batches():
                    break
            assert self._open_batches() == []
            self.rules_hold()
        finally:
            self.run(self.rig.store.close())
            self.runner.close()

    def _open_batches(self) -> list[Any]:
        return [row.pk for row in self.rows(tables.batches) if not BatchState(row.state).ended]

    def rows(self, table: sa.Table) -> list[Any]:
        return self.read(table)[table]

    def read(self, *wanted: sa.Table) -> dict[sa.Table, list[Any]]:
        """These tables as they stand, in one look."""

        async def look() -> dict[sa.Table, list[Any]]:
            async with self.rig.store.reading() as connection:
                return {one: list(await connection.execute(sa.select(one))) for one in wanted}

        return self.run(look())

    @initialize()
    def begin(self) -> None:
        """Six jobs, one of each policy, and a worker."""
        for name, fields in JOBS.items():
            common = {"retry": RETRY.model_dump(mode="json"), "max_parallel": 2, "confirm_above": 4}
            parameters = {"do": {"default": "ok"}, "n": {"type": "integer", "default": 0}}
            made = self.rig.job(name, **({"parameters": parameters} | common | fields))
            self.jobs[name] = self.run(made)
        query = tables.organizations.update().values(max_running=ORGANIZATION_CAP)
        self.take(lambda turn: turn.connection.execute(query))
        self.hire()

    @rule()
    def hire(self) -> None:
        """A worker registers."""

        async def register(turn: Turn) -> int:
            until = turn.now + timedelta(days=900)
            values = {"id": ids.new(), "name": "w", "started_at": turn.now, "lease_until": until}
            return await worker_rows.register(turn.connection, values)

        if len(self.workers) < 3:
            self.workers.append(self.take(register) or 0)

    @rule(
        name=st.sampled_from([*sorted(JOBS), "allow"]),
        size=st.sampled_from([1, 2, 3, 6, 6]),
        first=st.integers(0, 3),
        trigger=st.sampled_from([Trigger.CHAT, Trigger.SCHEDULE]),
        claimed=st.booleans(),
    )
    def start(self, name: str, size: int, first: int, trigger: Trigger, claimed: bool) -> None:
        sets = [{"do": "ok", "n": first + index} for index in range(size)]
        try:
            made = self.run(self.rig.start(self.jobs[name], *sets, trigger=trigger))
        except OutOfPlace:  # everything is paused
            return
        self.started.append(made.batch)
        if claimed:
            self.claim(worker=0, room=6)

    @rule(worker=st.integers(0, 2), room=st.integers(2, 6))
    def claim(self, worker: int, room: int) -> None:
        who = self.workers[worker % len(self.workers)] if self.workers else 0
        self.claims += self.take(lambda turn: runs.claim(turn, room, who)) or []

    @rule(
        which=st.integers(0, 50),
        status=st.sampled_from([Status.SUCCEEDED, Status.SUCCEEDED, Status.FAILED, Status.INTERRUPTED]),
        permanent=st.booleans(),
    )
    def finish(self, which: int, status: Status, permanent: bool) -> None:
        if self.claims:
            self._finish(self.claims[which % len(self.claims)], status, permanent=permanent)

    @rule(which=st.integers(0, 50))
    def finish_again(self, which: int) -> None:
        """A late worker: whatever it says of a fence that is old is refused."""
        if not self.claims:
            return
        late = self.claims[which % len(self.claims)]
        self._finish(late, Status.SUCCEEDED)
        before = self.rows(tables.runs)
        assert self._end(late, Status.FAILED, permanent=True) == set()
        assert self.rows(tables.runs) == before

    def _finish(self, claim: Claim, status: Status, *, permanent: bool = False) -> None:
        self.claims.remove(claim)
        self._end(claim, status, permanent=permanent)

    def _end(self, claim: Claim, status: Status, *, permanent: bool) -> set[int]:
        ending = Ending(
            pk=claim.pk,
            fence=claim.fence,
            job=claim.job,
            attempt=claim.attempt,
            status=status,
            reason="" if status is Status.SUCCEEDED else "it was so",
            retry=RETRY,
            permanent=permanent,
        )
        return self.take(lambda turn: runs.finish(turn, [ending])) or set()

    @rule(which=st.integers(0, 50), index=st.one_of(st.none(), st.integers(1, 3)))
    def cancel(self, which: int, index: int | None) -> None:
        if not self.started:
            return
        number = self.started[which % len(self.started)]

        async def work(turn: Turn) -> None:
            [batch] = await batches.get(turn, [number])
            await batches.cancel(turn, batch, index, self.rig.alice)

        self.take(work)

    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        """A worker dies: its runs are lost, or tried again."""
        if len(self.workers) < 2:
            return
        dead = self.workers.pop(which % len(self.workers))
        self.take(lambda turn: worker_rows.retire(turn.connection, dead, turn.now))
        while self.take(lambda turn: runs.reap(turn, limit=2)):
            pass

    @rule(which=st.integers(0, 50), first=st.one_of(st.none(), st.integers(1, 3)))
    def approve(self, which: int, first: int | None) -> None:
        asked = [row.pk for row in self.rows(tables.batches) if row.state == BatchState.PROPOSED]
        likely = asked or self.started
        if likely:
            number = likely[which % len(likely)]
            self.take(lambda turn: approvals.approve(turn, self.rig.alice, number, first=first))

    @rule(which=st.integers(0, 50))
    def reject(self, which: int) -> None:
        if self.started:
            number = self.started[which % len(self.started)]
            self.take(lambda turn: approvals.reject(turn, self.rig.alice, number))

    @rule(which=st.integers(0, 50))
    def break_lock(self, which: int) -> None:
        """Of a job whose runs are under way, where there is one."""
        held = [one.job for one in self.claims] or [one[0] for one in self.jobs.values()]

        async def work(turn: Turn) -> None:
            job = await jobs.get(turn, held[which % len(held)])
            await holding.break_lock(turn, self.rig.alice, job)

        self.take(work)

    @rule(on=st.sampled_from([True, False, False, False]))
    def pause(self, on: bool) -> None:
        async def work(turn: Turn) -> None:
            values = {"paused_at": turn.now if on else None}
            await turn.connection.execute(tables.organizations.update().values(values))

        self.take(work)

    @rule(seconds=st.sampled_from([1, 6, 30, 3700]))
    def pass_time(self, seconds: int) -> None:
        self.rig.store.offset += timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        self.take(batches.sweep)
        self.take(progress.give_up)
        for row in self.rows(tables.batches):  # workers see that the time of their batch is over
            if row.state == "active" and row.until_at is not None:
                self._stop_late(row.pk)

    def _stop_late(self, batch: int) -> None:
        row = next(one for one in self.rows(tables.batches) if one.pk == batch)
        now = self.take(lambda turn: _now(turn))
        for claim in [one for one in self.claims if one.batch == batch]:
            if now is not None and row.until_at <= now:
                self.claims.remove(claim)
                self._end(claim, Status.TIMED_OUT, permanent=True)

    @invariant()
    def rules_hold(self) -> None:
        """What must be true at any moment, whatever happened."""
        if not self.jobs:
            return
        seen = self.read(tables.batches, tables.runs, tables.locks, tables.attempts, tables.deliveries)
        found = {row.pk: row for row in seen[tables.batches]}
        every = seen[tables.runs]
        self._locks(found, seen[tables.locks])
        self._counts(found, every)
        self._caps(found, every)
        self._attempts(every, seen[tables.attempts])
        self._owed(found, seen[tables.deliveries])

    def _locks(self, found: dict[int, Any], locks: list[Any]) -> None:
        held = {row.key: row.batch for row in locks}
        for key, number in held.items():
            assert found[number].state == BatchState.ACTIVE, key
        for row in found.values():
            if row.state == BatchState.ACTIVE:
                assert all(held.get(key) == row.pk for key in row.keys), row.pk
            assert (row.ended_at is not None) == BatchState(row.state).ended

    def _counts(self, found: dict[int, Any], every: list[Any]) -> None:
        by_batch = Counter(run.batch for run in every)
        still = Counter(run.batch for run in every if run.status in OPEN)
        for row in found.values():
            if row.state == BatchState.SKIPPED:
                assert by_batch[row.pk] in (0, row.total)
            else:
                assert by_batch[row.pk] == row.total, row.pk
            assert (still[row.pk] == 0) or not BatchState(row.state).ended, row.pk
            if row.state == BatchState.ACTIVE:
                assert still[row.pk] > 0, row.pk
        for run in every:
            assert (run.ended_at is not None) == (run.status not in OPEN)
            if run.status in (Status.QUEUED, Status.RUNNING):
                assert found[run.batch].state == BatchState.ACTIVE

    def _caps(self, found: dict[int, Any], every: list[Any]) -> None:
        running = [run for run in every if run.status == Status.RUNNING]
        assert len(running) <= ORGANIZATION_CAP
        assert all(number <= 2 for number in Counter(run.job for run in running).values())
        handed = Counter(run.batch for run in every if run.status in (Status.QUEUED, Status.RUNNING))
        assert all(number <= found[batch].cap for batch, number in handed.items())
        alive = set(self.workers)
        assert all(run.worker in alive for run in running)

    def _attempts(self, every: list[Any], tries: list[Any]) -> None:
        counted = Counter(row.run for row in tries)
        unfinished = {row.run for row in tries if row.ended_at is None}
        for run in every:
            assert counted[run.pk] == run.attempt <= RETRY.attempts
            assert (run.pk in unfinished) == (run.status == Status.RUNNING)

    def _owed(self, found: dict[int, Any], deliveries: list[Any]) -> None:
        owed = {(row.batch, row.kind) for row in deliveries}
        told = Counter((row.subject, row.kind) for row in deliveries)
        assert all(number == 1 for number in told.values())
        for row in found.values():
            by_hand = row.trigger == Trigger.CHAT and not (
                row.state == BatchState.SKIPPED and not row.until_at
            )
            if by_hand and (row.agreed_by or row.state != BatchState.SKIPPED):
                assert (row.pk, "status") in owed, row.pk
            if row.state in (BatchState.FAILED, BatchState.PARTLY_FAILED):
                assert (row.pk, "alert") in owed, row.pk
            if row.trigger == Trigger.SCHEDULE and row.state == BatchState.SUCCEEDED:
                assert (row.pk, "status") in owed, row.pk


async def _now(turn: Turn) -> Any:
    return turn.now


def examples(number: int) -> settings:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=number,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink one takes minutes
        suppress_health_check=checks,
    )


def test_the_rules_hold_after_each_step_on_sqlite(tmp_path: Path) -> None:
    template = tmp_path / "template.db"
    asyncio.run(_migrated(f"sqlite:///{template}"))
    made = 0

    async def copy() -> Store:
        nonlocal made
        made += 1
        shutil.copy(template, tmp_path / f"{made}.db")
        return Store(f"sqlite:///{tmp_path / f'{made}.db'}")

    run_state_machine_as_test(_machine(copy), settings=examples(35))


def test_the_rules_hold_after_each_step_on_postgresql(postgres_url: str) -> None:
    asyncio.run(_migrated(postgres_url))

    async def emptied() -> Store:
        await _empty(postgres_url)
        return Store(postgres_url)

    run_state_machine_as_test(_machine(emptied), settings=examples(12))


def _machine(open_store: Callable[[], Awaitable[Store]]) -> type[Batches]:
    return type("Machine", (Batches,), {"open_store": staticmethod(open_store)})


async def _migrated(address: str) -> None:
    store = Store(address)
    await migrate(store)
    await store.close()  # the last one to leave writes the log back into the file


async def _empty(address: str) -> None:
    store = Store(address)
    names = ", ".join(table.name for table in tables.metadata.sorted_tables)
    async with store.transaction() as connection:
        await connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
    await store.close()
