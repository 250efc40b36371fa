"""Bringing a database to the schema of this program, with Alembic.

Alembic is imported only where there is something to apply: it is a third of the start-up time. What is
missing is told from the revision in the database and the names of the files: `0001_….py`, in a line.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import sqlalchemy as sa

from core.errors import Misconfigured
from core.store import dialects
from core.store.database import Store

_FOLDER = Path(__file__).parent / "migrations"
TRIES, PAUSE = 10, 0.02  # of opening a file that others open too; seconds, longer from try to try
_LOCK = 0x736C6A6F62  # "sljob": PostgreSQL's advisory lock around migrations


async def migrate(store: Store) -> list[str]:
    """Apply what is missing, in one transaction; returns the revisions applied, oldest first.

    Several processes may call it at once: one works, the others find nothing to do.

    Raises:
        Misconfigured: the database is newer than the program, or cannot be opened.
    """
    for attempt in range(1, TRIES + 1):
        try:
            if store.sqlite:
                dialects.file(store.address).parent.mkdir(parents=True, exist_ok=True)
            async with store.writer.begin() as connection:
                return await connection.run_sync(_upgrade)
        except (sa.exc.DatabaseError, OSError) as error:
            # Who comes while another makes SQLite's file a WAL is turned away at once, without any waiting.
            busy = store.sqlite and isinstance(error, sa.exc.OperationalError) and dialects.busy(error)
            if not busy or attempt == TRIES:
                raise Misconfigured([_unreachable(store, error)]) from error
        await asyncio.sleep(PAUSE * attempt)
    raise AssertionError("unreachable")


async def pending(store: Store) -> list[str]:
    """The revisions that `migrate` would apply; raises as it does."""
    try:
        async with store.writer.connect() as connection:
            return await connection.run_sync(_pending)
    except sa.exc.DatabaseError as error:
        raise Misconfigured([_unreachable(store, error)]) from error


def revisions() -> list[str]:
    """Every revision that this program knows, oldest first."""
    return sorted(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*.py"))


def _upgrade(connection: sa.Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    missing = _pending(connection)
    if missing:
        from alembic import command
        from alembic.config import Config  # heavy, see above

        config = Config()
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return missing


def _pending(connection: sa.Connection) -> list[str]:
    known = revisions()
    current = None
    if sa.inspect(connection).has_table("alembic_version"):
        current = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    if current is None:
        return known
    if current not in known:
        raise Misconfigured(
            [
                f"The database is of a newer slashjob: its schema is {current}, this program knows up to "
                f"{known[-1]}. Start the newer program again, or restore the backup made before the upgrade."
            ]
        )
    return known[known.index(current) + 1 :]


def _unreachable(store: Store, error: sa.exc.DatabaseError | OSError) -> str:
    address = store.address.render_as_string(hide_password=True)
    reason = str(error.orig) if isinstance(error, sa.exc.DatabaseError) else error.strerror or str(error)
    return f"The database {address} cannot be opened: {reason.strip().splitlines()[0]}"
