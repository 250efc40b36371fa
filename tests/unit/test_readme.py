"""The README says what the program does: every command, setting and state stands in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bot.settings import Settings
from core.commands import COMMANDS
from core.lifecycles import BatchState, DeliveryState, Status

README = Path(__file__).parents[2] / "README.md"


def commands() -> str:
    rows = [
        f"| `{spec.usage.replace('|', chr(92) + '|')}` | {spec.help} | {spec.least or 'anybody'} |"
        for spec in COMMANDS.values()
        if spec.available
    ]
    return "\n".join(["| command | what it does | who |", "|---|---|---|", *rows])


def settings() -> str:
    rows = []
    for field in Settings.model_fields.values():
        default = field.default
        default = "" if default is None else default
        shown = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
        if hasattr(default, "total_seconds"):
            shown = f"{default.total_seconds():g}s"
        rows.append(f"| `{field.alias}` | {f'`{shown}`' if shown else ''} | {field.description} |")
    return "\n".join(["| setting | default | what it is |", "|---|---|---|", *rows])


def states() -> str:
    rows = []
    for noun, kind, source in (
        ("batch", BatchState, "BatchState"),
        ("run", Status, "Status"),
        ("delivery", DeliveryState, "DeliveryState"),
    ):
        meanings = _docstrings(source)
        rows += [f"| {noun} | `{one}` | {meanings[one.name]} |" for one in kind]
    return "\n".join(["| of | state | what it means |", "|---|---|---|", *rows])


def _docstrings(name: str) -> dict[str, str]:
    text = (README.parent / "core" / "lifecycles.py").read_text(encoding="utf-8")
    body = text[text.index(f"class {name}(") :]
    found = re.findall(r'    ([A-Z_]+) = "\w+"\n    """(.*?)"""', body, re.DOTALL)
    return {name: " ".join(meaning.split()) for name, meaning in reversed(found)}


@pytest.mark.parametrize("name", ["commands", "settings", "states"])
def test_the_readme_lists_what_the_code_knows(name: str) -> None:
    """With UPDATE_GOLDEN=1 the lists are written instead."""
    wanted = {"commands": commands, "settings": settings, "states": states}[name]()
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name}.*?-->\n(.*?)\n<!-- /{name} -->", text, re.DOTALL)
    assert found is not None
    if os.environ.get("UPDATE_GOLDEN"):
        README.write_text(text[: found.start(1)] + wanted + text[found.end(1) :], encoding="utf-8")
    else:
        assert found[1] == wanted
