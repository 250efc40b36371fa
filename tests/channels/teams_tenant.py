"""What the fake Teams knows: a tenant's people, its conversations, what was said in them, and its clock."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

Payload = dict[str, Any]

TENANT = "11111111-2222-4333-8444-555555555555"
APP_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
BOT = f"28:{APP_ID}"


@dataclass(slots=True)
class Person:
    """Somebody: `id` is Teams' for this bot, `object_id` the directory's."""

    id: str
    object_id: str
    name: str
    email: str = ""
    role: str = "user"
    tenant: str = TENANT


@dataclass(slots=True)
class Message:
    """A message of the bot."""

    id: str
    conversation: str  # with its thread
    activity: Payload
    edits: int = 0
    history: list[Payload] = field(default_factory=list)


@dataclass(slots=True)
class Conversation:
    """A 1:1 chat, a group chat or a channel, without its threads."""

    id: str
    kind: str
    members: list[Person]
    team: str = ""
    bot: bool = True  # it is in the roster
    blocked: str = ""  # the code that every write is answered with 403
    messages: dict[str, Message] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)  # what people said: threads may hang on it


class Tenant:
    """One tenant with the bot in it. Time is the machine's, moved by `forward`."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.conversations: dict[str, Conversation] = {}
        self.service_url = ""
        self._numbers = itertools.count(1)
        self._moved = 0.0
        self._stood: float | None = None

    def now(self) -> float:
        """Seconds."""
        return (time.time() if self._stood is None else self._stood) + self._moved

    def stands_still(self) -> None:
        """From now on no time passes but by `forward`."""
        self._stood = time.time()

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self._moved += seconds

    def number(self) -> int:
        """A new number."""
        return next(self._numbers)

    def person(self, name: str, **more: str) -> Person:
        """Somebody new."""
        number = self.number()
        made = Person(f"29:1{number:08x}", f"00000000-0000-4000-8000-{number:012d}", name, **more)
        self.people[made.id] = made
        return made

    def chat(self, person: Person) -> Conversation:
        """The person's 1:1 chat with the bot."""
        for one in self.conversations.values():
            if one.kind == "personal" and one.members == [person]:
                return one
        return self._add(f"a:1{self.number():06x}", "personal", [person])

    def group(self, *members: Person) -> Conversation:
        """A group chat with the bot."""
        return self._add(f"19:{self.number():032x}@thread.v2", "groupChat", list(members))

    def channel(self, *members: Person, team: str = "") -> Conversation:
        """A channel of a team that has the bot."""
        made = self._add(f"19:{self.number():032x}@thread.tacv2", "channel", list(members))
        made.team = team or f"19:{self.number():032x}@thread.tacv2"
        return made

    def said(self, place: Conversation) -> list[Payload]:
        """What the bot said in a conversation, as it reads now, in order."""
        return [one.activity for one in place.messages.values()]

    def activity(self, kind: str, place: Conversation, person: Person | None, **more: Any) -> Payload:
        """An activity as Teams delivers it."""
        identity = f"17{self.number():011d}"
        made: Payload = {
            "type": kind,
            "id": identity,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.now())),
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "recipient": {"id": BOT, "name": "slashjob"},
            "conversation": {"id": place.id, "conversationType": place.kind, "tenantId": TENANT},
            "channelData": {"tenant": {"id": TENANT}},
            "locale": "en-US",
        }
        if person is not None:
            made["from"] = {"id": person.id, "name": person.name, "aadObjectId": person.object_id}
        if place.kind != "personal":
            made["conversation"]["isGroup"] = True
        if place.kind == "channel":
            made["channelData"] |= {"team": {"id": place.team}, "channel": {"id": place.id}}
        return made | more

    def typed(
        self, text: str, place: Conversation, person: Person, *, thread: str = "", mention: bool | None = None
    ) -> Payload:
        """Somebody says something; outside of 1:1 chats, to the mentioned bot."""
        made = self.activity("message", place, person, text=text, textFormat="plain")
        if mention if mention is not None else place.kind != "personal":
            made["text"] = f"<at>slashjob</at> {text}"
            mentioned = {"id": BOT, "name": "slashjob"}
            made["entities"] = [{"type": "mention", "mentioned": mentioned, "text": "<at>slashjob</at>"}]
        if place.kind == "channel":
            root = thread or made["id"]
            place.roots.add(root)
            made["conversation"]["id"] = f"{place.id};messageid={root}"
        return made

    def pressed(
        self, data: Payload, place: Conversation, person: Person, *, card: str = "", submit: bool = False
    ) -> Payload:
        """Somebody presses a button, or submits a form: `data` is the action's, with what was filled in."""
        found = place.messages.get(card)
        if submit:
            made = self.activity("message", place, person, value=data, replyToId=card)
        else:
            action = {"type": "Action.Execute", "verb": "say", "data": data}
            value = {"action": action, "trigger": "manual"}
            made = self.activity(
                "invoke", place, person, name="adaptiveCard/action", value=value, replyToId=card
            )
        if found is not None:
            made["conversation"]["id"] = found.conversation
        return made

    def _add(self, identity: str, kind: str, members: list[Person]) -> Conversation:
        made = Conversation(identity, kind, members)
        self.conversations[identity] = made
        return made


def actions(activity: Payload) -> dict[str, Payload]:
    """title -> data of the buttons of a message's cards."""
    found: dict[str, Payload] = {}

    def walk(value: Any) -> None:
        match value:
            case dict():
                if value.get("type") == "Action.Execute":
                    found[str(value.get("title"))] = value["data"]
                for one in value.values():
                    walk(one)
            case list():
                for one in value:
                    walk(one)

    walk(activity.get("attachments"))
    return found


def words(value: Any) -> str:
    """Every text in an activity, in order."""
    match value:
        case dict():
            texts = [value[name] for name in ("summary", "text", "title") if isinstance(value.get(name), str)]
            below = [words(one) for name, one in value.items() if name not in ("data", "fallback")]
            return "\n".join([*texts, *filter(None, below)])
        case list():
            return "\n".join(filter(None, map(words, value)))
        case _:
            return ""
