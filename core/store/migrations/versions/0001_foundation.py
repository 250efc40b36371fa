"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant, Json, Number

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "organizations",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("paused_by", Number, nullable=True),
        sa.Column("paused_why", sa.Text(), server_default="", nullable=False),
        sa.Column("max_running", sa.Integer(), server_default="50", nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_organizations")),
        sa.UniqueConstraint("id", name=op.f("uq_organizations_id")),
        sa.UniqueConstraint("name", name=op.f("uq_organizations_name")),
    )
    op.create_table(
        "workers",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=False),
        sa.Column("dead_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_workers")),
        sa.UniqueConstraint("id", name=op.f("uq_workers_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "agents",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", Json, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["organization"], ["organizations.pk"], name=op.f("fk_agents_organization")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_agents")),
        sa.UniqueConstraint("id", name=op.f("uq_agents_id")),
        sa.UniqueConstraint("organization", "name", name=op.f("uq_agents_organization_name")),
    )
    op.create_table(
        "audit",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("member", Number, nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", Json, nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["organization"], ["organizations.pk"], name=op.f("fk_audit_organization")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_audit")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_id")),
    )
    op.create_index("ix_audit_organization", "audit", ["organization", "pk"], unique=False)
    op.create_table(
        "channels",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", Json, nullable=True),
        sa.Column("state", sa.Text(), server_default="ok", nullable=False),
        sa.Column("state_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('ok', 'broken')", name=op.f("ck_channels_state")),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_channels_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_channels")),
        sa.UniqueConstraint("id", name=op.f("uq_channels_id")),
        sa.UniqueConstraint(
            "organization",
            "platform",
            "address",
            "thread",
            name=op.f("uq_channels_organization_platform_address_thread"),
        ),
    )
    op.create_table(
        "jobs",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("version", Number, nullable=True),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("paused_by", Number, nullable=True),
        sa.Column("paused_why", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["organization"], ["organizations.pk"], name=op.f("fk_jobs_organization")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_jobs")),
        sa.UniqueConstraint("id", name=op.f("uq_jobs_id")),
        sa.UniqueConstraint("organization", "name", name=op.f("uq_jobs_organization_name")),
    )
    op.create_table(
        "members",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'editor', 'admin')", name=op.f("ck_members_role")),
        sa.ForeignKeyConstraint(["organization"], ["organizations.pk"], name=op.f("fk_members_organization")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_members")),
        sa.UniqueConstraint("id", name=op.f("uq_members_id")),
    )
    op.create_index(op.f("ix_members_organization"), "members", ["organization"], unique=False)
    op.create_table(
        "requests",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("answer", Json, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_requests_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_requests")),
        sa.UniqueConstraint("id", name=op.f("uq_requests_id")),
        sa.UniqueConstraint(
            "organization", "source", "key", name=op.f("uq_requests_organization_source_key")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_requests_created_at"), "requests", ["created_at"], unique=False)
    op.create_table(
        "installations",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), server_default="", nullable=False),
        sa.Column("enterprise", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("bot_user", sa.Text(), server_default="", nullable=False),
        sa.Column("bot", sa.Text(), server_default="", nullable=False),
        sa.Column("app", sa.Text(), server_default="", nullable=False),
        sa.Column("scopes", sa.Text(), server_default="", nullable=False),
        sa.Column("installed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("installed_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_installations_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_installations")),
        sa.UniqueConstraint("id", name=op.f("uq_installations_id")),
        sa.UniqueConstraint(
            "platform", "tenant", "enterprise", name=op.f("uq_installations_platform_tenant_enterprise")
        ),
    )
    op.create_index(op.f("ix_installations_organization"), "installations", ["organization"], unique=False)
    op.create_table(
        "sources",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", Json, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["organization"], ["organizations.pk"], name=op.f("fk_sources_organization")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_sources")),
        sa.UniqueConstraint("id", name=op.f("uq_sources_id")),
        sa.UniqueConstraint("organization", "name", name=op.f("uq_sources_organization_name")),
    )
    op.create_table(
        "batches",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("version", Number, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("member", Number, nullable=True),
        sa.Column("channel", Number, nullable=True),
        sa.Column("request", Number, nullable=True),
        sa.Column("keys", Json, nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("job_cap", sa.Integer(), server_default="1000", nullable=False),
        sa.Column("policy", sa.Text(), server_default="", nullable=False),
        sa.Column("place", Number, nullable=True),
        sa.Column("timeout_seconds", sa.Float(), nullable=True),
        sa.Column("until_at", Instant(), nullable=True),
        sa.Column("agreed_by", Number, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("rerun_of", Number, nullable=True),
        sa.Column("cancelled_by", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'waiting', 'active', 'succeeded', 'partly_failed', 'failed', 'cancelled', 'skipped')",
            name=op.f("ck_batches_state"),
        ),
        sa.ForeignKeyConstraint(["job"], ["jobs.pk"], name=op.f("fk_batches_job")),
        sa.ForeignKeyConstraint(["organization"], ["organizations.pk"], name=op.f("fk_batches_organization")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_batches")),
        sa.UniqueConstraint("id", name=op.f("uq_batches_id")),
        sa.UniqueConstraint("request", name=op.f("uq_batches_request")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_batches_job", "batches", ["job", "pk"], unique=False)
    op.create_index(
        "ix_batches_open",
        "batches",
        ["job", "state"],
        unique=False,
        sqlite_where=sa.text("state IN ('proposed', 'waiting', 'active')"),
        postgresql_where=sa.text("state IN ('proposed', 'waiting', 'active')"),
    )
    op.create_index("ix_batches_organization", "batches", ["organization", "pk"], unique=False)
    op.create_index(
        "ix_batches_until",
        "batches",
        ["until_at"],
        unique=False,
        sqlite_where=sa.text("until_at IS NOT NULL AND state IN ('proposed', 'active')"),
        postgresql_where=sa.text("until_at IS NOT NULL AND state IN ('proposed', 'active')"),
    )
    op.create_table(
        "identities",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("member", Number, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["member"], ["members.pk"], name=op.f("fk_identities_member")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_identities")),
        sa.UniqueConstraint(
            "platform", "tenant", "external_id", name=op.f("uq_identities_platform_tenant_external_id")
        ),
    )
    op.create_index(op.f("ix_identities_member"), "identities", ["member"], unique=False)
    op.create_table(
        "job_versions",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("definition", Json, nullable=False),
        sa.Column("member", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.pk"], name=op.f("fk_job_versions_job")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_job_versions")),
        sa.UniqueConstraint("id", name=op.f("uq_job_versions_id")),
        sa.UniqueConstraint("job", "number", name=op.f("uq_job_versions_job_number")),
    )
    op.create_table(
        "parameter_sets",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rows", Json, nullable=False),
        sa.Column("member", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.pk"], name=op.f("fk_parameter_sets_job")),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_parameter_sets_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_parameter_sets")),
        sa.UniqueConstraint("id", name=op.f("uq_parameter_sets_id")),
        sa.UniqueConstraint("job", "name", name=op.f("uq_parameter_sets_job_name")),
    )
    op.create_table(
        "schedules",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("definition", Json, nullable=False),
        sa.Column("expression", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), server_default="", nullable=False),
        sa.Column("given", Json, nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("next_due_at", Instant(), nullable=True),
        sa.Column("settled_until", Instant(), nullable=False),
        sa.Column("tzdata", sa.Text(), server_default="", nullable=False),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("paused_by", Number, nullable=True),
        sa.Column("paused_why", sa.Text(), server_default="", nullable=False),
        sa.Column("channel", Number, nullable=True),
        sa.Column("member", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.pk"], name=op.f("fk_schedules_job")),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_schedules_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_schedules")),
        sa.UniqueConstraint("id", name=op.f("uq_schedules_id")),
        sa.UniqueConstraint("job", "name", name=op.f("uq_schedules_job_name")),
    )
    op.create_index(
        "ix_schedules_due",
        "schedules",
        ["next_due_at"],
        unique=False,
        sqlite_where=sa.text("next_due_at IS NOT NULL"),
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_schedules_job"), "schedules", ["job"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("channel", Number, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("batch", Number, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sent_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("died", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("only_for", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'unknown', 'failed', 'suppressed')",
            name=op.f("ck_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(["batch"], ["batches.pk"], name=op.f("fk_deliveries_batch")),
        sa.ForeignKeyConstraint(["channel"], ["channels.pk"], name=op.f("fk_deliveries_channel")),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_deliveries_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
        sa.UniqueConstraint("subject", "channel", "kind", name=op.f("uq_deliveries_subject_channel_kind")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deliveries_batch"), "deliveries", ["batch"], unique=False)
    op.create_index("ix_deliveries_channel", "deliveries", ["channel", "pk"], unique=False)
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'sending')"),
    )
    op.create_table(
        "firings",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("schedule", Number, nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("instants", sa.Integer(), server_default="1", nullable=False),
        sa.Column("until_at", Instant(), nullable=True),
        sa.Column("batch", Number, nullable=True),
        sa.Column("holder", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("outcome IN ('started', 'skipped', 'missed')", name=op.f("ck_firings_outcome")),
        sa.ForeignKeyConstraint(["schedule"], ["schedules.pk"], name=op.f("fk_firings_schedule")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_firings")),
        sa.UniqueConstraint("schedule", "due_at", name=op.f("uq_firings_schedule_due_at")),
    )
    op.create_table(
        "locks",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("batch", Number, nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.pk"], name=op.f("fk_locks_batch")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_locks")),
    )
    op.create_index(op.f("ix_locks_batch"), "locks", ["batch"], unique=False)
    op.create_table(
        "runs",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("batch", Number, nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("version", Number, nullable=False),
        sa.Column("parameters", Json, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", Number, nullable=True),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("step", sa.Text(), server_default="", nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("cancel_requested_at", Instant(), nullable=True),
        sa.Column("cancel_requested_by", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("queued_at", Instant(), nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'queued', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'interrupted')",
            name=op.f("ck_runs_status"),
        ),
        sa.ForeignKeyConstraint(["batch"], ["batches.pk"], name=op.f("fk_runs_batch")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_runs")),
        sa.UniqueConstraint("batch", "index", name=op.f("uq_runs_batch_index")),
        sa.UniqueConstraint("id", name=op.f("uq_runs_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_job", "runs", ["job", "pk"], unique=False)
    op.create_index(
        "ix_runs_queued",
        "runs",
        ["priority", "pk"],
        unique=False,
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_runs_running",
        "runs",
        ["worker"],
        unique=False,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "ix_runs_waiting",
        "runs",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "attempts",
        sa.Column("run", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker", Number, nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.pk"], name=op.f("fk_attempts_run")),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_attempts")),
    )
    op.create_table(
        "chat_entries",
        sa.Column("run", Number, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.pk"], name=op.f("fk_chat_entries_run")),
        sa.PrimaryKeyConstraint("run", "sequence", name=op.f("pk_chat_entries")),
    )
    # ### end Alembic commands ###
