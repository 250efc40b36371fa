"""What tells SQLite from PostgreSQL; nothing outside this file does.

SQLite: one writing connection whose transactions begin IMMEDIATE, and a read-only engine beside it.
With the driver's default mode 138 of 160 concurrent read-then-write updates were lost in a trial.
PostgreSQL: READ COMMITTED with conditional updates; a frozen process may not keep row locks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles

from core.errors import Misconfigured
from core.store import fewtrips, onehop

PATIENCE_STEP = 0.1  # seconds: finer steps would set SQLite's wait anew for every request
BUSY_TIMEOUT = 2.0  # seconds that a statement waits for SQLite's write lock; then the asker hears "busy"
IDLE_TRANSACTION = 10_000  # milliseconds after which PostgreSQL ends a silent transaction
REPEATABLE = frozenset({"40001", "40P01"})  # serialization failure, deadlock: begin again
AWAY = frozenset({"57P01", "57P02", "57P03", "53300"})  # stopped, crashed, starting, no room for a link

Row = sa.Row[*tuple[Any, ...]]
"""Whatever a query returns, by column name."""


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC instant. SQLite keeps it as ISO text of fixed width, so that it sorts.

    Naive values are refused: `DateTime(timezone=True)` drops the offset on SQLite.
    """

    impl = sa.String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """TIMESTAMP WITH TIME ZONE on PostgreSQL, text elsewhere."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database. Raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its offset: naive datetimes are refused")
        value = value.astimezone(UTC)
        if dialect.name == "postgresql":
            return value
        return f"{value.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"

    def process_result_value(self, value: Any, _: Dialect) -> datetime | None:
        """From the database, always in UTC."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)


Json = sa.JSON(none_as_null=True)
"""JSON as it was written: the order of keys is kept (JSONB would sort them)."""

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""An integer primary key; SQLite numbers rows by itself only where it is called INTEGER."""


CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=Instant())
"""PostgreSQL's clock as it moves; `now()` stands still from before the wait for locks."""


def url(text: str) -> URL:
    """Read DATABASE_URL and choose the driver.

    Raises:
        Misconfigured: it is neither a SQLite file nor PostgreSQL.
    """
    try:
        read = make_url(text)
    except sa.exc.ArgumentError:
        raise Misconfigured(
            ["DATABASE_URL is not a database address, such as sqlite:///slashjob.db"]
        ) from None
    name = read.get_backend_name()
    if name == "sqlite":
        if not read.database or read.database == ":memory:":
            raise Misconfigured(
                ["DATABASE_URL names no file: slashjob keeps its rows in a SQLite file, never in memory"]
            )
        return read.set(drivername=f"sqlite+{onehop.DRIVER}")
    if name in ("postgresql", "postgres"):
        return read.set(drivername="postgresql+psycopg")
    raise Misconfigured([f"DATABASE_URL names {name}; slashjob runs on sqlite:///FILE or postgresql://…"])


def is_sqlite(address: URL) -> bool:
    """True for a database in a file of its own."""
    return address.get_backend_name() == "sqlite"


def file(address: URL) -> Path:
    """The SQLite file, absolute."""
    return Path(address.database or "").expanduser().resolve()


def writer(address: URL, *, pool: int) -> AsyncEngine:
    """The engine for transactions that change something."""
    if not is_sqlite(address):
        return _postgresql(address, pool)
    engine = create_async_engine(
        address.set(database=str(file(address))),
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT, "check_same_thread": False},
        pool_size=1,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT * 5,
        pool_reset_on_return=None,  # transactions are ended where they were begun: one trip less
    )
    _pragmas(
        engine.sync_engine, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8000"
    )
    sa.event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def reader(address: URL, *, pool: int) -> AsyncEngine | None:
    """A read-only engine beside the writer; None where the writer's pool serves readers too."""
    if not is_sqlite(address):
        return None
    engine = create_async_engine(
        address.set(database=f"file:{_quoted(file(address))}", query={"mode": "ro", "uri": "true"}),
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT, "check_same_thread": False},
        pool_size=pool,
        max_overflow=0,
        pool_reset_on_return=None,
    )
    _pragmas(engine.sync_engine, "query_only=ON", "cache_size=-4000")
    sa.event.listen(engine.sync_engine, "begin", _begin_to_look)
    return engine


def beat_engine(address: URL) -> sa.Engine:
    """A synchronous engine of one connection, for the thread that renews the lease."""
    if is_sqlite(address):
        engine = sa.create_engine(
            address.set(drivername="sqlite+pysqlite", database=str(file(address))),
            connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT, "check_same_thread": False},
            poolclass=sa.pool.StaticPool,
        )
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    return sa.create_engine(
        address, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=_postgresql_arguments()
    )


def libpq(address: URL) -> tuple[str, dict[str, Any]]:
    """What psycopg connects with by itself: the address, and the arguments that all our connections have."""
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    return plain, _postgresql_arguments()


def patience(left: timedelta) -> dict[str, int]:
    """Execution options of a connection whose transaction may wait that long: SQLite's for its write lock,
    PostgreSQL's with each statement for a lock. Milliseconds."""
    steps = -(-max(0.0, left.total_seconds()) // PATIENCE_STEP)
    return {
        "busy_timeout": round(min(BUSY_TIMEOUT, steps * PATIENCE_STEP) * 1000),
        "lock_timeout": max(1, round(left.total_seconds() * 1000)),
    }


async def clock(connection: AsyncConnection) -> datetime:
    """PostgreSQL's clock: for who asks first, as its transaction began; then as it is."""
    moment = fewtrips.begun_at(connection.sync_connection) if connection.sync_connection else None
    if moment is None:
        moment = (await connection.execute(sa.select(CLOCK))).scalar_one()
    return moment.astimezone(UTC)


def brief(engine: AsyncEngine) -> AsyncEngine:
    """The writer for transactions of few small statements, which SQLite then executes at hand (`onehop`)."""
    return engine.execution_options(at_hand=True) if engine.dialect.name == "sqlite" else engine


async def insert_at_once(
    connection: AsyncConnection, adding: Any, rows: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """Insert rows by one `INSERT … RETURNING` each, all in one transaction of their own, in as few trips as
    the database allows. `connection` has begun nothing. Returns the first column that each returned, None
    where it returned nothing (a conflict)."""
    if connection.dialect.name != "sqlite":
        return [(await connection.execute(adding, dict(row))).scalar_one_or_none() for row in rows]
    sql, names, makers = _compiled(adding, connection.dialect, tuple(rows[0]))
    values = [
        tuple(make(row[name]) if make else row[name] for name, make in zip(names, makers, strict=True))
        for row in rows
    ]
    first = "" if connection.sync_connection is None else _other_wait(connection.sync_connection)
    try:
        return await onehop.at_once(connection, sql, values, first=first)
    except sqlite3.Error as error:
        raise sa.exc.OperationalError(sql, None, error) from error


@lru_cache(maxsize=16)
def _compiled(
    adding: Any, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...], tuple[Any, ...]]:
    """The text of an INSERT, its values' names in their order, and how each is written."""
    made = adding.compile(dialect=dialect, column_keys=names)
    order = tuple(made.positiontup)
    columns = adding.table.c
    return (
        str(made),
        order,
        tuple(columns[name].type.dialect_impl(dialect).bind_processor(dialect) for name in order),
    )


def _begin_immediate(connection: sa.Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    driver.at_hand = False  # whatever was before: to begin may take its time
    if other := _other_wait(connection):
        connection.exec_driver_sql(other)
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    driver.at_hand = connection.get_execution_options().get("at_hand", False)


def _other_wait(connection: sa.Connection) -> str:
    """SQLite's own wait is a setting of the connection: what sets it, where it has to be another."""
    usual = round(BUSY_TIMEOUT * 1000)
    wanted = connection.get_execution_options().get("busy_timeout", usual)
    if connection.info.get("busy_timeout", usual) == wanted:
        return ""
    connection.info["busy_timeout"] = wanted
    return f"PRAGMA busy_timeout={wanted:d}"


def _begin_to_look(connection: sa.Connection) -> None:
    """A deferred BEGIN takes no lock: nothing is waited for."""
    driver: Any = connection.connection.dbapi_connection
    driver.looks = driver.at_hand = True
    try:
        connection.exec_driver_sql("BEGIN")
    finally:
        driver.at_hand = False


def repeatable(error: BaseException) -> bool:
    """The transaction did nothing and may simply be begun again."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in REPEATABLE


def busy(error: BaseException) -> bool:
    """The database could not take the write in time; nothing was written."""
    if not isinstance(error, OperationalError):
        return isinstance(error, sa.exc.TimeoutError)
    return "database is locked" in str(error.orig) or getattr(error.orig, "sqlstate", None) == "55P03"


def full(error: BaseException) -> bool:
    """The disk is full."""
    return isinstance(error, DBAPIError) and (
        "disk is full" in str(error.orig) or getattr(error.orig, "sqlstate", None) == "53100"
    )


def away(error: BaseException) -> str | None:
    """Why the database cannot be reached, or the link to it broke, in a line; None where it is there."""
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", "not PostgreSQL")
    refused = isinstance(error, OperationalError) and state is None  # psycopg: there is no link at all
    if not (error.connection_invalidated or refused or state in AWAY):
        return None
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


class _Among(sa.sql.functions.FunctionElement[Any]):
    """See `among`. It has no type: SQLite, without BOOLEAN, would compare one with 1, and use no index."""

    name = "among"
    inherit_cache = True


def among(column: sa.ColumnElement[int], chosen: sa.Select[tuple[int]]) -> sa.ColumnElement[Any]:
    """`column IN (chosen)`, of which PostgreSQL makes the list once, and before it looks at anything else.

    Where it expects hardly any row of a status that just now thousands have, it asks what was chosen anew for
    each of them: a statement of half a millisecond took seven with 400 runs, and more with their square.
    """
    return _Among(column, chosen.scalar_subquery().correlate(None))


@compiles(_Among)
def _in_list(element: _Among, compiler: Any, **options: Any) -> str:
    column, chosen = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN {chosen}"


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: Any, **options: Any) -> str:
    column, chosen = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY (ARRAY{chosen})"


async def stand_in_line(connection: AsyncConnection, key: int) -> None:
    """Be the only one with that key until the transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


@lru_cache(maxsize=64)
def insert_ignoring(
    connection_name: str, table: sa.Table, *columns: sa.ColumnElement[Any], where: str = ""
) -> Any:
    """An INSERT that does nothing where the unique `columns` exist already; `where` is the condition of a
    partial index.

    `RETURNING` tells whether it did: row counts differ between the drivers.
    """
    made = sqlite.insert(table) if connection_name == "sqlite" else postgresql.insert(table)
    condition = sa.text(where) if where else None
    return made.on_conflict_do_nothing(index_elements=list(columns), index_where=condition)


def _postgresql(address: URL, pool: int) -> AsyncEngine:
    engine = create_async_engine(
        address.set(drivername=f"postgresql+{fewtrips.DRIVER}"),
        isolation_level="AUTOCOMMIT",  # of the driver: transactions begin where we say, with the clock
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
        pool_use_lifo=True,  # the one used last: its server process knows the statements and the tables
        pool_timeout=10,
        connect_args=_postgresql_arguments(),
    )
    sa.event.listen(engine.sync_engine, "begin", fewtrips.begin)
    return engine


def _postgresql_arguments() -> dict[str, Any]:
    return {
        "connect_timeout": 5,
        "application_name": "slashjob",
        "options": f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION} -c timezone=UTC",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }


def _pragmas(engine: sa.Engine, *pragmas: str) -> None:
    def connected(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    sa.event.listen(engine, "connect", connected)


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
