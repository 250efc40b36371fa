"""Keys of the HTTP API."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Index, Table

from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, pk, public_id, ref

_IN_USE = sa.text("revoked_at IS NULL")

api_keys = Table(
    "api_keys",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("member", "members"),  # whom verbs and the audit see when the key is used
    Column("name", sa.Text, nullable=False),
    Column("hash", sa.String(64), nullable=False, unique=True),  # SHA-256 of the key, which is not kept
    Column("hint", sa.Text, nullable=False),  # its first characters, so that people can tell keys apart
    Column("permissions", Json, nullable=False),
    Column("jobs", Json, nullable=False),  # ids; empty: every job
    Column("per_minute", sa.Integer, nullable=False),  # requests
    Column("created_at", Instant, nullable=False),
    Column("created_by", Number, nullable=True),
    Column("last_used_at", Instant, nullable=True),  # to the minute: not a write for each request
    Column("revoked_at", Instant, nullable=True),
    Index(  # one key of a name at a time
        "uq_api_keys_name",
        "organization",
        "name",
        unique=True,
        sqlite_where=_IN_USE,
        postgresql_where=_IN_USE,
    ),
)
