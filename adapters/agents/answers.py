"""What a program's output becomes: entries of the chat, without the secrets of the run."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from adapters.agents import endings, envelope
from adapters.agents.output import Errors, Output, readable
from adapters.agents.secrecy import Secrets
from core.entries import Answered, Attached, Entry, Logged
from core.errors import AgentError

TEXT_LIMIT = 100_000  # characters of an answer that is text


@dataclass(frozen=True, slots=True)
class Answer:
    """A program's whole output, to be said. `data` is where files are kept, under content-hash names."""

    output: Output
    errors: Errors
    secrets: Secrets
    data: Path | None

    def last_words(self) -> str:
        """The last lines of standard error; of standard output where it wrote no error."""
        return endings.last_lines(self.secrets.mask(self.errors.tail() or self.output.tail()))

    async def entries(self) -> AsyncIterator[Entry]:
        """The lines on standard error, then the envelope or the text; the answer is the last."""
        words = endings.last_lines(self.secrets.mask(self.errors.tail()))
        if words:
            yield Logged(words)
        text = readable(bytes(self.output.head))
        try:
            found = None if self.output.cut else envelope.read(text)
            said = envelope.entries(found) if found is not None else []
            files = [await self.attach(one) for one in found.files] if found is not None else []
        except AgentError as error:
            sentence = self.secrets.mask(error.sentence)
            raise AgentError(sentence, hint=error.hint, permanent=error.permanent) from None
        if found is None:
            said = [Answered(part) for part in [self._text(text)] if part]
            files = [await self._whole(text)] if self._long(text) and self.data is not None else []
        for entry in sorted([*said, *files], key=lambda one: isinstance(one, Answered)):
            yield self.secrets.entry(entry)

    def _long(self, text: str) -> bool:
        return self.output.cut or len(text) > TEXT_LIMIT

    def _text(self, text: str) -> str:
        text = self.secrets.mask(text.rstrip())
        if not self._long(text):
            return text
        text = self.secrets.mask_end(text[:TEXT_LIMIT])
        return f"{text}\n… cut: the first {len(text):,} characters of {self.output.size:,} bytes"

    async def _whole(self, text: str) -> Entry:
        text = self.secrets.mask_end(self.secrets.mask(text))
        return await self.attach(envelope.FilePart(name="answer.txt", media_type="text/plain", text=text))

    async def attach(self, file: envelope.FilePart) -> Entry:
        """Keep a file under the name of its content; without a data folder, a line that says so."""
        name = re.sub(r"[^\w. ()+-]+", "_", file.name.rpartition("/")[2]).lstrip(".") or "file"
        if self.data is None:
            return Logged(f"The file {name} was not kept: this installation has no data folder.", "warning")
        try:
            content = self.secrets.mask_bytes(file.content())
        except ValueError as error:
            raise envelope.wrong(str(error)) from None
        path = await asyncio.to_thread(_keep, self.data, content)
        return Attached(name, file.media_type, path, len(content))


def _keep(data: Path, content: bytes) -> str:
    """Write a file under the name of its content, whole or not at all; returns its path below `data`.

    Raises AgentError where the disk does not take it.
    """
    digest = hashlib.sha256(content).hexdigest()
    path = data / digest[:2] / digest
    part = path.with_name(f".{digest}.{os.getpid()}.part")
    try:
        if path.exists():
            path.touch()  # it is in use again: what nobody used for long is removed
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        why = os.strerror(error.errno or 0)
        raise AgentError(f"A file of the answer could not be kept: {why}.") from error
    return f"{digest[:2]}/{digest}"
