"""A minute of chaos with one seed, on both databases; `make chaos` plays longer, with any seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.chaos import Plan, distrust, play

SEED = 1
SECONDS = 60.0


async def test_chaos_on_sqlite_breaks_nothing(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'slashjob.db'}"
    assert await play(Plan(tmp_path / "home", address, "embedded", 1, SECONDS, SEED)) == []


async def test_chaos_on_postgresql_breaks_nothing(tmp_path: Path, postgres_url: str) -> None:
    assert await play(Plan(tmp_path / "home", postgres_url, "distributed", 3, SECONDS, SEED)) == []


@pytest.mark.parametrize("engine", ["embedded", "distributed"])
async def test_a_pooler_that_recycles_connections_and_cuts_commits_breaks_nothing(
    tmp_path: Path, postgres_url: str, engine: str
) -> None:
    """B9, and a connection that is reset while it commits: it is done, and nobody heard of it."""
    broken, way = await distrust(Plan(tmp_path / "home", postgres_url, engine, 2, 25.0, SEED))
    assert broken == []
    assert way.recycled
    assert way.commits_cut
