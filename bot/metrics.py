"""`/metrics`: what Prometheus reads. Gauges come from the rows, counters from this process since its start.

No label holds a name that people chose: jobs, channels and members stay out of it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy.pool import QueuePool

from core.store import pulse as rows
from core.store.pulse import Pulse
from core.turns import Turn

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from bot.app import Bot

CONTENT = "text/plain; version=0.0.4; charset=utf-8"


class Events(logging.Handler):
    """Counts the warnings and errors of our own parts by their name, such as `lease.lost`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: Counter[tuple[str, str]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count one; events of other libraries count under their logger's name."""
        own = record.name.partition(".")[0] in ("core", "bot", "adapters")
        name = str(record.msg) if own else record.name
        self.seen[name, record.levelname.lower()] += 1


class Metrics:
    """The figures of one process."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._events = Events()

    def mount(self, application: web.Application) -> None:
        """Answer at `/metrics`, and count what is logged for as long as the application lives."""
        application.router.add_get("/metrics", self._answer)
        logging.getLogger().addHandler(self._events)
        application.on_cleanup.append(self._end)

    async def _end(self, _: web.Application) -> None:
        logging.getLogger().removeHandler(self._events)

    async def _answer(self, _: web.Request) -> web.Response:
        async def look(turn: Turn) -> Pulse:
            return await rows.take(turn.connection, turn.now)

        pulse = await self._bot.turns.look(look)
        return web.Response(body=self._write(pulse), headers={"Content-Type": CONTENT})

    def _write(self, pulse: Pulse) -> bytes:
        # Loaded when somebody asks: most small installations never do.
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
        from prometheus_client.registry import Collector

        figures = [*_of_rows(pulse), *self._of_process()]

        class Figures(Collector):
            def collect(self) -> Iterable[Metric]:
                return figures

        registry = CollectorRegistry()
        registry.register(Figures())
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def _of_process(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        ended = CounterMetricFamily(
            "slashjob_attempts_ended", "Attempts that ended in this process.", labels=["status"]
        )
        for status, number in sorted(self._bot.ended.items()):
            ended.add_metric([status], number)
        yield ended
        events = CounterMetricFamily(
            "slashjob_events", "Warnings and errors by their name.", labels=["event", "level"]
        )
        for (event, level), number in sorted(self._events.seen.items()):
            events.add_metric([event, level], number)
        yield events
        yield GaugeMetricFamily("slashjob_running", "Runs in this process.", self._bot.running)
        yield GaugeMetricFamily("slashjob_executing", "1 where this process executes.", self._bot.executing)
        lease = self._bot.lease_left
        if lease is not None:
            yield GaugeMetricFamily("slashjob_lease_seconds", "What is left of the lease.", lease)
        stall = GaugeMetricFamily("slashjob_loop_silence_seconds", "How long the event loop did not turn.")
        stall.add_metric([], self._bot.silence)
        yield stall
        yield from self._of_pool()

    def _of_pool(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        pool = self._bot.store.writer.pool
        if isinstance(pool, QueuePool):
            yield GaugeMetricFamily("slashjob_pool_size", "Connections kept to the database.", pool.size())
            yield GaugeMetricFamily("slashjob_pool_used", "Those in use.", pool.checkedout())


def _of_rows(pulse: Pulse) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    runs = GaugeMetricFamily("slashjob_runs", "Runs that have not ended.", labels=["status"])
    for status, number in pulse.runs.items():
        runs.add_metric([status], number)
    yield runs
    owed = GaugeMetricFamily(
        "slashjob_deliveries", "Messages that are owed, or whose fate is unknown.", labels=["state"]
    )
    for state, number in pulse.deliveries.items():
        owed.add_metric([state], number)
    yield owed
    yield GaugeMetricFamily("slashjob_workers", "Processes whose lease lives.", pulse.workers)
    for name, told, value in (
        ("queue_age", "Age of the run that has been queued longest.", pulse.queue_age),
        ("schedule_lag", "How long the earliest due schedule has been due.", pulse.schedule_lag),
        ("delivery_age", "How long the earliest owed message has been due.", pulse.delivery_age),
    ):
        yield GaugeMetricFamily(f"slashjob_{name}_seconds", told, value)
