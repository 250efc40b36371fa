"""The program on SQLite, as a user starts it: files, lines, settings, and the ends that trouble it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.acceptance.program_rig import LIMIT, WORKSPACE, Program, program, until


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A folder whose workspace is applied; tests that share it only start runs."""
    with program(tmp_path_factory.mktemp("shop")) as made:
        made.run("apply")
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Program]:
    """A folder whose workspace is not applied yet."""
    with program(tmp_path) as made:
        yield made


# files


def test_what_is_checked_planned_applied_and_exported_is_the_same(fresh: Program) -> None:
    assert "All well: 8 jobs, 4 agents, 3 sources." in fresh.run("check").out
    planned = fresh.run("plan", "--json").json
    assert {(one["section"], one["effect"]) for one in planned["changes"]} == {
        ("sources", "created"),
        ("agents", "created"),
        ("jobs", "created"),
    }
    assert "+ job count" in fresh.run("apply").out
    exported = fresh.run("export").out
    other = fresh.folder / "exported"
    other.mkdir()
    (other / "slashjob.yml").write_text(exported)
    assert "No change" in fresh.run("apply", str(other)).out
    changed = WORKSPACE.replace("Count the sales", "Count all sales").replace("  no-table:", "  other-table:")
    (fresh.folder / "slashjob.yml").write_text(changed)
    told = fresh.run("plan").out
    for part in ("Count the sales", "Count all sales", "other-table", "no-table"):
        assert part in told
    assert fresh.rows("select count(*) from job_versions") == [(8,)]


def test_every_mistake_of_the_files_is_told_with_its_line_and_nothing_is_applied(fresh: Program) -> None:
    (fresh.folder / "jobs").mkdir()
    (fresh.folder / "jobs" / "more.yml").write_text("jobs:\n  extra:\n    agent: analist\n    timeot: 5m\n")
    (fresh.folder / "jobs" / "torn.yml").write_text("jobs: {a: [\n")
    checked = fresh.run("check", code=2)
    lines = checked.out.splitlines()
    assert any(line.startswith("jobs/more.yml:3: ") and "analyst" in line for line in lines)
    assert any(line.startswith("jobs/more.yml:4: ") and "timeout" in line for line in lines)
    assert any(line.startswith("jobs/torn.yml:") for line in lines)
    refused = fresh.run("apply", code=2)
    assert "jobs/more.yml:3: " in refused.err
    assert fresh.rows("select count(*) from jobs") == [(0,)]


def test_the_schema_is_printed(fresh: Program) -> None:
    schema = fresh.run("schema").json
    assert {"sources", "agents", "jobs"} <= set(schema["properties"])


def test_a_folder_without_a_workspace_is_told_what_to_do(tmp_path: Path) -> None:
    told = Program(tmp_path).run("check", code=2)
    assert "slashjob.yml" in told.out + told.err
    assert "slashjob init" in told.out + told.err


def test_every_wrong_setting_is_told_at_once(fresh: Program) -> None:
    told = fresh.run(
        "plan",
        code=2,
        SLASHJOB_PORT="eighty",
        SLASHJOB_TIMEZONE="Europe/Amsterdm",
        SLASHJOB_CONCURENCY="3",
        SLASHJOB_LEASE="1ms",
        SLASHJOB_SECRET_KEYS_FILE="nowhere",
    ).err
    assert "SLASHJOB_PORT" in told
    assert "Did you mean Europe/Amsterdam?" in told
    assert "SLASHJOB_CONCURENCY is no setting. Did you mean SLASHJOB_CONCURRENCY?" in told
    assert "SLASHJOB_LEASE" in told
    assert "nowhere cannot be read" in told
    assert "eighty" in told
    assert not (fresh.folder / "slashjob.db").exists()


# lines


def test_say_waits_and_tells_the_answer_as_json(shop: Program) -> None:
    said = shop.say("/job run count campaign_id=42")
    assert said["reply"]["title"].endswith(f"started count · #{said['batch']['number']}")
    batch = said["batch"]
    assert batch["status"] == "succeeded"
    [run] = batch["runs"]
    assert run["status"] == "succeeded"
    assert run["parameters"] == {"campaign_id": 42, "region": "EU"}
    assert run["answer"] == "Campaign 42: *2* sales."
    assert run["error"] is None
    assert shop.rows("select id from runs where id = ?", run["id"]) == [(run["id"],)]
    [posted] = said["posted"]
    assert posted["channel"] == "console:console"
    assert posted["text"].startswith("Succeeded: Count the sales")


def test_say_exits_1_where_a_run_failed_and_says_why(shop: Program) -> None:
    said = shop.say("run no-table", code=1)
    assert said["batch"]["status"] == "failed"
    assert "no such table: nothing_here" in said["batch"]["runs"][0]["error"]
    assert {one["kind"] for one in said["posted"]} == {"status", "alert"}


def test_say_exits_2_for_a_refusal_and_for_a_form(shop: Program) -> None:
    refused = shop.say("run cuont campaign_id=42", code=2)
    assert refused["batch"] is None
    assert refused["reply"]["buttons"][0]["command"] == "run count campaign_id=42"
    asked = shop.say("run count", code=2)
    assert [one["name"] for one in asked["reply"]["fields"] if one["required"]] == ["campaign_id"]


def test_say_speaks_as_somebody_else_where_told_so(shop: Program) -> None:
    told = shop.run("say", "role", "--as", "carol")
    assert "carol" in told.out
    refused = shop.run("say", "role carol admin", "--as", "carol", code=2)
    assert "Only an admin can give roles" in refused.out
    assert "carol is now viewer." in shop.run("members", "role", "carol", "viewer").out
    assert "viewer" in [one["role"] for one in shop.run("members", "list", "--json").json]


def test_a_console_through_a_pipe_answers_every_line_and_waits_for_what_it_started(shop: Program) -> None:
    lines = ["list", "run count @both", "run no-source", "run too-slow", "run too-much", "run nothing", "61"]
    told = shop.run("console", text="\n".join(lines)).out
    for part in (
        "8 jobs",
        "2 of 2 succeeded",
        "The file of the source away does not exist",
        "timed out after 1s",
        "There is no job called nothing.",
        "There is no button 61",
    ):
        assert part in told
    assert "Succeeded: too-much" in told
    assert "There was more: the source stopped after 35 rows." in told


def test_the_demo_shows_the_conversation_and_exits(tmp_path: Path) -> None:
    told = Program(tmp_path).run("demo", "--folder", str(tmp_path / "demo")).out
    for part in (
        "/job run weekly-report campaign_id=42",
        "started weekly-report · #1",
        "Succeeded: Weekly campaign report · #1",
        "Revenue by channel",
        "Helmet",
        "/job run budget-check campaign_id=45",
        "Over budget",
    ):
        assert part in told
    pictures = list((tmp_path / "demo").rglob("charts/*.png"))
    assert pictures
    assert all(one.read_bytes().startswith(b"\x89PNG") for one in pictures)


# who executes


def test_a_run_said_without_waiting_is_a_row_until_a_serve_executes_it(fresh: Program) -> None:
    fresh.run("apply")
    told = fresh.run("say", "run count campaign_id=42")
    assert "slashjob serve" in told.err
    assert fresh.states() == [("active", "queued", 0)]
    serving = fresh.serve()
    assert serving.get("/healthz") == (200, {"status": "ok"})
    assert serving.get("/readyz")[0] == 200
    until(lambda: fresh.states() == [("succeeded", "succeeded", 1)], "the queued run")
    beside = fresh.say("run count campaign_id=43")
    assert beside["batch"]["status"] == "succeeded"
    second = fresh.run("serve", code=2)
    assert f"Another slashjob serve (process {serving.pid}) runs on this database already." in second.err
    assert "slashjob serve" not in fresh.run("say", "run count campaign_id=42").err
    assert serving.terminate() == 0


def test_a_stop_lets_work_end_or_interrupts_it_and_tells_the_channel(fresh: Program) -> None:
    fresh.run("apply")
    serving = fresh.serve(SLASHJOB_DRAIN="1s")
    for job in ("gated", "gated-again"):
        fresh.run("say", f"run {job} gate={job}")
        fresh.begun(job)
    assert serving.terminate() == 0
    assert fresh.states() == [("failed", "interrupted", 1), ("active", "queued", 1)]
    told = fresh.rows("select kind, state from deliveries where batch = 1 order by kind")
    assert told == [("alert", "sent"), ("status", "sent")]
    assert fresh.rows("select count(*) from locks") == [(1,)]
    fresh.open("gated-again")
    again = fresh.serve()
    until(lambda: fresh.states()[1] == ("succeeded", "succeeded", 2), "the interrupted run")
    shown = fresh.run("say", "show #1").out
    assert "The bot was stopped while the run was under way." in shown
    assert again.terminate() == 0


def test_work_that_ends_within_the_drain_is_not_interrupted(fresh: Program) -> None:
    fresh.run("apply")
    serving = fresh.serve()
    fresh.run("say", "run gated gate=g")
    fresh.begun("g")
    serving.process.send_signal(signal.SIGTERM)
    fresh.open("g")
    assert serving.process.wait(LIMIT) == 0
    assert fresh.states() == [("succeeded", "succeeded", 1)]


def test_a_killed_bot_leaves_nothing_stuck(fresh: Program) -> None:
    fresh.run("apply")
    fresh.environment["SLASHJOB_LEASE"] = "1h"  # nobody waits for its end: there can be no other process
    serving = fresh.serve()
    for job in ("gated", "gated-retry"):
        fresh.run("say", f"run {job} gate={job}")
        fresh.begun(job)
    serving.kill()
    assert [row[1] for row in fresh.states()] == ["running", "running"]
    fresh.open("gated-retry")
    fresh.serve()
    until(lambda: fresh.states() == [("failed", "lost", 1), ("succeeded", "succeeded", 2)], "the lost runs")
    until(lambda: fresh.rows("select count(*) from locks") == [(0,)], "the locks")
    until(
        lambda: (
            fresh.rows("select kind from deliveries where batch = 1 and state = 'sent' order by kind")
            == [("alert",), ("status",)]
        ),
        "the alert",
    )
    fresh.open("gated")
    assert fresh.say("run gated gate=gated")["batch"]["status"] == "succeeded"


def test_a_serve_waits_for_a_say_that_executes(fresh: Program) -> None:
    fresh.run("apply")
    saying = fresh.start("say", "run gated gate=g", "--wait")
    fresh.begun("g")
    serving = fresh.start("serve", SLASHJOB_LOG_LEVEL="INFO")
    until(lambda: "serve.waiting" in serving.said, lambda: serving.said)
    assert "serves on" not in serving.said
    fresh.open("g")
    assert saying.process.wait(LIMIT) == 0
    serving.ready()
    assert fresh.states() == [("succeeded", "succeeded", 1)]


def test_who_waits_takes_over_when_the_one_who_executes_leaves(fresh: Program) -> None:
    fresh.run("apply")
    first = fresh.start("say", "run gated gate=g", "--wait")
    fresh.begun("g")
    second = fresh.start("say", "run gated-again gate=h", "--wait")
    fresh.begun("h")
    os.kill(first.pid, signal.SIGKILL)
    first.process.wait(LIMIT)
    fresh.open("h")
    assert second.process.wait(LIMIT) == 1
    assert [row[1] for row in fresh.states()] == ["lost", "lost"]


# trouble


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(fresh: Program) -> None:
    (fresh.folder / "text.db").write_text("this is no database at all, but long enough to be read" * 20)
    told = fresh.run("plan", code=2, DATABASE_URL="sqlite:///text.db").err
    assert "file is not a database" in told
    told = fresh.run("plan", code=2, DATABASE_URL="sqlite:///text.db/inside/slashjob.db").err
    assert "Not a directory" in told
    told = fresh.run("plan", code=2, DATABASE_URL="mysql://localhost/x").err
    assert "slashjob runs on sqlite:///FILE or postgresql://" in told
    assert "+ job count" in fresh.run("plan", DATABASE_URL="sqlite:///made/on/the/way/slashjob.db").out


def test_a_port_that_is_taken_is_told_and_the_bot_leaves(fresh: Program) -> None:
    serving = fresh.serve()
    other = fresh.folder / "other.db"
    told = fresh.run("serve", code=2, DATABASE_URL=f"sqlite:///{other}", SLASHJOB_PORT=str(serving.port))
    assert f"Port {serving.port} on 127.0.0.1 cannot be used" in told.err


def test_a_newer_database_is_refused_with_what_to_do(fresh: Program) -> None:
    fresh.run("apply")
    with contextlib.closing(sqlite3.connect(fresh.folder / "slashjob.db")) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        connection.commit()
    told = fresh.run("serve", code=2).err
    assert "The database is of a newer slashjob" in told
    assert "Start the newer program again" in told


def test_nothing_secret_stands_in_the_export(fresh: Program) -> None:
    text = WORKSPACE.replace("sqlite:///nowhere.db", "postgresql://me:${SHOP_PASSWORD}@127.0.0.1:1/shop")
    (fresh.folder / "slashjob.yml").write_text(text)
    fresh.run("apply", SHOP_PASSWORD="hunter2-correct")
    assert "hunter2" not in fresh.run("export", SHOP_PASSWORD="hunter2-correct").out
    assert yaml.safe_load(fresh.run("export").out)["sources"]["away"]["url"].count("${SHOP_PASSWORD}") == 1
    failed = fresh.say("run no-source", code=1, SHOP_PASSWORD="hunter2-correct")
    assert "hunter2" not in json.dumps(failed)
