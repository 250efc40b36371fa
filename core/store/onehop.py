"""SQLAlchemy's aiosqlite dialect with one trip to the driver's thread per statement.

The stock cursor makes four: open, execute, fetch, close. Each is two switches of threads, which is
most of what a small statement costs. Results are fetched whole, as the stock cursor does.
"""

from __future__ import annotations

import collections
from functools import partial
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util import await_only

DRIVER = "onehop"


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that exists in the driver's thread only while it executes."""

    __slots__ = ("_description", "_last", "_number")

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._rows = collections.deque()
        self._description: Any = None
        self._number = -1
        self._last = 0

    @property
    def description(self) -> Any:
        return self._description

    @property
    def rowcount(self) -> int:
        return self._number

    @property
    def lastrowid(self) -> int:
        return self._last

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        return self._work("execute", operation, parameters or ())

    def executemany(self, operation: Any, seq_of_parameters: Any) -> Any:
        return self._work("executemany", operation, seq_of_parameters)

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Nothing is open."""

    def _work(self, verb: str, operation: str, parameters: Any) -> None:
        connection: Any = self._connection
        try:
            done = await_only(connection._execute(partial(_whole, connection, verb, operation, parameters)))
        except Exception as error:
            self._adapt_connection._handle_exception(error)
        self._description, self._number, self._last, rows = done
        self._rows = collections.deque(rows)


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arguments: Any, **options: Any) -> Any:
        made = super().connect(*arguments, **options)
        return _Connection(self, made._connection)


class Dialect(SQLiteDialect_aiosqlite):
    """`sqlite+onehop://`"""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """The driver's module, with our connections."""
        return _Driver(__import__("aiosqlite"), __import__("sqlite3"))


def _whole(connection: Any, verb: str, operation: str, parameters: Any) -> tuple[Any, int, int, list[Any]]:
    """In the driver's thread: open, execute, fetch, close."""
    cursor = connection._conn.cursor()
    try:
        getattr(cursor, verb)(operation, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, cursor.rowcount, cursor.lastrowid, rows
    finally:
        cursor.close()


registry.register(f"sqlite.{DRIVER}", __name__, "Dialect")
