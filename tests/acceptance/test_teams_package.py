"""The package against Microsoft's own schema, out of the npm package that their tools use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from adapters.teams.package import SCHEMA, VERSION, App, manifest
from tests.acceptance.node_rig import Node

APP = App("11111111-2222-3333-4444-555555555555", "jobs.example.org")


@pytest.fixture(scope="module")
def schema(playground_packages: Node) -> Any:
    """The schema of the version that our manifest names."""
    folder = playground_packages.modules / "@microsoft" / "app-manifest" / "build" / "json-schemas" / "teams"
    path: Path = folder / f"v{VERSION}" / "MicrosoftTeams.schema.json"
    return json.loads(path.read_text(encoding="utf-8-sig"))


def mistakes(schema: Any, made: Any) -> list[str]:
    return [one.message for one in Draft4Validator(schema, format_checker=FormatChecker()).iter_errors(made)]


def test_microsofts_schema_takes_the_manifest(schema: Any) -> None:
    assert schema["properties"]["manifestVersion"]["const"] == VERSION
    assert f"/v{VERSION}/" in SCHEMA
    assert mistakes(schema, manifest(APP)) == []


def test_the_longest_names_are_within_the_schema(schema: Any) -> None:
    assert mistakes(schema, manifest(App(APP.app_id, "a" * 59 + ".example.org", "x" * 30, "y" * 32))) == []


@pytest.mark.parametrize(
    "change",
    [{"id": "no guid"}, {"more": 1}, {"accentColor": "blue"}, {"name": {"short": "x" * 31}}],
)
def test_microsofts_schema_finds_what_is_wrong(schema: Any, change: dict[str, Any]) -> None:
    assert mistakes(schema, manifest(APP) | change) != []
