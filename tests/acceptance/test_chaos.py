"""A minute of chaos with one seed, on both databases; `make chaos` plays longer, with any seed."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.chaos import Plan, play

SEED = 1
SECONDS = 60.0


async def test_chaos_on_sqlite_breaks_nothing(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'slashjob.db'}"
    assert await play(Plan(tmp_path / "home", address, "embedded", 1, SECONDS, SEED)) == []


async def test_chaos_on_postgresql_breaks_nothing(tmp_path: Path, postgres_url: str) -> None:
    assert await play(Plan(tmp_path / "home", postgres_url, "distributed", 3, SECONDS, SEED)) == []
