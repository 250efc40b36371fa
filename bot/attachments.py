"""Charts and files of messages on a console's disk: made before the message that links to them is written."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path

from core.errors import SlashjobError
from core.messages import Document, File, Image, Message

_log = logging.getLogger(__name__)


def expect_charts() -> None:
    """Charts are to be drawn soon: have their process start meanwhile, for its start is what takes long."""
    from adapters.render import studio  # only where there is a chart

    studio.prepare()


async def pages(document: Document, folder: Path) -> bytes:
    """The document as a PDF; its charts are kept in the folder. Raises `Fault`."""
    from adapters.render import pages  # only where there is something to set

    return await pages.pdf(document, folder=folder)


class Attachments:
    """Makes what messages show, below the bot's data folder; `image` and `file` then name it.

    What cannot be made loses its link, never the message.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._made: dict[str, Path] = {}

    async def prepare(self, message: Message) -> None:
        """Draw the message's charts and write its files."""
        for block in message.blocks:
            key = _key(block) if isinstance(block, Image | File) else ""
            if not key or key in self._made:
                continue
            try:
                if isinstance(block, Image):
                    self._made[key] = await self._draw(block, key)
                elif isinstance(block, File):
                    self._made[key] = self._write(block, key)
            except (SlashjobError, OSError) as error:
                _log.warning("attachment.not_made", extra={"error": str(error)})

    def image(self, block: Image) -> str:
        """The file of a chart, as a link; empty where there is none."""
        return self._link(_key(block))

    def file(self, block: File) -> str:
        """The file on the disk, as a link; empty where there is none."""
        return self._link(_key(block))

    async def _draw(self, block: Image, key: str) -> Path:
        from adapters.render import charts  # only where there is a chart

        picture = await charts.png(block.chart)
        return self._keep(f"charts/{key}.png", lambda path: path.write_bytes(picture))

    def _write(self, block: File, key: str) -> Path:
        if block.path:
            return self._data / block.path
        name = re.sub(r"[^\w.-]+", "_", block.name).lstrip(".") or "file"

        def write(path: Path) -> object:
            from adapters.render import csv

            if block.data:
                return path.write_bytes(block.data)
            if block.table is None:
                return path.write_text(block.text, encoding="utf-8")
            with path.open("wb") as file:
                return [file.write(piece) for piece in csv.of_table(block.table)]

        return self._keep(f"files/{key}/{name}", write)

    def _keep(self, name: str, write: Callable[[Path], object]) -> Path:
        path = self._data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        return path

    def _link(self, key: str) -> str:
        path = self._made.get(key)
        return path.resolve().as_uri() if path else ""


def _key(block: Image | File) -> str:
    shown = block.chart if isinstance(block, Image) else block
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
