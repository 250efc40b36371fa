"""`slashjob keys create|list|revoke`: keys of the HTTP API, for whoever has the machine."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence

import click

from bot.app import Bot
from core import keys, people
from core.keys import Key
from core.people import Member, Speaker, Standing
from core.turns import Turn
from core.wording import keys as wording


async def create(
    bot: Bot, name: str, permissions: Sequence[str], jobs: Sequence[str], per_minute: int, *, as_json: bool
) -> int:
    """Make a key and print it, once."""

    async def work(turn: Turn) -> tuple[Key, str]:
        actor = await _me(bot, turn)
        return await keys.create(turn, actor, name, permissions, job_names=jobs, per_minute=per_minute)

    key, text = await bot.turns.take(work)
    if as_json:
        told = {
            "id": key.id,
            "key": text,
            "organization_id": key.organization_id,
            "permissions": sorted(key.permissions),
        }
        click.echo(json.dumps(told))
        return 0
    click.echo(f"X-API-Key: {text}")
    click.echo(f"X-Organization-Id: {key.organization_id}")
    click.echo("The key is shown this once: only a hash of it is kept.", err=True)
    return 0


async def listing(bot: Bot, *, as_json: bool) -> int:
    """Print the keys in use."""

    async def work(turn: Turn) -> tuple[list[Key], dict[str, str]]:
        actor = await _me(bot, turn)
        return await keys.listing(turn, actor), await keys.job_names(turn, actor.organization)

    found, names = await bot.turns.take(work)
    if as_json:
        click.echo(json.dumps([wording.told(one, names) for one in found]))
    for one in [] if as_json else found:
        click.echo("\t".join(str(cell or "") for cell in wording.row(one, names)))
    return 0


async def revoke(bot: Bot, name: str) -> int:
    """End a key at once."""

    async def work(turn: Turn) -> Key:
        return await keys.revoke(turn, await _me(bot, turn), name)

    key = await bot.turns.take(work)
    click.echo(wording.revoked(key).text)
    return 0


async def _me(bot: Bot, turn: Turn) -> Member:
    """Whoever has the machine is an admin, as on its console."""
    organization = await people.organization(turn, timezone=bot.settings.timezone)
    name = getpass.getuser()
    speaker = Speaker("console", "local", name, name, Standing.OWNER)
    return await people.recognize(turn, speaker, organization=organization)
