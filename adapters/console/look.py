"""How the terminal at hand wants to be written to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from core.messages import File, Image

PLAIN_WIDTH = 100  # columns, where output goes to a file or a pipe
LEAST_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Look:
    """Width in columns, colours or none, and where files and pictures are to be found.

    `bar` draws a bar at each message's side; without it the text stands alone.
    `image_link` and `file_link` give an address for a block, or nothing; `names` member ids to names.
    """

    width: int = 80
    colour: bool = False
    bar: bool = False
    image_link: Callable[[Image], str] | None = None
    file_link: Callable[[File], str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def look_of(
    stream: TextIO,
    environment: Mapping[str, str] | None = None,
    *,
    image_link: Callable[[Image], str] | None = None,
    file_link: Callable[[File], str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Look:
    """The look for a stream. Pipes get plain text; NO_COLOR (https://no-color.org), TERM=dumb are heeded."""
    given = os.environ if environment is None else environment
    terminal = stream.isatty()
    width = _width(given) if terminal else PLAIN_WIDTH
    dumb = given.get("TERM", "") == "dumb"
    return Look(
        width=max(LEAST_WIDTH, width),
        colour=terminal and not dumb and not given.get("NO_COLOR"),
        bar=terminal and not dumb,
        image_link=image_link,
        file_link=file_link,
        names=names or {},
    )


def _width(environment: Mapping[str, str]) -> int:
    columns = environment.get("COLUMNS", "")
    return int(columns) if columns.isdigit() and int(columns) > 0 else shutil.get_terminal_size().columns
