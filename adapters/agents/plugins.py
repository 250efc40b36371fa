"""The `python` agent: plug-ins, by entry points of the group `slashjob.agents` that the settings allow.

A plug-in is an asynchronous generator, `async def run(task)`, that yields entries (`core.entries`); the last
`Answered` is the answer. Its task has

    parameters            the typed values; secrets in the clear
    source(name)          a read-only source of the agent; `await (await task.source()).query(sql, values)`
    progress(text), log(text)
    idempotency_key       the same for every attempt of the run
    guard()               raises where the work must stop: in threads and before effects

It runs in the bot's process and event loop: what blocks belongs into `asyncio.to_thread`. What it raises as
`AgentError` is said as it is; anything else is kept out of channels, and a reference to the log said instead.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from importlib import metadata
from typing import Any

from adapters.agents import yielded
from core.entries import Entry
from core.errors import AgentError
from core.nearest import nearest
from core.ports import Task

GROUP = "slashjob.agents"

Run = Callable[[Task], AsyncIterator[Any]]
"""The whole interface of a plug-in."""


def installed() -> Mapping[str, metadata.EntryPoint]:
    """Every plug-in of this environment by its name; nothing is imported."""
    return {one.name: one for one in metadata.entry_points(group=GROUP)}


class Plugins:
    """Runs plug-ins. Only those in `allowed` are ever imported."""

    def __init__(
        self, allowed: Iterable[str], *, find: Callable[[], Mapping[str, metadata.EntryPoint]] = installed
    ) -> None:
        self._allowed = tuple(allowed)
        self._find = find
        self._loaded: dict[str, Run] = {}
        self._running: dict[str, str] = {}

    def missing(self) -> tuple[str, ...]:
        """What is allowed and not installed."""
        have = self._find()
        return tuple(name for name in self._allowed if name not in have)

    def running(self) -> tuple[str, ...]:
        """The runs at work, as `#128.3 (tickets)`. Safe in any thread."""
        return tuple(f"{label} ({name})" for label, name in sorted(self._running.copy().items()))

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        """Run the agent's plug-in. Raises `AgentError`, and whatever the plug-in raises."""
        name = task.version.agent.plugin
        work = await self._load(name)
        self._running[task.label] = name
        try:
            async with aclosing(checked(work, task, name)) as entries:
                async for entry in entries:
                    yield entry
        finally:
            self._running.pop(task.label, None)

    async def _load(self, name: str) -> Run:
        if name not in self._allowed:
            near = nearest(name, self._allowed, 1)
            raise AgentError(
                f"The plug-in {name} is not allowed here.",
                hint=f"Did you mean {near[0]}?" if near else f"SLASHJOB_AGENTS has to name it: {name}.",
                permanent=True,
            )
        if name not in self._loaded:
            # An import may take seconds, and runs code of others: not on the event loop.
            self._loaded[name] = await asyncio.to_thread(self._import, name)
        return self._loaded[name]

    def _import(self, name: str) -> Run:
        point = self._find().get(name)
        if point is None:
            raise AgentError(
                f"The plug-in {name} is not installed.",
                hint=f"Install the package that has {name} in the entry points {GROUP}.",
                permanent=True,
            )
        try:
            found = point.load()
        except Exception as error:  # the door to code of others: whatever it raises, it cannot be used
            raise AgentError(
                f"The plug-in {name} cannot be imported ({type(error).__name__}).",
                hint=f"Try: python -c 'import {point.module}'",
                permanent=True,
            ) from error
        work: Run = getattr(found, "run", found)
        if not inspect.isasyncgenfunction(work):
            raise AgentError(
                f"The plug-in {name} is no asynchronous generator.",
                hint="It is written: async def run(task): … yield Answered(…)",
                permanent=True,
            )
        return work


async def checked(work: Run, task: Task, name: str) -> AsyncGenerator[Entry]:
    """What the plug-in yields and says, each held against the shapes of entries. Raises `AgentError`."""
    emit = task.emit

    async def say(entry: Entry) -> None:
        await emit(yielded.fit(entry, name))

    task = replace(task, emit=say)
    async with aclosing(work(task)) as entries:  # type: ignore[type-var]
        async for entry in entries:
            yield yielded.fit(entry, name)
