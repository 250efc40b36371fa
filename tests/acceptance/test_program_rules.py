"""Rules, gates and what changed, with the program as a user starts it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.acceptance.program_rig import Program

FILE = """\
sources: {shop: {url: "sqlite:///shop.db"}}
agents: {analyst: {kind: report, source: shop}}
jobs:
  weekly:
    agent: analyst
    questions:
      - {name: total, ask: Revenue, sql: select sum(amount) as total from sales}
      - {name: channels, sql: "select channel, sum(amount) as revenue from sales group by 1 order by 2 desc"}
    run_if: select count(*) from sales
    post_if: changed
    notify: [{topics: [completed_run], to: [origin, "console:ops", "slack:#ops"], if: "rows(channels) > 1"}]
"""


def sell(folder: Path, *rows: tuple[str, float]) -> None:
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("create table if not exists sales (channel text, amount real)")
        connection.execute("delete from sales")
        connection.executemany("insert into sales values (?, ?)", rows)


def test_a_result_says_what_changed_and_nobody_waits_for_other_channels(tmp_path: Path) -> None:
    program = Program(tmp_path)
    (tmp_path / "slashjob.yml").write_text(FILE)
    sell(tmp_path, ("search", 100), ("print", 20))
    warned = program.run("apply").err
    assert "weekly tells slack:#ops: that platform is not set up here" in warned
    assert program.say("run weekly")["batch"]["status"] == "succeeded"
    sell(tmp_path, ("search", 100), ("radio", 40))
    told = program.run("say", "run weekly", "--wait").out
    assert "1 new (radio), 1 gone (print)" in told
    assert "+20 (+16.7 %)" in told
    assert told.count("1 new (radio)") == 1
    assert "Succeeded, quietly" in program.run("say", "run weekly", "--wait").out
    sell(tmp_path)
    assert "run_if said 0" in program.run("say", "run weekly", "--wait").out
