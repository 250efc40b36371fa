"""Tags: which workers may take the runs of a batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Json

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batches", sa.Column("runs_on", sa.Text(), nullable=False, server_default=""))
    op.add_column("workers", sa.Column("tags", Json, nullable=True, server_default="[]"))
