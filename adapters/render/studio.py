"""Processes that draw, of their own, at most two at once, each with a limit of time and of memory.

The libraries that draw charts and set PDFs hold the interpreter's lock while they work and take 100 MB: they
are never loaded here. A process that has nothing to draw ends after `IDLE`; one that takes too long is
killed. What cannot be drawn is a `NotDrawn` with the reason.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adapters.render import drawing

_log = logging.getLogger(__name__)

AT_ONCE = 2
IDLE = 20.0  # seconds that a process waits for the next picture
TIME_LIMIT = 15.0  # seconds for one picture, the start of its process included
SIZE_LIMIT = 20_000_000  # bytes of a picture


class NotDrawn(Exception):
    """Something could not be drawn; says why in a part of a sentence, without a full stop."""


async def draw(request: Callable[[], bytes], place: Callable[[bytes], Path | None] = lambda _: None) -> bytes:
    """One picture: the request is a line of JSON as `drawing.py` reads it, without the end of the line.

    It is made in the thread that waits. Where `place` names a file for it, the picture is kept there and
    found again. Raises `NotDrawn`. Cancelling ends the process that draws.
    """
    work = _Work()

    def drawn() -> bytes:
        made = request()
        return _studio.draw(work, made, place(made))

    try:
        return await asyncio.get_running_loop().run_in_executor(_studio.threads, drawn)
    except asyncio.CancelledError:
        work.give_up()
        raise


def prepare() -> None:
    """Start a process now, without waiting: what is drawn soon need not wait for its start."""
    _studio.prepare()


def is_ready() -> bool:
    """Whether a process waits for the next picture."""
    return _studio.is_ready()


def close() -> None:
    """End the processes that wait for work. They are started again when needed."""
    _studio.close()


class _Work:
    """One picture being drawn; whoever asked may give it up, which kills its process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._given_up = False

    def begin(self, process: _Process) -> None:
        with self._lock:
            self._process = process
            if self._given_up:
                process.kill()

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        with self._lock:
            self._process = None


class _Process:
    """One drawing process."""

    def __init__(self) -> None:
        # Isolated, by its path: the folder of this module, with its csv.py, is not on the child's path.
        self._child = subprocess.Popen(  # noqa: S603  (our own interpreter, our own file)
            [sys.executable, "-I", str(Path(drawing.__file__).absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"},  # nothing of ours: no secrets
            cwd="/",
            start_new_session=True,  # an interrupt at the terminal is for the bot
        )
        self.idle_since = time.monotonic()

    def draw(self, request: bytes, until: float) -> bytes:
        """One picture. Raises `NotDrawn` where it cannot be drawn, `_Lost` where the process is no more."""
        try:
            self._write(request + b"\n", until)
            head, _, rest = self._read_line(until)
            answer = json.loads(head)
            if "error" in answer:
                raise NotDrawn(_reason(str(answer["error"])))
            size = int(answer["size"])
            if size > SIZE_LIMIT:
                raise _Lost(f"the picture has {size:,} bytes")
            while len(rest) < size:
                rest += self._read(until)
        except (OSError, ValueError) as error:
            raise _Lost("its process ended; it may need too much memory") from error
        self.idle_since = time.monotonic()
        return rest

    def kill(self) -> None:
        """End it now, whatever it does."""
        self._child.kill()

    def close(self) -> None:
        """End it and let go of everything."""
        self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child.wait()

    def _write(self, data: bytes, until: float) -> None:
        pipe = self._child.stdin
        if pipe is None:
            raise _Lost("it has no input")
        os.set_blocking(pipe.fileno(), False)
        view = memoryview(data)
        while view:
            _, ready, _ = select.select([], [pipe], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise _Late
            view = view[pipe.write(view) or 0 :]

    def _read_line(self, until: float) -> tuple[bytes, bytes, bytes]:
        data = b""
        while b"\n" not in data:
            data += self._read(until)
        return data.partition(b"\n")

    def _read(self, until: float) -> bytes:
        pipe = self._child.stdout
        if pipe is None:
            raise _Lost("it has no output")
        ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise _Late
        data = pipe.read(1 << 20)
        if not data:
            raise _Lost("its process ended; it may need too much memory")
        return bytes(data)


class _Lost(Exception):
    """The process is no more, or says what nobody understands."""


class _Late(Exception):
    """It took too long."""


class _Studio:
    """The processes and the threads that wait for them; safe from any thread and any event loop."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="render")
        self._lock = threading.Lock()
        self._idle: list[_Process] = []

    def draw(self, work: _Work, request: bytes, kept: Path | None) -> bytes:
        """The picture, from its place where it is there already."""
        if kept is not None and kept.is_file():
            return kept.read_bytes()
        try:
            picture = self._draw(work, request)
        except (_Lost, _Late, OSError) as error:
            raise NotDrawn(_told(error)) from error
        if kept is not None:
            _keep(kept, picture)
        return picture

    def prepare(self) -> None:
        """Have a process that has loaded all it needs."""
        if self.is_ready():
            return
        blank = {"data": {"values": [{}]}, "mark": "text"}
        request = json.dumps({"kind": "svg", "scale": 1, "spec": blank}).encode()
        self.threads.submit(self._draw, _Work(), request)

    def is_ready(self) -> bool:
        """Whether a process waits for work."""
        with self._lock:
            return bool(self._idle)

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()

    def _draw(self, work: _Work, request: bytes) -> bytes:
        until = time.monotonic() + TIME_LIMIT
        kept = self._take()
        if kept is not None:
            try:
                return self._let(kept, work, request, until)
            except _Lost as error:
                # It may have been ended while it waited; only a new one tells whose fault it is.
                _log.info("render.process_lost", extra={"error": str(error)})
        return self._let(_Process(), work, request, until)

    def _let(self, process: _Process, work: _Work, request: bytes, until: float) -> bytes:
        """Let this process draw; kept for the next picture unless something is wrong with it."""
        healthy = False
        try:
            work.begin(process)
            picture = process.draw(request, until)
            healthy = True
            return picture
        except NotDrawn:
            healthy = True  # it says what is wrong with the request
            raise
        finally:
            work.end()
            if healthy:
                self._give_back(process)
            else:
                process.close()

    def _take(self) -> _Process | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, process: _Process) -> None:
        process.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(process)
        timer = threading.Timer(IDLE + 0.1, self._retire)
        timer.daemon = True
        timer.start()

    def _retire(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [process for process in self._idle if now - process.idle_since >= IDLE]
            self._idle = [process for process in self._idle if process not in old]
        for process in old:
            process.close()


_studio = _Studio()
atexit.register(close)


def _keep(place: Path, picture: bytes) -> None:
    """Keep the picture under its name, whole or not at all."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".made-", delete=False) as file:
            file.write(picture)
        Path(file.name).replace(place)
    except OSError as error:
        # A full disk costs the next reader some time, not this one their picture.
        _log.warning("render.not_kept", extra={"error": str(error)})


def _told(error: Exception) -> str:
    match error:
        case _Late():
            return f"it takes longer than {TIME_LIMIT:g} seconds"
        case OSError():
            return f"its process could not be started ({error.strerror or error})"
        case _:
            return str(error).rstrip(".")


def _reason(text: str) -> str:
    """The first line of the library's own words that says something."""
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("at ")
    ]
    return (lines[1] if len(lines) > 1 else lines[0] if lines else "the drawing library gave no reason")[:200]
