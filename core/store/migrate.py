"""Bringing a database to the schema of this program, with Alembic."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import Misconfigured
from core.store import dialects
from core.store.database import Store

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x736C6A6F62  # "sljob": PostgreSQL's advisory lock around migrations


async def migrate(store: Store) -> list[str]:
    """Apply what is missing, in one transaction; returns the revisions applied, oldest first.

    Several processes may call it at once: one works, the others find nothing to do.

    Raises:
        Misconfigured: the database is newer than the program, or cannot be opened.
    """
    if store.sqlite:
        dialects.file(store.address).parent.mkdir(parents=True, exist_ok=True)
    try:
        async with store.writer.begin() as connection:
            return await connection.run_sync(_upgrade)
    except sa.exc.OperationalError as error:
        raise Misconfigured([_unreachable(store, error)]) from error


async def pending(store: Store) -> list[str]:
    """The revisions that `migrate` would apply; raises as it does."""
    try:
        async with store.writer.connect() as connection:
            return await connection.run_sync(_pending)
    except sa.exc.OperationalError as error:
        raise Misconfigured([_unreachable(store, error)]) from error


def _upgrade(connection: sa.Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    missing = _pending(connection)
    if missing:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return missing


def _pending(connection: sa.Connection) -> list[str]:
    scripts = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(connection).get_current_revision()
    known = [script.revision for script in scripts.walk_revisions()]
    known.reverse()
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


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _unreachable(store: Store, error: sa.exc.OperationalError) -> str:
    address = store.address.render_as_string(hide_password=True)
    return f"The database {address} cannot be opened: {str(error.orig).strip().splitlines()[0]}"
