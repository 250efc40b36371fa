"""Answers that a service brings later, at an address that works once."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, web

from adapters.agents.callbacks import Callbacks
from adapters.agents.http import Http
from adapters.agents.services import Pause
from bot.server import callback_routes
from tests.unit.service_rig import Polled, agent, answer, ask, serving, until


def http(**more: Any) -> Http:
    return Http(pause=Pause(first=0.01, longest=0.02), **more)


def listening() -> Callbacks:
    callbacks = Callbacks("https://bot.example.com/base/")
    callbacks.listen()
    return callbacks


async def accepted(_: web.Request) -> web.Response:
    return web.json_response({}, status=202)


async def test_an_answer_may_be_brought_later_once() -> None:
    callbacks = listening()
    async with serving(accepted) as service:
        task = asyncio.create_task(answer(http(callbacks=callbacks), ask(agent(service))))
        await until(lambda: bool(service.said))
        url = service.said[0].headers["slashjob-callback"]
        prefix, _, token = url.rpartition("/")
        assert prefix == "https://bot.example.com/base/callbacks"
        assert not await callbacks.bring("guessed", b"{}", "application/json")
        assert await callbacks.bring(token, b'{"summary": "brought"}', "application/json")
        assert not await callbacks.bring(token, b'{"summary": "again"}', "application/json")
        assert await task == "brought"
        assert not await callbacks.bring(token, b'{"summary": "late"}', "application/json")


async def test_the_address_of_a_callback_dies_with_its_attempt() -> None:
    callbacks = listening()
    async with serving(accepted) as service:
        task = asyncio.create_task(answer(http(callbacks=callbacks), ask(agent(service))))
        await until(lambda: bool(service.said))
        token = service.said[0].headers["slashjob-callback"].rpartition("/")[2]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not await callbacks.bring(token, b"late", "text/plain")
        again = asyncio.create_task(answer(http(callbacks=callbacks), ask(agent(service), attempt=2)))
        await until(lambda: len(service.said) == 2)
        first, second = service.said
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.headers["slashjob-callback"] != second.headers["slashjob-callback"]
        again.cancel()
        with pytest.raises(asyncio.CancelledError):
            await again


async def test_a_callback_ends_polling_too() -> None:
    callbacks = listening()
    polled = Polled(10**9)
    async with serving(polled) as service:
        task = asyncio.create_task(answer(http(callbacks=callbacks), ask(agent(service))))
        await until(lambda: len(polled.looks) > 1)
        token = service.said[0].headers["slashjob-callback"].rpartition("/")[2]
        await callbacks.bring(token, b"brought", "text/plain")
        assert await task == "brought"


async def test_the_token_of_a_callback_is_masked() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["slashjob-callback"])

    async with serving(echo) as service:
        assert (await answer(http(callbacks=listening()), ask(agent(service)))).endswith("/callbacks/••••••")


async def test_the_server_brings_answers_by_its_route() -> None:
    callbacks = listening()
    application = web.Application(client_max_size=1024)
    callback_routes(application, callbacks)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with serving(accepted) as service, ClientSession() as client:
            task = asyncio.create_task(answer(http(callbacks=callbacks), ask(agent(service))))
            await until(lambda: bool(service.said))
            path = urlsplit(service.said[0].headers["slashjob-callback"]).path.removeprefix("/base")
            statuses = []
            for body in (b"x" * 2000, b'{"summary": "by post"}', b"again"):
                async with client.post(base + path, data=body) as response:
                    statuses.append(response.status)
            async with client.get(base + path) as response:
                statuses.append(response.status)
            assert statuses == [413, 200, 404, 405]
            assert await task == "by post"
    finally:
        await runner.cleanup()
