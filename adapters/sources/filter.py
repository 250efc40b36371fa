"""A first look at a statement by sqlglot: says why it may not run. A filter, never the only guard.

What really keeps a source read-only is its driver (see `sqlite.py` and `postgres.py`). The filter is
there for the sentence: it says in words what those would refuse in codes.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any, Literal

Dialect = Literal["sqlite", "postgres", "duckdb", "mysql", "oracle", "tsql", ""]

STATEMENT_LIMIT = 50_000  # characters; more is no question anybody wrote, and slow to parse


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set to look names up in."""
    return frozenset(text.split())


_READ_ONLY = "Sources are read only: a query begins with SELECT, WITH or VALUES."
# Functions that write, wait, lock, read files, or run text as SQL. What begins with one of the prefixes
# is refused but for the harmless ones.
_PREFIXES = ("pg_", "lo_", "dblink", "postgres_fdw", "binary_upgrade", "adminpack")
_HARMLESS = words(
    """pg_typeof pg_size_pretty pg_size_bytes pg_table_size pg_total_relation_size pg_relation_size
    pg_indexes_size pg_column_size pg_database_size pg_get_viewdef pg_get_indexdef pg_get_constraintdef
    pg_get_expr pg_table_is_visible pg_input_is_valid"""
)
_DANGEROUS = words(
    """set_config nextval setval currval lastval query_to_xml query_to_xmlschema query_to_xml_and_xmlschema
    table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
    schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
    cursor_to_xml cursor_to_xmlschema ts_stat txid_current crosstab crosstabn connectby xpath_table
    load_extension readfile writefile edit fts3_tokenizer randomblob zeroblob"""
)
# One call of these takes as long and as much memory as its arguments say, and nothing can interrupt it.
_BOMBS = frozenset({"printf", "format"})


@lru_cache(maxsize=512)
def refusal(statement: str, dialect: Dialect) -> str | None:
    """A sentence that says why the statement may not run, or None where nothing speaks against it."""
    if len(statement) > STATEMENT_LIMIT:
        return f"The query is longer than {STATEMENT_LIMIT:,} characters."
    try:
        return _judge(statement, dialect)
    except Exception as error:
        # sqlglot raises far more than its own errors on odd input (IndexError, RecursionError, …):
        # what it cannot read is refused, whatever the reason (DESIGN.md, section 10).
        return _unreadable(error)


@lru_cache(maxsize=512)
def columns(statement: str) -> tuple[str, ...] | None:
    """The columns that a statement visibly selects, None where only the database can tell."""
    import sqlglot  # 0.2 s of import: off the start-up path

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree: Any = sqlglot.parse_one(statement)
        names = tuple(one.alias_or_name for one in tree.selects)
    except Exception:  # as in `refusal`: whatever it raises, it cannot tell
        return None
    return names if names and all(name and name != "*" for name in names) else None


def _judge(statement: str, dialect: Dialect) -> str | None:
    import sqlglot  # 0.2 s of import: off the start-up path
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of every statement that it does not know
    trees = [tree for tree in sqlglot.parse(statement, read=dialect) if not _is_nothing(tree, exp)]
    if not trees:
        return "The query is empty."
    if len(trees) > 1:
        return f"Only one statement may be run at a time; this text holds {len(trees)}."
    tree = trees[0]
    if not isinstance(tree, exp.Query | exp.Values):
        return f"{_verb(statement)} is not allowed here. {_READ_ONLY}"
    for node in tree.walk():
        if (sentence := _objection(node, dialect, exp)) is not None:
            return sentence
    return None


def _is_nothing(tree: Any, exp: Any) -> bool:
    return tree is None or isinstance(tree, exp.Semicolon)


def _objection(node: Any, dialect: Dialect, exp: Any) -> str | None:
    match node:
        case (
            exp.Insert() | exp.Update() | exp.Delete() | exp.Merge() | exp.DDL() | exp.Command() | exp.Copy()
        ):
            if isinstance(node, exp.Query):
                return None
            return f"{type(node).__name__.upper()} is not allowed here. {_READ_ONLY}"
        case exp.Drop() | exp.Alter() | exp.TruncateTable() | exp.Attach() | exp.Detach() | exp.Pragma():
            return f"{type(node).__name__.upper()} is not allowed here. {_READ_ONLY}"
        case exp.Into():
            return f"SELECT … INTO makes a table. {_READ_ONLY}"
        case exp.Lock():
            return "FOR UPDATE and FOR SHARE lock rows; a source only reads."
        case exp.Func():
            return _function(node, dialect, exp)
    return None


def _function(node: Any, dialect: Dialect, exp: Any) -> str | None:
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
    refused = name in _DANGEROUS or (name.startswith(_PREFIXES) and name not in _HARMLESS)
    if refused or (dialect == "sqlite" and name in _BOMBS):
        return f"The function {name} is not allowed in a source's query."
    return None


def _verb(statement: str) -> str:
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", " ", statement, flags=re.DOTALL)
    word = re.search(r"[A-Za-z]+", bare)
    return word[0].upper() if word else "This"


def _unreadable(error: Exception) -> str:
    told = getattr(error, "errors", None)
    if told and isinstance(told[0], dict) and told[0].get("description"):
        first = told[0]
        where = f" at line {first['line']}, near “{first['highlight']}”" if first.get("highlight") else ""
        reason = re.sub(r"<class '[\w.]*?(\w+)'>", r"\1", str(first["description"]))
        return f"The query could not be read{where}: {reason.rstrip('.')}."
    return "The query could not be read: it is not one plain SELECT, or it is nested too deeply."
