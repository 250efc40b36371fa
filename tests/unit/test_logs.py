"""What is logged: a JSON line per event, whatever the event carries."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from bot import logs


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """How pytest itself listens is the same afterwards."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)


Heard = pytest.CaptureFixture[str]


def line(capsys: Heard) -> dict[str, Any]:
    [only] = capsys.readouterr().err.splitlines()
    found: dict[str, Any] = json.loads(only)
    return found


def test_an_event_is_one_line_with_its_fields(capsys: Heard) -> None:
    logs.configure("INFO")
    logging.getLogger("core.worker").info("run.started", extra={"run": "x", "attempt": 2, "odd": {1}})
    told = line(capsys)
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "run.started",
        "level": "info",
        "logger": "core.worker",
        "run": "x",
        "attempt": 2,
        "odd": "{1}",
    }


def test_a_fault_is_one_line_with_where_it_came_from(capsys: Heard) -> None:
    logs.configure("INFO")
    try:
        raise ZeroDivisionError("no\nway")
    except ZeroDivisionError:
        logging.getLogger("bot").exception("desk.crashed %s", "now")
    told = line(capsys)
    assert told["event"] == "desk.crashed now"
    assert told["level"] == "error"
    assert "test_a_fault_is_one_line" in told["exception"]
    assert told["exception"].endswith("ZeroDivisionError: no\nway")


def test_what_is_below_the_level_is_not_told(capsys: Heard) -> None:
    logs.configure("INFO")
    logging.getLogger("core").debug("x")
    logging.getLogger("alembic").info("chatty")
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_plain_lines(capsys: Heard) -> None:
    logs.configure("INFO", plain=True)
    logging.getLogger("core").warning("lease.lost", extra={"worker": 7})
    text = capsys.readouterr().err
    assert "lease.lost" in text
    assert "worker=7" in text
    assert not text.startswith("{")
