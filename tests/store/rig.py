"""A rig of the real parts below the desk: store, engine, worker, notifier, and agents that obey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cryptography.fernet import Fernet

from adapters.engines.embedded import Embedded
from core import batches, deliveries, ids, people, runs
from core.batches import Batch, Started, Trigger, Wish
from core.definitions import AgentDefinition, JobDefinition, SourceDefinition, Version
from core.entries import Answered, Entry, Logged, Returned
from core.equipment import Equipment
from core.errors import AgentError, SourceError
from core.janitor import REAP_AFTER, REAP_EVERY, Janitor
from core.lifecycles import Status
from core.messages import Message
from core.notifier import Notifier
from core.parameters import fingerprint
from core.people import Member, Speaker, Standing
from core.ports import Channel, Post, Receipt, Source, Task
from core.store import tables
from core.store.database import Store
from core.turns import Turn, Turns
from core.vault import Vault
from core.worker import Worker

LIMIT = 120.0  # seconds that a condition may take to come true
LONG = timedelta(days=1_000)  # a lease that outlasts every jump of the clock, and every rest of the machine


class Obedient:
    """Does what the parameter `do` says; `gate` is waited for by `wait`, `seen` remembers the tries. While
    `fails` says why, it fails whatever it was told to do."""

    def __init__(self) -> None:
        self.fails = ""
        self.gate = asyncio.Event()
        self.seen: list[Task] = []
        self.open = 0
        self.most_open = 0

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        self.seen.append(task)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            async for entry in self._work(task):
                yield entry
        finally:
            self.open -= 1

    async def _work(self, task: Task) -> AsyncIterator[Entry]:
        if self.fails:
            raise AgentError(self.fails)
        match task.parameters.get("do", "ok"):
            case "wait":
                yield Logged("waiting")
                await self.gate.wait()
            case "table":
                yield Returned("total", ("sum",), ((3,),))
                yield Returned("days", ("day", "sum"), (("Mon", 1), ("Tue", 2)))
            case "long":
                yield Returned("many", ("n",), tuple((number,) for number in range(120)))
            case "unstorable":
                yield Returned("x", ("a",), ((object(),),))  # type: ignore[arg-type]
            case "fail":
                raise AgentError("It was told to fail.")
            case "fail for good":
                raise AgentError("It was told to fail for good.", permanent=True)
            case "fail once" if task.attempt == 1:
                raise AgentError("It was told to fail once.")
            case "crash":
                raise ZeroDivisionError("secret detail")
            case "forever":
                await asyncio.Event().wait()
        yield Answered("done")


class Mailbox:
    """A platform that remembers what it was given."""

    name = "mailbox"
    repeatable = False
    editable = True

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.fail: list[Exception] = []

    async def deliver(self, post: Post) -> Receipt:
        if self.fail:
            raise self.fail.pop(0)
        self.posts.append(post)
        return Receipt(post.external_id or f"m{len(self.posts)}")


async def no_source(name: str, definition: SourceDefinition, environment: Any) -> Source:
    raise SourceError(f"There is no source {name}.")


class Rig:
    """One process of the bot on a store, without a desk."""

    def __init__(self, store: Store, *, lease: timedelta = timedelta(seconds=30)) -> None:
        self.store = store
        self.engine = Embedded()
        self.turns = Turns(store, self.engine)
        self.agent = Obedient()
        self.mailbox = Mailbox()
        self.vault = Vault([Fernet.generate_key().decode()])
        self.worker = Worker(
            self.turns,
            Equipment({"report": self.agent}, no_source, {}, self.vault, ZoneInfo("UTC")),
            name="rig:1",
            lease=lease,
        )
        self.janitor = Janitor(self.turns, lease=lease)
        self.notifier = Notifier(self.turns, {"mailbox": self.mailbox}, self.compose)
        self.stop = asyncio.Event()
        self._engine_task: asyncio.Task[None] | None = None
        self.organization = 0
        self.channel = 0
        self.alice: Member

    async def compose(self, turn: Turn, delivery: deliveries.Delivery) -> Message:
        batch = (await batches.get(turn, [delivery.batch]))[0]
        return Message(text=f"{delivery.kind} #{batch.number} {batch.state}")

    async def prepare(self) -> None:
        async def work(turn: Turn) -> None:
            self.organization = await people.organization(turn)
            speaker = Speaker("mailbox", "t", "alice", "Alice", Standing.OWNER)
            self.alice = await people.recognize(turn, speaker, organization=self.organization)
            self.channel = await people.channel(turn, self.organization, Channel("mailbox", "general"))

        await self.turns.take(work)

    async def open(self, *, concurrency: int = 10) -> None:
        await self.worker.start()
        self._engine_task = asyncio.create_task(
            self.engine.run_worker(self.worker.begin, concurrency, self.stop, self.worker.settled)
        )

    async def close(self, *, drain: timedelta = timedelta(0)) -> None:
        self.stop.set()
        if self._engine_task is not None:
            await self._engine_task
            await self.worker.drain(drain)
            await self.worker.close()

    async def fall_silent(self) -> None:
        """Let this process be frozen: nobody renews its lease any more, and the clock goes on until everybody
        may take it for dead. Others on the store need a lease that outlasts that."""
        assert self.worker._lease is not None
        await asyncio.to_thread(self.worker._lease.stop)
        await asyncio.to_thread(self.worker._lease._thread.join)  # no renewal is under way any more
        self.store.offset += self.worker._length + REAP_AFTER + REAP_EVERY

    async def job(self, name: str = "report", **fields: Any) -> tuple[int, str, int, Version]:
        """Add a job; returns its number, id, version's number and definition."""
        definition = Version(
            name=name,
            agent=AgentDefinition(kind="report"),
            job=JobDefinition.model_validate(
                {"agent": "a", "parameters": {"do": {"default": "ok"}}, "confirm_above": 1000} | fields
            ),
        )

        async def work(turn: Turn) -> tuple[int, str, int]:
            job_id = ids.new()
            made = await turn.connection.execute(
                tables.jobs.insert()
                .values(
                    id=job_id,
                    organization=self.organization,
                    name=name,
                    origin="file",
                    created_at=turn.now,
                    changed_at=turn.now,
                )
                .returning(tables.jobs.c.pk)
            )
            job = made.scalar_one()
            version = await turn.connection.execute(
                tables.job_versions.insert()
                .values(
                    id=ids.new(),
                    job=job,
                    number=1,
                    definition=definition.model_dump(mode="json", exclude_defaults=True),
                    created_at=turn.now,
                )
                .returning(tables.job_versions.c.pk)
            )
            number = version.scalar_one()
            await turn.connection.execute(
                tables.jobs.update().where(tables.jobs.c.pk == job).values(version=number)
            )
            return job, job_id, number

        job, job_id, version = await self.turns.take(work)
        return job, job_id, version, definition

    async def start(
        self,
        job: tuple[int, str, int, Version],
        *sets: dict[str, Any],
        trigger: Trigger = Trigger.CHAT,
        request: int | None = None,
    ) -> Started:
        combinations = tuple(sets) or ({"do": "ok"},)
        wish = Wish(
            organization=self.organization,
            job=job[0],
            job_id=job[1],
            version=job[2],
            definition=job[3],
            combinations=combinations,
            prints=tuple(fingerprint(job[3].job.parameters, one) for one in combinations),
            trigger=trigger,
            actor=self.alice,
            channel=self.channel,
            request=request,
        )
        return await self.turns.take(lambda turn: batches.start(turn, wish))

    async def batch(self, number: int) -> Batch:
        return (await self.turns.look(lambda turn: batches.get(turn, [number])))[0]

    async def runs(self, number: int) -> list[runs.Run]:
        return await self.turns.look(lambda turn: runs.of_batch(turn, number))

    async def ended(self, number: int) -> Batch:
        """Wait until the batch has ended."""
        await until(lambda: self._has_ended(number))
        return await self.batch(number)

    async def _has_ended(self, number: int) -> bool:
        return (await self.batch(number)).state.ended

    async def has_status(self, number: int, status: Status) -> None:
        """Wait until every run of the batch is in that status."""

        async def look() -> bool:
            return all(run.status is status for run in await self.runs(number))

        await until(look)

    async def has_any(self, number: int, status: Status) -> None:
        """Wait until some run of the batch is in that status."""

        async def look() -> bool:
            return any(run.status is status for run in await self.runs(number))

        await until(look)

    async def count(self, table: sa.Table) -> int:
        async with self.store.reading() as connection:
            return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


async def until(condition: Callable[[], Awaitable[bool]], *, limit: float = LIMIT) -> None:
    """Wait for a condition; the test fails where it does not come true in time."""
    async with asyncio.timeout(limit):
        while not await condition():
            await asyncio.sleep(0.01)
