"""Opens a source by its URL.

`sqlite:///shop.db`, `postgresql://reader:${SHOP_PASSWORD}@host/shop`, `duckdb:///folder` (its files), and any
other that SQLAlchemy and an installed driver know (`mysql+pymysql://…`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.definitions import SourceDefinition
from core.errors import SourceError
from core.ports import Source

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
LEAST_SECRET = 6  # characters; a shorter value of a variable (a port, a name) is masked nowhere
_STAND_IN = "7316420"  # digits, so that it may stand for a port as well


@dataclass(frozen=True, slots=True)
class Sources:
    """Opens sources; relative paths of files are relative to `folder`, where `slashjob.yml` is.

    `Sources(folder).open` fits `core.ports.OpenSource`.
    """

    folder: Path

    async def open(self, name: str, definition: SourceDefinition, environment: Mapping[str, str]) -> Source:
        """Open the source. Raises `SourceError` where it is not there or its URL cannot be right."""
        url, secrets = resolve(name, definition.url, environment)
        kind = url.get_backend_name()
        if kind == "sqlite":
            from adapters.sources.sqlite import SqliteSource

            return await SqliteSource.open(name, definition, url, self.folder)
        if kind in ("postgresql", "postgres"):
            return await _open_postgres(name, definition, url, secrets)
        if kind == "duckdb":
            from adapters.sources.duckdb import DuckdbSource

            return await DuckdbSource.open(name, definition, url, self.folder)
        from adapters.sources.other import OtherSource

        return await OtherSource.open(name, definition, url, secrets)


async def open_source(
    name: str, definition: SourceDefinition, environment: Mapping[str, str], *, folder: Path | None = None
) -> Source:
    """Open a source; without `folder`, relative paths are relative to the working directory."""
    return await Sources(folder or Path()).open(name, definition, environment)


def resolve(name: str, url: str, environment: Mapping[str, str]) -> tuple[URL, tuple[str, ...]]:
    """The source's URL with its `${NAME}`s filled in, and the values that may appear in no text.

    A variable at the very beginning holds a URL (or its start). Any other fills one part of the URL as it
    is, without percent-encoding: a password may hold `@` or `/`, and cannot change where the URL leads.

    Raises:
        SourceError: a variable is not set (it is named, never its value), or this is no URL.
    """
    values = {variable: _look_up(name, variable, environment) for variable in _VARIABLE.findall(url)}
    stand_ins = {f"{_STAND_IN}{index:03}": value for index, value in enumerate(values.values())}
    markers = dict(zip(values, stand_ins, strict=True))
    start = _VARIABLE.match(url)
    beginning = values[start[1]] if start else ""
    rest = _VARIABLE.sub(lambda found: markers[found[1]], url[start.end() if start else 0 :])
    try:
        filled = _fill(make_url(beginning + rest), stand_ins)
    except (ArgumentError, ValueError):
        raise SourceError(
            f"The URL of the source {name} cannot be read.",
            hint="It looks like sqlite:///file.db or postgresql://user:${PASSWORD}@host/database.",
            permanent=True,
        ) from None
    secrets = {value for value in values.values() if len(value) >= LEAST_SECRET}
    secrets |= {filled.password} if filled.password else set()
    return filled, tuple(sorted(secrets, key=len, reverse=True))


async def _open_postgres(
    name: str, definition: SourceDefinition, url: URL, secrets: tuple[str, ...]
) -> Source:
    try:
        from adapters.sources.postgres import PostgresSource  # psycopg is an extra
    except ImportError:
        raise SourceError(
            f"The source {name} is a PostgreSQL database, and its driver is not installed.",
            hint="Install slashjob[postgres].",
            permanent=True,
        ) from None
    return await PostgresSource.open(name, definition, url, secrets)


def _look_up(name: str, variable: str, environment: Mapping[str, str]) -> str:
    value = environment.get(variable)
    if value is None:
        raise SourceError(
            f"The source {name} needs the environment variable {variable}, which is not set.",
            hint=f"Set {variable} where slashjob runs, and start it again.",
            permanent=True,
        )
    return value


def _fill(url: URL, stand_ins: Mapping[str, str]) -> URL:
    def fill(text: str | None) -> str | None:
        for marker, value in stand_ins.items():
            text = text.replace(marker, value) if text else text
        return text

    query = {
        key: tuple(fill(one) or "" for one in value) if isinstance(value, tuple) else fill(value) or ""
        for key, value in url.query.items()
    }
    port = fill(str(url.port)) if url.port is not None else None
    return URL.create(
        url.drivername,
        username=fill(url.username),
        password=fill(url.password),
        host=fill(url.host),
        port=int(port) if port else None,
        database=fill(url.database),
        query=query,
    )
