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


def test_what_would_show_a_result_to_everybody_is_refused() -> None:
    with pytest.raises(jobfiles.Mistaken, match="everybody there would see"):
        jobfiles.read_text(BASE + "    visibility: requester\n")


def test_what_works_is_no_warning() -> None:
    assert jobfiles.read_text(BASE + "    notify: [{to: [origin], attach: [csv]}]\n").warnings == ()
