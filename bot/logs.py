"""Logs: one JSON line per event on standard error, or plain lines on a terminal."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_OF_EVERY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Lines(logging.Formatter):
    """An event as one JSON line: what happened, how grave, where, when, and the fields that came with it.

    structlog writes the same; it loads a console library (5 MiB) that only a terminal needs.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line. What JSON cannot say is told as Python writes it."""
        told: dict[str, Any] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **{name: value for name, value in vars(record).items() if name not in _OF_EVERY},
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, default=repr)


def configure(level: str, *, plain: bool | None = None) -> None:
    """Send everything that is logged to standard error; `plain` by default where that is a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    to_terminal = sys.stderr.isatty() if plain is None else plain
    handler.setFormatter(_plain() if to_terminal else Lines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("apscheduler", "aiosqlite", "asyncio", "aiohttp.access", "alembic", "procrastinate"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _plain() -> logging.Formatter:
    import structlog  # see above

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
    )
