"""The watchdog names whoever blocks the event loop, once, and says when it goes on."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.watchdog import Watchdog


@contextmanager
def watching(*runs: str) -> Iterator[Watchdog]:
    dog = Watchdog(lambda: runs, limit=0.2)
    dog.start()
    try:
        yield dog
    finally:
        dog.stop()


async def resumed(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(60):
        while not events(caplog, "loop.resumed"):
            await asyncio.sleep(0.01)


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.message == name]


def block_the_loop() -> None:
    blocked = threading.Event()
    blocked.wait(1.0)


async def test_a_stall_is_told_once_with_runs_and_place(caplog: pytest.LogCaptureFixture) -> None:
    with watching("#128.3 (tickets)"):
        block_the_loop()
        await resumed(caplog)
    (stalled,) = events(caplog, "loop.stalled")
    assert stalled.levelno == logging.WARNING
    assert stalled.__dict__["runs"] == ["#128.3 (tickets)"]
    assert any("block_the_loop" in one for one in stalled.__dict__["at"])
    (again,) = events(caplog, "loop.resumed")
    assert again.__dict__["seconds"] >= 0.9


async def test_each_stall_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with watching():
        for count in (1, 2):
            block_the_loop()
            async with asyncio.timeout(60):
                while len(events(caplog, "loop.resumed")) < count:
                    await asyncio.sleep(0.01)
    assert len(events(caplog, "loop.stalled")) == 2


async def test_a_loop_that_goes_on_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    dog = Watchdog(lambda: (), limit=5.0)
    dog.start()
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        await asyncio.sleep(0.01)
    dog.stop()
    assert not caplog.records


async def test_it_ends_when_it_is_told_to() -> None:
    before = threading.active_count()
    dog = Watchdog(lambda: ())
    dog.stop()
    dog.start()
    dog.stop()
    dog.stop()
    assert threading.active_count() == before
