"""A minute of chaos with one seed on SQLite; `make chaos` plays longer, with any seed.

PostgreSQL has files of its own beside this one, so that the processes of the tests share the minutes.
"""

from __future__ import annotations

from pathlib import Path

from tests.chaos.chaos import MINUTE, SEED, Plan, play


async def test_chaos_on_sqlite_breaks_nothing(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'slashjob.db'}"
    assert await play(Plan(tmp_path / "home", address, "embedded", 1, MINUTE, SEED)) == []
