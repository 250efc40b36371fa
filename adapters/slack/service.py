"""Slack as one part of a process: what is mounted at once, and what is opened inside its running loop."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import listeners, platform, talking
from adapters.slack.directory import Directory
from adapters.slack.http import Door
from adapters.slack.install import Installer
from adapters.slack.reception import Reception
from adapters.slack.socket import Socket
from adapters.slack.workspaces import API, FAULTS, Workspaces
from core.desk.desk import Desk
from core.errors import DeliveryError
from core.ports import Channel, Platform
from core.turns import Turns
from core.turnstile import Turnstile
from core.vault import Vault

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """How the bot gets at Slack. A bot token: one workspace; client id and secret: many."""

    bot_token: str = ""
    signing_secret: str = ""
    app_token: str = ""
    client_id: str = ""
    client_secret: str = ""
    api: str = API
    public_url: str = ""

    @property
    def wanted(self) -> bool:
        """Slack is configured at all."""
        return bool(self.bot_token or self.client_id)


class Slack:
    """The inbound half, and the workspaces that both halves speak to."""

    def __init__(
        self, access: Access, desk: Desk, turns: Turns, vault: Vault, *, platforms: Collection[str] = ()
    ) -> None:
        """`platforms` are all that are set up in this bot."""
        self._access = access
        self._platforms = platforms
        self._desk = desk
        self._turns = turns
        self._vault = vault
        self.workspaces: Workspaces | None = None
        self.reception: Reception | None = None
        self._turnstile = Turnstile()
        self._app: AsyncApp | None = None
        self._socket: Socket | None = None

    def mount(self, application: web.Application) -> None:
        """Add the routes; until `listen` they answer 503."""
        access = self._access
        if access.signing_secret:
            Door(access.signing_secret, lambda: self._app, turnstile=self._turnstile).mount(application)
        if access.client_id:
            Installer(
                access.client_id,
                access.client_secret,
                access.public_url,
                turns=self._turns,
                vault=self._vault,
                ready=lambda: self.reception,
                api=access.api,
            ).mount(application)

    def open(self) -> Workspaces:
        """Make the shared session, inside the running loop; deliveries need no more. Safe to call twice."""
        if self.workspaces is None:
            self.workspaces = Workspaces(
                self._turns,
                self._vault,
                token=self._access.bot_token,
                api=self._access.api,
                platforms=self._platforms,
            )
        return self.workspaces

    def listen(self) -> None:
        """From now on what Slack delivers is answered."""
        reception = Reception(
            self._desk,
            self._turns,
            self.open(),
            self._vault,
            lambda made: partial(talking.reopened, made),
            self._turnstile,
        )
        self.reception = reception
        self._app = listeners.bolt(reception)
        if self._access.app_token:
            self._socket = Socket(self._app, self._access.app_token, self.open().client(""), self._turnstile)
            self._socket.open()

    def look(self, *, alone: bool = False) -> None:
        """From now on what other processes left is looked for too; once it listens.

        `alone`: no other process serves this database.
        """
        if self.reception is not None:
            self.reception.inbox.open(alone=alone)

    async def linked(self) -> bool:
        """Socket Mode is not asked for, or its link stands."""
        return self._socket is None or await self._socket.connected()

    def platform(self) -> Platform:
        """The way out, for the same workspaces. Call it inside the running loop."""
        workspaces = self.open()

        async def client(channel: Channel) -> AsyncWebClient | None:
            try:
                found = await workspaces.of_channel(channel)
            except FAULTS as error:
                raise DeliveryError("Slack cannot be asked whose token it is.") from error
            return None if found is None else found.client

        return platform.Slack(client, Directory(self._turns))

    async def stop(self) -> None:
        """Hear nothing new, and let what was begun end. Safe to call twice."""
        if self._socket is not None:
            await self._socket.close()
            self._socket = None
        self._app = None
        if self.reception is not None:
            await self.reception.close()
            self.reception = None

    async def close(self) -> None:
        """Stop, and let go of the session: nothing can be delivered any more. Safe to call twice."""
        await self.stop()
        if self.workspaces is not None:
            await self.workspaces.close()
            self.workspaces = None
