"""The HTTP server of one process: health, and whatever platforms mount on it."""

from __future__ import annotations

from aiohttp import web

from adapters.agents.callbacks import PATH, Callbacks
from adapters.rest.desk import Desk
from adapters.rest.service import Rest
from bot import health, keys
from bot.app import Bot
from bot.checks import CHECKS

BODY_LIMIT = 1024**2  # bytes of a request; above it 413


def application(bot: Bot) -> web.Application:
    """The one aiohttp application."""
    made = web.Application(client_max_size=BODY_LIMIT)
    health.mount(made, bot)
    callback_routes(made, bot.callbacks)
    if bot.slack is not None:
        bot.slack.mount(made)
    if bot.teams is not None:
        bot.teams.mount(made)
    rest(bot).mount(made)
    return made


def rest(bot: Bot) -> Rest:
    """The HTTP API of this process."""
    return Rest(
        Desk(
            bot.turns,
            bot.vault,
            bot.zone,
            bot.chooser,
            signing=keys.signing(bot.keys),
            data=bot.data,
            checks=CHECKS,
            talk=bot.desk.answer,
            public_url=bot.settings.public_url,
        )
    )


def callback_routes(application: web.Application, callbacks: Callbacks) -> None:
    """Where services bring what an http agent waits for; each address works once."""

    async def bring(request: web.Request) -> web.Response:
        body = await request.read()
        token = request.match_info["token"]
        if await callbacks.bring(token, body, request.headers.get("Content-Type", "")):
            return web.json_response({"status": "taken"})
        return web.json_response({"error": "nobody waits here (any more)"}, status=404)

    application.router.add_post(PATH + "{token}", bring)


async def listen(bot: Bot) -> tuple[web.AppRunner, int]:
    """Listen; returns the runner to clean up and the port. Raises `Misconfigured` where the port is taken."""
    host, port = bot.settings.host, bot.settings.port
    runner = await health.listen(application(bot), host, port, setting="SLASHJOB_PORT")
    bot.callbacks.listen()
    if bot.slack is not None:
        bot.slack.listen()
        bot.slack.look(alone=bot.alone)
    if bot.teams is not None:
        bot.teams.listen()
        bot.teams.look(alone=bot.alone)
    return runner, int(runner.addresses[0][1])
