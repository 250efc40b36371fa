"""The command line: `slashjob …`. Exit codes: 0 done, 1 it ran and failed, 2 refused."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot import logs, settings
from bot.administering import keys_group, members_group
from bot.entrance import configured, loading, open_session, refusals, run_with_bot, say_line
from bot.init import init_command
from bot.move import move_command
from bot.next import next_command
from bot.pipeline import trigger_command
from bot.teams_package import teams_package_command
from core import times
from core.errors import Busy, Misconfigured

if TYPE_CHECKING:
    from bot.app import Bot

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

REFUSED, STOPPED, TERMINATED = 2, 130, 143


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="slashjob")
def main() -> None:
    """A chat-ops job bot: /job run weekly-report campaign_id=42"""
    times.use_pinned_zones()


main.add_command(keys_group, "keys")
main.add_command(members_group, "members")
main.add_command(next_command, "next")
main.add_command(init_command, "init")
main.add_command(move_command, "move")
main.add_command(trigger_command, "trigger")
main.add_command(teams_package_command, "teams-package")


@main.command()
def serve() -> None:
    """Run the bot: chat, jobs, deliveries, HTTP."""
    with refusals():
        chosen = configured()
        logs.configure(chosen.log_level)
        sys.exit(asyncio.run(_serve(chosen)))


@main.command()
@click.option("--tags", help="What it takes beside usual runs, such as gpu,big (by default SLASHJOB_TAGS).")
def worker(tags: str | None) -> None:
    """Execute runs on this machine, beside those who serve (PostgreSQL only)."""
    with loading():
        from bot.working import work

    with refusals():
        chosen = configured()
        logs.configure(chosen.log_level)
        if tags is not None:
            own = tuple(tag.strip() for tag in tags.split(",") if tag.strip())
            chosen = chosen.model_copy(update={"tags": own})
        sys.exit(asyncio.run(work(chosen)))


@main.command()
@click.argument("line")
@click.option("--as", "member", default="", help="Speak as this member (by default you, an admin).")
@click.option("--channel", default="console", show_default=True, help="The console channel to speak in.")
@click.option("--wait", is_flag=True, help="Wait for the end of what was started.")
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def say(line: str, member: str, channel: str, *, wait: bool, as_json: bool) -> None:
    """Say one line, such as: slashjob say "/job run weekly-report campaign_id=42" --wait"""
    with refusals():
        sys.exit(run_with_bot(lambda bot: say_line(bot, line, member, channel, wait=wait, as_json=as_json)))


@main.command()
@click.option("--channel", default="console", show_default=True, help="The channel to talk in.")
@click.option("--as", "member", default="", help="Speak as this member (by default you, an admin).")
def console(channel: str, member: str) -> None:
    """Chat in the terminal, with a running bot or on its own."""

    async def work(bot: Bot) -> int:
        from bot.talk import talk

        await bot.execute_when_free("console")
        session, attachments = await open_session(bot, channel, member)
        return await talk(bot, session, attachments)

    with refusals():
        sys.exit(run_with_bot(work))


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where to make it (by default a new one).")
def demo(folder: Path | None) -> None:
    """Make a small shop with its jobs, run the main one, and show the conversation."""
    from bot.demo.show import show

    with refusals():
        logs.configure("WARNING")
        sys.exit(asyncio.run(show(folder)))


@main.command()
def migrate() -> None:
    """Bring the database to this program's schema (SQLite does so by itself)."""

    async def work(bot: Bot) -> int:
        applied = await bot.migrate()
        click.echo(f"Applied {', '.join(applied)}." if applied else "Nothing to do.")
        return 0

    with refusals():
        sys.exit(run_with_bot(work, opened=False))


@main.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
def check(path: Path | None) -> None:
    """Check job files: every mistake at once, a line each."""
    from bot import files

    with refusals():
        if path is None:
            chosen = configured()
            sys.exit(files.check(chosen.workspace, chosen))
        sys.exit(files.check(path, _if_configured()))


@main.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def plan(path: Path | None, *, as_json: bool) -> None:
    """Show what apply would create, change or disable."""
    from bot import files

    with refusals():
        sys.exit(run_with_bot(lambda bot: files.plan(bot, path or bot.settings.workspace, as_json=as_json)))


@main.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def apply(path: Path | None, *, as_json: bool) -> None:
    """Make the jobs what their files say."""
    from bot import files

    with refusals():
        sys.exit(run_with_bot(lambda bot: files.apply(bot, path or bot.settings.workspace, as_json=as_json)))


@main.command()
def export() -> None:
    """Print every job, agent and source in the format of the files."""
    from bot import files

    with refusals():
        sys.exit(run_with_bot(files.export))


@main.command()
@click.argument("what", type=click.Choice(["database", "slack", "teams"]), default="database")
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def doctor(what: str, *, as_json: bool) -> None:
    """Look whether all that a bot needs is there, and say how to mend what is not."""

    async def work(bot: Bot) -> int:
        from bot.doctor import report, report_of

        if what == "slack":
            from bot.doctor_slack import examine

            return report_of(await examine(bot), as_json=as_json)
        if what == "teams":
            from bot.doctor_teams import examine as examine_teams

            return report_of(await examine_teams(bot), as_json=as_json)
        return await report(bot, as_json=as_json)

    with refusals():
        sys.exit(run_with_bot(work, opened=False))


@main.command("slack-manifest")
@click.option("--url", default="", help="Where Slack reaches this server (default: SLASHJOB_PUBLIC_URL).")
@click.option("--socket", is_flag=True, help="For Socket Mode, which needs no address.")
def slack_manifest(url: str, *, socket: bool) -> None:
    """Print the manifest from which Slack makes the app."""
    from bot.manifests import slack

    with refusals():
        click.echo(slack(url or configured().public_url, socket=socket), nl=False)


@main.command()
def schema() -> None:
    """Print the JSON Schema of job files."""
    from core import jobfiles

    click.echo(json.dumps(jobfiles.schema(), indent=2))


@main.command("deliveries")
@click.argument("target", required=False, default="")
@click.option("--state", default="", help="Only those in this state, such as failed, open or stuck.")
@click.option(
    "--page", default=1, show_default=True, type=click.IntRange(1), help="Which page, newest first."
)
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def deliveries_command(target: str, state: str, page: int, *, as_json: bool) -> None:
    """What became of messages, of everything or of a job or run (weekly-report, #128)."""
    from bot.outbox import export as export_deliveries
    from core.commands import Command, Name, spell

    options = {"page": str(page)} | ({"state": state} if state else {})
    line = spell(Command(Name.DELIVERIES, (target,) if target else (), options=options))
    with refusals():
        if as_json:
            sys.exit(run_with_bot(lambda bot: export_deliveries(bot, target, state=state, page=page)))
        sys.exit(run_with_bot(lambda bot: say_line(bot, line, "", "console", wait=False, as_json=False)))


def _if_configured() -> settings.Settings | None:
    """The settings; None, and a line that says so, where they are wrong: files are checked without them."""
    try:
        return configured()
    except Misconfigured:
        click.echo("The settings are wrong (see slashjob doctor): platforms are not looked at.", err=True)
        return None


async def _serve(configured: settings.Settings) -> int:
    with loading():
        from bot.app import Bot
        from bot.files import warn_of_jobs
        from bot.server import listen

    bot = Bot(configured)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await bot.open()
        bot.refuse_a_second()
        runner, port = await listen(bot)
        gc.collect()
        gc.freeze()  # what is loaded stays: looking at it again and again took a third of a busy tick
        try:
            await _until(bot.execute("serve"), stop)
            if not stop.is_set():
                await greet(bot, port)
                await warn_of_jobs(bot)
                await stop.wait()
        finally:
            await runner.cleanup()
    finally:
        await bot.close()
    return 0


async def _until(work: Coroutine[Any, Any, Any], stop: asyncio.Event) -> None:
    """Do it to its end, or until the stop."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def greet(bot: Bot, port: int) -> None:
    """Say where it serves, and how to become the first admin where there is none.

    It serves already: where the database is away just now, that ends nothing, only the hint is left out.
    """
    from core import people
    from core.store import people as people_rows

    async def first(turn: Any) -> bool:
        organization = await people.organization(turn, timezone=bot.settings.timezone)
        return not await people_rows.admins(turn.connection, organization)

    click.echo(f"slashjob serves on http://{bot.settings.host}:{port}", err=True)
    try:
        nobody = await bot.turns.take(first)
    except Busy as busy:
        _log.warning("serve.admins_not_looked_at", extra={"error": busy.sentence})
        return
    if nobody:
        click.echo(f"There is no admin yet. Become one in chat with: /job claim {bot.admin_code}", err=True)
