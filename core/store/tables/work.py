"""What is wished and done: requests, batches and their locks, runs, attempts, chats, workers."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint

from core.lifecycles import BatchState, Status
from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, one_of, pk, public_id, ref, where

UNSUCCESSFUL_RUN = " OR ".join(  # an index is used where a query asks for one of these words
    f"status = '{one}'" for one in Status if one.ended and one is not Status.SUCCEEDED
)

requests = Table(
    "requests",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    Column("source", sa.Text, nullable=False),
    Column("key", sa.Text, nullable=False),
    Column("hash", sa.Text, nullable=False, server_default=""),
    Column("text", sa.Text, nullable=True),  # sealed; erased once answered
    Column("answer", Json, nullable=True),
    Column("created_at", Instant, nullable=False, index=True),
    UniqueConstraint("organization", "source", "key"),  # a redelivery gets the first answer
    sqlite_autoincrement=True,  # a number is never given twice
)

batches = Table(
    "batches",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("job", "jobs"),
    Column("version", Number, nullable=False),
    Column("state", sa.Text, nullable=False),
    Column("reason", sa.Text, nullable=False, server_default=""),
    Column("trigger", sa.Text, nullable=False),  # chat | schedule | api | retry | backfill
    Column("member", Number, nullable=True),
    Column("channel", Number, nullable=True),  # the originating channel
    Column("request", Number, nullable=True, unique=True),  # one batch per request
    Column("keys", Json, nullable=False),  # the lock keys that it needs, sorted
    Column("cap", sa.Integer, nullable=False),  # runs at once
    Column("job_cap", sa.Integer, nullable=False, server_default="1000"),  # of all batches of the job
    Column("policy", sa.Text, nullable=False, server_default=""),  # of a proposal: its overlap policy
    Column("place", Number, nullable=True),  # in line; NULL = by its number
    Column("timeout_seconds", sa.Float, nullable=True),  # for all its runs together
    Column("until_at", Instant, nullable=True),  # when it is given up: a proposal, or by its time-out
    Column("agreed_by", Number, nullable=True),  # who said yes, or no
    Column("total", sa.Integer, nullable=False),
    Column("priority", sa.Integer, nullable=False, server_default="0"),
    Column("runs_on", sa.Text, nullable=False, server_default=""),  # only workers with this tag take its runs
    Column("due_at", Instant, nullable=True),
    Column("rerun_of", Number, nullable=True),
    Column("cancelled_by", Number, nullable=True),
    Column("incident", Number, nullable=True),  # the continuing failure that its own belongs to
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    CheckConstraint(
        one_of("state", BatchState),
        name="state",
    ),
    Index("ix_batches_job", "job", "pk"),
    Index("ix_batches_ended", "job", "ended_at"),
    Index("ix_batches_organization", "organization", "pk"),
    where("ix_batches_open", "job", "state", condition="state IN ('proposed', 'waiting', 'active')"),
    where(
        "ix_batches_ill",
        "organization",
        "pk",
        condition="state IN ('partly_failed', 'failed', 'cancelled', 'skipped')",
    ),
    where(
        "ix_batches_until",
        "until_at",
        condition="until_at IS NOT NULL AND state IN ('proposed', 'active')",
    ),
    sqlite_autoincrement=True,  # a number is never given twice
)

locks = Table(
    "locks",
    metadata,
    Column("key", sa.Text, primary_key=True),  # at most one active batch per key
    ref("batch", "batches", index=True),
    Column("taken_at", Instant, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    pk(),
    public_id(),
    Column("name", sa.Text, nullable=False),  # host:pid
    Column("started_at", Instant, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("tags", Json, nullable=True, server_default="[]"),  # NULL: it takes no runs at all
    Column("dead_at", Instant, nullable=True),  # from then on it can neither renew nor claim
    sqlite_autoincrement=True,  # a number is never given twice
)

runs = Table(
    "runs",
    metadata,
    pk(),
    public_id(),
    ref("batch", "batches"),
    Column("index", sa.Integer, nullable=False),  # from 1
    Column("job", Number, nullable=False),
    Column("version", Number, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("print", sa.Text, nullable=False, server_default=""),  # their fingerprint
    Column("status", sa.Text, nullable=False),
    Column("reason", sa.Text, nullable=False, server_default=""),  # why it ended so, in a sentence
    Column("attempt", sa.Integer, nullable=False, server_default="0"),
    Column("fence", sa.Integer, nullable=False, server_default="0"),
    Column("worker", Number, nullable=True),
    Column("priority", sa.Integer, nullable=False, server_default="0"),
    Column("step", sa.Text, nullable=False, server_default=""),
    Column("quiet", sa.Text, nullable=False, server_default=""),  # why its result is not posted
    Column("due_at", Instant, nullable=True),  # the instant that it is run for
    Column("not_before", Instant, nullable=True),
    Column("cancel_requested_at", Instant, nullable=True),
    Column("cancel_requested_by", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("queued_at", Instant, nullable=True),
    Column("started_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    UniqueConstraint("batch", "index"),
    CheckConstraint(
        one_of("status", Status),
        name="status",
    ),
    where("ix_runs_waiting", "not_before", condition="status = 'waiting'"),
    where("ix_runs_queued", "priority", "pk", condition="status = 'queued'"),
    where("ix_runs_running", "worker", condition="status = 'running'"),
    where("ix_runs_succeeded", "job", "print", "pk", condition="status = 'succeeded'"),
    Index("ix_runs_job", "job", "pk"),
    where("ix_runs_unsuccessful", "status", "batch", "index", condition=UNSUCCESSFUL_RUN),
    sqlite_autoincrement=True,  # a number is never given twice
)

attempts = Table(
    "attempts",
    metadata,
    Column("run", Number, ForeignKey("runs.pk"), primary_key=True),
    Column("number", sa.Integer, primary_key=True),  # from 1
    Column("fence", sa.Integer, nullable=False),
    Column("worker", Number, nullable=False),
    Column("outcome", sa.Text, nullable=False, server_default=""),  # empty while it runs
    Column("reason", sa.Text, nullable=False, server_default=""),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
)

run_files = Table(
    "run_files",  # content-named files below the data folder; what no run refers to is removed
    metadata,
    Column("run", Number, ForeignKey("runs.pk"), primary_key=True),
    Column("path", sa.Text, primary_key=True, index=True),
)

chat_entries = Table(
    "chat_entries",
    metadata,
    Column("run", Number, ForeignKey("runs.pk"), primary_key=True),
    Column("sequence", sa.Integer, primary_key=True),  # from 1; append only
    Column("attempt", sa.Integer, nullable=False),
    Column("kind", sa.Text, nullable=False),
    Column("data", Json, nullable=False),
    Column("at", Instant, nullable=False),
)

callbacks = Table(
    "callbacks",  # where services bring answers later; a row lives as long as its attempt
    metadata,
    Column("token", sa.String(64), primary_key=True),  # a digest of it
    Column("opened_at", Instant, nullable=False),
    Column("brought_at", Instant, nullable=True),
    Column("content_type", sa.Text, nullable=False, server_default=""),
    Column("body", sa.Text, nullable=True),  # sealed
)
