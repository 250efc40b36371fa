"""Plug-ins and services under a real worker: blocked loops, cancels, what they may say."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from aiohttp import web

from adapters.agents.http import Http
from adapters.agents.plugins import Plugins
from adapters.agents.services import Pause
from bot.watchdog import Watchdog
from core import batches, chats
from core.definitions import AgentDefinition, Version
from core.entries import Answered, Failed, Logged
from core.equipment import Equipment
from core.errors import AgentError
from core.janitor import Janitor
from core.lifecycles import Status
from core.ports import Agent, Task
from core.store import tables
from core.store.database import Store
from core.turns import Turn, Turns
from core.worker import Worker
from tests.store.rig import LIMIT, Rig, no_source, until
from tests.unit.service_rig import serving

LEASE = timedelta(seconds=4)  # long enough for a slow machine to renew it in time


class Point:
    """An entry point of a plug-in that is written here."""

    module = "tests"

    def __init__(self, work: Any) -> None:
        self._work = work

    def load(self) -> Any:
        return self._work


class PluginRig(Rig):
    """A rig whose worker runs plug-ins and calls services."""

    def __init__(self, store: Store, *, lease: timedelta = timedelta(seconds=30), **plugins: Any) -> None:
        super().__init__(store, lease=lease)
        points = {name: Point(work) for name, work in plugins.items()}
        self.plugins = Plugins(plugins, find=lambda: points)  # type: ignore[arg-type,return-value]
        agents: dict[str, Agent] = {"python": self.plugins, "http": Http(pause=Pause(0.02, 0.05))}
        have = Equipment(agents, no_source, {}, self.vault, ZoneInfo("UTC"))
        self.worker = Worker(self.turns, have, name="rig:1", lease=lease)

    async def agent_job(self, agent: dict[str, Any], **fields: Any) -> tuple[int, str, int, Version]:
        """A job of this agent instead of the rig's own."""
        made = AgentDefinition.model_validate(agent)
        job = await self.job("work", **fields)
        definition = job[3].model_copy(update={"agent": made})
        stored = definition.model_dump(mode="json", exclude_defaults=True)

        async def store(turn: Turn) -> None:
            table = tables.job_versions
            await turn.connection.execute(
                table.update().where(table.c.pk == job[2]).values(definition=stored)
            )

        await self.turns.take(store)
        return (*job[:3], definition)

    async def said(self, number: int) -> list[Any]:
        (run,) = await self.runs(number)
        records = await self.turns.look(lambda turn: chats.of_run(turn, run.pk))
        return [one.entry for one in records]


async def opened(store: Store, **more: Any) -> PluginRig:
    rig = PluginRig(store, **more)
    await rig.prepare()
    await rig.open()
    return rig


@dataclass
class Other:
    """What another process does, on a loop of its own: it looks for workers that seem dead."""

    address: str
    begun: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    """the lease that held when it began has ended since, and it looked"""
    stop: threading.Event = field(default_factory=threading.Event)
    found: list[int] = field(default_factory=list)

    def run(self) -> None:
        asyncio.run(self._reap())

    async def _reap(self) -> None:
        store = Store(self.address, pool=2)
        turns = Turns(store)
        janitor = Janitor(turns, lease=LEASE)
        self.begun.wait(LIMIT)
        _, until = await turns.look(self._lease)
        while not self.stop.is_set():
            now, _ = await turns.look(self._lease)
            self.found.append(await janitor.reap())
            if now > until + LEASE / 3:
                self.over.set()
            await asyncio.sleep(0.1)
        await store.close()

    async def _lease(self, turn: Turn) -> tuple[datetime, datetime]:
        [until] = await turn.connection.scalars(sa.select(tables.workers.c.lease_until))
        return turn.now, until


async def test_a_plugin_that_blocks_is_named_and_its_run_looks_alive(
    store: Store, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def blocking(task: Task) -> AsyncIterator[Any]:
        there.begun.set()
        there.over.wait(LIMIT)  # what nobody should do
        yield Answered("done at last")

    there = Other(database_url)
    rig = await opened(store, lease=LEASE, blocking=blocking)
    dog = Watchdog(rig.plugins.running)
    dog.start()
    other = threading.Thread(target=there.run)
    other.start()
    try:
        started = await rig.start(await rig.agent_job({"kind": "python", "plugin": "blocking"}))
        batch = await rig.ended(started.batch)
    finally:
        there.stop.set()
        there.begun.set()
        await asyncio.to_thread(other.join)
        dog.stop()
        await rig.close()
    (run,) = await rig.runs(started.batch)
    assert (run.status, run.attempt) == (Status.SUCCEEDED, 1)
    assert batch.state.ended
    assert there.over.is_set()
    assert not any(there.found)
    named = [one for one in caplog.records if one.message == "loop.stalled" and one.__dict__["runs"]]
    (stalled,) = named  # a slow machine's loop may stall without any run as well
    assert stalled.levelno == logging.WARNING
    assert stalled.__dict__["runs"] == [f"#{started.batch}.1 (blocking)"]
    assert any("in blocking" in one for one in stalled.__dict__["at"])


async def test_work_in_a_thread_sees_the_cancel_by_its_guard(store: Store) -> None:
    ended: list[str] = []

    def work(task: Task) -> None:
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            try:
                task.guard()
            except AgentError as error:
                ended.append(error.sentence)
                return
            threading.Event().wait(0.01)

    async def threaded(task: Task) -> AsyncIterator[Any]:
        yield Logged("begun")
        await asyncio.to_thread(work, task)

    rig = await opened(store, threaded=threaded)
    try:
        started = await rig.start(await rig.agent_job({"kind": "python", "plugin": "threaded"}))
        await rig.has_status(started.batch, Status.RUNNING)
        await cancel(rig, started.batch)
        await rig.ended(started.batch)
        await until(lambda: _there(ended))
    finally:
        await rig.close()
    assert ended == ["The run was cancelled."]


async def cancel(rig: PluginRig, number: int) -> None:
    batch = await rig.batch(number)
    await rig.turns.take(lambda turn: batches.cancel(turn, batch, None, rig.alice))


async def _there(found: list[str]) -> bool:
    return bool(found)


async def test_a_crash_of_a_plugin_is_a_reference_and_no_secret(store: Store) -> None:
    async def crashing(task: Task) -> AsyncIterator[Any]:
        yield Logged("begun")
        raise ValueError("a secret detail")

    rig = await opened(store, crashing=crashing)
    try:
        started = await rig.start(await rig.agent_job({"kind": "python", "plugin": "crashing"}))
        await rig.ended(started.batch)
        said = await rig.said(started.batch)
    finally:
        await rig.close()
    assert said[0] == Logged("begun")
    assert isinstance(said[-1], Failed)
    assert "reference" in said[-1].sentence
    assert "a secret detail" not in str(said)


async def test_odd_text_of_a_plugin_holds_up_no_other_run(store: Store) -> None:
    """PostgreSQL takes no NUL in a text column: one such step must not spoil the transaction of all."""

    async def odd(task: Task) -> AsyncIterator[Any]:
        await task.progress("step \0 one")
        yield Logged("a \0 \ud800 line")
        raise AgentError("failed \0 here")

    rig = await opened(store, odd=odd)
    try:
        started = await rig.start(await rig.agent_job({"kind": "python", "plugin": "odd"}))
        await rig.ended(started.batch)
        said = await rig.said(started.batch)
    finally:
        await rig.close()
    assert Logged("a ␀ ? line") in said
    (run,) = await rig.runs(started.batch)
    assert run.status is Status.FAILED


async def test_cancelling_a_run_tells_the_service(store: Store) -> None:
    seen: list[str] = []

    async def reply(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.Response(status=202, headers={"Location": "/tasks/1"})

    rig = await opened(store)
    try:
        async with serving(reply, signed=False) as there:
            agent = {"kind": "http", "url": there.url, "allow_private": True}
            started = await rig.start(await rig.agent_job(agent))
            await until(lambda: _there([one for one in seen if one == "GET"]))
            await cancel(rig, started.batch)
            await rig.ended(started.batch)
            said = await rig.said(started.batch)
    finally:
        await rig.close()
    assert seen[-1] == "DELETE"
    assert any(isinstance(one, Logged) and "was told to stop" in one.text for one in said)
    (run,) = await rig.runs(started.batch)
    assert run.status is Status.CANCELLED
