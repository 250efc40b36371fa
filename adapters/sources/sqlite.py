"""A SQLite file as a source: read-only by the driver, whatever the statement says.

Four guards, each enough for what it is for:
1. the file is opened with `mode=ro`, and `query_only` is on;
2. an authorizer lets a statement read tables and call harmless functions, nothing else;
3. a progress handler stops a statement that has taken its time, or whose asker is gone;
4. SQLite's own limits bound a value, a statement, and attached files (none).

Every query has a connection and a thread of its own. The thread is a daemon: a single long C function,
which nothing can interrupt, must not hold up the end of the process.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import URL

from adapters.sources import cells
from adapters.sources.filter import STATEMENT_LIMIT, refusal, words
from adapters.sources.threads import in_thread
from core.definitions import SourceDefinition, write_duration
from core.errors import SourceError
from core.ports import Rows

_STEPS = 5_000  # virtual machine instructions between two looks at the clock: well below a millisecond
_BUSY_LIMIT = 5.0  # seconds to wait for a writer in a database that is not in WAL mode
_CHUNK = 200  # rows fetched at a time
_VALUE_LIMIT = 5_000_000  # bytes of one value inside SQLite; bounds what one C function can be given
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: _VALUE_LIMIT,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: STATEMENT_LIMIT * 4,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
}
_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
# SQLite asks for this when it first meets a function that is a table (json_each); writing to the schema
# takes `pragma writable_schema`, which is not among the pragmas, and a file that is not `mode=ro`.
_SCHEMA = frozenset({"sqlite_master", "sqlite_schema"})
# The pragmas that only describe the schema, also as tables: `select * from pragma_table_info('sales')`.
_PRAGMAS = words(
    """table_info table_xinfo table_list index_info index_xinfo index_list foreign_key_list
    collation_list function_list"""
)
# The time of one call of these depends on a number in its arguments, and no handler is asked meanwhile;
# the rest write, read files or load code.
_FUNCTIONS = words(
    """printf format zeroblob randomblob load_extension readfile writefile edit fts3_tokenizer
    sqlite_log sqlite_rename_table sqlite_rename_column sqlite_drop_column"""
)


@dataclass(slots=True, eq=False)
class _Watch:
    """When a statement has to end, and whether whoever asked is still there."""

    deadline: float  # of time.monotonic()
    given_up: threading.Event = field(default_factory=threading.Event)

    def is_over(self) -> bool:
        return self.given_up.is_set() or time.monotonic() > self.deadline


class SqliteSource:
    """One SQLite file, read-only. `open` makes it; nothing is held open between queries."""

    def __init__(self, name: str, definition: SourceDefinition, path: Path, shown: str) -> None:
        self._name = name
        self._definition = definition
        self._path = path
        self._shown = shown
        self._watches: set[_Watch] = set()
        self._closed = False

    @classmethod
    async def open(cls, name: str, definition: SourceDefinition, url: URL, folder: Path) -> SqliteSource:
        """Check that the file is there and is a database. Raises `SourceError` where it is not."""
        database = url.database or ""
        if database in ("", ":memory:") or database.startswith("file:"):
            raise SourceError(
                f"The source {name} names no file.", hint="It looks like sqlite:///shop.db.", permanent=True
            )
        source = cls(name, definition, folder / database, database)
        await source._look()
        return source

    async def query(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """Run one reading statement with its values bound. Raises `SourceError`."""
        if self._closed:
            raise SourceError(f"The source {self._name} is closed.")
        watch = self._watch()
        self._watches.add(watch)
        try:
            return await in_thread(lambda: self._query(sql, values, watch), name="sqlite-source")
        finally:
            watch.given_up.set()  # a cancelled asker does not wait: the statement ends by itself
            self._watches.discard(watch)

    async def close(self) -> None:
        """Stop what is still running. Safe to call twice."""
        self._closed = True
        for watch in tuple(self._watches):
            watch.given_up.set()

    async def _look(self) -> None:
        watch = self._watch()
        await in_thread(
            lambda: self._run("select 1 from sqlite_master limit 1", {}, watch), name="sqlite-source"
        )

    def _watch(self) -> _Watch:
        return _Watch(deadline=time.monotonic() + self._definition.timeout.total_seconds())

    def _query(self, sql: str, values: Mapping[str, Any], watch: _Watch) -> Rows:
        if (sentence := refusal(sql, "sqlite")) is not None:
            raise SourceError(sentence, permanent=True)
        return self._run(sql, values, watch)

    def _run(self, sql: str, values: Mapping[str, Any], watch: _Watch) -> Rows:
        """The statement under the driver's guards alone."""
        started = time.perf_counter()
        try:
            with closing(self._connect(watch)) as connection:
                try:
                    return self._fetch(connection, sql, values, started)
                except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
                    raise self._explained(error, watch, connection) from error
        except sqlite3.Error as error:
            raise self._explained(error, watch, None) from error

    def _connect(self, watch: _Watch) -> sqlite3.Connection:
        if not self._path.is_file():
            raise SourceError(
                f"The file of the source {self._name} does not exist: {self._shown}.",
                hint="A relative path is relative to the folder of slashjob.yml.",
            )
        uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        busy = min(_BUSY_LIMIT, self._definition.timeout.total_seconds())
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=busy)
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        for pragma in ("query_only=on", "trusted_schema=off", "cell_size_check=on"):
            connection.execute(f"pragma {pragma}")
        for limit, value in _LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(watch.is_over, _STEPS)
        return connection

    def _fetch(
        self, connection: sqlite3.Connection, sql: str, values: Mapping[str, Any], started: float
    ) -> Rows:
        definition = self._definition
        cursor = connection.execute(sql, {name: _bindable(value) for name, value in values.items()})
        columns = cells.column_names([column[0] for column in cursor.description or ()])
        kept = cells.Kept(definition.max_rows, definition.max_bytes)
        while not kept.is_full and (chunk := cursor.fetchmany(_CHUNK)):
            kept.add(chunk)
        return Rows(columns, tuple(kept.rows), kept.is_full, (time.perf_counter() - started) * 1000)

    def _explained(
        self, error: Exception, watch: _Watch, connection: sqlite3.Connection | None
    ) -> SourceError:
        text, code = str(error), getattr(error, "sqlite_errorname", "")
        if watch.given_up.is_set():
            return SourceError(f"The query on the source {self._name} was stopped.")
        if code == "SQLITE_INTERRUPT":
            return SourceError(
                f"The query on the source {self._name} timed out after "
                f"{write_duration(self._definition.timeout)}.",
                hint="Ask for less, add an index, or give the source a longer timeout.",
            )
        if code in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            return SourceError(
                f"The file of the source {self._name} is not a sound SQLite database: {self._shown}.",
                permanent=True,
            )
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return SourceError(f"The source {self._name} is locked by another program that writes to it.")
        if code.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_READONLY")):
            return SourceError(
                f"The file of the source {self._name} could not be read: {self._shown} ({text}).",
                hint="It has to be readable for the user that runs slashjob; in WAL mode its folder has to "
                "be writable too.",
            )
        return SourceError(
            f"The source {self._name} refused the query: {_plain(text)}.",
            hint=_near_miss(text, connection),
            permanent=True,
        )


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action in _READING:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_UPDATE and first in _SCHEMA:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in _FUNCTIONS:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _bindable(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case _:
            return value


def _plain(text: str) -> str:
    if text == "not authorized":
        return "it does more than read"
    if found := re.fullmatch(r"not authorized to use function: (\w+)", text):
        return f"the function {found[1]} is not allowed"
    if found := re.search(r"binding(?: parameter)? :(\w+)", text):
        return f"nothing is bound to :{found[1]}"
    return text.rstrip(".")


def _near_miss(text: str, connection: sqlite3.Connection | None) -> str:
    found = re.fullmatch(r"no such (table|column): (?:\w+\.)?(\w+)", text)
    if found is None or connection is None:
        return ""
    statement = {
        "table": "select name from sqlite_master where type in ('table', 'view')",
        "column": "select distinct c.name from sqlite_master t, pragma_table_info(t.name) c "
        "where t.type in ('table', 'view')",
    }[found[1]]
    try:
        known = [str(row[0]) for row in connection.execute(statement + " limit 2000")]
    except sqlite3.Error:
        return ""  # the hint is a courtesy; the error that it belongs to is told anyway
    return cells.near_miss(found[2], known, list_all=found[1] == "table")
