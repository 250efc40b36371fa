"""What the fake Slack knows: who may do what where, what was posted, uploaded and opened, and its clock."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

ALL_SCOPES = frozenset(
    (
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "links:read",
        "links:write",
        "users:read",
        "users:read.email",
    )
)
TRIGGER_AGE = 3.0  # seconds
RESPONSE_URL_AGE = 30 * 60.0  # seconds
RESPONSE_URL_USES = 5

Payload = dict[str, Any]


class Refused(Exception):
    """An answer with `ok: false`."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body: Payload = {"ok": False, "error": error, **more}


@dataclass(slots=True)
class Install:
    """The app in one workspace: a token is worth what its scopes say, until it is revoked."""

    token: str
    team: str
    bot_user: str
    bot_id: str
    scopes: frozenset[str]
    revoked: str = ""  # token_revoked, account_inactive, invalid_auth …: what its calls are answered


@dataclass(slots=True)
class Place:
    """A channel, a private channel, or a conversation of two."""

    id: str
    team: str
    name: str
    kind: str = "channel"  # channel | group | im
    members: set[str] = field(default_factory=set)
    archived: bool = False
    shared: bool = False  # with another company
    messages: list[Payload] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """Somebody of the workspace."""

    id: str
    team: str
    name: str
    email: str = ""
    deleted: bool = False
    restricted: bool = False
    admin: bool = False
    tz: str = "Europe/Amsterdam"


@dataclass(slots=True)
class Upload:
    """A file on its way: asked for, sent, completed (`shared` says where to)."""

    id: str
    name: str
    length: int
    alt: str = ""
    title: str = ""
    data: bytes | None = None
    complete: bool = False
    shared: list[tuple[str, str]] = field(default_factory=list)
    """(channel, thread) that it was shared to"""


@dataclass(slots=True)
class Issued:
    """A trigger or a response_url: when it was given out, for whom, how often it was used, and for what."""

    at: float
    user: str
    channel: str
    uses: int = 0
    said: list[Payload] = field(default_factory=list)


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next calls of a method. `after`: only once the call was done."""

    error: str = ""  # answered with ok: false
    status: int = 200
    retry_after: str | None = None  # the header's value, of a 429
    after: bool = False
    reset: bool = False  # the connection is dropped
    gate: asyncio.Event | None = None  # the answer waits for it
    times: int = 1


class Workspace:
    """The state of the fake. `forward` moves its clock."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.stood: float | None = None
        self.installs: dict[str, Install] = {}
        self.places: dict[str, Place] = {}
        self.people: dict[str, Person] = {}
        self.uploads: dict[str, Upload] = {}
        self.triggers: dict[str, Issued] = {}
        self.response_urls: dict[str, Issued] = {}
        self.views: dict[str, Payload] = {}
        self.homes: dict[str, Payload] = {}
        self.ephemerals: list[Payload] = []
        self.unfurls: list[Payload] = []
        self.unprocessed = 0  # how many posts see a fresh file as "invalid slack file"
        self._numbers = itertools.count(1)
        self._last_ts = 0
        self.install()

    def now(self) -> float:
        """The time here, in seconds."""
        return (time.time() if self.stood is None else self.stood) + self.offset

    def stands_still(self) -> None:
        """From now on no time passes but by `forward`: however slow the machine is, it is not too late."""
        self.stood = self.now()

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.offset += seconds

    def number(self) -> int:
        """A number that was not given before."""
        return next(self._numbers)

    def id(self, letter: str) -> str:
        """An id as Slack gives them."""
        return f"{letter}{self.number():09d}"

    def ts(self) -> str:
        """A timestamp that names a message: each is later than the one before."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def install(
        self, token: str = "xoxb-1", team: str = "T000000001", scopes: frozenset[str] = ALL_SCOPES
    ) -> Install:
        """Put the app into a workspace."""
        made = Install(token, team, f"UBOT{team[1:]}", f"B{team[1:]}", scopes)
        self.installs[token] = made
        self.people[made.bot_user] = Person(made.bot_user, team, "slashjob")
        return made

    def channel(
        self,
        name: str,
        *,
        id: str = "",  # noqa: A002 - Slack calls it so
        bot: bool = True,
        private: bool = False,
        members: tuple[str, ...] = (),
        archived: bool = False,
        shared: bool = False,
        team: str = "T000000001",
    ) -> str:
        """Add a channel; returns its id. `bot`: whether the bot is a member."""
        made = Place(id or self.id("C"), team, name, "group" if private else "channel", set(members))
        made.archived, made.shared = archived, shared
        if bot:
            made.members.add(self.bot(team).bot_user)
        self.places[made.id] = made
        return made.id

    def person(
        self,
        name: str,
        *,
        id: str = "",  # noqa: A002 - Slack calls it so
        email: str = "",
        team: str = "T000000001",
        admin: bool = False,
        restricted: bool = False,
    ) -> str:
        """Add somebody; returns their id."""
        made = Person(id or self.id("U"), team, name, email, admin=admin, restricted=restricted)
        self.people[made.id] = made
        return made.id

    def bot(self, team: str) -> Install:
        """The installation of a workspace."""
        return next(one for one in self.installs.values() if one.team == team)

    def direct(self, install: Install, user: str) -> Place:
        """The conversation of the bot with somebody, opened where it is not."""
        for place in self.places.values():
            if place.kind == "im" and place.members == {user, install.bot_user}:
                return place
        made = Place(self.id("D"), install.team, "", "im", {user, install.bot_user})
        self.places[made.id] = made
        return made

    def trigger(self, user: str = "", channel: str = "") -> str:
        """A trigger_id, fit for one view within three seconds of `forward`: a slow machine's do not count."""
        made = f"{self.number()}.{self.number()}.{'f' * 8}"
        self.triggers[made] = Issued(self.offset, user, channel)
        return made

    def messages(self, channel: str, thread: str = "") -> list[Payload]:
        """What stands in a channel, or in a thread of it without the message that it hangs on."""
        found = self.places[channel].messages
        return [
            one
            for one in found
            if (one.get("thread_ts", "") == thread and one["ts"] != thread)
            or (not thread and one.get("reply_broadcast"))
        ]

    def direct_messages(self, user: str) -> list[Payload]:
        """What the bot told somebody directly."""
        return [
            one
            for place in self.places.values()
            if place.kind == "im" and user in place.members
            for one in place.messages
        ]

    def message(self, channel: str, ts: str) -> Payload | None:
        """The message of that name."""
        return next((one for one in self.places[channel].messages if one["ts"] == ts), None)

    def delete(self, channel: str, ts: str) -> None:
        """Somebody deletes a message."""
        place = self.places[channel]
        place.messages = [one for one in place.messages if one["ts"] != ts]
