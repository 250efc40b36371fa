"""Whether Slack has a message: by the id of its delivery, which it carries as metadata.

Metadata can be read by every app in the channel, so it holds the id and nothing else. Reading needs the
scopes channels:history and groups:history, which are optional.
"""

from __future__ import annotations

import uuid
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import once
from adapters.slack.faults import NO_THREAD, Refused
from adapters.slack.places import Place

EVENT = "slashjob_delivery"
PAGE = 200  # messages asked for at once
PAGES = 10  # pages looked through
EARLIER = 60.0  # seconds that Slack's clock may be behind ours


def metadata(delivery_id: str) -> dict[str, Any]:
    """What a post carries."""
    return {"event_type": EVENT, "event_payload": {"delivery": delivery_id}}


async def find(client: AsyncWebClient, channel: str, thread: str, delivery_id: str) -> Place | None:
    """The message of a delivery in a channel, or in a thread of it. Raises as `calls.call`.

    Where the thread is no more, its message was said in the channel.
    """
    try:
        return await _search(client, channel, thread, delivery_id)
    except Refused as refused:
        if not thread or refused.word not in NO_THREAD:
            raise
        return await _search(client, channel, "", delivery_id)


async def _search(client: AsyncWebClient, channel: str, thread: str, delivery_id: str) -> Place | None:
    method = "conversations.replies" if thread else "conversations.history"
    asked: dict[str, Any] = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
    asked |= {"oldest": f"{_made_at(delivery_id) - EARLIER:.6f}"} | ({"ts": thread} if thread else {})
    for _ in range(PAGES):
        page = await once(client.api_call(method, http_verb="GET", params=asked))
        for message in page.get("messages") or ():
            carried = (message.get("metadata") or {}).get("event_payload") or {}
            if carried.get("delivery") == delivery_id:
                return Place(channel, str(message["ts"]))
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return None
        asked["cursor"] = cursor
    return None


def _made_at(delivery_id: str) -> float:
    """The second in which an id was made: it begins with its milliseconds (UUIDv7)."""
    return (uuid.UUID(delivery_id).int >> 80) / 1000
