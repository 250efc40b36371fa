"""The workspaces that the bot lives in, each with its token: one of SLACK_BOT_TOKEN, or many by OAuth."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from core import fallback, installations, people
from core.installations import Installation
from core.ports import Channel
from core.turns import Turn, Turns
from core.vault import Vault

_log = logging.getLogger(__name__)

API = "https://slack.com/api/"
REMEMBERED = 5.0  # seconds that a workspace is taken for what it was: another process may revoke it
ANSWER_LIMIT = 10.0  # seconds that a call of the Web API may take
FAULTS = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)  # SlackApiError is one of the first
REVOKED = "The app was removed from the Slack workspace, or its token was revoked."


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace with a client that speaks with its token."""

    team: str
    enterprise: str
    organization: str
    bot_user: str
    bot: str
    app: str
    token: str
    client: AsyncWebClient


class Workspaces:
    """Finds workspaces. Made and closed inside a running loop, for the session that all clients share."""

    def __init__(
        self,
        turns: Turns,
        vault: Vault,
        *,
        token: str = "",
        api: str = API,
        platforms: Collection[str] = (),
    ) -> None:
        """`platforms` are those that are set up: what a workspace takes no more may go to another."""
        self._platforms = platforms
        self._turns = turns
        self._vault = vault
        self._token = token
        self.api = api if api.endswith("/") else f"{api}/"
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT))
        self._single: Workspace | None = None
        self._dead = False  # the single workspace took its token back
        self._asking = asyncio.Lock()
        self._found: dict[tuple[str, str], tuple[float, Workspace]] = {}

    @property
    def single(self) -> bool:
        """One workspace, by SLACK_BOT_TOKEN."""
        return bool(self._token)

    def client(self, token: str) -> AsyncWebClient:
        """A client that never repeats a call by itself: a post that was cut off may have arrived."""
        return AsyncWebClient(token=token, base_url=self.api, session=self.session, retry_handlers=[])

    async def find(self, team: str, enterprise: str = "") -> Workspace | None:
        """The workspace, or None where the bot is not (any more) installed.

        Raises what the Web API raises while it is not known yet to whom SLACK_BOT_TOKEN belongs.
        """
        if self._token:
            single = await self.only()
            fits = single is not None and (
                team == single.team or (enterprise and enterprise == single.enterprise)
            )
            if fits:
                return single
        remembered = self._found.get((team, enterprise))
        if remembered is not None and remembered[0] > time.monotonic():
            return remembered[1]
        made = await self._turns.look(
            lambda turn: installations.find(turn, "slack", team, enterprise, self._vault)
        )
        if made is None:
            self._found.pop((team, enterprise), None)
            return None
        found = self._of(made, team)
        self._found[team, enterprise] = (time.monotonic() + REMEMBERED, found)
        return found

    async def only(self) -> Workspace | None:
        """The workspace of SLACK_BOT_TOKEN, asked for once; None where the token was revoked."""
        if self._dead or self._single is not None:
            return self._single
        async with self._asking:
            if self._single is None:
                client = self.client(self._token)
                told: Any = (await client.auth_test()).data
                self._single = Workspace(
                    team=told["team_id"],
                    enterprise=told.get("enterprise_id") or "",
                    organization=people.DEFAULT,
                    bot_user=told.get("user_id") or "",
                    bot=told.get("bot_id") or "",
                    app=told.get("app_id") or "",
                    token=self._token,
                    client=client,
                )
            return self._single

    async def of_channel(self, channel: Channel, organization: str = people.DEFAULT) -> Workspace | None:
        """The workspace of a channel: its reference names it; without one it is the organization's first."""
        reference = channel.reference or {}
        team = str(reference.get("team") or "")
        if team:
            return await self.find(team, str(reference.get("enterprise") or ""))
        if self._token:
            return await self.only()
        made = await self._turns.look(
            lambda turn: installations.first_of(turn, organization, "slack", self._vault)
        )
        return None if made is None else self._of(made, made.tenant)

    async def every(self) -> list[Workspace]:
        """All of them. Raises what the Web API answers to the token of the only one."""
        if self._token:
            single = await self.only()
            return [single] if single is not None else []
        made = await self._turns.look(lambda turn: installations.every(turn, "slack", self._vault))
        return [self._of(one, one.tenant) for one in made]

    async def revoke(self, team: str, enterprise: str, *, told_at: datetime) -> None:
        """The workspace removed the app: its token is erased, what is owed there is told on another platform
        where somebody can be reached, else suppressed."""
        self._found.clear()
        single = self._single
        if single is not None and team == single.team:
            self._dead, self._single = True, None
        else:
            single = None

        async def leave(turn: Turn) -> tuple[int, int] | None:
            if single is not None:
                organization: int | None = await people.organization(turn, single.organization)
            else:
                organization = await installations.revoke(turn, "slack", team, enterprise, told_at=told_at)
            if organization is None:
                return None
            return await fallback.leave(turn, organization, "slack", team, self._platforms, why=REVOKED)

        left: tuple[int, int] | None = await self._turns.take(leave)
        suppressed, diverted = left or (0, 0)
        _log.warning("slack.revoked", extra={"team": team, "suppressed": suppressed, "diverted": diverted})

    async def close(self) -> None:
        """Let go of the session."""
        await self.session.close()

    def _of(self, made: Installation, team: str) -> Workspace:
        return Workspace(
            team=made.tenant or team,
            enterprise=made.enterprise,
            organization=made.organization,
            bot_user=made.bot_user,
            bot=made.bot,
            app=made.app,
            token=made.token,
            client=self.client(made.token),
        )


async def asked(client: AsyncWebClient, method: str, **arguments: str) -> dict[str, Any]:
    """What a reading method answers; sent as a form, because the SDK's GET is not heard everywhere.

    Raises `FAULTS`.
    """
    told: Any = (await client.api_call(method, data=arguments)).data
    return told if isinstance(told, dict) else {}


def error_of(error: Exception) -> str:
    """Slack's word for what is wrong, such as `channel_not_found`; else the error's name."""
    if isinstance(error, SlackApiError):
        data: Any = error.response
        return str(data.get("error") or "") if hasattr(data, "get") else ""
    return type(error).__name__
