"""The console's rendering of the gallery, against golden files.

`UPDATE_GOLDEN=1 pytest tests/channels/test_console_golden.py` (or `make golden`) writes them anew;
look at the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.console.look import Look
from adapters.console.render import write
from core.messages import Message
from tests.channels.gallery import GALLERY, NAMES

GOLDEN = Path(__file__).parent / "golden" / "console"
LOOKS = {
    "a terminal of 80 columns": Look(width=80, bar=True, names=NAMES),
    "a pipe": Look(width=100, names=NAMES),
    "a narrow terminal of 44 columns": Look(width=44, bar=True, names=NAMES),
}


def _shown(message: Message) -> str:
    return "\n".join(f"=== {name} ===\n{write(message, look)}" for name, look in LOOKS.items())


@pytest.mark.parametrize("name", GALLERY)
def test_a_message_looks_as_it_did(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    shown = _shown(GALLERY[name])
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == shown


def test_every_golden_file_belongs_to_a_message() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(GALLERY)
