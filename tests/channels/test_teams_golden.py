"""Teams' rendering of the gallery, against golden files, the schema of cards and the limits.

`UPDATE_GOLDEN=1 pytest tests/channels/test_teams_golden.py` (or `make golden`) writes them anew; look at
`make preview` and at the difference before committing it.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from adapters.teams import files, limits
from adapters.teams.render import Look, Mention, activities
from core.messages import Message
from tests.channels import teams_schema
from tests.channels.gallery import GALLERY

GOLDEN = Path(__file__).parent / "golden" / "teams"
PEOPLE = {
    "member-ana": Mention("29:ana", "Ana Souza"),
    "member-bob": Mention("29:bob", "Bob Lee"),
    "member-carol": Mention("29:carol", "Carol\x1b[31m"),
}
LINK = "https://jobs.example.org/api/v1/files/WyIwMTk4.c2lnbmVk/{}"
SCREENS: dict[str, tuple[Message, Look]] = {name: (one, Look()) for name, one in GALLERY.items()} | {
    "form_several": (GALLERY["form"], Look(several=True)),
    "long_table_linked": (GALLERY["long_table"], Look(link=lambda file: LINK.format(file.name), linked=True)),
    "long_table_personal": (GALLERY["long_table"], Look(personal=True)),
}


def shown(name: str) -> list[dict[str, Any]]:
    message, look = SCREENS[name]
    return activities(message, mentions=PEOPLE, look=look)


@pytest.mark.parametrize("name", SCREENS)
def test_a_message_looks_as_it_did_in_teams(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    written = json.dumps(shown(name), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("name", SCREENS)
def test_teams_takes_every_golden_card(name: str) -> None:
    made = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert 1 <= len(made) <= limits.PARTS + files.OFFERS
    for activity in made:
        assert teams_schema.activity_mistakes(activity) == []
        assert limits.size(activity) <= limits.ACTIVITY


def test_every_golden_card_belongs_to_a_screen() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(SCREENS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "1.6"),
        (("body", 0, "style"), "loud"),
        (("body", 0, "items", 0, "type"), "TextBlok"),
        (("body", 0, "items", 0, "inlines", 0, "weigth"), "Bolder"),
        (("body", 0, "items", 0, "inlines", 0, "text"), ""),
        (("body", -1, "actions", 0, "fallback"), {"type": "Action.Submit"}),
        (
            ("msteams", "entities"),
            [{"type": "mention", "text": "Ana", "mentioned": {"id": "1", "name": "Ana"}}],
        ),
    ],
)
def test_the_schema_finds_what_teams_would_drop(path: tuple[Any, ...], value: Any) -> None:
    card = copy.deepcopy(shown("result")[0]["attachments"][0]["content"])
    place = card
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert teams_schema.mistakes(card) != []
