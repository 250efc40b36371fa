"""Job files on the command line: check, plan, apply, export."""

from __future__ import annotations

import getpass
import json
import logging
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import click

from bot.app import Bot
from bot.checks import CHECKS
from bot.settings import Settings
from core import addresses, jobfiles, jobs, people, workspaces
from core.definitions import JobDefinition
from core.errors import Busy
from core.jobfiles import Effect, Plan, Workspace
from core.people import Member, Speaker, Standing
from core.turns import Turn

_log = logging.getLogger(__name__)

REFUSED = 2


def check(path: Path, settings: Settings | None = None) -> int:
    """Print every mistake and warning, a line each; 2 where there is a mistake.

    `settings` tell which platforms are set up; without them nobody is warned of one that is not.
    """
    examined = jobfiles.examine(path, CHECKS)
    _help_to_begin(path)
    for mistake in examined.mistakes:
        click.echo(str(mistake))
    for warning in examined.workspace.warnings:
        click.echo(f"{warning} (warning)", err=True)
    if settings is not None:
        _warn_of_platforms(settings, examined.workspace)
    if examined.mistakes:
        return REFUSED
    found = examined.workspace
    click.echo(f"All well: {_counted(found)}.")
    return 0


async def plan(bot: Bot, path: Path, *, as_json: bool) -> int:
    """Print what `apply` would do."""
    workspace = _read(path)
    _warn_of_platforms(bot.settings, workspace)

    async def look(turn: Turn) -> Plan:
        return await workspaces.plan(turn, await people.organization(turn), workspace)

    _print(await bot.turns.take(look), as_json=as_json)
    return 0


async def apply(bot: Bot, path: Path, *, as_json: bool) -> int:
    """Make the jobs what the files say, and print what was done."""
    _print(await make(bot, path), as_json=as_json)
    return 0


async def make(bot: Bot, path: Path) -> Plan:
    """Apply the files of a folder as the operating-system user."""
    workspace = _read(path)
    _warn_of_platforms(bot.settings, workspace)

    async def work(turn: Turn) -> Plan:
        return await workspaces.apply(turn, await owner(turn, bot), workspace, vault=bot.vault)

    return await bot.turns.take(work)


async def export(bot: Bot) -> int:
    """Print everything in the format of the files."""

    async def look(turn: Turn) -> Workspace:
        return await workspaces.export(turn, await people.organization(turn))

    made = await bot.turns.take(look)
    click.echo(jobfiles.write(made), nl=False)
    for one in made.warnings:
        click.echo(f"Left out: {one.sentence}", err=True)
    return 0


async def owner(turn: Turn, bot: Bot) -> Member:
    """The operating-system user: an admin of the default organization."""
    organization = await people.organization(turn, timezone=bot.settings.timezone)
    name = getpass.getuser()
    speaker = Speaker("console", "local", name, name, Standing.OWNER)
    return await people.recognize(turn, speaker, organization=organization)


def _read(path: Path) -> Workspace:
    _help_to_begin(path)
    workspace = jobfiles.read(path, CHECKS)
    for warning in workspace.warnings:
        click.echo(f"{warning} (warning)", err=True)
    return workspace


def unreachable(jobs: Mapping[str, JobDefinition], platforms: Collection[str]) -> Iterator[tuple[str, str]]:
    """(job, channel) for each channel that a job names on a platform that is not among those set up."""
    for name, job in jobs.items():
        targets = [
            job.channel,
            *(one.channel for one in job.schedules),
            *(to for one in job.notify for to in one.to),
        ]
        for target in dict.fromkeys(one for one in targets if ":" in one):
            if addresses.read(target).platform not in platforms:
                yield name, target


async def warn_of_jobs(bot: Bot) -> None:
    """Log which channels of the jobs that stand are on platforms that are not set up here."""

    async def look(turn: Turn) -> dict[str, JobDefinition]:
        every = await jobs.every(turn, await people.organization(turn))
        return {one.name: one.job for one in every if one.enabled}

    try:
        found = await bot.turns.take(look)
    except Busy as busy:  # what is only a hint stops no server
        _log.warning("serve.platforms_not_looked_at", extra={"error": busy.sentence})
        return
    for name, target in unreachable(found, bot.settings.platforms):
        _log.warning("serve.platform_not_set_up", extra={"job": name, "channel": target})


def _warn_of_platforms(settings: Settings, workspace: Workspace) -> None:
    """Say which channels are on platforms that are not set up here: what is owed there waits."""
    for name, target in unreachable(workspace.jobs, settings.platforms):
        place = workspace.places.get(("jobs", name), "slashjob.yml")
        said = f"{name} tells {target}: that platform is not set up here, what is owed there waits"
        click.echo(f"{place}: {said} (warning)", err=True)


def _help_to_begin(path: Path) -> None:
    if not path.exists() or (path.is_dir() and not (path / "slashjob.yml").exists()):
        click.echo("There is no workspace here yet; this makes a first one: slashjob init", err=True)


def _print(made: Plan, *, as_json: bool) -> None:
    if as_json:
        changes = [
            {
                "section": one.section,
                "name": one.name,
                "effect": one.effect,
                "details": [str(detail) for detail in one.details],
            }
            for one in made.changes
            if one.effect is not Effect.UNCHANGED
        ]
        click.echo(json.dumps({"changes": changes}))
        return
    for line in jobfiles.lines(made):
        click.echo(line)


def _counted(found: Workspace) -> str:
    parts = [(len(found.jobs), "job"), (len(found.agents), "agent"), (len(found.sources), "source")]
    return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in parts)
