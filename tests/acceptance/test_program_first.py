"""The first minutes: a workspace by questions, and a look whether all is there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot import init
from core.errors import Misconfigured, Refusal
from tests.acceptance.program_rig import Program


def test_a_first_workspace_is_made_checked_applied_and_run(tmp_path: Path) -> None:
    program = Program(tmp_path)
    told = program.run("init", "--schedule", "every weekday at 8").out
    assert "slashjob apply" in told
    assert "All well: 1 job, 1 agent, 1 source." in program.run("check").out
    program.run("apply")
    said = program.say("run daily-sales")
    assert said["batch"]["status"] == "succeeded"
    assert "orders" in said["batch"]["runs"][0]["answer"]
    before = (tmp_path / "slashjob.yml").read_text()
    assert "exists already; nothing was written" in program.run("init", code=2).err
    assert (tmp_path / "slashjob.yml").read_text() == before


def test_doctor_finds_a_lone_sqlite_file_well_and_a_source_that_is_not_there_bad(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.run("init")
    program.run("apply")
    found = program.run("doctor", "database", "--json").json
    assert {one["verdict"] for one in found} == {"well", "hint"}
    assert "slashjob serve" in program.run("doctor").out
    (tmp_path / "example.db").unlink()
    told = program.run("doctor", code=1).out
    assert "BAD   Source data: The file of the source data does not exist" in told


def test_what_was_answered_stands_in_the_workspace(tmp_path: Path) -> None:
    answers = init.Answers("month-end", "postgresql://reader:${SHOP}@db/shop", "0 8 1 * *")
    init.make(tmp_path, answers)
    made = yaml.safe_load((tmp_path / "slashjob.yml").read_text())
    assert made["sources"]["data"]["url"] == "postgresql://reader:${SHOP}@db/shop"
    assert made["jobs"]["month-end"]["title"] == "Month end"
    assert made["jobs"]["month-end"]["schedules"] == [{"when": "0 8 1 * *"}]
    assert not (tmp_path / "example.db").exists()


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (init.Answers(name="Bad Name"), "is no name"),
        (init.Answers(url="postgresql://u:hunter2@db/x"), "holds a password"),
    ],
)
def test_answers_that_cannot_be_right_are_refused_before_anything_is_written(
    tmp_path: Path, answers: init.Answers, sentence: str
) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        init.make(tmp_path / "new", answers)
    with pytest.raises(Refusal):
        init.make(tmp_path / "new", init.Answers(schedule="61 * * * *"))
    assert not (tmp_path / "new").exists()
