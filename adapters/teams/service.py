"""Teams as one part of a process: what is mounted at once, and what is opened inside its running loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from adapters.teams import acting, hosts, keys, tokens
from adapters.teams.auth import Guard
from adapters.teams.connector import KEPT_ALIVE, Connector
from adapters.teams.directory import Directory
from adapters.teams.happening import changed, installed
from adapters.teams.hosts import Hosts
from adapters.teams.http import Accept, Answer, Door
from adapters.teams.inbound import Origin
from adapters.teams.keys import Keys
from adapters.teams.pace import Pace
from adapters.teams.platform import Teams as Platform
from adapters.teams.reception import Parts, Reception, Work
from adapters.teams.talking import said
from adapters.teams.tokens import App, Tokens
from core import people
from core.desk.desk import Desk
from core.filelinks import Links
from core.turns import Turns
from core.turnstile import Turnstile
from core.vault import Vault

WORKS: Mapping[str, Work] = {
    "message": said,
    "invoke": acting.taken_up,
    "installationUpdate": installed,
    "conversationUpdate": changed,
}


@dataclass(frozen=True, slots=True)
class Access:
    """How the bot gets at Teams. `tenants` maps each tenant that may speak to its organization's name.

    `authenticated` False (`TEAMS_AUTH=off`): nobody is asked for a token and none is shown, every tenant is
    the default organization's, and the service may be on this machine. For trying it out, on loopback only.
    """

    app_id: str
    secret: str = ""
    certificate: str = ""  # PEM, with the private key
    tenant: str = ""  # the app's own
    tenants: Mapping[str, str] = field(default_factory=dict)
    authenticated: bool = True
    openid: str = keys.MICROSOFT
    login: str = tokens.LOGIN
    service_hosts: tuple[str, ...] = hosts.MICROSOFT

    def organization(self, tenant: str) -> str | None:
        """The organization's name that a tenant belongs to; None: it is not listened to."""
        if not self.authenticated:
            return people.DEFAULT
        every = {self.tenant: people.DEFAULT, **self.tenants}
        return {name.casefold(): one for name, one in every.items()}.get(tenant.casefold())


class Teams:
    """Both halves, and the connections to Microsoft that they share. `clock` gives monotonic seconds;
    `links` are those to files, which Teams does not take from bots outside of 1:1 chats."""

    def __init__(
        self,
        access: Access,
        desk: Desk,
        turns: Turns,
        vault: Vault,
        links: Links | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._desk = desk
        self._turns = turns
        self._vault = vault
        self._session: aiohttp.ClientSession | None = None
        allowed = Hosts(access.service_hosts, loopback=not access.authenticated)
        asked = access.authenticated
        self.keys = Keys(access.openid, self.session, clock) if asked else None
        app = App(access.app_id, access.tenant, access.secret, access.certificate)
        self.tokens = Tokens(app, self.session, login=access.login, clock=clock) if asked else None
        self.connector = Connector(self.session, self.tokens, allowed)
        every = [access.tenant, *access.tenants] if asked else []
        guard = Guard(access.app_id, self.keys, tenants=every, hosts=allowed)
        self._turnstile = Turnstile()
        self._door = Door(guard, self._accepting, self._turnstile)
        self._platform = Platform(self.connector, Directory(turns), Pace(clock), links)
        self.reception: Reception | None = None

    def mount(self, application: web.Application) -> None:
        """Add the route; until `listen` it answers 503."""
        self._door.mount(application)

    def session(self) -> aiohttp.ClientSession:
        """The shared session, made inside the running loop."""
        if self._session is None:
            link = aiohttp.TCPConnector(keepalive_timeout=KEPT_ALIVE)
            self._session = aiohttp.ClientSession(connector=link)
        return self._session

    def listen(self) -> None:
        """From now on what Teams delivers is answered."""
        parts = Parts(
            desk=self._desk,
            turns=self._turns,
            vault=self._vault,
            connector=self.connector,
            platform=self._platform,
            organization_of=self._access.organization,
            turnstile=self._turnstile,
            trusting=not self._access.authenticated,
        )
        self.reception = Reception(parts, dict(WORKS))

    def look(self, *, alone: bool = False) -> None:
        """From now on what other processes left is looked for too; once it listens.

        `alone`: no other process serves this database.
        """
        if self.reception is not None:
            self.reception.inbox.open(alone=alone)

    def platform(self) -> Platform:
        """The way out."""
        return self._platform

    async def stop(self) -> None:
        """Hear nothing new, and let what was begun end. Safe to call twice."""
        if self.reception is not None:
            reception, self.reception = self.reception, None
            await reception.close()

    async def close(self) -> None:
        """Stop, and let go of the links: nothing can be delivered any more. Safe to call twice."""
        await self.stop()
        if self.tokens is not None:
            await self.tokens.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _accepting(self) -> Accept | None:
        return None if self.reception is None else self._accept

    async def _accept(self, origin: Origin, activity: dict[str, Any]) -> Answer:
        """Store, answer, then work; an invoke's work is its answer."""
        reception = self.reception
        if reception is None:
            return Answer(503)
        if activity.get("type") == "invoke":
            return await acting.invoked(reception, origin, activity)
        return Answer(200 if await reception.hear(origin, activity) else 503)
