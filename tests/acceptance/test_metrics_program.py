"""What a running program tells those who watch it: /metrics and the log."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.program_rig import Program, Serving, program, until


def figures(serving: Serving) -> dict[tuple[str, ...], float]:
    """{(name, label values…): value} of what /metrics says now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{serving.port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def events(bot: Program, serving: Serving) -> list[dict[str, object]]:
    return [json.loads(line) for line in serving.said.splitlines() if line.startswith("{")]


def test_the_figures_follow_what_happens_and_name_nobodys_jobs(tmp_path: Path) -> None:
    with program(tmp_path) as bot:
        bot.run("apply")
        serving = bot.serve()
        before = figures(serving)
        assert before["slashjob_executing",] == 1
        assert before["slashjob_runs", "running"] == 0
        assert before["slashjob_workers",] == 1
        assert 0 < before["slashjob_lease_seconds",] <= 30
        bot.say("run gated gate=one", wait=False)
        bot.begun("one")
        during = figures(serving)
        assert (during["slashjob_runs", "running"], during["slashjob_running",]) == (1, 1)
        bot.open("one")
        until(lambda: figures(serving).get(("slashjob_attempts_ended_total", "succeeded")) == 1)
        after = figures(serving)
        assert after["slashjob_runs", "running"] == 0
        assert after["process_resident_memory_bytes",] > 0
        assert not any("gated" in part for key in after for part in key)


def test_the_log_names_run_and_batch_of_what_begins_and_ends(tmp_path: Path) -> None:
    with program(tmp_path) as bot:
        bot.run("apply")
        serving = bot.serve()
        run = bot.say("run count campaign_id=42")["batch"]["runs"][0]
        until(lambda: "run.ended" in serving.said)
        said = [one for one in events(bot, serving) if one["event"] in ("run.started", "run.ended")]
        assert [(one["event"], one["run"], one["label"]) for one in said] == [
            ("run.started", run["id"], "#1.1"),
            ("run.ended", run["id"], "#1.1"),
        ]
        assert said[1]["status"] == "succeeded"
