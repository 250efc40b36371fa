"""The README's backup, taken beside a running bot, and put back."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.acceptance.program_rig import ROOT, program


def commands() -> str:
    """What the README says to type."""
    chapter = (ROOT / "README.md").read_text().partition("### Backup and restore")[2]
    found = re.search(r"```sh\n(.+?)```", chapter, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_backup_of_the_readme_brings_back_history_and_secrets(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    with program(old) as bot:
        bot.run("apply")
        bot.serve()
        assert bot.say("run count campaign_id=42")["batch"]["status"] == "succeeded"
        kept = old / "slashjob.db.files" / "ab" / "kept"
        kept.parent.mkdir(parents=True)
        kept.write_text("kept")
        subprocess.run(["sh", "-ec", commands()], cwd=old, check=True, timeout=60)
        assert bot.say("run count campaign_id=43")["batch"]["status"] == "succeeded"
    new.mkdir()
    for name in ("db", "db.keys", "db.files"):
        shutil.move(old / f"backup.{name}", new / f"slashjob.{name}")
    with program(new) as bot:
        told = bot.run("console", text="show #1\nshow #2\nrun count campaign_id=42\n").out
        assert "Succeeded: Count the sales · #1" in told
        assert "no run #2" in told.lower()
        assert bot.states() == [("succeeded", "succeeded", 1)] * 2
        assert (new / "slashjob.db.files" / "ab" / "kept").read_text() == "kept"
