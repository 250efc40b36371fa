"""The HTTP server of one process: health, and whatever platforms mount on it."""

from __future__ import annotations

import logging

from aiohttp import web

from bot.app import Bot
from core.errors import Misconfigured

_log = logging.getLogger(__name__)

BODY_LIMIT = 1024**2  # bytes of a request; above it 413


def application(bot: Bot) -> web.Application:
    """The one aiohttp application."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            await bot.ready()
        except Exception as error:  # the door of an HTTP handler: red, and why stands in the log
            _log.warning("server.not_ready", extra={"error": str(error)})
            return web.json_response({"status": "not ready", "why": type(error).__name__}, status=503)
        return web.json_response({"status": "ready", "running": bot.running})

    made = web.Application(client_max_size=BODY_LIMIT)
    made.router.add_get("/healthz", healthz)
    made.router.add_get("/readyz", readyz)
    return made


async def listen(bot: Bot) -> tuple[web.AppRunner, int]:
    """Listen; returns the runner to clean up and the port. Raises `Misconfigured` where the port is taken."""
    runner = web.AppRunner(application(bot), access_log=None)
    await runner.setup()
    host, port = bot.settings.host, bot.settings.port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        why = error.strerror or str(error)
        raise Misconfigured(
            [f"Port {port} on {host} cannot be used: {why}. SLASHJOB_PORT chooses another."]
        ) from error
    return runner, int(runner.addresses[0][1])
