"""Which run refers to which file: what nobody refers to can be removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.store.dialects import Json, Number

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = op.create_table(
        "run_files",
        sa.Column("run", Number, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.pk"], name=op.f("fk_run_files_run")),
        sa.PrimaryKeyConstraint("run", "path", name=op.f("pk_run_files")),
    )
    op.create_index(op.f("ix_run_files_path"), "run_files", ["path"])
    entries = sa.table("chat_entries", sa.column("run", Number), sa.column("kind"), sa.column("data", Json))
    connection = op.get_bind()
    known = connection.execute(sa.select(entries.c.run, entries.c.data).where(entries.c.kind == "file"))
    rows = {(row.run, row.data["path"]) for row in known}
    if rows:
        op.bulk_insert(made, [{"run": run, "path": path} for run, path in sorted(rows)])
