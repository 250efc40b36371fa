"""The shapes that adapters fit: Platform, Engine, Agent, Source; each has two that we ship."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from core.definitions import SourceDefinition, Version
from core.entries import Entry, Logged, Progressed
from core.errors import AgentError
from core.messages import Cell, Message


@dataclass(frozen=True, slots=True)
class Channel:
    """A place on a platform where the bot hears or posts.

    `address` is the platform's own id, `thread` empty for the channel itself, `reference` what the
    platform needs beside it (a conversation reference).
    """

    platform: str
    address: str
    thread: str = ""
    reference: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.platform}:{self.address}"


@dataclass(frozen=True, slots=True)
class About:
    """What a message tells of, for platforms that are read by machines or that keep threads by job.

    `kind` is the delivery's (`deliveries.Kind`), `batch` the number that people read, `state` the batch's.
    All empty where the message is about no batch.
    """

    kind: str = ""
    job_id: str = ""
    job: str = ""
    batch_id: str = ""
    batch: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One message to bring to one channel. With `external_id` the message there is edited."""

    delivery_id: str
    channel: Channel
    message: Message
    external_id: str = ""
    reply_to: str = ""  # the external id of the message whose thread it belongs to
    only_for: str = ""  # a platform id: nobody else in the channel may see it
    about: About = About()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform has it; `external_id` names it there for later edits.

    `elsewhere`: the channel did not take it, whom it is for has it another way.
    """

    external_id: str
    elsewhere: bool = False


class Platform(Protocol):
    """A way out. Nothing is decided here: it renders, sends, and tells faults apart.

    `repeatable`: bringing the same delivery twice does no harm (a mailbox that we read ourselves), so
    one whose sender died is brought again instead of being `unknown`.
    `editable`: what was brought can be changed there. Where it cannot (mail), a batch's message is brought
    once, when it has ended.
    """

    name: str
    repeatable: bool
    editable: bool

    async def deliver(self, post: Post) -> Receipt:
        """Send or edit. Raises `DeliveryError`, which says whether trying again may help."""
        ...


@runtime_checkable
class Finder(Protocol):
    """A platform that can look whether it has a delivery: asked before anything is sent a second time."""

    async def find(self, post: Post) -> Receipt | None:
        """The receipt of what was brought; None where it certainly was not, or where the channel itself
        tells a second bringing from the first.

        Raises `DeliveryError`: `unknown` and `permanent` where it cannot be told; else it is asked again.
        """
        ...


@runtime_checkable
class Locator(Protocol):
    """A platform whose channels have names that people write instead of their ids."""

    async def locate(self, channel: Channel) -> Channel | None:
        """The channel that a name means; None where there is none that the bot can see.

        Raises `DeliveryError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query returned: cells in the order of `columns`. `truncated` where there was more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool
    milliseconds: float


class Source(Protocol):
    """A read-only connection to data, opened for one run and closed after it."""

    async def query(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """Run one reading statement with bound values (`:name` in the text).

        Raises `SourceError` for a statement that is refused, fails, or takes too long.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection. Safe to call twice."""
        ...


OpenSource = Callable[[str, SourceDefinition, Mapping[str, str]], Awaitable[Source]]
"""(name, definition, environment for `${NAME}`) -> an open source; raises `SourceError`."""


Halt = Literal["", "cancel", "time", "shutdown", "lease"]
"""Why work has to stop: somebody cancelled it, its time is over, the process stops, or another process may
hold the run by now. Empty: it may go on."""

_HALTS: Mapping[Halt, str] = {
    "cancel": "The run was cancelled.",
    "time": "The run took longer than its time-out.",
    "shutdown": "The bot was stopped while the run was under way.",
    "lease": "This process no longer holds the run.",
}


def _go_on() -> Halt:
    return ""


@dataclass(slots=True)
class Task:
    """What an agent is given for one attempt of one run."""

    run_id: str
    label: str  # "#128.3"
    attempt: int  # from 1
    version: Version
    parameters: Mapping[str, Any]  # bound: int, float, str, bool, date, datetime; secrets in the clear
    now: datetime  # aware UTC: when the run started
    zone: ZoneInfo
    deadline: timedelta  # what is left of the time-out when it starts
    environment: Mapping[str, str]
    open_source: OpenSource
    emit: Callable[[Entry], Awaitable[None]]
    lease_until: Callable[[], float]  # CLOCK_BOOTTIME seconds: when this process must have stopped its work
    due_at: datetime | None = None
    halt: Callable[[], Halt] = _go_on

    def guard(self) -> None:
        """Return where the work may go on, else raise `AgentError` that says why it has to stop.

        Agents are cancelled at their next `await` anyway. This is for work that has none (a thread, a long
        loop), and for the moment before an effect that must not happen twice. Safe in any thread.
        """
        if why := self.halt():
            raise AgentError(_HALTS[why])

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of the run: hand it to services that must not act twice."""
        return self.run_id

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the parameters whose values may appear nowhere."""
        return frozenset(name for name, one in self.version.job.parameters.items() if one.secret)

    async def source(self, name: str = "") -> Source:
        """Open the source of that name, or the agent's own. The caller closes it. Raises `AgentError`."""
        name = name or self.version.agent.source
        if name not in self.version.sources:
            known = ", ".join(sorted(self.version.sources)) or "none"
            raise AgentError(
                f"This job knows no source {name}." if name else "The agent of this job has no source.",
                hint=f"Its agent names them under source and sources; it has {known}.",
                permanent=True,
            )
        return await self.open_source(name, self.version.sources[name], self.environment)

    async def progress(self, text: str, *, done: float | None = None, total: float | None = None) -> None:
        """Say where the work is."""
        await self.emit(Progressed(text, done, total))

    async def log(self, text: str) -> None:
        """Keep a line in the chat."""
        await self.emit(Logged(text))


class Agent(Protocol):
    """Does the work of a job. Raises `AgentError` for what it can explain; is cancelled from outside."""

    def run(self, task: Task) -> AsyncIterator[Entry]:
        """Work, yielding entries in order; the last `Answered` is the answer."""
        ...


Ref = tuple[str, int]
"""(run id, priority): all that an engine ever carries."""


ANY = ""
"""Instead of a run's id: whichever has its turn."""

Begin = Callable[[list[str]], Awaitable[list["asyncio.Task[None]"]]]
"""Claims as many runs as these ids are, whichever have their turn, together; returns a task for each that it
got, which ends when the run does."""

Settled = Callable[[], Awaitable[None]]
"""Waits a moment for the ends of runs that are being written: their slots are free then, and are claimed for
together with the others."""


class Engine(Protocol):
    """Gets queued runs executed, at least once. It may lose or duplicate ids: the claim decides."""

    transactional: bool

    async def setup(self) -> None:
        """Connect and check its schema."""
        ...

    async def enqueue(self, connection: AsyncConnection | None, refs: Iterable[Ref], /) -> None:
        """Hand over ids: inside the caller's transaction where `transactional`, else after its commit.

        Without a connection the runs are queued already: this process is told to look for them.
        """
        ...

    async def run_worker(
        self,
        begin: Begin,
        concurrency: int,
        stop: asyncio.Event,
        settled: Settled | None = None,
        /,
    ) -> None:
        """Bring ids to `begin` until `stop` is set, at most `concurrency` runs at once; after `settled` where
        a larger claim is the cheaper one."""
        ...

    async def cancel(self, run_id: str) -> None:
        """A hint; reading `cancel_requested` is the guarantee."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
