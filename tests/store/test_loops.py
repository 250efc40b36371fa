"""The loops of a process: they end without a word of complaint."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.loops import Loops
from core.composer import compose
from core.errors import Busy
from core.janitor import Janitor
from core.notifier import Notifier
from core.retention import Retention
from core.scheduler import Scheduler
from core.store.database import Store
from core.turns import Turns
from core.vault import Vault
from tests.limits import within
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


async def test_a_database_that_is_away_fills_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each loop tells it in a line for each pass, without a traceback, and nothing is an error."""
    away = Store("postgresql://nobody@127.0.0.1:1/none")
    turns = Turns(away)
    vault = Vault([Fernet.generate_key().decode()])
    notifier, planner = Notifier(turns, {}, compose), Scheduler(turns, vault)
    lease = timedelta(seconds=30)
    loops = Loops(notifier, Janitor(turns, lease=lease), planner, Retention(turns, tmp_path), lease=lease)
    loops.start()
    loops.wake()
    with within(60):
        while {"notifier", "scheduler", "reap"} - {one.__dict__.get("loop") for one in caplog.records}:
            await asyncio.sleep(0.01)
    with pytest.raises(Busy):  # what is owed cannot be brought either
        await loops.stop()
    await away.close()
    told = [one for one in caplog.records if "loop" in one.__dict__]
    assert {one.message for one in told} == {"loop.put_off"}
    assert {one.__dict__["error"] for one in told} == {"The database is away; nothing was started."}
    assert [one.message for one in caplog.records if one.exc_info or one.levelno >= logging.ERROR] == []
