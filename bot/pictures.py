"""Charts as files beside a console: drawn before the message that links to them is written."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from core.errors import SlashjobError
from core.messages import Image, Message

_log = logging.getLogger(__name__)


class Pictures:
    """Draws the charts of messages into a folder; `link` then names the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drawn: dict[str, Path] = {}

    async def prepare(self, message: Message) -> None:
        """Draw what the message shows. A chart that cannot be drawn loses its link, never the message."""
        from adapters.render import charts  # heavy: only where there is a chart

        for block in message.blocks:
            if not isinstance(block, Image) or _key(block) in self._drawn:
                continue
            try:
                picture = await charts.png(block.chart)
                path = self._folder / f"{_key(block)}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture)
            except (SlashjobError, OSError) as error:
                _log.warning("chart.not_drawn", extra={"title": block.title, "error": str(error)})
                continue
            self._drawn[_key(block)] = path

    def link(self, image: Image) -> str:
        """The file of a chart, as a link; empty where there is none."""
        path = self._drawn.get(_key(image))
        return path.as_uri() if path else ""


def _key(image: Image) -> str:
    return hashlib.sha256(repr(image.chart).encode()).hexdigest()[:16]
