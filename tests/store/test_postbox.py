"""An answer that a service brings to one process while another waits for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from adapters.agents import callbacks as module
from adapters.agents.callbacks import Brought, Callbacks
from core.janitor import Janitor
from core.postbox import Postbox
from core.store.database import Store
from core.store.tables import callbacks
from core.turns import Turns
from core.vault import Vault
from tests.store.rig import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.01)


def processes(store: Store) -> tuple[Callbacks, Callbacks]:
    """Two behind one address."""
    vault = Vault([Fernet.generate_key().decode()])
    made = tuple(Callbacks("https://bot.example.com", Postbox(Turns(store), vault)) for _ in range(2))
    for one in made:
        one.listen()
    return made[0], made[1]


async def stored(store: Store) -> list[sa.Row[tuple[object, ...]]]:
    async with store.reading() as connection:
        return list(await connection.execute(sa.select(callbacks)))


async def test_an_answer_reaches_whoever_waits_in_another_process_once(store: Store) -> None:
    waiting, reached = processes(store)
    async with waiting.offer() as callback:
        assert callback is not None
        assert not await reached.bring("guessed", b"{}", "application/json")
        bringing = [reached.bring(callback.token, b"\x00 whole", "text/plain") for _ in range(4)]
        assert sorted(await asyncio.gather(*bringing)) == [False, False, False, True]
        assert await callback.answered == Brought(b"\x00 whole", "text/plain")
        (row,) = await stored(store)
        assert callback.token not in str(row)
        assert "whole" not in str(row)
    assert await stored(store) == []
    assert not await reached.bring(callback.token, b"late", "text/plain")


async def test_an_answer_in_the_same_process_needs_no_look(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 3600)
    waiting, _ = processes(store)
    async with waiting.offer() as callback:
        assert callback is not None
        assert await waiting.bring(callback.token, b"here", "text/plain")
        assert await callback.answered == Brought(b"here", "text/plain")


async def test_the_address_dies_with_its_attempt_also_when_that_is_cancelled(store: Store) -> None:
    waiting, reached = processes(store)
    tokens: list[str] = []

    async def attempt() -> None:
        async with waiting.offer() as callback:
            assert callback is not None
            tokens.append(callback.token)
            await callback.answered

    task = asyncio.create_task(attempt())

    async def offered() -> bool:
        return bool(tokens)

    await until(offered)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stored(store) == []
    assert not await reached.bring(tokens[0], b"late", "text/plain")


async def test_what_a_dead_process_left_is_forgotten_after_days(store: Store) -> None:
    turns = Turns(store)
    box = Postbox(turns, Vault([Fernet.generate_key().decode()]))
    await box.open("left")
    store.offset = timedelta(days=8)
    await box.open("new")
    await Janitor(turns, lease=timedelta(seconds=30)).forget()
    assert len(await stored(store)) == 1
    assert await box.bring("new", b"x", "text/plain")
