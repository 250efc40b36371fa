"""What keeps failing, from the first failure to the recovery."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Index, Table

from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, pk, public_id, ref, where

OPEN = "ended_at IS NULL"  # literal, as the unique index has it

incidents = Table(
    "incidents",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("job", "jobs"),
    Column("scope", sa.Text, nullable=False, server_default=""),  # which parameters; empty: the whole job
    Column("keys", Json, nullable=False),  # the lock keys of the scope; none where it is the whole job
    Column("cause", sa.Text, nullable=False),  # incidents.cause: what kind of failure
    Column("sources", Json, nullable=False),  # what failed by itself and has not succeeded since
    Column("failures", sa.Integer, nullable=False, server_default="0"),
    Column("first_batch", Number, nullable=False),
    Column("last_batch", Number, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("alerted_at", Instant, nullable=True),  # NULL = too few failures so far
    Column("remind_at", Instant, nullable=True),  # NULL = not to be reminded of
    Column("reminders", sa.Integer, nullable=False, server_default="0"),
    Column("acked_at", Instant, nullable=True),
    Column("acked_by", Number, nullable=True),
    Column("ack_note", sa.Text, nullable=False, server_default=""),
    Column("paused_at", Instant, nullable=True),  # its failures paused the job
    Column("ended_at", Instant, nullable=True),
    Column("ended_by", Number, nullable=True),  # the batch that succeeded
    Index(
        "uq_incidents_open",  # one open incident per job, parameters and kind of failure
        "job",
        "scope",
        "cause",
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    ),
    where("ix_incidents_remind", "remind_at", condition="remind_at IS NOT NULL"),
    where("ix_incidents_ended_by", "ended_by", condition="ended_by IS NOT NULL"),
    sqlite_autoincrement=True,  # a number is never given twice
)
