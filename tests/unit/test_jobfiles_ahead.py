"""What the format has and this version does not do yet is told, or refused where silence would leak."""

from __future__ import annotations

import pytest

from core import jobfiles

BASE = """\
agents: {a: {kind: report, source: s}}
sources: {s: {url: "sqlite:///x.db"}}
jobs:
  weekly:
    agent: a
    questions: [{name: total, sql: select 1 as total}]
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("quiet_hours: {start: '22:00', end: '07:00'}", "weekly: 'quiet_hours' has no effect yet"),
        ("run_if: select 1", "weekly: 'run_if' has no effect yet"),
        ("notify: [{topics: [failed_run], to: ['slack:#ops']}]", "weekly: results go to the origin only"),
    ],
)
def test_a_key_without_effect_is_a_warning_at_its_line(line: str, said: str) -> None:
    [warning] = jobfiles.read_text(BASE + f"    {line}\n").warnings
    assert said in warning.sentence
    assert warning.line == 7


def test_what_would_show_a_result_to_everybody_is_refused() -> None:
    with pytest.raises(jobfiles.Mistaken, match="everybody there would see"):
        jobfiles.read_text(BASE + "    visibility: requester\n")


def test_what_works_is_no_warning() -> None:
    assert jobfiles.read_text(BASE + "    notify: [{to: [origin], attach: [csv]}]\n").warnings == ()
