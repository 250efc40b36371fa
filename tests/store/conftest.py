"""The rig, as a fixture on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.store.database import Store
from tests.store.rig import Rig


@pytest.fixture
async def rig(store: Store) -> AsyncIterator[Rig]:
    """A rig with a running worker."""
    made = Rig(store)
    await made.prepare()
    await made.open()
    yield made
    await made.close()
