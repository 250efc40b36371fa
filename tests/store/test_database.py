"""Transactions, the clock and migrations, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import Busy, Misconfigured
from core.store import migrate as migrate_module
from core.store.database import Store
from core.store.migrate import migrate, pending, revisions
from core.store.tables import facts, metadata


async def test_racing_read_then_write_transactions_lose_nothing_on_sqlite(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    await migrate(store)
    async with store.transaction() as connection:
        await connection.execute(facts.insert().values(name="count", value="0"))

    async def add() -> None:
        async with store.transaction() as connection:
            value = await connection.scalar(sa.select(facts.c.value).where(facts.c.name == "count"))
            await connection.execute(facts.update().values(value=str(int(value or 0) + 1)))

    await asyncio.gather(*(add() for _ in range(60)))
    async with store.reading() as connection:
        assert await connection.scalar(sa.select(facts.c.value)) == "60"
    await store.close()


async def test_migrating_twice_or_at_once_applies_each_revision_once(database_url: str) -> None:
    stores = [Store(database_url) for _ in range(4)]
    applied = await asyncio.gather(*(migrate(store) for store in stores))
    assert sorted(map(len, applied)) == [0, 0, 0, len(max(applied, key=len))]
    assert await pending(stores[0]) == []
    for store in stores:
        await store.close()


async def test_the_migrations_lead_to_the_tables_that_the_code_knows(store: Store) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return list(compare_metadata(context, metadata))

    async with store.writer.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_newer_database_is_refused_with_what_to_do(store: Store) -> None:
    async with store.transaction() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="newer slashjob") as refused:
        await migrate(store)
    assert "backup" in refused.value.mistakes[0]


async def test_a_reader_cannot_write_on_sqlite(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    await migrate(store)
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        async with store.reading() as connection:
            await connection.execute(facts.insert().values(name="a", value="b"))
    await store.close()


async def test_a_locked_database_is_busy_and_nothing_is_written(tmp_path: Path) -> None:
    store, other = (Store(f"sqlite:///{tmp_path / 'x.db'}") for _ in range(2))
    await migrate(store)
    async with other.transaction():
        with pytest.raises(Busy, match="nothing was started"):
            async with store.transaction() as connection:
                await connection.execute(facts.insert().values(name="a", value="b"))
    await store.close()
    await other.close()


async def test_the_clock_is_utc_moves_within_a_transaction_and_takes_an_offset(store: Store) -> None:
    async with store.transaction() as connection:
        first = await store.now(connection)
        second = await store.now(connection)
    assert first.utcoffset() == timedelta(0)
    assert first < second
    assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)
    store.offset = timedelta(hours=3)
    async with store.transaction() as connection:
        assert await store.now(connection) - second > timedelta(hours=2)


async def test_a_transaction_on_postgresql_begins_in_one_trip(migrated_postgres_url: str) -> None:
    store = Store(migrated_postgres_url)
    said: list[str] = []
    async with store.transaction():
        pass
    listening = store.writer.sync_engine
    sa.event.listen(listening, "before_cursor_execute", lambda *given: said.append(given[2]))
    async with store.transaction(timedelta(seconds=3)) as connection:
        await store.now(connection)
        limit = await connection.scalar(sa.text("SHOW lock_timeout"))
    assert [line.partition(";")[0] for line in said] == ["BEGIN", "SHOW lock_timeout"]
    assert limit not in ("0", None)
    await store.close()


async def test_a_connection_that_the_server_ended_is_replaced_unnoticed(migrated_postgres_url: str) -> None:
    store, other = Store(migrated_postgres_url, pool=1), Store(migrated_postgres_url, pool=1)
    async with store.transaction() as connection:
        first = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
    async with other.transaction() as connection:
        await connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": first})
    async with store.transaction() as connection:
        assert await connection.scalar(sa.text("SELECT pg_backend_pid()")) != first
    await store.close()
    await other.close()


async def test_naive_instants_are_refused(store: Store) -> None:
    from core.store.tables import organizations

    with pytest.raises(sa.exc.StatementError, match="naive"):
        async with store.transaction() as connection:
            await connection.execute(
                organizations.insert().values(id="x", name="x", created_at=datetime(2026, 1, 1))  # noqa: DTZ001
            )


@pytest.mark.parametrize("address", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_other_databases_are_refused(address: str) -> None:
    with pytest.raises(Misconfigured):
        Store(address)


def test_the_names_of_the_migration_files_are_alembics_own_history() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate_module.__file__).parent / "migrations"))
    history = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert revisions() == history[::-1]
