"""`slashjob move`: takes an installation from SQLite to PostgreSQL, with the service stopped."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.entrance import refusals, run_with_bot
from bot.execution import ExecutionLock
from core.errors import Misconfigured
from core.store import dialects

if TYPE_CHECKING:
    from bot.app import Bot

MADE = ("charts", "files")  # what was made to be looked at is made again


async def run(bot: Bot, to: str, *, back: bool) -> int:
    """Move, or with `back` let the SQLite file be worked on again. Raises `Misconfigured`."""
    from core import moving

    if not bot.store.sqlite:
        raise Misconfigured(["DATABASE_URL names PostgreSQL already; move starts from the SQLite file."])
    file = dialects.file(bot.store.address)
    lock = ExecutionLock(file)
    if not file.exists():
        raise Misconfigured([f"There is no database at {file}: DATABASE_URL says from where to move."])
    if not lock.acquire("move"):
        holder = lock.holder()
        raise Misconfigured(
            [f"Process {holder.pid if holder else '?'} works on this database. Stop it, then move."]
        )
    try:
        if back:
            await moving.come_back(bot.store)
            click.echo(f"{file} may be worked on again. Do not let both databases be served.")
            return 0
        return await _move(bot, to)
    finally:
        lock.release()


async def _move(bot: Bot, to: str) -> int:
    from core import moving
    from core.store.database import Store
    from core.store.migrate import migrate

    if not to:
        raise Misconfigured(["Say where to: slashjob move --to postgresql://HOST/DATABASE"])
    target = Store(to)
    try:
        if target.sqlite:
            raise Misconfigured(["--to names SQLite; the way goes from SQLite to PostgreSQL."])
        await migrate(bot.store)
        await migrate(target)
        moved = await moving.move(bot.store, target, told=lambda text: click.echo(text, err=True))
    finally:
        await target.close()
    files = 0
    if bot.settings.data is None:  # a folder that was set is the same afterwards
        files = _copy_files(bot.data, bot.settings.workspace.resolve() / "slashjob.files")
    click.echo(f"Moved {moved.rows:,} rows ({moved.copied:,} just now) and {files:,} files.")
    click.echo("From now on start with:")
    click.echo(f"  DATABASE_URL={target.address.set(drivername='postgresql').render_as_string()}")
    if not bot.settings.secret_keys:
        keys = dialects.file(bot.store.address)
        click.echo(f"  SLASHJOB_SECRET_KEYS_FILE={keys.with_name(keys.name + '.keys')}   (on every machine)")
    click.echo("The SQLite file stays as it is and is worked on no more (slashjob move --back lets it).")
    return 0


def _copy_files(old: Path, new: Path) -> int:
    """Copy the content-named files; what is there already is not copied again."""
    found = [path for path in old.rglob("*") if path.is_file()] if old.is_dir() else []
    kept = [path for path in found if path.relative_to(old).parts[0] not in MADE]
    for path in kept:
        place = new / path.relative_to(old)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f".{place.name}.part")
            shutil.copy2(path, part)
            part.replace(place)
    return len(kept)


@click.command()
@click.option(
    "--to", default="", help="postgresql://… of an empty database; a password from ~/.pgpass or PGPASSWORD."
)
@click.option("--back", is_flag=True, help="Let the SQLite file be worked on again.")
def move_command(to: str, *, back: bool) -> None:
    """Take everything from SQLite to PostgreSQL, with the service stopped; again after an interruption."""
    with refusals():
        sys.exit(run_with_bot(lambda bot: run(bot, to, back=back), opened=False))
