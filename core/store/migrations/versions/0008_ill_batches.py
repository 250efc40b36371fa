"""What did not go well is found among a million that did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ILL = sa.text("state IN ('partly_failed', 'failed', 'cancelled', 'skipped')")


def upgrade() -> None:
    op.create_index(
        "ix_batches_ill", "batches", ["organization", "pk"], sqlite_where=_ILL, postgresql_where=_ILL
    )
