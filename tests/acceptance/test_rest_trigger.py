"""`slashjob trigger` against a server, and the lines for a shell in the README, as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.program_rig import LIMIT, ROOT, Ended
from tests.acceptance.rest_rig import Client, Pipeline, make_key, pipeline

WEEKLY = """\
  weekly-report:
    agent: analyst
    parameters: {campaign_id: {type: integer}}
    questions: [{name: total, sql: select count(*) as n from sales where campaign_id = :campaign_id}]
    overlap: allow
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pipeline(tmp_path_factory.mktemp("trigger")) as made:
        file = made.program.folder / "slashjob.yml"
        file.write_text(file.read_text() + WEEKLY)
        made.program.run("apply")
        yield made


@pytest.fixture(scope="module")
def key(served: Pipeline) -> Any:
    return make_key(served.program, "agent_jobs_trigger", "agent_jobs_read", name="shell")


def trigger(served: Pipeline, key: Any, *arguments: str, code: int, **settings: str) -> Ended:
    own = {
        "SLASHJOB_URL": f"http://127.0.0.1:{served.serving.port}",
        "SLASHJOB_KEY": key["key"],
        "SLASHJOB_ORGANIZATION": key["organization_id"],
    }
    return served.program.run("trigger", *arguments, code=code, **(own | settings))


def test_the_exit_code_is_the_outcome_of_the_run(served: Pipeline, key: Any) -> None:
    done = trigger(served, key, "count", "campaign_id=42", "--wait", code=0)
    assert "Campaign 42: *2* sales." in done.out
    failed = trigger(served, key, "no-table", "--wait", "--json", code=1)
    assert failed.json["state"] == "failed"
    assert "nothing_here" in failed.json["runs"][0]["error"]
    several = trigger(served, key, "count", "campaign_id=42", "campaign_id=43", "--wait", "--json", code=0)
    assert several.json["total"] == 2


def test_what_is_refused_says_why_and_exits_2(served: Pipeline, key: Any) -> None:
    assert "Did you mean count?" in trigger(served, key, "cuont", code=2).err
    assert "Did you mean 'campaign_id'?" in trigger(served, key, "count", "campain_id=1", code=2).err
    assert "no such key" in trigger(served, key, "count", code=2, SLASHJOB_KEY="sj_x").err
    assert "SLASHJOB_KEY is not set" in trigger(served, key, "count", code=2, SLASHJOB_KEY="").err
    assert "name=value" in trigger(served, key, "count", "campaign", code=2).err


def test_a_start_under_one_name_happens_once(served: Pipeline, key: Any) -> None:
    line = ("weekly-report", "campaign_id=42", "--idempotency-key", "load-7", "--json")
    first, again = (trigger(served, key, *line, code=0).json for _ in range(2))
    assert first["id"] == again["id"]


def test_the_lines_for_a_shell_in_the_readme_do_what_it_says(served: Pipeline, key: Any) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    chapter = text[text.index("\n## The API") : text.index("\n## Settings")]
    lines = [one for one in re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL) if one.startswith("curl")]
    assert len(lines) >= 3
    client = Client(served.serving.port, key["key"], key["organization_id"])
    chat = client.trigger("weekly-report", {"parameters": {"campaign_id": 42}}).json["chat_id"]
    client.ended(chat)
    environment = {
        "PATH": os.environ["PATH"],
        "URL": f"http://127.0.0.1:{served.serving.port}",
        "KEY": key["key"],
        "ORGANIZATION": key["organization_id"],
        "CHAT": chat,
    }
    for line in lines:
        done = _shell(line, environment, served.program.folder)
        answer = json.loads(done)
        assert "status" not in answer or answer["status"] not in (400, 401, 403, 404, 409, 422), done
    assert len(client.get("/api/agents/chats?jobId=weekly-report").json["chats"]) >= 2


def _shell(line: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
