"""One person with accounts on several platforms is one member."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Instant, Number

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("members", sa.Column("joined", Number, nullable=True))
    op.create_table(
        "link_codes",
        sa.Column("pk", Number, autoincrement=True, nullable=False),
        sa.Column("organization", Number, nullable=False),
        sa.Column("member", Number, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.pk"], name=op.f("fk_link_codes_organization")
        ),
        sa.ForeignKeyConstraint(["member"], ["members.pk"], name=op.f("fk_link_codes_member")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_link_codes")),
        sa.UniqueConstraint("member", name=op.f("uq_link_codes_member")),
    )
