"""What those who watch a process ask over HTTP: does it live, can it work, and its figures."""

from __future__ import annotations

import logging

from aiohttp import web

from bot.app import Bot, NotReady
from bot.metrics import Metrics
from core.errors import Misconfigured

_log = logging.getLogger(__name__)


def mount(application: web.Application, bot: Bot) -> None:
    """Answer at `/healthz`, `/readyz` (with the reason where it is red) and `/metrics`."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            await bot.ready()
        except Exception as error:  # the door of an HTTP handler: red, and why stands in the log
            _log.warning("server.not_ready", extra={"error": str(error)})
            why = str(error) if isinstance(error, NotReady) else type(error).__name__
            return web.json_response({"status": "not ready", "why": why}, status=503)
        return web.json_response({"status": "ready", "running": bot.running})

    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    Metrics(bot).mount(application)


async def listen(application: web.Application, host: str, port: int, *, setting: str) -> web.AppRunner:
    """Listen; returns the runner to clean up, which knows its addresses.

    Raises `Misconfigured` where the port is taken, naming the setting that chooses another.
    """
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        why = error.strerror or str(error)
        raise Misconfigured(
            [f"Port {port} on {host} cannot be used: {why}. {setting} chooses another."]
        ) from error
    return runner


async def watched(bot: Bot, port: int) -> web.AppRunner:
    """The page of a process that has no other; on the host that `serve` would listen on."""
    application = web.Application()
    mount(application, bot)
    return await listen(application, bot.settings.host, port, setting="SLASHJOB_WORKER_PORT")
