"""The JSON Schema says what the reader reads: its structure, and the design's example against it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from core import jobfiles

WORKSPACE = """\
sources:
  shop: {url: "sqlite:///shop.db", timeout: 10s}
agents:
  analyst: {kind: report, source: shop}
jobs:
  weekly-report:
    title: Weekly campaign report
    agent: analyst
    parameters:
      campaign_id: {type: integer, min: 1, description: the campaign to report on}
      since: {type: date, default: "-7d"}
      region: {choices: [EU, 1, 2.5], default: EU}
    questions:
      - name: total
        sql: select sum(amount) as total from sales where campaign_id = :campaign_id
        chart: {type: stacked_bar, x: day, y: revenue}
        checks: [{name: Revenue below floor, column: total, op: "<", threshold: 1000, severity: warning}]
    schedules: [{when: "0 8 * * 1", timezone: Europe/Amsterdam, parameters: {campaign_id: 42}}]
    parameter_sets: {emea: [{campaign_id: 42}, {campaign_id: 43}]}
    overlap: skip
    retry: {attempts: 3, delay: 30s, backoff: 2}
    notify: [{topics: [failed_run], if: "total.total < 1", to: ["slack:#ops"]}]
    access: {run: operator}
    approval: {above: 5, by: editor}
"""

TYPES: dict[str, Any] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


def fits(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """A small validator of what the schema uses; an unknown word in it fails."""
    for word, said in schema.items():
        match word:
            case "$schema" | "$defs" | "title" | "description" | "default":
                continue
            case "$ref":
                good = fits(root["$defs"][said.removeprefix("#/$defs/")], value, root)
            case "anyOf":
                good = any(fits(one, value, root) for one in said)
            case "type":
                kinds = said if isinstance(said, list) else [said]
                good = any(value is None if kind == "null" else _is(value, kind) for kind in kinds)
            case "enum":
                good = value in said
            case "pattern":
                good = re.search(said, value) is not None
            case "minimum":
                good = value >= said
            case "maximum":
                good = value <= said
            case "required":
                good = all(one in value for one in said)
            case "items":
                good = all(fits(said, one, root) for one in value)
            case "properties":
                good = all(fits(said[key], one, root) for key, one in value.items() if key in said)
            case "patternProperties":
                good = all(
                    fits(one, item, root)
                    for pattern, one in said.items()
                    for key, item in value.items()
                    if re.search(pattern, key)
                )
            case "additionalProperties":
                known = schema.get("properties", {})
                patterns = schema.get("patternProperties", {})
                rest = [k for k in value if k not in known and not any(re.search(p, k) for p in patterns)]
                good = said is True or (
                    not rest if said is False else all(fits(said, value[k], root) for k in rest)
                )
            case _:
                raise AssertionError(f"the schema says {word!r}")
        if not good:
            return False
    return True


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def valid(text: str) -> bool:
    root = jobfiles.schema()
    return fits(root, yaml.safe_load(text), root)


def test_a_workspace_that_is_read_is_valid() -> None:
    jobfiles.read_text(WORKSPACE)
    assert valid(WORKSPACE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("title: Weekly campaign report", "titel: x"),
        ("kind: report", "kind: reprt"),
        ("timeout: 10s", "timeout: 10 bananas"),
        ("overlap: skip", "overlap: skipp"),
        ("overlap: skip", "overlap: {policy: queue, kap: 3}"),
        ("attempts: 3", "attempts: 0"),
        ("weekly-report:", "Weekly Report:"),
        ("campaign_id: {type: integer", "Campaign: {type: integer"),
        ('op: "<"', 'op: "=<"'),
        ("agent: analyst", "owner: analyst"),
        ("jobs:", "jbos:"),
        ("{run: operator}", "{run: owner}"),
        ("sql: select", "sqll: select"),
    ],
)
def test_what_is_refused_is_invalid_too(before: str, after: str) -> None:
    text = WORKSPACE.replace(before, after)
    assert text != WORKSPACE
    assert not valid(text)
    with pytest.raises(jobfiles.Mistaken):
        jobfiles.read_text(text)


def test_the_long_and_the_short_overlap_are_valid() -> None:
    assert valid(
        WORKSPACE.replace("overlap: skip", "overlap: {policy: queue, scope: job+parameters, cap: 3}")
    )


def test_it_is_json_of_the_draft_with_a_description_at_every_key() -> None:
    made = jobfiles.schema()
    assert json.loads(json.dumps(made)) == made
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    objects = [made, *(one for one in made["$defs"].values() if "properties" in one)]
    objects += [one["anyOf"][1] for one in made["$defs"].values() if "anyOf" in one]
    assert len(objects) > 12
    for one in objects:
        assert one["additionalProperties"] is False
        for name, key in one["properties"].items():
            assert key.get("description"), name


def test_durations_are_shown_as_people_write_them() -> None:
    assert jobfiles.schema()["$defs"]["JobDefinition"]["properties"]["timeout"]["default"] == "1h"
