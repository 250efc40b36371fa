"""What Teams delivers, as who said what where. An activity comes in, values go out.

An activity that is not what Bot Framework documents raises `Malformed`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.remote import bodies
from adapters.teams import markup, payload
from core.errors import Misunderstood

CHANNEL = "msteams"  # as Bot Framework calls Teams
PERSONAL = "personal"
_KEPT = (  # of an activity that is stored before it is answered; the rest is the same text as HTML
    *("type", "name", "action", "id", "from", "recipient", "conversation", "channelId", "serviceUrl"),
    *("channelData", "text", "entities", "value", "replyToId", "membersAdded", "membersRemoved", "locale"),
)
_CHANGING = ("timestamp", "localTimestamp")  # differs between two deliveries of the same
_ID = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,1000}")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
NAME = 200  # characters of a person's name

Activity = Mapping[str, Any]


class Malformed(ValueError):
    """The activity lacks what Bot Framework always sends."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who and where, in the ids of Teams. `key` tells a redelivery."""

    channel_id: str
    tenant: str
    service_url: str
    conversation: str  # whole: in a channel with `;messageid=` and the thread's first message
    kind: str  # personal, groupChat, channel
    user: str  # `29:…`, another for each bot; empty for what nobody did
    object_id: str  # of Entra: the same for every bot
    name: str
    user_tenant: str  # empty: not said
    bot: str
    bot_name: str
    activity: str
    key: str
    team: str = ""  # of a channel
    reply_to: str = ""  # the message whose card an action was on

    @property
    def address(self) -> str:
        """The conversation without its thread."""
        return self.conversation.partition(";")[0]

    @property
    def thread(self) -> str:
        """The id of a thread's first message; empty outside of threads."""
        return thread_of(self.conversation)

    @property
    def person(self) -> str:
        """The person's id that outlives the bot's registration, where Teams gives it."""
        return self.object_id or self.user

    @property
    def personal(self) -> bool:
        """It is the conversation of one person with the bot."""
        return self.kind == PERSONAL


@dataclass(frozen=True, slots=True)
class Said:
    """A line that was typed, or the value of an action on a card."""

    origin: Origin
    text: str = ""
    value: Mapping[str, Any] | None = None


def origin(activity: Activity) -> Origin:
    """Whose activity it is. Raises `Malformed`."""
    conversation, sender = _part(activity, "conversation"), _part(activity, "from")
    recipient, data = _part(activity, "recipient"), _part(activity, "channelData")
    where, bot = _id(conversation, "id"), _id(recipient, "id")
    if not where or not bot or not _text(activity, "type"):
        raise Malformed("an activity has a type, a conversation and a recipient")
    tenant = _id(_part(data, "tenant"), "id") or _id(conversation, "tenantId")
    channel_id = _id(activity, "channelId")
    identity = _id(activity, "id")
    return Origin(
        channel_id=channel_id,
        tenant=tenant,
        service_url=_id(activity, "serviceUrl"),
        conversation=where,
        kind=_kind(conversation, where),
        user=_id(sender, "id"),
        object_id=_id(sender, "aadObjectId"),
        name=_UNFIT.sub("", _text(sender, "name"))[:NAME],
        user_tenant=_id(sender, "tenantId") or _id(_part(sender, "properties"), "tenantId"),
        bot=bot,
        bot_name=_UNFIT.sub("", _text(recipient, "name"))[:NAME],
        activity=identity,
        key=f"{channel_id}:{where}:{identity or _digest(activity)}",
        team=_id(_part(data, "team"), "id"),
        reply_to=_id(activity, "replyToId"),
    )


def said(activity: Activity) -> Said:
    """What a message says, or what an action on a card carries."""
    made = origin(activity)
    value = activity.get("value")
    text = _text(activity, "text")
    if isinstance(value, Mapping) and (activity.get("type") == "invoke" or not text.strip()):
        return Said(made, value=value)
    entities = activity.get("entities")
    listed: Sequence[object] = entities if isinstance(entities, list) else ()
    return Said(made, markup.addressed(text, listed, made.bot))


def line(activity: Activity) -> str:
    """The line that a message says, or that an action on a card stands for; empty where there is none."""
    heard = said(activity)
    if heard.value is None:
        return heard.text
    try:
        return payload.read(heard.value)[0].line
    except Misunderstood:
        return ""


def members(activity: Activity, name: str) -> frozenset[str]:
    """The ids of those who came (`membersAdded`) or went (`membersRemoved`)."""
    listed = activity.get(name)
    every = listed if isinstance(listed, list) else []
    return frozenset(_text(one, "id") for one in every if isinstance(one, Mapping))


def event(activity: Activity) -> str:
    """What happened in a team: `teamMemberAdded`, `channelDeleted` …"""
    return _text(_part(activity, "channelData"), "eventType")


def action(activity: Activity) -> str:
    """`add` or `remove` of an installation."""
    return _text(activity, "action")


def kept(activity: Activity) -> str:
    """What of an activity is stored before it is answered, as JSON."""
    return json.dumps({name: activity[name] for name in _KEPT if name in activity})


def read(body: bytes) -> dict[str, Any]:
    """The activity in a request's body. Raises `Malformed`."""
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed("no JSON") from error
    if not isinstance(found, dict) or not bodies.shallow(found):
        raise Malformed("no activity")
    return found


def thread_of(conversation: str) -> str:
    """The id of the first message of the thread that a conversation id names."""
    for part in conversation.split(";")[1:]:
        name, _, value = part.partition("=")
        if name == "messageid":
            return value
    return ""


def _kind(conversation: Activity, where: str) -> str:
    """Which kind of conversation it is; ids of channels end so."""
    told = _text(conversation, "conversationType")
    if told:
        return told
    if "@thread.tacv2" in where or "@thread.skype" in where:
        return "channel"
    return "groupChat" if conversation.get("isGroup") is True else PERSONAL


def _digest(activity: Activity) -> str:
    same = {name: one for name, one in activity.items() if name not in _CHANGING}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()


def _part(values: Activity, name: str) -> Activity:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(values: Activity, name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _id(values: Activity, name: str) -> str:
    """An id; raises `Malformed` for one that no database could keep."""
    value = _text(values, name)
    if value and not _ID.fullmatch(value):
        raise Malformed(f"{name} is no id")
    return value
