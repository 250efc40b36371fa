"""Notify rules, quiet runs, what a message says beside its batch, names of channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant, Json, Number

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notify_rules",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("job", Number, nullable=True),
        sa.Column("definition", Json, nullable=False),
        sa.Column("member", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_notify_rules_organization")
        ),
        sa.ForeignKeyConstraint(["job"], ["jobs.pk"], name=op.f("fk_notify_rules_job")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_notify_rules")),
        sa.UniqueConstraint("id", name=op.f("uq_notify_rules_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notify_rules_organization_job", "notify_rules", ["organization", "job"])
    op.add_column("organizations", sa.Column("alert_channel", Number, nullable=True))
    op.add_column("channels", sa.Column("same_as", Number, nullable=True))
    op.add_column("deliveries", sa.Column("data", Json, nullable=True))
    op.add_column("runs", sa.Column("print", sa.Text(), server_default="", nullable=False))
    op.add_column("runs", sa.Column("quiet", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_runs_succeeded",
        "runs",
        ["job", "print", "pk"],
        sqlite_where=sa.text("status = 'succeeded'"),
        postgresql_where=sa.text("status = 'succeeded'"),
    )
