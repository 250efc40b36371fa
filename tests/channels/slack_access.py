"""Who calls, and what of the workspace they may see: tokens, scopes, membership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.channels.slack_workspace import Install, Place, Refused

if TYPE_CHECKING:
    from tests.channels.fake_slack import Call, FakeSlack


def who(slack: FakeSlack, call: Call, *scopes: str) -> Install:
    """The installation that calls; refused without the scopes."""
    if not call.token:
        raise Refused("not_authed")
    install = slack.installs.get(call.token)
    if install is None:
        raise Refused("invalid_auth")
    if install.revoked:
        raise Refused(install.revoked)
    for scope in scopes:
        if scope not in install.scopes:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(install.scopes)))
    return install


def place_of(slack: FakeSlack, install: Install, channel: Any, *, post: bool = False) -> Place:
    """The conversation of an id, as far as the bot may see it."""
    if not isinstance(channel, str) or not channel:
        raise Refused("channel_not_found")
    if channel in slack.people and post:
        return slack.direct(install, channel)
    place = slack.places.get(channel)
    inside = place is not None and install.bot_user in place.members
    if place is None or place.team != install.team or (place.kind != "channel" and not inside):
        raise Refused("channel_not_found")
    if post:
        if place.archived:
            raise Refused("is_archived")
        if not inside and "chat:write.public" not in install.scopes:
            raise Refused("not_in_channel")
    return place
