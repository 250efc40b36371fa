"""Answers of services, brought to one process while another waits for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("brought_at", Instant(), nullable=True),
        sa.Column("content_type", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_callbacks")),
    )
