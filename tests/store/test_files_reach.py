"""What `serve` says of channels on platforms that are not set up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot import files
from bot.settings import Settings
from core.store.database import Store
from tests.store.rig import Rig


async def test_serve_names_each_channel_that_it_cannot_reach(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(store)
    await rig.prepare()
    await rig.job("weekly", channel="slack:#growth", notify=[{"to": ["origin", "console:ops", "slack:#ops"]}])
    await files.warn_of_jobs(cast(Any, SimpleNamespace(turns=rig.turns, settings=Settings())))
    told = [(one.__dict__["job"], one.__dict__["channel"]) for one in caplog.records]
    assert told == [("weekly", "slack:#growth"), ("weekly", "slack:#ops")]
    caplog.clear()
    slack = Settings(slack_bot_token="xoxb-1")
    await files.warn_of_jobs(cast(Any, SimpleNamespace(turns=rig.turns, settings=slack)))
    assert caplog.records == []
