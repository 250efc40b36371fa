"""The demo: a small shop, its jobs, and the conversation as a channel would show it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from adapters.console.chat import chat
from adapters.console.look import Look, look_of
from adapters.console.render import write
from bot import files
from bot.app import Bot
from bot.attachments import Attachments
from bot.demo import data
from bot.session import LOOK, Session
from bot.settings import read
from core import batches, people
from core.batches import Batch
from core.desk.visit import Outcome
from core.errors import Misconfigured
from core.lifecycles import BatchState
from core.messages import Message, Paragraph
from core.turns import Turn
from core.wishes import Trigger

WORKSPACE = Path(__file__).parent / "workspace"
MARK = ".slashjob-demo"
MAIN = "/job run weekly-report campaign_id=42"
FAILING = "/job run budget-check campaign_id=45"
BY_ITSELF = "/job schedule campaign-compare in 4 seconds since=-14d"


async def show(folder: Path | None) -> int:
    """Make the shop, run the main job and one that fails its check; then stay where there is a terminal."""
    home = _folder(folder)
    prepare(home)
    bot = Bot(read(environment(home), home), environment(home))
    try:
        await bot.open()
        await files.make(bot, home)
        await bot.execute("demo")
        return await _converse(bot, home)
    finally:
        await bot.close()


def prepare(home: Path) -> None:
    """Lay out the demo's workspace with its database in a folder."""
    shutil.copytree(WORKSPACE, home, dirs_exist_ok=True)
    for program in home.glob("*.py"):
        program.chmod(0o755)
    data.make(home / "shop.db", today=datetime.now(UTC).date())


def environment(home: Path) -> dict[str, str]:
    """The settings of the demo."""
    return {
        "DATABASE_URL": f"sqlite:///{home / 'slashjob.db'}",
        "SLASHJOB_WORKSPACE": str(home),
        "SLASHJOB_COMMANDS": str(home),
        "SLASHJOB_DRAIN": "2s",
    }


async def _converse(bot: Bot, home: Path) -> int:
    attachments = Attachments(bot.data)
    session = Session(bot, channel="general", attachments=attachments)
    await session.open()
    look = look_of(sys.stdout, image_link=attachments.image, file_link=attachments.file)
    click.echo("#general")
    done = await _say(session, attachments, look, MAIN)
    await _say(session, attachments, look, FAILING)
    await _let_run(bot, session, attachments, look)
    click.echo(f"\nAll of it is in {home}: the workspace, the shop, the charts.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return 0 if done else 1
    greeting = Message(
        text="Your turn",
        title="Your turn",
        blocks=(Paragraph("Try `list`, `help`, or run channel-trend. Ctrl-D leaves.", marked=True),),
    )
    await chat(session, history=home / ".history", look=look, greeting=greeting)
    return 0


async def _say(session: Session, attachments: Attachments, look: Look, line: str) -> bool:
    """Say a line, print the acknowledgement and whatever is posted; True where it succeeded."""
    click.echo(f"\n{session.speaker.name}: {line}\n")
    reply = await session.ask(line)
    click.echo(write(reply.message, look))
    if reply.batch is None:
        return False
    view = await session.ended(reply.batch)
    for message in await session.results(reply.batch):
        await attachments.prepare(message)
        click.echo("\n" + write(message, look))
    return view.batch.state is BatchState.SUCCEEDED


async def _let_run(bot: Bot, session: Session, attachments: Attachments, look: Look) -> None:
    """Schedule a job a few seconds ahead, press the button, and show what it posts by itself."""
    click.echo(f"\n{session.speaker.name}: {BY_ITSELF}\n")
    asked = await session.ask(BY_ITSELF)
    click.echo(write(asked.message, look))
    button = asked.message.buttons[0]
    click.echo(f"\n{session.speaker.name}: [{button.label}]\n")
    saved = await session.ask(button.command)
    click.echo(write(saved.message, look))
    if saved.outcome is not Outcome.DONE:
        return  # the machine was too slow for the few seconds: it says so
    batch = await _fired(bot)
    await session.ended(batch)
    for _, message in await session.posted(batch):
        await attachments.prepare(message)
        click.echo("\n" + write(message, look))


async def _fired(bot: Bot) -> int:
    """Wait for the first batch that a schedule starts; its number."""

    async def latest(turn: Turn) -> list[Batch]:
        return await batches.latest(turn, await people.organization(turn), limit=1)

    while True:
        for batch in await bot.turns.look(latest):
            if batch.trigger is Trigger.SCHEDULE:
                return batch.number
        await asyncio.sleep(LOOK)


def _folder(given: Path | None) -> Path:
    """The demo's folder, empty but for what is made now: a new one, or the given one, made anew."""
    if given is None:
        return Path(tempfile.mkdtemp(prefix="slashjob-demo-"))
    mark = given / MARK
    if given.exists() and any(given.iterdir()) and not mark.exists():
        raise Misconfigured([f"{given} is not empty and not a demo's folder; name another one."])
    shutil.rmtree(given, ignore_errors=True)
    given.mkdir(parents=True)
    mark.touch()
    return given.resolve()
