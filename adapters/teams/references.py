"""Where a conversation is reached: Bot Framework's conversation references, as they are stored.

One reference holds for a conversation and all its threads. Its keys are those of Bot Framework's JSON, with
the tenant beside them, which botbuilder loses on the way (`tenantID` there, `tenantId` in Teams).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.teams.inbound import CHANNEL, PERSONAL, Origin
from core.ports import Channel

PLATFORM = "teams"

Reference = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Where:
    """An open conversation: what a send needs to know. `conversation` names the thread too."""

    service_url: str
    conversation: str
    kind: str
    tenant: str
    bot: str
    bot_name: str = ""

    @property
    def address(self) -> str:
        """The conversation without its thread."""
        return self.conversation.partition(";")[0]

    @property
    def personal(self) -> bool:
        """It is the conversation of one person with the bot."""
        return self.kind == PERSONAL

    def in_thread(self, message: str) -> str:
        """The conversation id of the thread below a message; channels have threads, chats have none."""
        if self.kind != "channel" or ";" in self.conversation or not message:
            return self.conversation
        return f"{self.address};messageid={message}"

    def addressed(self, activity: Mapping[str, Any]) -> dict[str, Any]:
        """The activity with what the service wants to know beside it."""
        conversation: dict[str, Any] = {"id": self.conversation, "conversationType": self.kind}
        data: dict[str, Any] = dict(activity.get("channelData") or {})
        if self.tenant:
            conversation["tenantId"] = self.tenant
            data["tenant"] = {"id": self.tenant}
        made = {"channelId": CHANNEL, "serviceUrl": self.service_url, "from": {"id": self.bot}}
        return {**made, **activity, "conversation": conversation, "channelData": data}


def of_conversation(origin: Origin) -> dict[str, Any]:
    """The reference of the conversation that something came from."""
    made = _shared(origin)
    made["conversation"] = {"id": origin.address, "conversationType": origin.kind, "tenantId": origin.tenant}
    if origin.team:
        made["teamId"] = origin.team
    return made


def of_person(origin: Origin, known: Reference | None) -> dict[str, Any]:
    """The reference of whoever said something: their own conversation stays, where one is known."""
    made = _shared(origin)
    made["user"] = {"id": origin.user, "aadObjectId": origin.object_id, "name": origin.name}
    if origin.personal:
        made["conversation"] = {"id": origin.address, "conversationType": PERSONAL, "tenantId": origin.tenant}
    elif known is not None and "conversation" in known:
        made["conversation"] = known["conversation"]
    return made


def channel(origin: Origin) -> Channel:
    """The place that something came from."""
    return Channel(PLATFORM, origin.address, origin.thread, of_conversation(origin))


def where(origin: Origin) -> Where:
    """The conversation that something came from, its thread included."""
    return Where(
        origin.service_url, origin.conversation, origin.kind, origin.tenant, origin.bot, origin.bot_name
    )


def read(reference: Reference, thread: str = "") -> Where | None:
    """The conversation of a stored reference; None for a person whose conversation is not open yet."""
    conversation = _part(reference, "conversation")
    identity = _text(conversation, "id")
    if not identity:
        return None
    bot = _part(reference, "bot")
    return Where(
        service_url=_text(reference, "serviceUrl"),
        conversation=f"{identity};messageid={thread}" if thread else identity,
        kind=_text(conversation, "conversationType"),
        tenant=_text(reference, "tenantId"),
        bot=_text(bot, "id"),
        bot_name=_text(bot, "name"),
    )


def opening(reference: Reference, person: str) -> dict[str, Any]:
    """The body that opens the conversation with a person."""
    user, bot, tenant = _part(reference, "user"), _part(reference, "bot"), _text(reference, "tenantId")
    made: dict[str, Any] = {
        "isGroup": False,
        "bot": {"id": _text(bot, "id"), "name": _text(bot, "name")},
        "members": [{"id": _text(user, "id") or person}],
    }
    return made | ({"tenantId": tenant, "channelData": {"tenant": {"id": tenant}}} if tenant else {})


def opened(reference: Reference, conversation: str) -> dict[str, Any]:
    """The reference of a person whose conversation is open from now on."""
    tenant = _text(reference, "tenantId")
    place = {"id": conversation, "conversationType": PERSONAL, "tenantId": tenant}
    return {**reference, "conversation": place}


def _shared(origin: Origin) -> dict[str, Any]:
    return {
        "channelId": origin.channel_id,
        "serviceUrl": origin.service_url,
        "tenantId": origin.tenant,
        "bot": {"id": origin.bot, "name": origin.bot_name},
    }


def _part(values: Reference, name: str) -> Reference:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(values: Reference, name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
