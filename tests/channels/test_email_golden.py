"""Mail's rendering of the gallery, against golden files.

`UPDATE_GOLDEN=1 pytest tests/channels/test_email_golden.py` writes them anew; look at the pages in a
browser at the width of a phone, in light and dark, before committing a difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.email import page, plain
from tests.channels.gallery import GALLERY

GOLDEN = Path(__file__).parent / "golden" / "email"


@pytest.mark.parametrize("kind", ["txt", "html"])
@pytest.mark.parametrize("name", GALLERY)
def test_a_mail_looks_as_it_did(name: str, kind: str) -> None:
    path = GOLDEN / f"{name}.{kind}"
    if kind == "txt":
        shown = plain.write(GALLERY[name], footer="Why you get this.")
    else:
        made = page.write(
            GALLERY[name], picture=lambda _: "cid:chart1@example.com", footer="Why you get this."
        )
        shown = made.html.replace("><", ">\n<") + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == shown


def test_every_golden_mail_belongs_to_a_message() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(GALLERY)
