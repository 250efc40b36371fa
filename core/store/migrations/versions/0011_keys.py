"""Keys of the HTTP API, and what lists chats fast."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant, Json, Number

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_IN_USE = sa.text("revoked_at IS NULL")
_UNSUCCESSFUL = sa.text(
    "status = 'failed' OR status = 'timed_out' OR status = 'cancelled' "
    "OR status = 'lost' OR status = 'interrupted'"
)


def upgrade() -> None:
    op.add_column("members", sa.Column("machine", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "api_keys",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("member", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("permissions", Json, nullable=False),
        sa.Column("jobs", Json, nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", Number, nullable=True),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["member"], ["members.pk"], name=op.f("fk_api_keys_member")),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_api_keys_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        sa.UniqueConstraint("id", name=op.f("uq_api_keys_id")),
    )
    op.create_index(
        "uq_api_keys_name",
        "api_keys",
        ["organization", "name"],
        unique=True,
        sqlite_where=_IN_USE,
        postgresql_where=_IN_USE,
    )
    op.create_index(
        "ix_runs_unsuccessful",
        "runs",
        ["status", "batch", "index"],
        unique=False,
        sqlite_where=_UNSUCCESSFUL,
        postgresql_where=_UNSUCCESSFUL,
    )
