"""`slashjob worker`: a process that executes runs and does nothing else; it listens to who watches it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal

import click

from bot.app import Bot
from bot.settings import Settings
from core.errors import Misconfigured


async def work(settings: Settings) -> int:
    """Execute until SIGTERM; then what runs has its drain time. Returns the exit code.

    Raises:
        Misconfigured: on SQLite, where one process at a time executes, or without any concurrency.
    """
    bot = Bot(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as ends:
        ends.push_async_callback(bot.close)
        _refuse(bot)
        await bot.open()
        gc.collect()
        gc.freeze()
        if settings.worker_port is not None:
            await _be_watched(bot, settings.worker_port, ends)
        bot.callbacks.listen()  # the bots under the public URL take what services bring, and pass it on
        await bot.execute("worker")
        tagged = f", also those for {', '.join(settings.tags)}" if settings.tags else ""
        click.echo(f"slashjob worker executes up to {settings.concurrency} runs at once{tagged}", err=True)
        await stop.wait()
    return 0


async def _be_watched(bot: Bot, port: int, ends: contextlib.AsyncExitStack) -> None:
    from bot import health  # HTTP takes its time to load: only where it is spoken

    runner = await health.watched(bot, port)
    ends.push_async_callback(runner.cleanup)
    host, taken = runner.addresses[0][:2]
    click.echo(f"slashjob worker is watched at http://{host}:{taken}/readyz", err=True)


def _refuse(bot: Bot) -> None:
    mistakes = []
    if bot.store.sqlite:
        mistakes.append(
            "A worker needs PostgreSQL: on a SQLite file one process executes, which is slashjob serve. "
            "Set DATABASE_URL to postgresql://…"
        )
    if not bot.settings.concurrency:
        mistakes.append("SLASHJOB_CONCURRENCY: a worker needs at least 1.")
    if mistakes:
        raise Misconfigured(mistakes)
