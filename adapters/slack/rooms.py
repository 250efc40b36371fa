"""Which conversations the bot is in, as far as that is known: asked once, then told by events."""

from __future__ import annotations

import asyncio
import time

from slack_sdk.errors import SlackApiError

from adapters.slack.workspaces import FAULTS, Workspace, asked, error_of

ASKED_FOR = 0.7  # seconds: somebody waits for the answer to a command meanwhile
REMEMBERED = 600.0  # seconds
MOST = 10_000  # conversations remembered
_OUTSIDE = ("channel_not_found", "not_in_channel")


class Rooms:
    """Remembers memberships, and the direct conversations with people."""

    def __init__(self) -> None:
        self._inside: dict[tuple[str, str], tuple[float, bool]] = {}
        self._direct: dict[tuple[str, str], str] = {}

    def note(self, team: str, channel: str, *, inside: bool) -> None:
        """An event told that the bot came or went."""
        if len(self._inside) >= MOST:
            self._inside.clear()
        self._inside[team, channel] = (time.monotonic() + REMEMBERED, inside)

    def meet(self, team: str, user: str, channel: str) -> None:
        """The direct conversation with somebody is known."""
        if len(self._direct) >= MOST:
            self._direct.clear()
        self._direct[team, user] = channel

    async def inside(self, workspace: Workspace, channel: str) -> bool | None:
        """Whether the bot is a member; None where that is not known in time."""
        if not channel or channel.startswith(("D", "U", "W")):
            return None
        known = self._inside.get((workspace.team, channel))
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            async with asyncio.timeout(ASKED_FOR):
                told = await asked(workspace.client, "conversations.info", channel=channel)
        except FAULTS as error:
            if isinstance(error, SlackApiError) and error_of(error) in _OUTSIDE:
                self.note(workspace.team, channel, inside=False)
                return False
            return None
        inside = bool((told.get("channel") or {}).get("is_member"))
        self.note(workspace.team, channel, inside=inside)
        return inside

    async def direct(self, workspace: Workspace, user: str) -> str:
        """The direct conversation with somebody, or their id: posting there opens it."""
        known = self._direct.get((workspace.team, user))
        if known is not None:
            return known
        try:
            async with asyncio.timeout(ASKED_FOR):
                told = await workspace.client.conversations_open(users=user)
        except FAULTS:
            return user
        channel = str((told.get("channel") or {}).get("id") or user)
        self.meet(workspace.team, user, channel)
        return channel
