"""One query on files, in a process of its own: an order on standard input, the answer on standard output.

It limits itself before it loads DuckDB, and ends by a signal of the system where its time is over.
"""

from __future__ import annotations

import json
import math
import resource
import signal
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from adapters.sources import cells

_CHUNK = 200  # rows fetched at a time
_SETTINGS = {
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


def main() -> None:
    """Answer the order."""
    order = json.load(sys.stdin)
    _limit(order)
    try:
        answer = _query(order)
    except MemoryError:
        answer = {"error": "", "kind": "MemoryError"}
    json.dump(answer, sys.stdout)


def _limit(order: dict[str, Any]) -> None:
    seconds = math.ceil(min(order["seconds"], 1e6))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    for name, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),  # pipes are no files
        (resource.RLIMIT_CPU, seconds * order["threads"] + 5),
        (resource.RLIMIT_DATA, order["memory"] * 2),
    ):
        _, hard = resource.getrlimit(name)
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (least, least))


def _query(order: dict[str, Any]) -> dict[str, Any]:
    import duckdb  # an extra, and only after the limits hold

    options: dict[str, Any] = _SETTINGS | {
        "memory_limit": f"{order['memory'] >> 20}MB",
        "threads": str(order["threads"]),
    }
    connection = duckdb.connect(":memory:", config=options)
    try:
        _lock_down(connection, order["views"])
        statements = duckdb.extract_statements(order["sql"])
        if len(statements) != 1:
            return {"refused": "many" if statements else "none"}
        if statements[0].type != duckdb.StatementType.SELECT:
            return {"refused": "write"}
        connection.execute(statements[0], {name: _value(one) for name, one in order["values"].items()})
        columns = cells.column_names([column[0] for column in connection.description or ()])
        kept = cells.Kept(order["max_rows"], order["max_bytes"])
        while not kept.is_full and (chunk := connection.fetchmany(_CHUNK)):
            kept.add(chunk)
    except duckdb.Error as error:
        return {"error": str(error), "kind": type(error).__name__}
    return {"columns": columns, "rows": kept.rows, "truncated": kept.is_full}


def _lock_down(connection: Any, views: list[list[str]]) -> None:
    """The named files as views, and then nothing else any more."""
    paths = sorted({path for _, path, _ in views})
    connection.execute(f"SET allowed_paths = [{', '.join(map(_text, paths))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    for name, path, reader in views:
        quoted = name.replace('"', '""')
        # Values cannot be bound in a view; both texts are names of files in the folder, and quoted.
        connection.execute(f'CREATE VIEW "{quoted}" AS SELECT * FROM {reader}({_text(path)})')  # noqa: S608 see above


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _value(value: Any) -> Any:
    match value:
        case {"datetime": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case {"decimal": text}:
            return Decimal(text)
        case _:
            return value
