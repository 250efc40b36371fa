"""`slashjob keys …` and `slashjob members …`: what an admin does from a shell."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from bot.entrance import refusals, run_with_bot, say_line

if TYPE_CHECKING:
    from bot.app import Bot


@click.group()
def keys_group() -> None:
    """Keys of the HTTP API."""


@keys_group.command("create")
@click.option("--name", required=True, help="What to call it, such as Data pipeline.")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    required=True,
    help="agent_jobs_trigger, agent_jobs_read, or a role: viewer, operator, editor, admin.",
)
@click.option("--job", "jobs", multiple=True, help="Only this job (several times for several).")
@click.option("--per-minute", default=600, show_default=True, help="Requests a minute.")
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def keys_create(
    name: str, permissions: tuple[str, ...], jobs: tuple[str, ...], per_minute: int, *, as_json: bool
) -> None:
    """Make a key and print it: this once."""

    async def work(bot: Bot) -> int:
        from bot import api_keys

        return await api_keys.create(bot, name, permissions, jobs, per_minute, as_json=as_json)

    with refusals():
        sys.exit(run_with_bot(work))


@keys_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def keys_list(*, as_json: bool) -> None:
    """List the keys in use."""

    async def work(bot: Bot) -> int:
        from bot import api_keys

        return await api_keys.listing(bot, as_json=as_json)

    with refusals():
        sys.exit(run_with_bot(work))


@keys_group.command("revoke")
@click.argument("name")
def keys_revoke(name: str) -> None:
    """End a key at once; what it started goes on."""

    async def work(bot: Bot) -> int:
        from bot import api_keys

        return await api_keys.revoke(bot, name)

    with refusals():
        sys.exit(run_with_bot(work))


@click.group()
def members_group() -> None:
    """Who has which role."""


@members_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def members_list(*, as_json: bool) -> None:
    """List the members."""

    async def work(bot: Bot) -> int:
        from core import people

        async def look(turn: Any) -> list[people.Member]:
            return await people.everyone(turn, await people.organization(turn))

        found = await bot.turns.take(look)
        if as_json:
            rows = [{"id": one.id, "name": one.name, "role": one.role, "email": one.email} for one in found]
            click.echo(json.dumps(rows))
        for one in [] if as_json else found:
            click.echo(f"{one.name}\t{one.role or 'nobody'}\t{one.email}")
        return 0

    with refusals():
        sys.exit(run_with_bot(work))


@members_group.command("role")
@click.argument("member")
@click.argument("role")
def members_role(member: str, role: str) -> None:
    """Give a member a role: viewer, operator, editor, admin or nobody."""
    from core.commands import Command, Name, spell

    line = spell(Command(Name.ROLE, (member, role)))
    with refusals():
        sys.exit(run_with_bot(lambda bot: say_line(bot, line, "", "console", wait=False, as_json=False)))
