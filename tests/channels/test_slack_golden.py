"""Slack's rendering of the gallery, against golden files and against the limits of the strict fake.

`UPDATE_GOLDEN=1 pytest tests/channels/test_slack_golden.py` (or `make golden`) writes them anew; look at
`make preview` and at the difference before committing it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.messages import Message
from tests.channels import slack_schema
from tests.channels.gallery import GALLERY
from tests.channels.preview import PICTURES, page, rendered, views

GOLDEN = Path(__file__).parent / "golden" / "slack"
VIEWS = views()


def _shown(message: Message) -> str:
    made = rendered(message)
    files = [{"name": one.name, "media_type": one.media_type, "chars": len(one.text)} for one in made.files]
    shown = {**made.payload(), "files": files}
    return json.dumps(shown, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", GALLERY)
def test_a_message_looks_as_it_did(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    shown = _shown(GALLERY[name])
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == shown


@pytest.mark.parametrize("name", GALLERY)
def test_slack_takes_every_golden_file(name: str) -> None:
    payload = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert slack_schema.mistakes(payload["blocks"], files=PICTURES) == []
    assert slack_schema.total_chars(payload["blocks"]) <= slack_schema.TOTAL_LIMIT
    assert 0 < len(payload["text"]) <= 4_000


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_looks_as_it_did_and_slack_takes_it(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    shown = json.dumps(VIEWS[name], indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == shown
    assert slack_schema.view_mistakes(VIEWS[name]) == []


def test_every_golden_file_belongs_to_a_message_or_a_view() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(GALLERY) | set(VIEWS)


def test_the_preview_shows_every_screen() -> None:
    shown = page([*GALLERY, *VIEWS])
    assert shown.count("<article>") == len(GALLERY) + len(VIEWS)
    assert "<!channel>" not in shown
