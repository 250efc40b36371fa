"""Who speaks: asked of Slack once, at the first contact, because that decides somebody's first role.

The zone they live in may change: it is asked for again now and then, beside the answer, never before it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from slack_sdk.errors import SlackApiError

from adapters.slack.inbound import Origin
from adapters.slack.workspaces import FAULTS, Workspace, asked, error_of
from core import people
from core.errors import Busy
from core.people import Member, Speaker, Standing
from core.turns import Turns

_log = logging.getLogger(__name__)

REMEMBERED = 3600.0  # seconds; whoever is known in the rows keeps the role that stands there anyway
ASKED_AGAIN = 24 * 3600.0  # seconds between two questions about somebody who is known
MOST = 10_000  # people remembered
_FOREIGN = ("user_not_found", "user_not_visible")


class Speakers:
    """Knows the people of every workspace. `later` does something beside the answer."""

    def __init__(self, turns: Turns, later: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._turns = turns
        self._later = later
        self._known: dict[tuple[str, str], tuple[float, Speaker]] = {}
        self._asked: dict[tuple[str, str], float] = {}

    async def of(self, origin: Origin, workspace: Workspace) -> Speaker:
        """The speaker behind a Slack user.

        Raises:
            Busy: Slack did not tell who it is; nothing was started.
        """
        tenant = _tenant(origin, workspace)
        key = (tenant, origin.user)
        remembered = self._known.get(key)
        if remembered is not None and remembered[0] > time.monotonic():
            return remembered[1]
        speaker = Speaker("slack", tenant, origin.user, origin.user)
        member = await self._turns.look(lambda turn: people.known(turn, speaker))
        if member is None:
            speaker = await self._ask(origin, workspace, tenant)
            self._asked[key] = time.monotonic()
        else:
            speaker = _as(member, speaker)
        if len(self._known) >= MOST:
            self._known.clear()
            self._asked.clear()
        self._known[key] = (time.monotonic() + REMEMBERED, speaker)
        if time.monotonic() - self._asked.get(key, -ASKED_AGAIN) >= ASKED_AGAIN:
            self._asked[key] = time.monotonic()
            self._later(self._refresh(origin, workspace, key))
        return speaker

    async def _refresh(self, origin: Origin, workspace: Workspace, key: tuple[str, str]) -> None:
        """Ask where somebody lives by now; their next request has it stored."""
        try:
            told = await asked(workspace.client, "users.info", user=origin.user)
        except FAULTS as error:
            _log.info("slack.zone_not_told", extra={"error": error_of(error)})
            return
        until, speaker = self._known.get(key, (0.0, None))
        if speaker is not None:
            told_zone = str((told.get("user") or {}).get("tz") or "")
            self._known[key] = (until, replace(speaker, timezone=told_zone))

    async def _ask(self, origin: Origin, workspace: Workspace, tenant: str) -> Speaker:
        try:
            told = await asked(workspace.client, "users.info", user=origin.user)
        except FAULTS as error:
            if isinstance(error, SlackApiError) and error_of(error) in _FOREIGN:
                return Speaker("slack", tenant, origin.user, origin.user, Standing.GUEST)
            _log.warning("slack.unknown_speaker", extra={"error": error_of(error)})
            raise Busy(
                "Slack did not tell who you are just now; nothing was started.", hint="Try again in a moment."
            ) from error
        return read(told.get("user") or {}, tenant, workspace)


def read(user: dict[str, Any], tenant: str, workspace: Workspace) -> Speaker:
    """A speaker out of what `users.info` says."""
    profile = user.get("profile") or {}
    external_id = str(user.get("id") or "")
    name = profile.get("display_name") or profile.get("real_name") or user.get("real_name")
    return Speaker(
        platform="slack",
        tenant=tenant,
        external_id=external_id,
        name=str(name or user.get("name") or external_id),
        standing=Standing.GUEST if _guest(user, workspace) else Standing.MEMBER,
        email=str(profile.get("email") or ""),
        timezone=str(user.get("tz") or ""),
    )


def _guest(user: dict[str, Any], workspace: Workspace) -> bool:
    """A guest account, somebody of another company, or no person at all."""
    marks = ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted")
    if any(user.get(mark) for mark in marks):
        return True
    enterprise = str((user.get("enterprise_user") or {}).get("enterprise_id") or "")
    if workspace.enterprise and enterprise == workspace.enterprise:
        return False
    team = str(user.get("team_id") or "")
    return bool(team) and team not in (workspace.team, workspace.enterprise)


def _tenant(origin: Origin, workspace: Workspace) -> str:
    """Whose ids these are: an enterprise's people have one id in all of its workspaces."""
    if workspace.enterprise:
        return workspace.enterprise
    return origin.user_team or workspace.team


def _as(member: Member, speaker: Speaker) -> Speaker:
    return Speaker("slack", speaker.tenant, speaker.external_id, member.name, email=member.email)
