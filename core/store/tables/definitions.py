"""What is to be done: sources, agents, jobs with their versions, saved parameter sets."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Table, UniqueConstraint

from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, pk, public_id, ref

sources = Table(
    "sources",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
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
    pk(),
    public_id(),
    ref("organization", "organizations"),
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
    pk(),
    public_id(),
    ref("organization", "organizations"),
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
    pk(),
    public_id(),
    ref("job", "jobs"),
    Column("number", sa.Integer, nullable=False),  # from 1
    Column("definition", Json, nullable=False),  # definitions.Version; never changed
    Column("member", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("job", "number"),
)

parameter_sets = Table(
    "parameter_sets",  # saved in chat; those of files stand in the job's version
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    ref("job", "jobs"),
    Column("name", sa.Text, nullable=False),
    Column("rows", Json, nullable=False),  # a list of {parameter: value}; never a secret
    Column("member", Number, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("job", "name"),
)
