"""The columns that tables share, and how their constraints are named."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index

from core.store.dialects import Number

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def pk() -> Column[int]:
    """The number of a row."""
    return Column("pk", Number, primary_key=True, autoincrement=True)


def public_id() -> Column[str]:
    """Its public UUIDv7."""
    return Column("id", sa.String(36), nullable=False, unique=True)


def one_of(column: str, words: type[StrEnum]) -> str:
    """The condition that a column holds one of these words."""
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


def where(name: str, *columns: str, condition: str) -> Index:
    """An index over the rows that a loop looks for, whatever the number of the others."""
    return Index(name, *columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def ref(name: str, target: str, *, nullable: bool = False, index: bool = False) -> Column[int]:
    """A column that points to a row of another table."""
    return Column(name, Number, ForeignKey(f"{target}.pk"), nullable=nullable, index=index)
