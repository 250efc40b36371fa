"""What the tests of schedules share: jobs from files, a clock that is moved, schedulers, the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core import firings, jobs, schedules, times, workspaces
from core.definitions import AgentDefinition, JobDefinition, Schedule
from core.jobfiles import Workspace
from core.jobs import Job
from core.scheduled import Schedule as Stored
from core.scheduler import Scheduler
from core.store import tables
from core.store.database import Store
from core.store.dialects import Row
from core.turns import Turn
from tests.store.rig import Rig

START = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)  # a Monday; no clocks change for weeks


class Planner:
    """A rig with a scheduler and a clock that stands where the test puts it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.store: Store = rig.store
        self.scheduler = Scheduler(rig.turns, rig.vault)
        self.move(START)

    def move(self, to: datetime) -> None:
        """Put the clock to an instant; it goes on from there by itself."""
        self.store.offset = to - datetime.now(UTC)

    async def now(self) -> datetime:
        return await self.rig.turns.look(_now)

    async def at(self, to: datetime) -> int:
        """Put the clock, and let the scheduler settle what is due."""
        self.move(to)
        return await self.scheduler.tick()

    async def through(self, to: datetime) -> None:
        """Put the clock, settle what is due, and wait for its end."""
        await self.at(to)
        await self.all_ended()

    async def apply(self, *given: dict[str, Any], name: str = "report", **job: Any) -> Job:
        """Apply a file with one job that has these schedules."""
        fields = {"agent": "a", "parameters": {"do": {"default": "ok"}}, "channel": "mailbox:general"} | job
        definition = JobDefinition.model_validate(fields | {"schedules": list(given)})
        return await self.apply_jobs({name: definition}, name)

    async def apply_jobs(self, made: dict[str, JobDefinition], name: str) -> Job:
        workspace = Workspace(agents={"a": AgentDefinition(kind="report")}, jobs=made)
        vault = self.rig.vault

        async def work(turn: Turn) -> Job:
            await workspaces.apply(turn, self.rig.alice, workspace, vault=vault)
            return await jobs.find(turn, self.rig.organization, name)

        return await self.rig.turns.take(work)

    async def say(self, job: Job, when: str, **options: Any) -> Stored:
        """Save a schedule as chat does."""
        given = options.pop("given", ())
        fields = {"when": when} | options
        zone = fields.get("timezone", "UTC")

        async def work(turn: Turn) -> Stored:
            expression = times.parse(when, zone=ZoneInfo(zone), now=turn.now)
            draft = schedules.Draft(
                job=job,
                name=fields.pop("name", ""),
                definition=Schedule.model_validate(fields | {"when": expression.text}),
                expression=expression,
                given=given,
                channel=self.rig.channel,
            )
            return await schedules.save(turn, self.rig.alice, draft, self.rig.vault)

        return await self.rig.turns.take(work)

    async def of(self, job: Job) -> list[Stored]:
        return await self.rig.turns.look(lambda turn: schedules.of_job(turn, job.pk))

    async def ledger(self) -> list[Row]:
        """Every firing, in the order of its due instant."""
        async with self.store.reading() as connection:
            query = sa.select(tables.firings).order_by(tables.firings.c.due_at, tables.firings.c.schedule)
            return list(await connection.execute(query))

    async def told(self) -> list[tuple[str, str, str]]:
        """(hour and minute, outcome, cause) of every firing."""
        return [(f"{row.due_at:%H:%M}", row.outcome, row.cause) for row in await self.ledger()]

    async def batches(self) -> list[Row]:
        async with self.store.reading() as connection:
            return list(await connection.execute(sa.select(tables.batches).order_by(tables.batches.c.pk)))

    async def all_ended(self) -> None:
        """Wait until no batch is open."""
        for row in await self.batches():
            await self.rig.ended(row.pk)


def schedulers(rig: Rig, number: int) -> list[Scheduler]:
    """Several, as in several processes."""
    return [Scheduler(rig.turns, rig.vault) for _ in range(number)]


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


async def _now(turn: Turn) -> datetime:
    return turn.now


__all__ = ["START", "Planner", "firings", "hours", "minutes", "schedulers"]
