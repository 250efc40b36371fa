"""What Teams waits for goes first; what was answered already goes on all the same."""

from __future__ import annotations

import asyncio

from core.turnstile import AT_ONCE, Turnstile


async def test_work_waits_for_a_quiet_moment_but_not_for_ever() -> None:
    turnstile = Turnstile()
    begun = asyncio.Event()

    async def work() -> None:
        async with turnstile.after():
            begun.set()

    with turnstile.arriving():
        task = asyncio.create_task(work())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not begun.is_set()
        await asyncio.wait_for(begun.wait(), 20)  # although something arrives all the time
    await task


async def test_work_begins_as_soon_as_nothing_arrives() -> None:
    turnstile = Turnstile()
    order: list[str] = []

    async def work() -> None:
        async with turnstile.after():
            order.append("work")

    with turnstile.arriving():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        with turnstile.arriving():
            order.append("arrived")
    await task
    assert order == ["arrived", "work"]


async def test_only_a_few_work_at_once() -> None:
    turnstile = Turnstile()
    gate = asyncio.Event()
    inside = 0

    async def work() -> None:
        nonlocal inside
        async with turnstile.after():
            inside += 1
            await gate.wait()

    tasks = [asyncio.create_task(work()) for _ in range(AT_ONCE * 3)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert inside == AT_ONCE
    gate.set()
    await asyncio.gather(*tasks)
    assert inside == AT_ONCE * 3
