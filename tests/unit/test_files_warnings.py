"""What files say of channels on platforms that are not set up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import files
from bot.settings import Settings
from core import jobfiles

TEXT = """\
agents: {a: {kind: report, source: s}}
sources: {s: {url: "sqlite:///x.db"}}
jobs:
  weekly:
    agent: a
    questions: [{name: total, sql: select 1 as total}]
    channel: "slack:#growth"
    notify: [{to: [origin, "slack:#growth", "email:ana@example.com", "console:ops"]}]
"""


def told(capsys: pytest.CaptureFixture[str], settings: Settings) -> list[str]:
    files._warn_of_platforms(settings, jobfiles.read_text(TEXT))
    return capsys.readouterr().err.splitlines()


def test_each_channel_that_cannot_be_reached_is_told_once_with_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rest = "that platform is not set up here, what is owed there waits (warning)"
    assert told(capsys, Settings()) == [
        f"slashjob.yml:4: weekly tells slack:#growth: {rest}",
        f"slashjob.yml:4: weekly tells email:ana@example.com: {rest}",
    ]


def test_where_the_platform_is_set_up_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(slack_bot_token="xoxb-1", smtp_url="smtp://localhost:25")
    assert told(capsys, settings) == []


def test_check_tells_it_too_where_it_knows_the_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slashjob.yml").write_text(TEXT)
    assert files.check(tmp_path, Settings(smtp_url="smtp://localhost:25")) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("slashjob.yml:4: weekly tells slack:#growth")
    assert files.check(tmp_path) == 0
    assert capsys.readouterr().err == ""
