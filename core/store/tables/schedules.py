"""When jobs run by themselves, and what became of each due instant."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint

from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, pk, public_id, ref, where

schedules = Table(
    "schedules",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("job", "jobs", index=True),
    Column("name", sa.Text, nullable=False),
    Column("origin", sa.Text, nullable=False),
    Column("definition", Json, nullable=False),  # definitions.Schedule, as it was written
    Column("expression", sa.Text, nullable=False),  # canonical: what times.restore reads
    Column("zone", sa.Text, nullable=False, server_default=""),  # empty: the organization's
    Column("given", Json, nullable=False),  # a list of what its runs are given; secrets sealed
    Column("version", sa.Integer, nullable=False, server_default="1"),  # compare-and-set of the tick
    Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("next_due_at", Instant, nullable=True),  # when to wake, jitter included; NULL = off
    Column("settled_until", Instant, nullable=False),  # what was due up to here has its outcome
    Column("tzdata", sa.Text, nullable=False, server_default=""),  # the rules next_due_at was made with
    Column("paused_at", Instant, nullable=True),
    Column("paused_by", Number, nullable=True),
    Column("paused_why", sa.Text, nullable=False, server_default=""),
    Column("channel", Number, nullable=True),
    Column("member", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("job", "name"),
    where("ix_schedules_due", "next_due_at", condition="next_due_at IS NOT NULL"),
)

firings = Table(
    "firings",
    metadata,
    pk(),
    ref("schedule", "schedules"),
    Column("due_at", Instant, nullable=False),
    Column("outcome", sa.Text, nullable=False),  # started | skipped | missed
    Column("cause", sa.Text, nullable=False, server_default=""),  # firings.Cause; empty where on time
    Column("reason", sa.Text, nullable=False, server_default=""),
    Column("instants", sa.Integer, nullable=False, server_default="1"),  # that the row stands for
    Column("until_at", Instant, nullable=True),  # the last of them, where they are several
    Column("batch", Number, nullable=True),
    Column("holder", Number, nullable=True),  # the batch that was in the way
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("schedule", "due_at"),  # one firing per due instant
    where("ix_firings_batch", "batch", condition="batch IS NOT NULL"),
    CheckConstraint("outcome IN ('started', 'skipped', 'missed')", name="outcome"),
)
