"""What is told to whom."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Index, Table, UniqueConstraint

from core.lifecycles import DeliveryState
from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, one_of, pk, public_id, ref, where

deliveries = Table(
    "deliveries",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("channel", "channels"),
    Column("kind", sa.Text, nullable=False),  # status | alert | mention
    Column("subject", sa.Text, nullable=False),  # batch:ID
    ref("batch", "batches", nullable=True, index=True),
    Column("version", sa.Integer, nullable=False, server_default="1"),
    Column(
        "sent_version", sa.Integer, nullable=False, server_default="0"
    ),  # an edit is owed when they differ
    Column("state", sa.Text, nullable=False),
    Column("attempts", sa.Integer, nullable=False, server_default="0"),
    Column("due_at", Instant, nullable=False),
    Column("urgent", sa.Boolean, nullable=False, server_default=sa.false()),  # an end: not paced
    Column("lease_until", Instant, nullable=True),
    Column("died", sa.Boolean, nullable=False, server_default=sa.false()),  # its last sender fell silent
    Column("fence", sa.Integer, nullable=False, server_default="0"),
    Column("external_id", sa.Text, nullable=False, server_default=""),
    Column("error", sa.Text, nullable=False, server_default=""),
    Column("only_for", sa.Text, nullable=False, server_default=""),
    Column("data", Json, nullable=True),  # what its rules add: deliveries.Extra
    Column("created_at", Instant, nullable=False),
    Column("sent_at", Instant, nullable=True),
    Column("told_by", Number, nullable=True),  # of an unknown one: the delivery that says so there
    UniqueConstraint("subject", "channel", "kind"),  # one message per subject, place and kind
    CheckConstraint(one_of("state", DeliveryState), name="state"),
    where("ix_deliveries_due", "due_at", "pk", condition="state = 'pending'"),
    where("ix_deliveries_lease", "lease_until", condition="state = 'sending'"),
    where("ix_deliveries_sending", "channel", condition="state = 'sending'"),
    Index("ix_deliveries_channel", "channel", "pk"),
    where("ix_deliveries_unknown", "channel", condition="state = 'unknown'"),
    sqlite_autoincrement=True,  # a number is never given twice
)

notify_rules = Table(
    "notify_rules",  # added in chat; those of a job's file stand in its version
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("job", "jobs", nullable=True),  # NULL: every job of the organization
    Column("definition", Json, nullable=False),  # definitions.NotifyRule
    Column("member", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    Index("ix_notify_rules_organization_job", "organization", "job"),
    sqlite_autoincrement=True,  # a number is never given twice
)
