"""What a program writes, kept in constant memory however much it is."""

from __future__ import annotations

import json
import re
from typing import Any

HEAD_LIMIT = 1 << 20  # bytes of standard output that are kept (reading an envelope blocks the event loop)
TAIL_LIMIT = 32 << 10  # bytes of the end that are kept for a failure
LINE_LIMIT = 16 << 10  # bytes of a line of standard error that may be progress

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def readable(data: bytes) -> str:
    """Text for people: UTF-8 with marks for what is none, without colours and control characters."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    text = text.replace("\r\n", "\n")
    return _CONTROLS.sub("�", text.replace("\r", "\n"))


class Output:
    """Standard output: the beginning, the end, and how much it was."""

    def __init__(self, limit: int = HEAD_LIMIT) -> None:
        self.size = 0
        self.head = bytearray()
        self._limit = limit
        self._tail = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self.size += len(data)
        room = self._limit - len(self.head)
        if room > 0:
            self.head += data[:room]
        _append(self._tail, data)

    @property
    def cut(self) -> bool:
        """There was more than `head` holds."""
        return self.size > len(self.head)

    def tail(self) -> str:
        """The end, from the beginning of a line."""
        return _whole_lines(self._tail, self.size)


class Errors:
    """Standard error: its last lines, and the newest line of progress."""

    def __init__(self) -> None:
        self.size = 0
        self._tail = bytearray()
        self._line = bytearray()
        self._overlong = False
        self._progress = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._end_line(part)
        self._extend(rest)

    def end(self) -> None:
        """A last line without an end is a line, too."""
        if self._line:
            self._end_line(b"")

    def progress(self) -> dict[str, Any] | None:
        """The newest progress since the last call: `{"text", "done", "total"}` as the program wrote it."""
        line, self._progress = self._progress, b""
        try:
            found = json.loads(line)["progress"] if line else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None  # it only looked like one
        return {"text": found} if isinstance(found, str) else found if isinstance(found, dict) else None

    def tail(self) -> str:
        """The last lines, without those of progress."""
        return _whole_lines(self._tail, self.size)

    def _extend(self, part: bytes) -> None:
        if not self._overlong and len(self._line) + len(part) > LINE_LIMIT:
            self._overlong = True
            self._keep(bytes(self._line))
            self._line.clear()
        if self._overlong:
            self._keep(part)
        else:
            self._line += part

    def _end_line(self, part: bytes) -> None:
        self._extend(part)
        line = bytes(self._line)
        if not self._overlong and line.lstrip().startswith(b'{"progress"'):
            self._progress = line
        else:
            self._keep(line + b"\n")
        self._line.clear()
        self._overlong = False

    def _keep(self, data: bytes) -> None:
        self.size += len(data)
        _append(self._tail, data)


def _append(tail: bytearray, data: bytes) -> None:
    tail += data[-TAIL_LIMIT:]
    if len(tail) > 2 * TAIL_LIMIT:
        del tail[:-TAIL_LIMIT]


def _whole_lines(tail: bytearray, size: int) -> str:
    kept = bytes(tail[-TAIL_LIMIT:])
    if size > len(kept) and b"\n" in kept[:-1]:
        kept = kept.partition(b"\n")[2]
    return readable(kept)
