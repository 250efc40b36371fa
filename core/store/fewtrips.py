"""SQLAlchemy's psycopg dialect with fewer trips to the server around a transaction.

The stock one asks a pooled connection whether it lives, then sends BEGIN, and the first thing that we ask is
the clock: three trips before the first statement of every transaction. Here they are one. On an idle machine
a trip takes half a millisecond, on a busy one as long as others let it wait.
"""

from __future__ import annotations

import collections
import select
from datetime import datetime
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import (
    AsyncAdapt_psycopg_connection,
    AsyncAdapt_psycopg_cursor,
    PGDialectAsync_psycopg,
    PsycopgAdaptDBAPI,
)
from sqlalchemy.util import await_only

DRIVER = "fewtrips"
TRUSTED = 10.0  # seconds since its last use in which a connection whose server says nothing is not asked

_BEGIN = "BEGIN"
_CLOCK = "begun_at"


def begin(connection: sa.Connection) -> None:
    """Begin a transaction and read the clock, in one trip; a listener of engines in autocommit mode.

    With the option `lock_timeout` (milliseconds) no statement of it waits longer for a lock.
    """
    limit = connection.get_execution_options().get("lock_timeout")
    bounded = "" if limit is None else f"SET LOCAL lock_timeout = {limit:d}; "
    found = connection.exec_driver_sql(f"{_BEGIN}; {bounded}SELECT clock_timestamp()")
    connection.info[_CLOCK] = found.scalar_one()


def begun_at(connection: sa.Connection) -> datetime | None:
    """The database's clock when the transaction began; for who asks first, then it is a thing of the past."""
    moment: datetime | None = connection.info.pop(_CLOCK, None)
    return moment


def silent(connection: Any) -> bool:
    """A psycopg connection is open, and nothing has arrived from its server: it was not ended from there."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


class _Cursor(AsyncAdapt_psycopg_cursor):
    """A cursor that keeps the last result of the statements that begin a transaction."""

    __slots__ = ()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        if not operation.startswith(_BEGIN):
            return await super()._execute_async(operation, parameters)  # type: ignore[no-untyped-call]
        cursor: Any = self._cursor
        result = await cursor.execute(operation, prepare=False)  # several statements cannot be prepared
        while cursor.nextset():
            pass
        self._rows = collections.deque(await cursor.fetchall())
        return result


class _Connection(AsyncAdapt_psycopg_connection):
    """A connection that knows when the server was last heard."""

    __slots__ = ("heard_at",)
    _cursor_cls = _Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.heard_at = monotonic()

    def cursor(self, name: Any = None, /) -> Any:
        return super().cursor(name) if name else _Cursor(self)  # type: ignore[no-untyped-call]

    def commit(self) -> None:
        super().commit()
        self.heard_at = monotonic()


class _Driver(PsycopgAdaptDBAPI):
    def connect(self, *arguments: Any, **options: Any) -> Any:
        creator = options.pop("async_creator_fn", self.psycopg.AsyncConnection.connect)
        return await_only(_Connection.create(self, creator(*arguments, **options)))


class Dialect(PGDialectAsync_psycopg):
    """`postgresql+fewtrips://`"""

    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, _: Any) -> type[Any]:
        """This one; the stock class would name itself."""
        return cls

    @classmethod
    def import_dbapi(cls) -> Any:
        """The driver's module, with our connections."""
        import psycopg  # only where PostgreSQL is used
        from psycopg.pq import ExecStatus

        return _Driver(psycopg, ExecStatus)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Whether a pooled connection still stands.

        A server that ended it has said so: then something can be read. What has been silent for long may have
        been dropped on the way, and is asked.
        """
        if monotonic() - dbapi_connection.heard_at < TRUSTED and silent(dbapi_connection.driver_connection):
            return True
        alive = super().do_ping(dbapi_connection)  # type: ignore[no-untyped-call]
        dbapi_connection.heard_at = monotonic()
        return bool(alive)


registry.register(f"postgresql.{DRIVER}", __name__, "Dialect")
