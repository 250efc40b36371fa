"""Summaries that channels get by themselves, and what was posted of them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Table, UniqueConstraint

from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, pk, public_id, ref, where

digests = Table(
    "digests",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("channel", "channels"),
    Column("name", sa.Text, nullable=False),
    Column("definition", Json, nullable=False),  # definitions.Schedule: when it is posted
    Column("expression", sa.Text, nullable=False),  # canonical: what times.restore reads
    Column("zone", sa.Text, nullable=False),
    Column("chosen", Json, nullable=False),  # digests.Chosen: which jobs it tells of
    Column("version", sa.Integer, nullable=False, server_default="1"),
    Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("next_due_at", Instant, nullable=True),  # NULL = off
    Column("settled_until", Instant, nullable=False),  # what was due up to here was posted or is past
    Column("member", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("channel", "name"),
    where("ix_digests_due", "next_due_at", condition="next_due_at IS NOT NULL"),
)

digest_posts = Table(
    "digest_posts",
    metadata,
    pk(),
    public_id(),
    ref("digest", "digests"),
    Column("due_at", Instant, nullable=False),
    Column("since_at", Instant, nullable=False),  # it tells of what ended from here to its instant
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("digest", "due_at"),  # one post per due instant
)
