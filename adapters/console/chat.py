"""A chat in the terminal: a prompt on a terminal, lines from a pipe elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from adapters.console.lines import Lines
from adapters.console.look import Look, look_of
from adapters.console.talk import Session
from core.messages import Message

__all__ = ["Session", "chat"]


async def chat(
    session: Session,
    *,
    history: Path | None = None,
    source: TextIO | None = None,
    sink: TextIO | None = None,
    look: Look | None = None,
    greeting: Message | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Talk until the source ends (Ctrl-D) or somebody says exit.

    Where `source` and `sink` (standard input and output) are a terminal it is a prompt with a live line
    for what runs; else lines are read as they come, and what was started is waited for at the end.
    `history` is the file that keeps what was typed; `look` gives links and names, its width follows the
    terminal.
    """
    source, sink = source or sys.stdin, sink or sys.stdout
    look = look or look_of(sink)
    if not (source.isatty() and sink.isatty()):
        await Lines(session, look, source, sink, clock).run(greeting)
        return
    from prompt_toolkit.history import FileHistory, InMemoryHistory  # 0.1 s that pipes need not wait for

    from adapters.console.prompt import Prompt

    kept = FileHistory(str(history)) if history is not None and _own(history) else InMemoryHistory()
    await Prompt(session, look, kept, clock).run(greeting)


def _own(path: Path) -> bool:
    """Make a file that nobody else can read; whether that worked."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return False
    return True
