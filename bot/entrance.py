"""How every command is run: with a bot that is opened and closed, and with refusals in sentences."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import logs, settings
from core.errors import Misconfigured, Refusal

if TYPE_CHECKING:
    from bot.app import Bot
    from bot.attachments import Attachments
    from bot.session import Session

_log = logging.getLogger(__name__)

REFUSED, STOPPED, TERMINATED = 2, 130, 143


def configured() -> settings.Settings:
    """The settings of this command. Raises `Misconfigured`."""
    return settings.read(os.environ, Path.cwd())


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Import what takes long. Looking for garbage meanwhile took a seventh of the time, and found none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def run_with_bot(work: Callable[[Bot], Awaitable[int]], *, opened: bool = True) -> int:
    """Open a bot, work, close it."""
    chosen = configured()
    logs.configure("WARNING" if chosen.log_level == "INFO" else chosen.log_level)

    async def whole() -> int:
        with loading():
            from bot.app import Bot

        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        bot = Bot(chosen)
        try:
            if opened:
                await bot.open()
            return await work(bot)
        finally:
            await bot.close()

    try:
        return asyncio.run(whole())
    except asyncio.CancelledError:
        return TERMINATED


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """The door of a command: say what is wrong in sentences, and exit 2."""
    try:
        yield
    except Misconfigured as refused:
        for mistake in refused.mistakes:
            click.echo(mistake, err=True)
        sys.exit(REFUSED)
    except Refusal as refused:
        click.echo(f"{refused.sentence} {refused.hint}".strip(), err=True)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except Exception as error:  # the door of the command line: a sentence, and the rest in the log
        _log.debug("command.crashed", exc_info=True)
        click.echo(f"{_told(error)} With SLASHJOB_LOG_LEVEL=DEBUG more is said.", err=True)
        sys.exit(REFUSED)


def _told(error: Exception) -> str:
    from sqlalchemy.exc import DBAPIError

    lines = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
    what = (
        "The database failed"
        if isinstance(error, DBAPIError)
        else f"An error of slashjob's own ({type(error).__name__})"
    )
    return f"{what}: {lines[0] if lines else 'without saying why'}."


async def say_line(bot: Bot, line: str, member: str, channel: str, *, wait: bool, as_json: bool) -> int:
    """Say one line as the command line's speaker; the exit code."""
    from bot.talk import say

    if wait:
        await bot.execute_when_free("say")
    session, attachments = await open_session(bot, channel, member, drawing=not as_json)
    code = await say(session, line, attachments, wait=wait, as_json=as_json)
    if bot.running:
        click.echo("Waiting for what else runs here.", err=True)
    await bot.finish()
    return code


async def open_session(
    bot: Bot, channel: str, member: str, *, drawing: bool = True
) -> tuple[Session, Attachments]:
    """A conversation in the terminal, and what draws its files."""
    from bot.attachments import Attachments as Kept
    from bot.session import Session as Made

    attachments = Kept(bot.data)
    session = Made(bot, channel=channel, member=member, attachments=attachments if drawing else None)
    await session.open()
    return session, attachments
