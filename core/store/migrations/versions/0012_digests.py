"""Digests, their posts, and the batches of a job by their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant, Json, Number

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("channel", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", Json, nullable=False),
        sa.Column("expression", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("chosen", Json, nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("next_due_at", Instant(), nullable=True),
        sa.Column("settled_until", Instant(), nullable=False),
        sa.Column("member", Number, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["organization"], ["organizations.pk"], name=op.f("fk_digests_organization")),
        sa.ForeignKeyConstraint(["channel"], ["channels.pk"], name=op.f("fk_digests_channel")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_digests")),
        sa.UniqueConstraint("id", name=op.f("uq_digests_id")),
        sa.UniqueConstraint("channel", "name", name=op.f("uq_digests_channel_name")),
    )
    where = sa.text("next_due_at IS NOT NULL")
    op.create_index("ix_digests_due", "digests", ["next_due_at"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "digest_posts",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("digest", Number, nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("since_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["digests.pk"], name=op.f("fk_digest_posts_digest")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_digest_posts")),
        sa.UniqueConstraint("id", name=op.f("uq_digest_posts_id")),
        sa.UniqueConstraint("digest", "due_at", name=op.f("uq_digest_posts_digest_due_at")),
    )
    op.create_index("ix_batches_ended", "batches", ["job", "ended_at"])
