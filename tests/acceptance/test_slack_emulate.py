"""The program against a Slack that nobody here wrote: the npm package emulate, installed from its lock file.

It knows OAuth, the Web API and scopes; it sends no slash commands, so those are signed and sent here, and
what the bot says is read back from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
import yaml
from aiohttp import web

from adapters.slack.manifest import SCOPES
from tests.acceptance import node_rig
from tests.acceptance.node_rig import node
from tests.acceptance.program_rig import LIMIT, Program, Serving, program, until

SECRET = "8f742231b10e8888abcd99aaaffff85a"
READER, READS = "xoxp-reader", ["channels:history", "channels:read", "users:read"]
CLIENT, CLIENT_SECRET, APP = "1.2", "s", "A000000001"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def emulate() -> Path:
    """The installed package's program."""
    made = node_rig.install("emulate")
    return made.modules / "emulate" / "dist" / "index.js"


@dataclass
class Town:
    """The emulator and the program, each at its port."""

    slack: str
    bot: str
    program: Program
    serving: Serving
    http: aiohttp.ClientSession
    response_url: str
    told: asyncio.Queue[Any]  # what came to the response_url, which the emulator does not know

    async def ask(self, method: str, **arguments: str) -> Any:
        """What the emulator answers to somebody who may see everything."""
        headers = {"Authorization": f"Bearer {READER}"}
        async with self.http.post(f"{self.slack}/api/{method}", data=arguments, headers=headers) as answer:
            return await answer.json()

    async def asked(self, text: str, channel: str, user: str) -> Any:
        """A signed command, and what the asker is told."""
        await self.slash(text, channel, user)
        return await asyncio.wait_for(self.told.get(), LIMIT)

    async def slash(self, text: str, channel: str, user: str) -> None:
        """A signed command."""
        fields = {
            "command": "/job",
            "text": text,
            "team_id": "T000000001",
            "channel_id": channel,
            "user_id": user,
            "trigger_id": f"{time.time_ns()}.1.x",
            "response_url": self.response_url,
        }
        body = urlencode(fields).encode()
        stamp = str(int(time.time()))
        digest = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        }
        async with self.http.post(f"{self.bot}/slack/events", data=body, headers=headers) as answer:
            assert (answer.status, await answer.text()) == (200, "")

    async def said(self, channel: str, wanted: str) -> list[Any]:
        """Wait until that stands in the channel; all messages that do."""
        async with asyncio.timeout(LIMIT):
            while True:
                told = (await self.ask("conversations.history", channel=channel))["messages"]
                if wanted in json.dumps(told):
                    return list(told)
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def listening(told: asyncio.Queue[Any]) -> AsyncIterator[str]:
    """An address that takes what is sent to it."""

    async def take(request: web.Request) -> web.Response:
        await told.put(await request.json())
        return web.Response(text="ok")

    application = web.Application()
    application.router.add_post("/", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@contextlib.contextmanager
def emulated(script: Path, folder: Path, port: int, redirect: str) -> Iterator[None]:
    """The emulator, running."""
    seed = {
        "slack": {
            "team": {"name": "Example", "domain": "example"},
            "users": [{"name": "ana", "real_name": "Ana", "email": "ana@example.com"}],
            "channels": [{"name": "growth"}],
            "oauth_apps": [
                {
                    "client_id": CLIENT,
                    "client_secret": CLIENT_SECRET,
                    "app_id": APP,
                    "name": "slashjob",
                    "redirect_uris": [redirect],
                    "scopes": sorted(SCOPES),
                    "bot_name": "slashjob",
                }
            ],
            "tokens": [{"token": READER, "user_id": "U000000001", "scopes": READS}],
            "strict_scopes": True,
        }
    }
    (folder / "seed.yaml").write_text(yaml.safe_dump(seed))
    command = [str(node() / "bin" / "node"), str(script), "start", "-s", "slack", "-p", str(port)]
    with (folder / "emulate.log").open("w") as log:
        process = subprocess.Popen([*command, "--seed", "seed.yaml"], cwd=folder, stdout=log, stderr=log)
    try:
        until(lambda: "Ready" in (folder / "emulate.log").read_text(), "the emulator")
        yield
    finally:
        process.kill()
        process.wait(LIMIT)


@pytest.fixture
async def town(emulate: Path, tmp_path: Path) -> AsyncIterator[Town]:
    slack, bot = free_port(), free_port()
    public = f"http://127.0.0.1:{bot}"
    settings = {
        "SLACK_CLIENT_ID": CLIENT,
        "SLACK_CLIENT_SECRET": CLIENT_SECRET,
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": f"http://127.0.0.1:{slack}/api/",
        "SLASHJOB_PUBLIC_URL": public,
        "SLASHJOB_PORT": str(bot),
    }
    redirect = f"{public}/slack/oauth_redirect"
    with emulated(emulate, tmp_path, slack, redirect), program(tmp_path / "shop") as made:
        await asyncio.to_thread(made.run, "apply")
        serving = await asyncio.to_thread(made.serve, **settings)
        jar = aiohttp.CookieJar(unsafe=True)
        told: asyncio.Queue[Any] = asyncio.Queue()
        async with aiohttp.ClientSession(cookie_jar=jar) as http, listening(told) as url:
            yield Town(f"http://127.0.0.1:{slack}", public, made, serving, http, url, told)


async def install(town: Town, user: str) -> int:
    """Install the app as that person would in a browser: our link, their page, back to us."""
    async with town.http.get(f"{town.bot}/slack/install", allow_redirects=False) as answer:
        where = answer.headers["Location"]
    assert where.startswith(f"{town.slack}/oauth/v2/authorize?")
    async with town.http.get(where) as page:
        assert page.status == 200
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    agreed = {**asked, "user_id": user}
    back = f"{town.slack}/oauth/v2/authorize/callback"
    async with town.http.post(back, data=agreed, allow_redirects=False) as answer:
        home = answer.headers["Location"]
    async with town.http.get(home) as answer:
        return answer.status


async def test_installed_by_oauth_a_command_runs_and_its_result_stands_in_the_channel(town: Town) -> None:
    people = {one["name"]: one["id"] for one in (await town.ask("users.list"))["members"]}
    channels = {one["name"]: one["id"] for one in (await town.ask("conversations.list"))["channels"]}
    ana, growth = people["ana"], channels["growth"]
    assert await install(town, ana) == 200
    await town.slash("run count campaign_id=42", growth, ana)
    (message,) = await town.said(growth, "Succeeded")  # one message, edited
    assert "Count the sales" in json.dumps(message)
    read = await town.asked("list", growth, ana)
    assert read["response_type"] == "ephemeral"
    asked = await town.asked("run count", growth, ana)  # a trigger that it does not know: a button instead
    assert "Fill in" in json.dumps(asked)
    roles = json.dumps(await town.asked("role", growth, ana), ensure_ascii=False)
    assert '"ana"' in roles
    assert town.program.states() == [("succeeded", "succeeded", 1)]
