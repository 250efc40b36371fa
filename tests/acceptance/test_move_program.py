"""`slashjob move`, as an engineer does it: service stopped, moved, started on PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.program_rig import program


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "slashjob.db.keys"


def test_history_goes_on_after_a_move_and_the_old_file_is_worked_on_no_more(
    tmp_path: Path, postgres_url: str, keys: Path
) -> None:
    with program(tmp_path) as bot:
        bot.run("apply")
        first = bot.say("run count campaign_id=42")["batch"]
        data = tmp_path / "slashjob.db.files" / "ab" / ("ab" * 32)
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text("kept")
        told = bot.run("move", "--to", postgres_url).out
        assert "1 files" in told
        assert f"SLASHJOB_SECRET_KEYS_FILE={keys}" in told
        assert (tmp_path / "slashjob.files" / "ab" / ("ab" * 32)).read_text() == "kept"
        refused = bot.run("serve", code=2).err
        assert "This installation was moved to postgresql" in refused
        assert "move --back" in refused
        assert first["status"] == "succeeded"
        bot.environment |= {"DATABASE_URL": postgres_url, "SLASHJOB_SECRET_KEYS_FILE": str(keys)}
        told = bot.run("console", text="show #1\nrun count campaign_id=43\n").out
        assert "Succeeded: Count the sales · #1" in told
        assert "Succeeded: Count the sales · #2" in told
        del bot.environment["DATABASE_URL"]
        bot.run("move", "--back")
        assert bot.say("show #1", wait=False)["reply"]["text"] == "Succeeded: Count the sales · #1"


def test_nothing_is_moved_beside_a_running_service(tmp_path: Path, postgres_url: str) -> None:
    with program(tmp_path) as bot:
        serving = bot.serve()
        assert f"Process {serving.pid} works on this database" in (
            bot.run("move", "--to", postgres_url, code=2).err
        )


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("sqlite:///other.db", "--to names SQLite"),
        ("postgresql://127.0.0.1:1/nowhere", "cannot be opened"),
    ],
)
def test_a_wrong_target_is_told_in_a_sentence(tmp_path: Path, to: str, said: str) -> None:
    sqlite3.connect(tmp_path / "slashjob.db").close()
    with program(tmp_path) as bot:
        assert said in bot.run("move", "--to", to, code=2).err
