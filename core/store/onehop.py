"""SQLAlchemy's aiosqlite dialect with one trip to the driver's thread per statement.

The stock cursor makes four: open, execute, fetch, close. Each is two switches of threads, which is
most of what a small statement costs. Results are fetched whole, as the stock cursor does.

A connection that is `at_hand` makes none: its statements are executed where they are asked for. That is for
transactions of few small statements which hold SQLite's write lock already, so that none of them waits; the
begin, which may wait, and the commit, which writes to the disk, are always made in the driver's thread.

One that only `looks` begins and commits at hand: neither waits for anybody, nor writes. Its statements, which
may be long, are executed in the driver's thread; so is what undoes them, for it comes after them.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only

DRIVER = "onehop"

Done = tuple[Any, int, int, list[Any]]
"""What a statement brought: the description of its columns, rows changed, the last id, rows."""


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
        adapted: Any = self._adapt_connection
        whole = partial(_whole, connection, verb, operation, parameters)
        try:
            done = await_only(_here(whole) if adapted.at_hand else connection._execute(whole))
        except Exception as error:
            adapted._handle_exception(error)
        self._description, self._number, self._last, rows = done
        self._rows = collections.deque(rows)


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("at_hand", "looks")
    _cursor_cls = _Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.at_hand = False
        self.looks = False

    def commit(self) -> None:
        connection: Any = self._connection
        if self.looks and connection._connection:
            await_only(_here(connection._conn.commit))
        else:
            super().commit()


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


async def _here(work: Callable[[], Any]) -> Any:
    """Awaited, though nothing waits: SQLAlchemy wants to see that the driver is asynchronous."""
    return work()


def _whole(connection: Any, verb: str, operation: str, parameters: Any) -> Done:
    """In the driver's thread: open, execute, fetch, close."""
    cursor = connection._conn.cursor()
    try:
        getattr(cursor, verb)(operation, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, cursor.rowcount, cursor.lastrowid, rows
    finally:
        cursor.close()


async def at_once(
    connection: AsyncConnection, sql: str, rows: list[tuple[Any, ...]], *, first: str = ""
) -> list[Any]:
    """One statement for each of the rows, in a transaction of its own: one trip for all of it. `first` is
    executed before that.

    The transaction begins IMMEDIATE, and is over when this returns, raises, or is cancelled. Returns the
    first column of what each statement returned, None where that was nothing. Raises as the driver does.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    done: list[Any] = await driver._execute(partial(_transaction, driver, sql, rows, first))
    return done


def _transaction(connection: Any, sql: str, rows: list[tuple[Any, ...]], before: str) -> list[Any]:
    cursor = connection._conn.cursor()
    if before:
        cursor.execute(before)
    cursor.execute("BEGIN IMMEDIATE")
    try:
        found = []
        for row in rows:
            first = cursor.execute(sql, row).fetchone()
            found.append(None if first is None else first[0])
        cursor.execute("COMMIT")
        return found
    except BaseException:  # whatever it is, the one writer is not left in a transaction
        if connection._conn.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    finally:
        cursor.close()


registry.register(f"sqlite.{DRIVER}", __name__, "Dialect")
