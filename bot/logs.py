"""Logs: one JSON line per event on standard error, or plain lines on a terminal."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str, *, plain: bool | None = None) -> None:
    """Send everything that is logged to standard error; `plain` by default where that is a terminal."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    to_terminal = sys.stderr.isatty() if plain is None else plain
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if to_terminal
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("apscheduler", "aiosqlite", "asyncio", "aiohttp.access", "alembic", "procrastinate"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
