"""A PostgreSQL database as a source, over psycopg 3.

Four guards, each enough for what it is for:
1. every query runs in a `READ ONLY` transaction that is rolled back;
2. it is the body of a `DECLARE … CURSOR`, sent by the extended protocol: the server takes exactly one
   statement there, and only one that reads;
3. the server's own time-outs for statements, locks and idle transactions, and a time limit of ours over
   the whole query, which cancels it at the server;
4. rows are fetched in pieces, as many as are kept and one more: ten million rows stay where they are.

What remains is the role: a superuser may read the server's files even so.
Use a role with SELECT only (README).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, errors
from psycopg.conninfo import make_conninfo
from psycopg.types.string import TextLoader
from sqlalchemy.engine import URL

from adapters.sources import cells
from adapters.sources.filter import refusal
from core import placeholders
from core.definitions import SourceDefinition, write_duration
from core.errors import SourceError
from core.ports import Rows

_CONNECT_LIMIT = 10  # seconds
_LOCK_LIMIT = 5_000  # milliseconds to wait for a lock: reading waits for hardly any
_IDLE_LIMIT = 10_000  # milliseconds in a transaction without a statement (DESIGN.md, 7.2 no. 13)
_GRACE = 2.0  # seconds after the server's own time-out before we cancel
_FIRST_CHUNK = 20  # rows: what one row weighs is only known after the first
_LARGEST_CHUNK = 200
_CHUNK_SIZE = 500_000  # bytes to aim at per fetch
# Loaded as the server writes them: psycopg's own loaders refuse `infinity`, BC and the year 10000.
_TEXT_TYPES = ("date", "time", "timetz", "interval", "json", "jsonb")
_TABLES = """
    select relname::text from pg_catalog.pg_class
    where relkind in ('r', 'v', 'm', 'p', 'f') and pg_catalog.pg_table_is_visible(oid)
      and relnamespace <> 'pg_catalog'::regnamespace
    limit 2000
"""
_PERMANENT = (
    errors.SyntaxErrorOrAccessRuleViolation,
    errors.DataException,
    errors.FeatureNotSupported,
    errors.InvalidCursorDefinition,
    errors.InvalidTransactionState,
    errors.InvalidAuthorizationSpecification,
    errors.InvalidCatalogName,
    errors.ProtocolViolation,
    psycopg.ProgrammingError,
    psycopg.DataError,
)


class _Instants(TextLoader):
    """Timestamps as ISO text: `2026-03-02T08:00:00+00:00`."""

    def load(self, data: Any) -> str:
        text = str(super().load(data))
        return re.sub(r"([+-]\d\d)$", r"\1:00", text.replace(" ", "T", 1))


class PostgresSource:
    """One connection to a PostgreSQL database, read-only. `open` makes it, `close` ends it."""

    def __init__(self, name: str, definition: SourceDefinition, url: URL, secrets: tuple[str, ...]) -> None:
        self._name = name
        self._definition = definition
        self._url = url
        self._secrets = secrets
        self._connection: AsyncConnection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def open(
        cls, name: str, definition: SourceDefinition, url: URL, secrets: tuple[str, ...]
    ) -> PostgresSource:
        """Connect. `secrets` are values that no error may show. Raises `SourceError`."""
        source = cls(name, definition, url, secrets)
        await source._connected()
        return source

    async def query(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """Run one reading statement with its values bound. Raises `SourceError`."""
        # In a thread: the first call imports sqlglot, and a long statement takes its time.
        if (sentence := await asyncio.to_thread(refusal, sql, "postgres")) is not None:
            raise SourceError(sentence, permanent=True)
        return await self._run(sql, values)

    async def close(self) -> None:
        """Close the connection. Safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _run(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """The statement under the server's guards alone."""
        async with self._one_at_a_time:
            connection = await self._connected()
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self._definition.timeout.total_seconds() + _GRACE):
                    return await self._fetch(connection, sql, values, started)
            except TimeoutError as error:
                raise self._timed_out() from error
            except psycopg.Error as error:
                raise await self._explained(error, sql, connection) from error
            finally:
                await self._settle(connection)

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        try:
            async with asyncio.timeout(_CONNECT_LIMIT + _GRACE):
                self._connection = await AsyncConnection.connect(self._conninfo(), autocommit=True)
        except (TimeoutError, psycopg.Error, OSError) as error:
            raise self._unreachable(error) from None  # the chain would carry the connection string
        for kind in _TEXT_TYPES:
            self._connection.adapters.register_loader(kind, TextLoader)
        for kind in ("timestamp", "timestamptz"):
            self._connection.adapters.register_loader(kind, _Instants)
        return self._connection

    def _conninfo(self) -> str:
        given = {
            key: value if isinstance(value, str) else ",".join(value)
            for key, value in self._url.query.items()
        }
        given |= self._url.translate_connect_args(username="user", database="dbname")
        given.setdefault("connect_timeout", str(_CONNECT_LIMIT))
        return make_conninfo(**{"application_name": "slashjob", **given})

    async def _fetch(
        self, connection: AsyncConnection[Any], sql: str, values: Mapping[str, Any], started: float
    ) -> Rows:
        milliseconds = int(self._definition.timeout.total_seconds() * 1000)
        await connection.execute(
            "BEGIN TRANSACTION READ ONLY; "
            f"SET LOCAL statement_timeout = {milliseconds}; "
            f"SET LOCAL lock_timeout = {min(_LOCK_LIMIT, milliseconds)}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {_IDLE_LIMIT}; "
            "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'"
        )
        text, bound = _bind(sql, values)
        # binary: the extended protocol, which takes one statement only, also where nothing is bound.
        await AsyncRawCursor(connection).execute(
            f"DECLARE slashjob NO SCROLL CURSOR FOR {text}", bound, binary=True
        )
        kept = cells.Kept(self._definition.max_rows, self._definition.max_bytes)
        columns: tuple[str, ...] = ()
        wanted, received = _FIRST_CHUNK, 0
        while not kept.is_full:
            cursor = await connection.execute(f"FETCH FORWARD {wanted} FROM slashjob")
            columns = columns or cells.column_names([column.name for column in cursor.description or ()])
            rows = await cursor.fetchall()
            kept.add(rows)
            received += len(rows)
            if len(rows) < wanted:
                break
            wanted = max(1, min(_LARGEST_CHUNK, _CHUNK_SIZE * received // max(1, kept.bytes)))
        return Rows(columns, tuple(kept.rows), kept.is_full, (time.perf_counter() - started) * 1000)

    async def _settle(self, connection: AsyncConnection[Any]) -> None:
        """Leave the transaction; a connection that cannot is closed, the next query makes another."""
        state = connection.info.transaction_status
        if state == psycopg.pq.TransactionStatus.IDLE:
            return
        try:
            if state == psycopg.pq.TransactionStatus.ACTIVE:
                raise psycopg.OperationalError("still active")
            async with asyncio.timeout(_GRACE):
                await connection.execute("ROLLBACK")
        except (psycopg.Error, TimeoutError):
            await self.close()

    async def _explained(
        self, error: psycopg.Error, sql: str, connection: AsyncConnection[Any]
    ) -> SourceError:
        told = self._masked(error.diag.message_primary or str(error)).rstrip(".")
        hint = self._masked(error.diag.message_hint or "")
        match error:
            case errors.QueryCanceled():
                return self._timed_out()
            case errors.LockNotAvailable():
                return SourceError(f"The source {self._name} is locked by another transaction.")
            case (
                errors.ReadOnlySqlTransaction()
                | errors.InvalidCursorDefinition()
                | errors.ActiveSqlTransaction()
            ):
                return SourceError("Sources are read only: the query does more than read.", permanent=True)
            case errors.InsufficientPrivilege():
                hint = hint or "Grant SELECT on it to the role of the source."
            case errors.UndefinedTable():
                hint = hint or await self._near_miss(told, connection)
            case psycopg.OperationalError() if connection.closed:
                return SourceError(
                    f"The connection to the source {self._name} was lost: {_first_line(told)}."
                )
        where = _place(error, sql)
        permanent = isinstance(error, _PERMANENT)
        return SourceError(
            f"The source {self._name} refused the query: {_first_line(told)}{where}.",
            hint=hint,
            permanent=permanent,
        )

    async def _near_miss(self, told: str, connection: AsyncConnection[Any]) -> str:
        found = re.search(r'"(?:[^".]+\.)?([^".]+)"', told)
        if found is None:
            return ""
        try:
            async with asyncio.timeout(_GRACE):
                await connection.execute("ROLLBACK")
                cursor = await connection.execute(_TABLES)
                known = [str(row[0]) for row in await cursor.fetchall()]
        except (psycopg.Error, TimeoutError):
            return ""  # the hint is a courtesy; the error that it belongs to is told anyway
        return cells.near_miss(found[1], known)

    def _timed_out(self) -> SourceError:
        return SourceError(
            f"The query on the source {self._name} timed out after "
            f"{write_duration(self._definition.timeout)}.",
            hint="Ask for less, add an index, or give the source a longer timeout.",
        )

    def _unreachable(self, error: Exception) -> SourceError:
        told = _first_line(self._masked(str(error)) or "no answer in time")
        refused = isinstance(error, errors.InvalidAuthorizationSpecification) or "password" in told
        return SourceError(
            f"The source {self._name} cannot be reached: {told.rstrip('.')}.",
            hint="Check the role and its password." if refused else "Check that the server is up.",
            permanent=isinstance(error, psycopg.ProgrammingError),
        )

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _bind(sql: str, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The statement with `$1`, `$2` … for its placeholders, and their values in that order."""
    names = placeholders.names(sql)
    for name in names:
        if name not in values:
            raise SourceError(f"Nothing is bound to :{name} in the query.", permanent=True)
    numbers = {name: f"${number}" for number, name in enumerate(names, 1)}
    return placeholders.rewrite(sql, numbers.__getitem__), [values[name] for name in names]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _place(error: psycopg.Error, sql: str) -> str:
    """Where in the text of the query the server saw it: only told where it has several lines."""
    if not error.diag.statement_position or sql.count("\n") < 2:
        return ""
    offset = int(error.diag.statement_position) - len("DECLARE slashjob NO SCROLL CURSOR FOR ") - 1
    return f" (line {sql.count(chr(10), 0, max(0, offset)) + 1})"
