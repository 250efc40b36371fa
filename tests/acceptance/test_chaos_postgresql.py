"""A minute of chaos with one seed on PostgreSQL: two that serve and a worker."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.chaos import MINUTE, SEED, Plan, play


async def test_chaos_on_postgresql_breaks_nothing(tmp_path: Path, postgres_url: str) -> None:
    assert await play(Plan(tmp_path / "home", postgres_url, "distributed", 3, MINUTE, SEED)) == []
