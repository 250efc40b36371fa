"""Slots that come free together are filled by one claim, and nothing is waited for without end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from adapters.engines.slots import Slots
from core.collector import Collector


class Room:
    """Claims whatever is asked for; its runs end when they are told to."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.ends: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.calm = asyncio.Event()
        self.waits = 0

    async def begin(self, run_ids: list[str]) -> list[asyncio.Task[None]]:
        self.asked.append(len(run_ids))
        ends = [asyncio.Event() for _ in run_ids]
        begun = [asyncio.create_task(_run(end)) for end in ends]
        self.ends += ends
        self.tasks += begun
        return begun

    async def settled(self) -> None:
        self.waits += 1
        await self.calm.wait()


async def _run(end: asyncio.Event) -> None:
    await end.wait()


def gated() -> tuple[asyncio.Event, list[int], Collector[int, None]]:
    """A collector that writes into the list once the gate is open."""
    gate, written = asyncio.Event(), list[int]()

    async def flush(items: list[int]) -> list[None]:
        await gate.wait()
        written.extend(items)
        return [None] * len(items)

    return gate, written, Collector(flush)


async def until(condition: Callable[[], bool]) -> None:
    """Let others go on until it holds."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


async def test_slots_that_come_free_while_ends_are_written_are_filled_by_one_claim() -> None:
    room, stop = Room(), asyncio.Event()
    slots = Slots(room.begin, 3, room.settled)
    room.calm.set()
    slots.hint(3)
    working = asyncio.create_task(slots.work(stop))
    await until(lambda: room.asked == [3])
    room.calm.clear()
    waits = room.waits
    room.ends[0].set()
    await until(lambda: room.waits > waits)  # its slot would be claimed for by now
    for end in room.ends[1:]:
        end.set()
    await until(lambda: all(task.done() for task in room.tasks))
    room.calm.set()
    await until(lambda: len(room.asked) == 2)
    assert room.asked == [3, 3]
    stop.set()
    await working


async def test_a_wait_for_what_was_handed_in_ends_with_it_or_with_its_time() -> None:
    gate, written, collector = gated()
    async with asyncio.timeout(60):
        await collector.settled(60)  # nothing was handed in
        adding = [asyncio.create_task(collector.add(item)) for item in (1, 2)]
        await asyncio.sleep(0)
        await collector.settled(0)
        assert written == []
        settling = asyncio.create_task(collector.settled(60))
        gate.set()
        await settling
        assert written == [1, 2]
        await asyncio.gather(*adding)


async def test_what_is_handed_in_within_a_breath_is_waited_for() -> None:
    gate, written, collector = gated()
    async with asyncio.timeout(60):
        settling = asyncio.create_task(collector.settled(60, breath=1))
        await asyncio.sleep(0)
        adding = asyncio.create_task(collector.add(1))
        asyncio.get_running_loop().call_later(1.5, gate.set)
        await settling
        assert written == [1]
        await adding


async def test_what_could_not_be_written_is_settled_too() -> None:
    async def flush(items: list[int]) -> list[None]:
        raise OSError("away")

    collector: Collector[int, None] = Collector(flush)
    adding = asyncio.create_task(collector.add(1))
    await asyncio.sleep(0)
    await collector.settled(10)
    with pytest.raises(OSError, match="away"):
        await adding
