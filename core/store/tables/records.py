"""What is kept beside the work: the audit and the single facts of an installation."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Index, Table

from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, pk, public_id, ref

audit = Table(
    "audit",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    Column("member", Number, nullable=True),  # NULL = the bot itself
    Column("action", sa.Text, nullable=False),
    Column("subject", sa.Text, nullable=False),
    Column("data", Json, nullable=True),
    Column("at", Instant, nullable=False),
    Index("ix_audit_organization", "organization", "pk"),
)

facts = Table(
    "facts",  # single values of the installation: the claim code's hash, the process that executes
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("value", sa.Text, nullable=False),
)
