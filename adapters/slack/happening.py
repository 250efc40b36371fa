"""What happens in a workspace: a home is opened, the bot comes and goes, the app is removed."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from functools import partial

from adapters.slack import inbound, replies
from adapters.slack.inbound import Payload
from adapters.slack.reception import Reception
from core import installations
from core.wording import home as wording

_log = logging.getLogger(__name__)

GREETING = "slack:greeting"  # source of the keys of channels that were greeted
SAME_SECOND = 1.0  # seconds: Slack's event_time has no fractions


async def home_opened(reception: Reception, body: Payload) -> None:
    """Publish the home of who looks at it."""
    inner = body.get("event") or {}
    origin = inbound.event_origin(body)
    workspace = await reception.workspace(origin)
    if workspace is None or not origin.user:
        return
    if isinstance(channel := inner.get("channel"), str):
        reception.rooms.meet(workspace.team, origin.user, channel)
    if inner.get("tab", "home") == "home":
        reception.opened_home(workspace, origin.user)
        await reception.in_time(reception.publish_home(workspace, origin))


async def joined(reception: Reception, body: Payload) -> None:
    """The bot joined a channel: it may speak there now, and greets once."""
    origin = inbound.event_origin(body)
    workspace = await reception.workspace(origin)
    channel = str((body.get("event") or {}).get("channel") or "")
    if workspace is None or not channel or not inbound.is_own(body, workspace.bot_user):
        return
    reception.rooms.note(workspace.team, channel, inside=True)
    await reception.turns.take(
        lambda turn: installations.mend(turn, workspace.organization, "slack", channel)
    )
    greet = partial(replies.post, workspace, channel, wording.greeting())
    key = f"{workspace.team}:{channel}"
    await reception.in_time(reception.once(workspace, key, greet, source=GREETING))


async def left(reception: Reception, body: Payload) -> None:
    """The bot left a channel, or was removed from it."""
    workspace = await reception.workspace(inbound.event_origin(body))
    channel = str((body.get("event") or {}).get("channel") or "")
    if workspace is not None and channel:
        reception.rooms.note(workspace.team, channel, inside=False)


async def removed(reception: Reception, body: Payload) -> None:
    """The app was uninstalled, or its bot's token revoked: nothing more is owed there. Safe to repeat.

    A delivery that is older than the last installation means an earlier one.
    """
    inner = body.get("event") or {}
    tokens = inner.get("tokens")
    bots = tokens.get("bot") if isinstance(tokens, dict) else None
    if inner.get("type") == "tokens_revoked" and not bots:
        return
    origin = inbound.event_origin(body)
    stamp = body.get("event_time")
    told_at = float(stamp) if isinstance(stamp, int | float) else time.time()
    await reception.workspaces.revoke(
        origin.team, origin.enterprise, told_at=datetime.fromtimestamp(told_at + SAME_SECOND, UTC)
    )
