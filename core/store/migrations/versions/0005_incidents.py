"""Continuing failures: incidents, and which of them a batch belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant, Json, Number

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("scope", sa.Text(), server_default="", nullable=False),
        sa.Column("keys", Json, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("sources", Json, nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_batch", Number, nullable=False),
        sa.Column("last_batch", Number, nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("alerted_at", Instant(), nullable=True),
        sa.Column("remind_at", Instant(), nullable=True),
        sa.Column("reminders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("acked_at", Instant(), nullable=True),
        sa.Column("acked_by", Number, nullable=True),
        sa.Column("ack_note", sa.Text(), server_default="", nullable=False),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", Number, nullable=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.pk"], name=op.f("fk_incidents_job")),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_incidents_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_incidents")),
        sa.UniqueConstraint("id", name=op.f("uq_incidents_id")),
        sqlite_autoincrement=True,
    )
    _index("uq_incidents_open", "incidents", ["job", "scope", "cause"], "ended_at IS NULL", unique=True)
    _index("ix_incidents_remind", "incidents", ["remind_at"], "remind_at IS NOT NULL")
    _index("ix_incidents_ended_by", "incidents", ["ended_by"], "ended_by IS NOT NULL")
    _index("ix_firings_batch", "firings", ["batch"], "batch IS NOT NULL")
    op.add_column("batches", sa.Column("incident", Number, nullable=True))


def _index(name: str, table: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
