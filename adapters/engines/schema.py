"""Procrastinate's tables: made once, upgraded by its own scripts, under a lock of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

from core.errors import Misconfigured

_LOCK = 0x736C6A656E67  # "sljeng": one process at a time
_KNOWN = """
    SELECT obj_description(oid, 'pg_class') FROM pg_class
    WHERE relname = 'procrastinate_jobs' AND pg_table_is_visible(oid)
"""  # read from the catalogue: what to_regclass once did not find it may go on not to find
_OURS = "slashjob, schema "


async def apply(connection: psycopg.AsyncConnection[Any]) -> None:
    """Bring the tables to the installed Procrastinate, in the transaction of this connection.

    The name of the last script that was applied stands in the comment of its table.

    Raises:
        Misconfigured: they are of a newer Procrastinate, somebody else's, or may not be made.
    """
    scripts = _scripts()
    last = scripts[-1].stem
    async with connection.transaction():
        if await _applied(connection) == last:
            return
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        applied = await _applied(connection)
        if applied == last:
            return
        try:
            await _bring(connection, applied, scripts)
        except psycopg.errors.InsufficientPrivilege as error:
            raise Misconfigured(
                [f"The tables of the distributed engine cannot be made: {error}. Run: slashjob migrate"]
            ) from error
        await connection.execute(
            sql.SQL("COMMENT ON TABLE procrastinate_jobs IS {}").format(sql.Literal(_OURS + last))
        )


def _scripts() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


async def _applied(connection: psycopg.AsyncConnection[Any]) -> str | None:
    """The last script that was applied; None where there are no tables, empty where they are not ours."""
    row = await (await connection.execute(_KNOWN)).fetchone()
    if row is None:
        return None
    comment = str(row[0] or "")
    return comment.removeprefix(_OURS) if comment.startswith(_OURS) else ""


async def _bring(connection: psycopg.AsyncConnection[Any], applied: str | None, scripts: list[Path]) -> None:
    if applied is None:
        await connection.execute(SchemaManager.get_schema())
        return
    names = [script.stem for script in scripts]
    if applied == "":
        raise Misconfigured(
            ["The database has tables of another Procrastinate. Give slashjob a database of its own."]
        )
    if applied not in names:
        raise Misconfigured(
            [
                f"The engine's tables are of a newer slashjob ({applied}). "
                "Start the newer program again, or leave SLASHJOB_ENGINE=embedded."
            ]
        )
    for script in scripts[names.index(applied) + 1 :]:
        await connection.execute(script.read_text(encoding="utf-8"))
