"""The rig, as a fixture on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.store.database import Store
from tests.store.desk_rig import Office
from tests.store.rig import LONG, Rig
from tests.store.schedule_rig import Planner


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[Rig]:
    """A rig with a running worker."""
    made = Rig(store)
    await made.prepare()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def planner(store: Store) -> AsyncIterator[Planner]:
    """A rig with a scheduler whose clock the test moves; its worker's lease outlasts every jump."""
    made = Rig(store, lease=LONG)
    await made.prepare()
    await made.open()
    yield Planner(made)
    await made.close()


@pytest.fixture
async def office(store: Store) -> AsyncIterator[Office]:
    """A rig with a running worker and a desk."""
    made = Office(store)
    await made.prepare()
    await made.open()
    yield made
    made.agent.gate.set()
    await made.close()
