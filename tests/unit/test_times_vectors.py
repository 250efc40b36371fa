"""Every vector of `tests/vectors`: three independent implementations agree on each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core import times
from core.errors import Refusal

VECTORS = Path(__file__).parent.parent / "vectors"


def _vectors(name: str) -> list[Any]:
    lines = (VECTORS / name).read_text(encoding="utf-8").splitlines()
    return [pytest.param(vector, id=vector["id"]) for vector in map(json.loads, lines)]


@pytest.fixture(autouse=True, scope="module")
def _pinned() -> None:
    times.use_pinned_zones()


@pytest.mark.parametrize("vector", _vectors("cron.jsonl"))
def test_cron_is_due_at_exactly_these_instants(vector: dict[str, Any]) -> None:
    start = datetime.fromisoformat(vector["start"])
    given: dict[str, Any] = {"zone": vector["tz"], "calendar": vector.get("calendar") or ""}
    if vector["never"]:
        with pytest.raises(Refusal):
            times.parse(vector["expr"], now=start, **given)
        return
    expression = times.parse(vector["expr"], now=start, **given)
    expected = [datetime.fromisoformat(text) for text in vector["expected_utc"]]
    assert expression.upcoming(start, len(expected)) == expected
    again = times.restore(expression.text, **given)
    assert again == expression
    assert again.upcoming(start, len(expected)) == expected


@pytest.mark.parametrize("vector", _vectors("phrases.jsonl"))
def test_a_phrase_means_this_or_is_refused(vector: dict[str, Any]) -> None:
    now = datetime.fromisoformat(vector["now"])
    if vector["kind"] == "error":
        with pytest.raises(Refusal) as refused:
            times.parse(vector["phrase"], zone=vector["tz"], now=now)
        assert refused.value.sentence.endswith((".", "?"))
        assert refused.value.hint
        return
    expression = times.parse(vector["phrase"], zone=vector["tz"], now=now)
    assert times.restore(expression.text, zone=expression.zone) == expression
    if vector["kind"] == "once":
        assert expression.once == datetime.fromisoformat(vector["at"]).astimezone(UTC)
        assert expression.upcoming(now, 3) == [expression.once]
        return
    wanted = times.parse(vector["cron"], zone=vector.get("tz_out", vector["tz"]), now=now)
    assert expression.upcoming(now, 60) == wanted.upcoming(now, 60)
    assert expression.zone == wanted.zone


def test_no_vector_is_left_out() -> None:
    assert len(_vectors("cron.jsonl")) == 698
    assert len(_vectors("phrases.jsonl")) == 160
