"""Which unknown deliveries were told of, and indexes by which what is owed is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Number

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("told_by", Number, nullable=True))
    op.drop_index("ix_deliveries_due", "deliveries")
    _index("ix_deliveries_due", ["due_at", "pk"], "state = 'pending'")
    _index("ix_deliveries_sending", ["channel"], "state = 'sending'")
    _index("ix_deliveries_unknown", ["channel"], "state = 'unknown'")


def downgrade() -> None:
    op.drop_index("ix_deliveries_unknown", "deliveries")
    op.drop_index("ix_deliveries_sending", "deliveries")
    op.drop_index("ix_deliveries_due", "deliveries")
    _index("ix_deliveries_due", ["due_at"], "state IN ('pending', 'sending')")
    op.drop_column("deliveries", "told_by")


def _index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "deliveries", columns, sqlite_where=where, postgresql_where=where)
