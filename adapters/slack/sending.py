"""A post on its way to Slack: where it goes, and what it may do there."""

from __future__ import annotations

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import places
from adapters.slack.places import Place
from core.deliveries import Kind
from core.messages import Image, Tone
from core.ports import Post


class Sending:
    """One post on its way: with the client of its workspace."""

    def __init__(self, post: Post, client: AsyncWebClient) -> None:
        self.post = post
        self.client = client
        self.unshown: list[Image] = []
        """charts that Slack does not show in the message"""
        reference = post.channel.reference or {}
        self.team = str(reference.get("team") or client.token or "")
        reply = places.read(post.reply_to, post.channel.address)
        self.thread = (
            reply.ts if reply is not None and reply.channel == post.channel.address else post.channel.thread
        )

    @property
    def going(self) -> bool:
        """What it tells of goes on: nothing is lost where it is not told."""
        return self.post.message.tone is Tone.PROGRESS

    @property
    def said_directly(self) -> bool:
        """It only mentions whom the message itself has notified, in a conversation of their own."""
        if self.post.about.kind != Kind.MENTION:
            return False
        reply = places.read(self.post.reply_to, self.post.channel.address)
        return reply is not None and self.elsewhere(reply)

    def elsewhere(self, place: Place) -> bool:
        """The message is not where it was owed; a person's own conversation is named otherwise."""
        asked = self.post.channel.address
        return place.channel != asked and not asked.startswith(("U", "W"))

    @property
    def target(self) -> dict[str, Any]:
        """Where a new message goes; a failure in a thread is shown in the channel too."""
        made = {"channel": self.post.channel.address, **self.in_thread}
        if self.post.reply_to and self.thread and self.post.message.tone is Tone.FAILURE:
            made["reply_broadcast"] = True
        return made

    @property
    def in_thread(self) -> dict[str, Any]:
        """The thread that it belongs to, as an argument of a call."""
        return {"thread_ts": self.thread} if self.thread else {}
