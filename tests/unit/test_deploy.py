"""The files for containers and systemd say what the program does: its commands, its settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bot.cli import main
from bot.settings import SECRETS, Settings

FOLDER = Path(__file__).parents[2] / "bot" / "deploy"
ROOT = FOLDER.parents[1]
KNOWN = {field.alias for field in Settings.model_fields.values()} | {f"{name}_FILE" for name in SECRETS}


def compose() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yml").read_text())
    return made


def ours() -> dict[str, dict[str, Any]]:
    return {name: one for name, one in compose()["services"].items() if one["image"] == "slashjob"}


def test_every_service_starts_a_command_that_there_is() -> None:
    commands = main.list_commands(click.Context(main))
    started = {name: one["command"] for name, one in ours().items()}
    assert started == {"migrate": ["migrate"], "bot": ["serve"], "worker": ["worker"]}
    for (command,) in started.values():
        assert command in commands


def test_every_setting_of_the_services_is_known() -> None:
    for service in ours().values():
        assert {name for name in service["environment"] if not name.startswith("PG")} <= KNOWN


def test_every_secret_and_volume_that_is_used_is_declared() -> None:
    declared = compose()
    for service in declared["services"].values():
        assert set(service.get("secrets", ())) <= set(declared["secrets"])
        named = {one.partition(":")[0] for one in service["volumes"]}
        assert {one for one in named if not one.startswith("..")} <= set(declared["volumes"])


def test_services_wait_for_the_database_and_its_schema() -> None:
    conditions = {
        name: {other: one["condition"] for other, one in service["depends_on"].items()}
        for name, service in ours().items()
    }
    assert conditions["migrate"] == {"postgres": "service_healthy"}
    assert conditions["bot"] == conditions["worker"] == {"migrate": "service_completed_successfully"}


def test_the_image_copies_what_there_is_and_knows_its_settings() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(" ".join(copied).split()) <= allowed
    assert set(re.findall(r"(SLASHJOB_\w+|DATABASE_URL)=", text)) <= KNOWN
    assert re.search(r"^USER (?!root|0\b)", text, re.MULTILINE)


@pytest.mark.parametrize("key", ["Restart=always", "KillMode=mixed", "NoNewPrivileges=yes"])
def test_the_unit_of_systemd_comes_back_and_stops_gently(key: str) -> None:
    assert key in (FOLDER / "slashjob.service").read_text().splitlines()


def test_systemd_waits_longer_than_the_bot_drains() -> None:
    unit = (FOLDER / "slashjob.service").read_text()
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert int(seconds) > Settings.model_fields["drain"].default.total_seconds()
