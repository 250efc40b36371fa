"""The tables (DESIGN.md, section 6). `pk` is the row's number, `id` its public UUIDv7.

What a constraint means stands beside it; every rule of the kind "at most one" is one of these.
"""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint

from core.definitions import Role
from core.lifecycles import BatchState, DeliveryState, Status
from core.store.dialects import Instant, Json, Number

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _pk() -> Column[int]:
    return Column("pk", Number, primary_key=True, autoincrement=True)


def _id() -> Column[str]:
    return Column("id", sa.String(36), nullable=False, unique=True)


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


def _where(name: str, *columns: str, condition: str) -> Index:
    """An index over the rows that a loop looks for, whatever the number of the others."""
    return Index(name, *columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def _ref(name: str, target: str, *, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(name, Number, ForeignKey(f"{target}.pk"), nullable=nullable, index=index)


organizations = Table(
    "organizations",
    metadata,
    _pk(),
    _id(),
    Column("name", sa.Text, nullable=False, unique=True),
    Column("timezone", sa.Text, nullable=False, server_default="UTC"),
    Column("paused_at", Instant, nullable=True),  # nothing new starts
    Column("paused_by", Number, nullable=True),
    Column("paused_why", sa.Text, nullable=False, server_default=""),
    Column("max_running", sa.Integer, nullable=False, server_default="50"),  # runs at once
    Column("created_at", Instant, nullable=False),
)

members = Table(
    "members",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations", index=True),
    Column("name", sa.Text, nullable=False),
    Column("email", sa.Text, nullable=False, server_default=""),
    Column("role", sa.Text, nullable=True),  # NULL = nobody: known, but may do nothing
    Column("created_at", Instant, nullable=False),
    CheckConstraint(_one_of("role", Role), name="role"),
)

identities = Table(
    "identities",
    metadata,
    _pk(),
    _ref("member", "members", index=True),
    Column("platform", sa.Text, nullable=False),
    Column("tenant", sa.Text, nullable=False),
    Column("external_id", sa.Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("platform", "tenant", "external_id"),  # one member per platform identity
)

channels = Table(
    "channels",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    Column("platform", sa.Text, nullable=False),
    Column("address", sa.Text, nullable=False),
    Column("thread", sa.Text, nullable=False, server_default=""),
    Column("name", sa.Text, nullable=False, server_default=""),
    Column("reference", Json, nullable=True),
    Column("state", sa.Text, nullable=False, server_default="ok"),
    Column("state_reason", sa.Text, nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("organization", "platform", "address", "thread"),
    CheckConstraint("state IN ('ok', 'broken')", name="state"),
)

installations = Table(
    "installations",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations", index=True),
    Column("platform", sa.Text, nullable=False),
    Column("tenant", sa.Text, nullable=False, server_default=""),  # a workspace; empty: a whole enterprise
    Column("enterprise", sa.Text, nullable=False, server_default=""),
    Column("name", sa.Text, nullable=False, server_default=""),
    Column("token", sa.Text, nullable=True),  # sealed; erased when it is revoked
    Column("bot_user", sa.Text, nullable=False, server_default=""),
    Column("bot", sa.Text, nullable=False, server_default=""),
    Column("app", sa.Text, nullable=False, server_default=""),
    Column("scopes", sa.Text, nullable=False, server_default=""),
    Column("installed_by", sa.Text, nullable=False, server_default=""),
    Column("installed_at", Instant, nullable=False),
    Column("revoked_at", Instant, nullable=True),
    UniqueConstraint("platform", "tenant", "enterprise"),  # a new installation replaces the old one
)

sources = Table(
    "sources",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    Column("name", sa.Text, nullable=False),
    Column("definition", Json, nullable=False),
    Column("origin", sa.Text, nullable=False),  # file | chat
    Column("file", sa.Text, nullable=False, server_default=""),
    Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("organization", "name"),
)

agents = Table(
    "agents",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    Column("name", sa.Text, nullable=False),
    Column("definition", Json, nullable=False),
    Column("origin", sa.Text, nullable=False),
    Column("file", sa.Text, nullable=False, server_default=""),
    Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("organization", "name"),
)

jobs = Table(
    "jobs",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    Column("name", sa.Text, nullable=False),
    Column("origin", sa.Text, nullable=False),
    Column("file", sa.Text, nullable=False, server_default=""),
    Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("version", Number, nullable=True),  # pk of its current version
    Column("paused_at", Instant, nullable=True),
    Column("paused_by", Number, nullable=True),
    Column("paused_why", sa.Text, nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("organization", "name"),
)

job_versions = Table(
    "job_versions",
    metadata,
    _pk(),
    _id(),
    _ref("job", "jobs"),
    Column("number", sa.Integer, nullable=False),  # from 1
    Column("definition", Json, nullable=False),  # definitions.Version; never changed
    Column("member", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("job", "number"),
)

parameter_sets = Table(
    "parameter_sets",  # saved in chat; those of files stand in the job's version
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    _ref("job", "jobs"),
    Column("name", sa.Text, nullable=False),
    Column("rows", Json, nullable=False),  # a list of {parameter: value}; never a secret
    Column("member", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("job", "name"),
)

schedules = Table(
    "schedules",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    _ref("job", "jobs", index=True),
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
    _where("ix_schedules_due", "next_due_at", condition="next_due_at IS NOT NULL"),
)

firings = Table(
    "firings",
    metadata,
    _pk(),
    _ref("schedule", "schedules"),
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
    CheckConstraint("outcome IN ('started', 'skipped', 'missed')", name="outcome"),
)

requests = Table(
    "requests",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
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
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    _ref("job", "jobs"),
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
    Column("due_at", Instant, nullable=True),
    Column("rerun_of", Number, nullable=True),
    Column("cancelled_by", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    CheckConstraint(
        _one_of("state", BatchState),
        name="state",
    ),
    Index("ix_batches_job", "job", "pk"),
    Index("ix_batches_organization", "organization", "pk"),
    _where("ix_batches_open", "job", "state", condition="state IN ('proposed', 'waiting', 'active')"),
    _where(
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
    _ref("batch", "batches", index=True),
    Column("taken_at", Instant, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    _pk(),
    _id(),
    Column("name", sa.Text, nullable=False),  # host:pid
    Column("started_at", Instant, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("dead_at", Instant, nullable=True),  # from then on it can neither renew nor claim
    sqlite_autoincrement=True,  # a number is never given twice
)

runs = Table(
    "runs",
    metadata,
    _pk(),
    _id(),
    _ref("batch", "batches"),
    Column("index", sa.Integer, nullable=False),  # from 1
    Column("job", Number, nullable=False),
    Column("version", Number, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("status", sa.Text, nullable=False),
    Column("reason", sa.Text, nullable=False, server_default=""),  # why it ended so, in a sentence
    Column("attempt", sa.Integer, nullable=False, server_default="0"),
    Column("fence", sa.Integer, nullable=False, server_default="0"),
    Column("worker", Number, nullable=True),
    Column("priority", sa.Integer, nullable=False, server_default="0"),
    Column("step", sa.Text, nullable=False, server_default=""),
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
        _one_of("status", Status),
        name="status",
    ),
    _where("ix_runs_waiting", "not_before", condition="status = 'waiting'"),
    _where("ix_runs_queued", "priority", "pk", condition="status = 'queued'"),
    _where("ix_runs_running", "worker", condition="status = 'running'"),
    Index("ix_runs_job", "job", "pk"),
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

deliveries = Table(
    "deliveries",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
    _ref("channel", "channels"),
    Column("kind", sa.Text, nullable=False),  # status | alert | mention
    Column("subject", sa.Text, nullable=False),  # batch:ID
    _ref("batch", "batches", nullable=True, index=True),
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
    Column("created_at", Instant, nullable=False),
    Column("sent_at", Instant, nullable=True),
    UniqueConstraint("subject", "channel", "kind"),  # one message per subject, place and kind
    CheckConstraint(_one_of("state", DeliveryState), name="state"),
    _where("ix_deliveries_due", "due_at", condition="state IN ('pending', 'sending')"),
    Index("ix_deliveries_channel", "channel", "pk"),
    sqlite_autoincrement=True,  # a number is never given twice
)

audit = Table(
    "audit",
    metadata,
    _pk(),
    _id(),
    _ref("organization", "organizations"),
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
