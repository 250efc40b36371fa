"""Command jobs through the whole program, and how their runs end (scenarios D3, D4, E8, G5)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.command_rig import living, until

WORKSPACE = """
agents:
  scripts: {kind: command}
jobs:
  tree:
    agent: scripts
    command: [sh, -c, "sleep 300 & (setsid sleep 300 &) ; wait"]
    environment: {TREE: "%(mark)s"}
  deaf:
    agent: scripts
    timeout: 2s
    command: [sh, -c, "trap '' TERM; while :; do echo still here; sleep 1; done"]
    environment: {TREE: "%(mark)s"}
  exact:
    agent: scripts
    parameters: {name: {}, token: {secret: true}}
    command: [sh, -c, 'printf "%%s" "$2"; echo "log $TOKEN" >&2', sh, -x, "{name}"]
    environment: {TOKEN: "{token}"}
"""


class Bot:
    """A workspace of its own, spoken to by the command line."""

    def __init__(self, folder: Path) -> None:
        self.mark = uuid4().hex
        self.folder = folder
        self.running: list[asyncio.subprocess.Process] = []
        (folder / "slashjob.yml").write_text(WORKSPACE % {"mark": self.mark})

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        environment = {
            "PATH": os.environ["PATH"],
            "SLASHJOB_WORKSPACE": str(self.folder),
            "DATABASE_URL": f"sqlite:///{self.folder / 'bot.db'}",
            "SLASHJOB_COMMANDS": "/bin/sh",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments,
            env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])}, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.running.append(process)
        return process

    async def say(self, line: str) -> dict[str, Any]:
        return await told(await self.start("say", line, "--wait", "--json"))

    def living(self) -> dict[int, str]:
        return living(self.mark, "TREE")


async def told(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """What `say --json` printed."""
    printed, errors = await asyncio.wait_for(process.communicate(), 60)
    assert printed, errors.decode()
    found: dict[str, Any] = json.loads(printed)
    return found


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    made = Bot(tmp_path)
    applied = await made.start("apply")
    _, errors = await applied.communicate()
    assert applied.returncode == 0, errors.decode()
    yield made
    for process in made.running:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_a_program_that_ignores_its_time_out_is_timed_out_and_gone(bot: Bot) -> None:
    found = await bot.say("/job run deaf")
    (run,) = found["batch"]["runs"]
    assert run["status"] == "timed_out"
    assert "time-out of 2s" in run["error"]
    assert bot.living() == {}
    again = await bot.start("say", "/job run deaf", "--json")
    await told(again)
    assert again.returncode == 0, "the lock is not free"


async def test_a_cancelled_run_is_cancelled_only_when_its_tree_is_gone(bot: Bot) -> None:
    waiting = await bot.start("say", "/job run tree", "--wait", "--json")
    await until(lambda: len(bot.living()) >= 3, "the program works")
    await told(await bot.start("say", "/job cancel #1", "--json"))
    found = await told(waiting)
    assert [run["status"] for run in found["batch"]["runs"]] == ["cancelled"]
    assert bot.living() == {}


async def test_a_bot_that_is_killed_leaves_no_process_of_its_runs(bot: Bot) -> None:
    waiting = await bot.start("say", "/job run tree", "--wait", "--json")
    await until(lambda: len(bot.living()) >= 3, "the program works")
    waiting.kill()
    await until(lambda: bot.living() == {}, "nothing of the run lives")


async def test_a_value_arrives_exactly_and_a_secret_nowhere(bot: Bot) -> None:
    value = "; touch P $(touch P) `touch P` {{7*7}} %0a <!channel> --flag"
    process = await bot.start("say", f'/job run exact name="{value}" token=hunter-22', "--wait", "--json")
    printed, errors = await process.communicate()
    found = json.loads(printed)
    assert found["batch"]["runs"][0]["answer"] == value
    assert not (bot.folder / "P").exists()
    assert b"hunter-22" not in printed + errors
    for file in bot.folder.glob("bot.db*"):
        assert b"hunter-22" not in file.read_bytes(), file
