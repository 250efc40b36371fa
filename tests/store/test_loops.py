"""The loops of a process: they end without a word of complaint."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.loops import Loops
from core.retention import Retention
from tests.store.rig import Rig


async def test_a_pass_that_was_about_to_begin_at_the_stop_is_no_error(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Seen on a busy machine: whoever said a line read a traceback below its answer."""
    keeper = Retention(rig.turns, tmp_path / "data")
    loops = Loops(None, rig.janitor, None, keeper, lease=timedelta(seconds=30))
    loops.start()
    loops._scheduler.modify_job("reap", next_run_time=datetime.now(UTC))
    await loops.stop()  # in the same turn of the event loop, as where it lags behind
    for _ in range(3):
        await asyncio.sleep(0)
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []
