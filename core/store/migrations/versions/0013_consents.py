"""Channels that are shared with another company need an admin's yes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant, Number

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("member", Number, nullable=True),
        sa.Column("given_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_consents_organization")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_consents")),
        sa.UniqueConstraint(
            "organization", "platform", "address", name=op.f("uq_consents_organization_platform_address")
        ),
    )
