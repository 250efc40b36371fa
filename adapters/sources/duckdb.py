"""The files of a folder as a source: CSV, TSV, Parquet and JSON, asked with DuckDB.

Each file is a view by its name without the extension (`sales` for `sales.csv`), and by its whole name
(`"sales.csv"`); where several share a stem, by the whole name only. Folders below are not looked into.

DuckDB can be made to use far more memory and time than its own limits say (one `repeat` of 2 GB is neither
limited nor interrupted), so every query runs in a process of its own (`duckdb_child.py`):
1. the system limits its memory, its processor time and what it may write (nothing), and kills it at its time;
2. DuckDB opens only the files of the folder that the query names, and nothing else: no network, no
   extension, no other file; its settings are locked;
3. the driver takes exactly one statement, of the kind that selects;
4. as many rows are read as are kept, and one more.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from adapters.sources import cells
from adapters.sources.filter import STATEMENT_LIMIT
from core import placeholders
from core.definitions import SourceDefinition, write_duration
from core.errors import SourceError
from core.ports import Rows

MEMORY = 512 << 20  # bytes that DuckDB is told; the system allows as much again for the rest of the process
THREADS = 2
_GRACE = 5.0  # seconds after its time-out: who asked kills it in time, the system where nobody does
_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv.gz": "read_csv",
    ".parquet": "read_parquet",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".json.gz": "read_json",
    ".jsonl.gz": "read_json",
    ".ndjson.gz": "read_json",
}
_GLOB = re.compile(r"[*?\[\]{}]")  # DuckDB would read these in a name as a pattern
_ROOT = str(Path(__file__).parents[2])
_CHILD = (
    "import sys; sys.path.insert(0, sys.argv[1]); from adapters.sources import duckdb_child as c; c.main()"
)
_KINDS = {
    "many": "Only one statement may be run at a time.",
    "none": "The query is empty.",
    "write": "Sources are read only: a query selects.",
}


@dataclass(frozen=True, slots=True)
class View:
    """A name that a query may use, the file behind it, and the function that reads it."""

    name: str
    path: str
    reader: str


class DuckdbSource:
    """The files of one folder. `open` makes it; nothing is held open between queries."""

    def __init__(self, name: str, definition: SourceDefinition, folder: Path, shown: str) -> None:
        self._name = name
        self._definition = definition
        self._folder = folder
        self._shown = shown
        self._children: set[asyncio.subprocess.Process] = set()
        self._closed = False

    @classmethod
    async def open(cls, name: str, definition: SourceDefinition, url: URL, folder: Path) -> DuckdbSource:
        """Check that DuckDB and the folder are there. Raises `SourceError` where they are not."""
        if importlib.util.find_spec("duckdb") is None:
            raise SourceError(
                f"The source {name} needs DuckDB, which is not installed.",
                hint="Install it: pip install 'slashjob[duckdb]'",
                permanent=True,
            )
        shown = url.database or ""
        if shown in ("", ":memory:") or url.host:
            raise SourceError(
                f"The source {name} names no folder.",
                hint="It looks like duckdb:///data, or duckdb:////srv/data for an absolute path.",
                permanent=True,
            )
        source = cls(name, definition, folder / shown, shown)
        await asyncio.to_thread(source._views)
        return source

    async def query(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """Run one selecting statement with its values bound. Raises `SourceError`."""
        if self._closed:
            raise SourceError(f"The source {self._name} is closed.")
        if len(sql) > STATEMENT_LIMIT:
            raise SourceError(f"The query is longer than {STATEMENT_LIMIT:,} characters.", permanent=True)
        started = time.perf_counter()
        views = await asyncio.to_thread(self._views)
        used = {name: values[name] for name in placeholders.names(sql)}
        order = {
            "sql": placeholders.rewrite(sql, lambda name: f"${name}"),
            "values": {name: _tagged(value) for name, value in used.items()},
            "views": [[one.name, one.path, one.reader] for one in views if one.name.lower() in sql.lower()],
            "memory": MEMORY,
            "threads": THREADS,
            "seconds": self._definition.timeout.total_seconds() + _GRACE,
            "max_rows": self._definition.max_rows,
            "max_bytes": self._definition.max_bytes,
        }
        said = self._read(await self._ask(json.dumps(order).encode()), views)
        rows = tuple(tuple(row) for row in said["rows"])
        return Rows(tuple(said["columns"]), rows, said["truncated"], (time.perf_counter() - started) * 1000)

    async def close(self) -> None:
        """End what is still running. Safe to call twice."""
        self._closed = True
        for child in tuple(self._children):
            _kill(child)

    async def _ask(self, order: bytes) -> bytes:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", _CHILD, _ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/nonexistent"},  # none of our secrets
            start_new_session=True,
        )  # fmt: skip
        self._children.add(child)
        try:
            async with asyncio.timeout(self._definition.timeout.total_seconds()):
                answer, _ = await child.communicate(order)
                return answer
        except TimeoutError:
            raise SourceError(
                f"The query on the source {self._name} timed out after "
                f"{write_duration(self._definition.timeout)}.",
                hint="Ask for less, or give the source a longer timeout.",
            ) from None
        finally:
            self._children.discard(child)
            _kill(child)
            await child.wait()

    def _read(self, answer: bytes, views: tuple[View, ...]) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads(answer)
        except ValueError:  # it was killed, by its limits or by close
            if self._closed:
                raise SourceError(f"The query on the source {self._name} was stopped.") from None
            raise self._too_much() from None
        match said:
            case {"refused": kind}:
                raise SourceError(_KINDS[kind], permanent=True)
            case {"error": text, "kind": "OutOfMemoryException" | "MemoryError"} if text is not None:
                raise self._too_much()
            case {"error": text}:
                raise self._explained(str(text), views)
            case _:
                return said

    def _too_much(self) -> SourceError:
        return SourceError(
            f"The query on the source {self._name} needs more memory than it may have ({MEMORY >> 20} MB).",
            hint="Ask for less: fewer columns, a narrower where, no lists of everything.",
            permanent=True,
        )

    def _explained(self, text: str, views: tuple[View, ...]) -> SourceError:
        if "disabled by configuration" in text or "disabled through configuration" in text:
            return SourceError(
                f"The query on the source {self._name} reaches for something outside of its files.",
                hint=f"It may read: {', '.join(sorted(one.name for one in views)[:10]) or 'nothing'}.",
                permanent=True,
            )
        found = re.search(r"Table with name (\S+) does not exist", text)
        hint = cells.near_miss(found[1], [one.name for one in views]) if found else ""
        first = text.replace(str(self._folder.resolve()), self._shown).partition("\n\nLINE ")[0]
        plain = re.sub(r"^(?:\w+ )?Error: ", "", first.partition("\n")[0] if found else first)
        plain = " ".join(plain.split())[:600].rstrip(".")
        return SourceError(f"The source {self._name} refused the query: {plain}.", hint=hint, permanent=True)

    def _views(self) -> tuple[View, ...]:
        try:
            folder = self._folder.resolve(strict=True)
            files = sorted(one for one in folder.iterdir() if _fits(one, folder))
        except (OSError, RuntimeError):
            raise SourceError(
                f"The folder of the source {self._name} is not there, or cannot be read: {self._shown}.",
                hint="A relative path is relative to the folder of slashjob.yml.",
            ) from None
        stems: dict[str, list[Path]] = {}
        for one in files:
            stems.setdefault(_split(one.name)[0].lower(), []).append(one)
        made = [View(one.name, str(one), _READERS[_split(one.name)[1]]) for one in files]
        for alike in stems.values():
            if len(alike) == 1:
                stem, extension = _split(alike[0].name)
                made.append(View(stem, str(alike[0]), _READERS[extension]))
        return tuple(made)


def _split(name: str) -> tuple[str, str]:
    """`("sales", ".csv.gz")`; the extension is empty where it is none that is read."""
    for extension in sorted(_READERS, key=len, reverse=True):
        if name.lower().endswith(extension) and len(name) > len(extension):
            return name[: -len(extension)], extension
    return name, ""


def _fits(path: Path, folder: Path) -> bool:
    """A plain file of the folder that DuckDB reads; a link that leads out of it is none."""
    if path.name.startswith(".") or _GLOB.search(path.name) or not _split(path.name)[1]:
        return False
    return path.is_file() and path.resolve().parent == folder


def _tagged(value: Any) -> Any:
    match value:
        case datetime():
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
        case _:
            return value


def _kill(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):  # it ended meanwhile
            child.kill()
