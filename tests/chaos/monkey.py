"""What is done to the world, at random from a seed; and how it is brought to rest afterwards."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import sqlalchemy as sa

from core.store import tables
from tests.acceptance.program_rig import Serving
from tests.channels.slack_workspace import Fault
from tests.chaos.world import DRAIN, LEASE, PATIENCE, Node, World, worked

PAUSES = (1.0, 5.0)  # seconds between two blows; twice as long where there is one node, which has to start
DEAD = (0.0, 6.0)  # seconds until a dead node is started again
FROZEN = (LEASE * 0.5, LEASE * 3.0)  # seconds: shorter and longer than the lease
REFUSED = 2  # the exit code of a process that cannot begin, and says why
POSTS = ("chat.postMessage", "chat.update")


class Monkey:
    """Strikes until it is told to stop."""

    def __init__(self, world: World, *, outage: float) -> None:
        self.world = world
        self.outage = outage  # the longest time that the database is away, in seconds
        self.count = 0
        self.left: list[str] = []
        """nodes that ended by themselves, and had no reason to"""
        self._healing: list[asyncio.Task[None]] = []

    async def rage(self, seconds: float) -> None:
        """Strike at random for so long."""
        supervising = asyncio.create_task(self._supervise())
        try:
            await self._rage(time.monotonic() + seconds)
        finally:
            supervising.cancel()
            await asyncio.gather(supervising, return_exceptions=True)

    async def _supervise(self) -> None:
        """Start again what has ended by itself: it was started while the database was away."""
        while True:
            await asyncio.sleep(1.0)
            self._revive()

    async def _rage(self, until: float) -> None:
        slow = 2 if len(self.world.nodes) == 1 else 1
        while time.monotonic() < until:
            await asyncio.sleep(self.world.chance.uniform(*PAUSES) * slow)
            self.count += 1
            await self._strike()

    async def calm(self) -> None:
        """Undo everything: every node runs, the database is there, Slack is well.

        What was started while the database was away may end now only, when it is there again.
        """
        await asyncio.gather(*self._healing)
        self.world.slack.mend()
        async with asyncio.timeout(PATIENCE):
            while not all(worked(node) and not node.dead for node in self.world.nodes):
                self._revive()
                await asyncio.sleep(0.1)

    async def _strike(self) -> None:
        blows: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (5, self._kill), (4, self._freeze), (3, self._terminate), (3, self._trouble_slack)
        ]  # fmt: skip
        if not self.world.sqlite:
            blows += [(2, self._cut), (1, self._away)]
        weights = [weight for weight, _ in blows]
        [(_, blow)] = self.world.chance.choices(blows, weights)
        await blow()

    def _node(self) -> Node | None:
        alive = [node for node in self.world.nodes if node.alive and not node.leaving]
        return self.world.chance.choice(alive) if alive else None

    async def _kill(self) -> None:
        if node := self._node():
            pause = self.world.chance.uniform(*DEAD)
            self.world.tell(f"kill -9 {node.name}, back after {pause:.1f} s")
            node.leaving = node.killed = True
            _process(node).process.kill()
            self._later(self._back(node, pause))

    async def _terminate(self) -> None:
        if node := self._node():
            self.world.tell(f"terminate {node.name}")
            node.leaving = True
            _process(node).process.send_signal(signal.SIGTERM)
            self._later(self._back(node, 0.0))

    async def _freeze(self) -> None:
        if node := self._node():
            pause = self.world.chance.uniform(*FROZEN)
            self.world.tell(f"freeze {node.name} for {pause:.1f} s")
            node.frozen = True
            _process(node).process.send_signal(signal.SIGSTOP)
            self._later(self._thaw(node, pause))

    async def _cut(self) -> None:
        self.world.tell("reset every connection to the database")
        await asyncio.to_thread(throw_out, self.world.engine)

    async def _away(self) -> None:
        pause = self.world.chance.uniform(0.5, self.outage)
        self.world.tell(f"the database is away for {pause:.1f} s")
        await asyncio.to_thread(admit, self.world.engine, allowed=False)
        try:
            await asyncio.sleep(pause)
        finally:
            await asyncio.to_thread(admit, self.world.engine, allowed=True)

    async def _trouble_slack(self) -> None:
        method = self.world.chance.choice(POSTS)
        fault = self.world.chance.choice(
            [
                Fault(reset=True, after=True, times=2),
                Fault(reset=True, times=2),
                Fault(status=503, times=2),
                Fault(status=500, after=True),
                Fault(retry_after="1", times=2),
            ]
        )
        self.world.tell(f"Slack: {method} goes wrong ({fault})")
        self.world.slack.fault(method, fault)

    def _later(self, work: Awaitable[None]) -> None:
        self._healing.append(asyncio.ensure_future(work))

    async def _thaw(self, node: Node, pause: float) -> None:
        await asyncio.sleep(pause)
        _process(node).process.send_signal(signal.SIGCONT)
        node.frozen = False

    async def _back(self, node: Node, pause: float) -> None:
        serving = _process(node)
        code = await asyncio.to_thread(_wait, serving)
        if not node.killed and code != 0 and worked(node):  # before that, nobody listens to signals yet
            raise AssertionError(f"{node.name} left with {code}: {serving.said[-2000:]}")
        await asyncio.sleep(pause)
        self.world.start(node)

    def _revive(self) -> None:
        """Start again what has ended by itself: it may where it was started while the database was away."""
        for node in self.world.nodes:
            if node.dead and not node.leaving:
                serving = _process(node)
                self.world.tell(f"{node.name} has ended by itself: {serving.said[-200:].strip()}")
                if worked(node) or serving.process.returncode != REFUSED or "Traceback" in serving.said:
                    code = serving.process.returncode
                    self.left.append(f"{node.name} ended by itself with {code}: {serving.said[-1000:]}")
                self.world.start(node)


async def quiet(world: World) -> None:
    """Take the schedules away, and wait until nothing is under way and nothing is owed: as long as it takes,
    but not where nothing comes to its end any more."""
    world.write(scheduled=False)
    await asyncio.to_thread(world.home.run, "apply")
    least, until = math.inf, time.monotonic() + PATIENCE
    while any(left := under_way(world)):
        if sum(left) < least:
            least, until = sum(left), time.monotonic() + PATIENCE
        if time.monotonic() > until:
            raise AssertionError(
                "the world does not come to rest: {} batches, {} deliveries, {} requests".format(*left)
            )
        await asyncio.sleep(0.5)


def under_way(world: World) -> tuple[int, int, int]:
    """What is not at its end yet: batches, deliveries, and what was said."""
    batches, deliveries = tables.batches, tables.deliveries
    with world.engine.connect() as connection:
        going = connection.scalar(
            sa.select(sa.func.count()).where(batches.c.state.in_(["waiting", "active"]))
        )
        owed = connection.scalar(
            sa.select(sa.func.count()).where(
                sa.or_(
                    deliveries.c.state.in_(["pending", "sending"]),
                    sa.and_(deliveries.c.state == "sent", deliveries.c.version != deliveries.c.sent_version),
                )
            )
        )
        said = connection.scalar(
            sa.select(sa.func.count()).select_from(tables.requests).where(tables.requests.c.text.is_not(None))
        )
    return going or 0, owed or 0, said or 0


def throw_out(engine: sa.Engine) -> None:
    """Reset every connection but this one."""
    with engine.connect() as connection, suppress(sa.exc.OperationalError):
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def admit(engine: sa.Engine, *, allowed: bool) -> None:
    """Let nobody connect any more, or everybody again."""
    name = engine.url.database
    other = sa.create_engine(engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.execute(sa.text(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS {allowed}'))
        if not allowed:
            connection.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": name},
            )
    other.dispose()


def _process(node: Node) -> Serving:
    if node.serving is None:
        raise AssertionError(f"{node.name} was never started")
    return node.serving


def _wait(serving: Serving) -> int:
    return serving.process.wait(DRAIN + 90)
