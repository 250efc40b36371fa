"""An index by which sends whose sender fell silent are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("state = 'sending'")
    op.create_index(
        "ix_deliveries_lease", "deliveries", ["lease_until"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_lease", "deliveries")
