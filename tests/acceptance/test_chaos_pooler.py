"""A way to PostgreSQL that recycles connections and loses the answers to commits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.chaos import SEED, Plan, distrust

SECONDS = 12.0  # then for as long as it takes until both kinds of harm were done


@pytest.mark.parametrize("engine", ["embedded", "distributed"])
async def test_a_pooler_that_recycles_connections_and_cuts_commits_breaks_nothing(
    tmp_path: Path, postgres_url: str, engine: str
) -> None:
    """B9, and a connection that is reset while it commits: it is done, and nobody heard of it."""
    broken, way = await distrust(Plan(tmp_path / "home", postgres_url, engine, 2, SECONDS, SEED))
    assert broken == []
    assert way.recycled
    assert way.commits_cut
