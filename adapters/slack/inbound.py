"""What Slack delivers, as who said what where. A payload comes in, values go out.

A payload that is not what Slack documents raises `Malformed`; one that is not for us is None.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from adapters.slack import limits, markup

ENVELOPE = "slashjob_envelope_id"  # where socket.py puts the envelope's id into a payload
_OBJECTS = ("event", "view", "user", "team", "channel", "container", "message", "enterprise")
_HEARD = (None, "file_share", "thread_broadcast")  # subtypes of messages that somebody typed

Payload = Mapping[str, Any]


class Malformed(ValueError):
    """The payload lacks what Slack always sends."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who and where, in Slack's ids. `key` tells a redelivery; `trigger` opens a form within 3 s, once."""

    team: str
    enterprise: str
    user: str
    key: str
    user_team: str = ""
    channel: str = ""  # empty: the App Home, or a shortcut that has no place yet
    thread: str = ""
    trigger: str = ""
    response_url: str = ""
    until: str = ""  # ISO: when the response_url ends; empty: it is fresh

    def at(self, channel: str, thread: str = "") -> Origin:
        """The same in another place; the response_url is of the place that it came from."""
        url, until = (self.response_url, self.until) if channel == self.channel else ("", "")
        return replace(self, channel=channel, thread=thread, response_url=url, until=until)


@dataclass(frozen=True, slots=True)
class Said:
    """A line, typed or carried by a button."""

    origin: Origin
    text: str
    in_view: str = ""  # a button inside a view: `home` or `modal`


def sound(body: Payload) -> bool:
    """What Slack sends as an object is one: bolt looks into these without asking."""
    objects = all(isinstance(body.get(name), dict | None) for name in _OBJECTS)
    actions = body.get("actions")
    listed = actions is None or (isinstance(actions, list) and all(isinstance(one, dict) for one in actions))
    return objects and listed


def command(body: Payload) -> Said:
    """`/job …`."""
    trigger = _text(body, "trigger_id")
    origin = Origin(
        team=_text(body, "team_id"),
        enterprise=_text(body, "enterprise_id"),
        user=_text(body, "user_id"),
        key=_key(body, trigger),
        channel=_text(body, "channel_id"),
        trigger=trigger,
        response_url=_text(body, "response_url"),
    )
    return Said(_whole(origin), markup.plain(_text(body, "text")))


def event(body: Payload, bot_user: str) -> Said | None:
    """A mention or a direct message; None for what nobody typed just now (bots, edits, joins)."""
    inner = _inner(body)
    if inner.get("bot_id") or inner.get("edited") or inner.get("subtype") not in _HEARD:
        return None
    if inner.get("type") == "message" and inner.get("channel_type") != "im":
        return None
    user = _text(inner, "user")
    if not user or user == bot_user:
        return None
    origin = replace(event_origin(body), channel=_text(inner, "channel"), thread=_thread(inner))
    return Said(_whole(origin), markup.addressed(_text(inner, "text"), bot_user))


def event_origin(body: Payload) -> Origin:
    """Whose event it is."""
    inner = _inner(body)
    return Origin(
        team=_text(body, "team_id"),
        enterprise=_text(body, "enterprise_id"),
        user=_text(inner, "user"),
        user_team=_text(inner, "user_team") or _text(inner, "source_team"),
        key=_key(body, _text(body, "event_id")),
    )


def press(body: Payload) -> Said:
    """A button: its value is the line. The one who pressed it is the speaker, whoever it was made for."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else {}
    if not isinstance(action, dict):
        raise Malformed("an action is an object")
    view = _part(body, "view")
    origin = replace(interaction(body), channel=_text(_part(body, "channel"), "id"), thread=_pressed_in(body))
    return Said(origin, _text(action, "value"), in_view=_text(view, "type"))


def interaction(body: Payload) -> Origin:
    """Who pressed, chose or submitted something."""
    user, team = _part(body, "user"), _part(body, "team")
    enterprise = _text(team, "enterprise_id") or _text(_part(body, "enterprise"), "id")
    trigger = _text(body, "trigger_id")
    view = _part(body, "view")
    return _whole(
        Origin(
            team=_text(team, "id") or _text(view, "team_id") or _text(user, "team_id"),
            enterprise=enterprise,
            user=_text(user, "id"),
            user_team=_text(user, "team_id"),
            key=_key(body, trigger),
            trigger=trigger,
            response_url=_text(body, "response_url"),
        )
    )


def message_shortcut(body: Payload) -> Origin:
    """A shortcut on a message: the answer goes into that message's thread."""
    message = _part(body, "message")
    thread = _text(message, "thread_ts") or _text(message, "ts")
    return replace(interaction(body), channel=_text(_part(body, "channel"), "id"), thread=thread)


def until(origin: Origin) -> str:
    """ISO: when the response_url ends."""
    return origin.until or (datetime.now(UTC) + limits.RESPONSE_URL).isoformat(timespec="seconds")


def is_own(body: Payload, bot_user: str) -> bool:
    """The event tells of the bot itself."""
    return bool(bot_user) and _inner(body).get("user") == bot_user


def _inner(body: Payload) -> Payload:
    inner = body.get("event")
    if not isinstance(inner, dict):
        raise Malformed("an event is an object")
    return inner


def _thread(message: Payload) -> str:
    """The thread that a message is in; a thread's first message stands in the channel."""
    thread = _text(message, "thread_ts")
    return "" if thread == _text(message, "ts") else thread


def _pressed_in(body: Payload) -> str:
    container = _part(body, "container")
    message = _part(body, "message")
    if message:
        return _thread(message)
    thread = _text(container, "thread_ts")  # an ephemeral message comes without its message
    return "" if thread == _text(container, "message_ts") else thread


def _key(body: Payload, own: str) -> str:
    return own or _text(body, ENVELOPE) or f"none-{secrets.token_hex(12)}"


def _whole(origin: Origin) -> Origin:
    if not origin.user or not (origin.team or origin.enterprise):
        raise Malformed("the payload names no person or no workspace")
    return origin


def _part(body: Payload, name: str) -> Payload:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _text(body: Payload, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
