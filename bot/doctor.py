"""`slashjob doctor`: looks whether what a bot needs is there, and says how to mend what is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import click
import sqlalchemy as sa

from adapters.sources.sql import Sources, resolve
from bot.app import Bot
from bot.checks import CHECKS
from bot.execution import ExecutionLock
from core import jobfiles
from core.definitions import SourceDefinition
from core.errors import Fault, Misconfigured
from core.store import dialects, tables
from core.store.migrate import pending

SKEW = timedelta(seconds=2)  # between this machine's clock and the database's
ROOM = 200 * 1024**2  # bytes that should be free beside a SQLite file
OLDEST = 130_000  # PostgreSQL 13: as old as what is still supported

Verdict = Literal["well", "hint", "bad"]
MARKS: dict[Verdict, str] = {"well": "ok  ", "hint": "hint", "bad": "BAD "}

_WRITES = (
    "select (select rolsuper from pg_roles where rolname = current_user) as super,"
    " (select count(*) from information_schema.role_table_grants"
    " where grantee = current_user and privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')"
    " and table_schema not in ('pg_catalog', 'information_schema')) as writable"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and how to mend it."""

    verdict: Verdict
    what: str
    mend: str = ""


async def examine(bot: Bot) -> list[Finding]:
    """Everything about the databases: the bot's own, then the sources of its workspace."""
    found = [one async for one in _own(bot)]
    return found + [one async for one in _sources(bot)]


async def report(bot: Bot, *, as_json: bool) -> int:
    """Print the findings; 1 where something is bad."""
    return report_of(await examine(bot), as_json=as_json)


def report_of(found: list[Finding], *, as_json: bool) -> int:
    """Print these findings; 1 where something is bad."""
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
    for one in [] if as_json else found:
        click.echo(f"{MARKS[one.verdict]}  {one.what}")
        if one.mend:
            click.echo(f"      {one.mend}")
    return 1 if any(one.verdict == "bad" for one in found) else 0


async def _own(bot: Bot) -> AsyncIterator[Finding]:
    plain = bot.store.address.set(drivername=bot.store.address.get_backend_name())
    address = plain.render_as_string(hide_password=True)
    try:
        missing = await pending(bot.store)
    except Misconfigured as refused:
        yield Finding("bad", refused.mistakes[0], _reach(bot))
        return
    yield Finding("well", f"{address} answers.")
    if missing and bot.store.sqlite:
        yield Finding("well", "Its schema is brought up to date by the next command by itself.")
        return
    if missing:
        yield Finding("bad", f"Migrations are missing: {', '.join(missing)}.", "Run: slashjob migrate")
        return
    yield Finding("well", "Its schema is that of this program.")
    yield await _workers(bot)
    for one in [_file(bot), _holder(bot)] if bot.store.sqlite else [await _clock(bot), await _version(bot)]:
        yield one


def _reach(bot: Bot) -> str:
    if bot.store.sqlite:
        return "DATABASE_URL names the file; its folder must be one that slashjob may write into."
    return (
        "Check DATABASE_URL, that the server runs and can be reached from here, and that user and "
        "password are right: psql with the same address must work."
    )


async def _workers(bot: Bot) -> Finding:
    workers = tables.workers
    async with bot.store.reading() as connection:
        now = await bot.store.now(connection)
        names = await connection.scalars(
            sa.select(workers.c.name).where(workers.c.dead_at.is_(None), workers.c.lease_until > now)
        )
        alive = sorted(names)
    if alive:
        return Finding("well", f"Runs are executed by {', '.join(alive)}.")
    return Finding("hint", "Nobody executes runs just now.", "Start one with: slashjob serve")


def _file(bot: Bot) -> Finding:
    path = dialects.file(bot.store.address)
    room = shutil.disk_usage(path.parent).free
    if room < ROOM:
        return Finding(
            "bad", f"Only {room // 1024**2} MB are free beside {path}.", "Make room, or move the file."
        )
    return Finding("well", f"{room // 1024**3} GB are free beside {path.name}.")


def _holder(bot: Bot) -> Finding:
    lock = ExecutionLock(dialects.file(bot.store.address))
    if lock.acquire("doctor"):
        lock.release()
        return Finding("well", "No process holds the file: the next `serve` can begin at once.")
    holder = lock.holder()
    who = f"{holder.role}, process {holder.pid}" if holder else "another process"
    return Finding("well", f"One process executes on the file ({who}); a second serve is refused.")


async def _clock(bot: Bot) -> Finding:
    before = datetime.now(UTC)
    async with bot.store.reading() as connection:
        theirs = await bot.store.now(connection)
    after = datetime.now(UTC)
    apart = max(theirs - after, before - theirs, timedelta(0))
    if apart > SKEW:
        return Finding(
            "bad",
            f"This machine's clock and the database's are {apart.total_seconds():.0f} s apart.",
            "Let both keep time by NTP: schedules go by the database's clock, logs by this one.",
        )
    return Finding("well", "This machine's clock agrees with the database's.")


async def _version(bot: Bot) -> Finding:
    async with bot.store.reading() as connection:
        number = int((await connection.exec_driver_sql("SHOW server_version_num")).scalar_one())
    if number < OLDEST:
        return Finding("bad", f"PostgreSQL {number // 10000} is too old.", "Use PostgreSQL 13 or newer.")
    return Finding("well", f"It is PostgreSQL {number // 10000}.")


async def _sources(bot: Bot) -> AsyncIterator[Finding]:
    workspace = jobfiles.examine(bot.settings.workspace, CHECKS).workspace
    for name, definition in workspace.sources.items():
        try:
            yield await _source(bot, name, definition)
        except Fault as fault:
            hint = getattr(fault, "hint", "") or "Its `url:` stands in the workspace's files."
            yield Finding("bad", f"Source {name}: {fault}", hint)


async def _source(bot: Bot, name: str, definition: SourceDefinition) -> Finding:
    url, _ = resolve(name, definition.url, bot.environment)
    source = await Sources(bot.settings.workspace.resolve()).open(name, definition, bot.environment)
    try:
        if url.get_backend_name() not in ("postgresql", "postgres"):
            await source.query("select 1 as one", {})
            return Finding("well", f"Source {name} answers.")
        rows = await source.query(_WRITES, {})
    finally:
        await source.close()
    powerful, writable = rows.rows[0]
    if not powerful and not writable:
        return Finding("well", f"Source {name} answers, and its role can only read.")
    what = "is a superuser" if powerful else "may change tables"
    return Finding(
        "hint",
        f"Source {name} answers, but its role {what}; a read-only transaction is then the only guard.",
        "Give it a role that can only read: create role slashjob_reader login password '…'; "
        "grant pg_read_all_data to slashjob_reader;",
    )
