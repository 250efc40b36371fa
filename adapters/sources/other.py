"""Any other database that SQLAlchemy has a dialect and this environment a driver for: MySQL, Oracle, …

What is guarded: sqlglot refuses what is no single SELECT; the transaction is declared read-only where the
database knows such (MySQL, MariaDB, Oracle) and is always rolled back; rows are fetched in pieces, as many as
are kept; who asked waits no longer than the time-out.

What is not: on other databases nothing but sqlglot and the rollback keeps a statement from writing, functions
that write or read files are not known, and a statement that takes too long goes on at the server unless that
has a limit of its own (MySQL and MariaDB are given one). **Give these sources a user that may only SELECT.**
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from adapters.sources import cells
from adapters.sources.filter import Dialect, refusal
from adapters.sources.threads import in_thread
from core import masks, placeholders
from core.definitions import SourceDefinition, write_duration
from core.errors import SourceError
from core.ports import Rows

_CHUNK = 200  # rows fetched at a time
_DIALECTS: Mapping[str, Dialect] = {
    "mysql": "mysql",
    "mariadb": "mysql",
    "oracle": "oracle",
    "mssql": "tsql",
}


class OtherSource:
    """One database, over a driver that blocks. `open` makes it; nothing is held open between queries."""

    def __init__(
        self, name: str, definition: SourceDefinition, engine: sa.Engine, secrets: tuple[str, ...]
    ) -> None:
        self._name = name
        self._definition = definition
        self._engine = engine
        self._secrets = secrets
        self._closed = False

    @classmethod
    async def open(
        cls, name: str, definition: SourceDefinition, url: URL, secrets: tuple[str, ...]
    ) -> OtherSource:
        """Find the driver and connect. `secrets` are values that no error may show. Raises `SourceError`."""
        try:
            engine = await asyncio.to_thread(sa.create_engine, url, poolclass=NullPool)
        except (sa.exc.ArgumentError, ImportError):
            raise SourceError(
                f"The source {name} needs a driver for {masks.mask(url.drivername, secrets)}, "
                "which is not installed.",
                hint="Install the driver that SQLAlchemy names for it, such as pymysql for mysql+pymysql://. "
                "Known without one are sqlite:///file.db, postgresql://… and duckdb:///folder.",
                permanent=True,
            ) from None
        if engine.dialect.is_async:
            raise SourceError(
                f"The driver {engine.dialect.driver} of the source {name} is an asynchronous one.",
                hint="Name one that is not: mysql+pymysql://… instead of mysql+aiomysql://…",
                permanent=True,
            )
        source = cls(name, definition, engine, secrets)
        await source._timed(lambda gone: source._connect(gone).close())
        return source

    async def query(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """Run one reading statement with its values bound. Raises `SourceError`."""
        if self._closed:
            raise SourceError(f"The source {self._name} is closed.")
        dialect = _DIALECTS.get(self._engine.dialect.name, "")
        if (sentence := await asyncio.to_thread(refusal, sql, dialect)) is not None:
            raise SourceError(sentence, permanent=True)
        rows: Rows = await self._timed(lambda gone: self._run(sql, values, gone))
        return rows

    async def close(self) -> None:
        """Begin nothing more. Safe to call twice."""
        self._closed = True
        self._engine.dispose()

    async def _timed(self, call: Any) -> Any:
        gone = threading.Event()
        try:
            async with asyncio.timeout(self._definition.timeout.total_seconds()):
                return await in_thread(lambda: call(gone), name="other-source")
        except TimeoutError:
            raise SourceError(
                f"The query on the source {self._name} timed out after "
                f"{write_duration(self._definition.timeout)}.",
                hint="Ask for less, add an index, or give the source a longer timeout.",
            ) from None
        except sa.exc.SQLAlchemyError as error:
            raise self._explained(error) from None  # the driver's own words may hold what was bound
        finally:
            gone.set()  # a thread that is still at it stops at its next piece

    def _connect(self, gone: threading.Event) -> sa.Connection:
        connection = self._engine.connect()
        if gone.is_set():
            connection.close()
            raise SourceError(f"The query on the source {self._name} was stopped.")
        for statement in self._guards():
            connection.exec_driver_sql(statement)
        connection.rollback()
        return connection

    def _guards(self) -> list[str]:
        seconds = self._definition.timeout.total_seconds()
        match self._engine.dialect:
            case dialect if dialect.name == "mariadb" or getattr(dialect, "is_mariadb", False):
                return ["SET SESSION TRANSACTION READ ONLY", f"SET SESSION max_statement_time = {seconds:f}"]
            case dialect if dialect.name == "mysql":
                limit = max(1, int(seconds * 1000))
                return ["SET SESSION TRANSACTION READ ONLY", f"SET SESSION MAX_EXECUTION_TIME = {limit}"]
            case _:
                return []

    def _run(self, sql: str, values: Mapping[str, Any], gone: threading.Event) -> Rows:
        started = time.perf_counter()
        definition = self._definition
        with self._connect(gone) as connection:
            if self._engine.dialect.name == "oracle":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")  # holds for one transaction
            bound = {name: values[name] for name in placeholders.names(sql)}
            statement = sa.text(_escaped(sql)).execution_options(stream_results=True)
            try:
                result = connection.execute(statement, bound)
                columns = cells.column_names(list(result.keys()))
                kept = cells.Kept(definition.max_rows, definition.max_bytes)
                while not kept.is_full and not gone.is_set() and (chunk := result.fetchmany(_CHUNK)):
                    kept.add(chunk)
            finally:
                connection.rollback()
        return Rows(columns, tuple(kept.rows), kept.is_full, (time.perf_counter() - started) * 1000)

    def _explained(self, error: sa.exc.SQLAlchemyError) -> SourceError:
        reason = getattr(error, "orig", None) or error
        text = masks.mask(" ".join(re.sub(r"^\(.*?\) ", "", str(reason)).split()), self._secrets)[:600]
        away = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        return SourceError(f"The source {self._name} refused: {text.rstrip('.')}.", permanent=not away)


def _escaped(sql: str) -> str:
    """The statement as `sa.text` reads it: every colon that is no placeholder is escaped."""
    pieces = (f":{one.name}" if one.name else one.text.replace(":", r"\:") for one in placeholders.split(sql))
    return "".join(pieces)
