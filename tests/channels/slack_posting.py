"""Posting, editing and reading messages in the fake Web API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.channels import slack_schema
from tests.channels.slack_access import place_of, who
from tests.channels.slack_workspace import RESPONSE_URL_AGE, RESPONSE_URL_USES, Payload, Place, Refused

if TYPE_CHECKING:
    from tests.channels.fake_slack import Call, FakeSlack

TEXT_LIMIT = 40_000  # characters of chat.postMessage, cut above
UPDATE_TEXT_LIMIT = 4_000  # characters of chat.update, refused above

_HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history"}


def _blocks(slack: FakeSlack, arguments: Payload) -> None:
    blocks = arguments.get("blocks")
    if blocks is None:
        return
    ready = {one.id for one in slack.uploads.values() if one.complete}
    if slack.unprocessed > 0 and "slack_file" in repr(blocks):
        slack.unprocessed -= 1
        ready = set()
    found = slack_schema.mistakes(blocks, files=ready)
    if found:
        told = [f"[ERROR] {one}" for one in found]
        raise Refused("invalid_blocks", errors=found, response_metadata={"messages": told})
    if slack_schema.total_chars(blocks) > slack_schema.TOTAL_LIMIT:
        raise Refused("msg_blocks_too_long")


def _content(slack: FakeSlack, arguments: Payload) -> Payload:
    """The parts of a message that stay; refused where there is nothing or too much."""
    if not arguments.get("text") and not arguments.get("blocks") and not arguments.get("attachments"):
        raise Refused("no_text")
    if arguments.get("link_names") or arguments.get("parse") == "full":
        raise AssertionError("link_names and parse=full let data ping people")
    _blocks(slack, arguments)
    kept = {name: arguments[name] for name in ("text", "blocks") if arguments.get(name)}
    return {"text": "", **kept, **_metadata(arguments)}


def _metadata(arguments: Payload) -> Payload:
    metadata = arguments.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    if not re.fullmatch(r"[A-Za-z0-9_.\-]{1,255}", str(metadata.get("event_type", ""))):
        raise Refused("invalid_metadata_format")
    if any(isinstance(one, dict | list) for one in metadata["event_payload"].values()):
        raise Refused("metadata_must_be_sent_from_app")
    return {"metadata": metadata}


def post_message(slack: FakeSlack, call: Call) -> Payload:
    """chat.postMessage."""
    install = who(slack, call, "chat:write")
    arguments = call.arguments
    place = place_of(slack, install, arguments.get("channel"), post=True)
    content = _content(slack, arguments)
    content["text"] = content["text"][:TEXT_LIMIT]
    thread = arguments.get("thread_ts")
    if thread and not any(one["ts"] == thread for one in place.messages):
        raise Refused("thread_not_found")
    slack.check_rate(call.method, place.id)
    message = {"type": "message", "user": install.bot_user, "bot_id": install.bot_id, **content}
    message["ts"] = slack.ts()
    message["unfurl_links"] = arguments.get("unfurl_links", True)
    if thread:
        message |= {"thread_ts": thread, "reply_broadcast": bool(arguments.get("reply_broadcast"))}
    place.messages.append(message)
    return {"channel": place.id, "ts": message["ts"], "message": _seen(message)}


def update(slack: FakeSlack, call: Call) -> Payload:
    """chat.update: text alone removes the blocks."""
    install = who(slack, call, "chat:write")
    place = place_of(slack, install, call.arguments.get("channel"), post=True)
    message = slack.message(place.id, str(call.arguments.get("ts")))
    if message is None:
        raise Refused("message_not_found")
    if message.get("bot_id") != install.bot_id:
        raise Refused("cant_update_message")
    if len(call.arguments.get("text") or "") > UPDATE_TEXT_LIMIT:
        raise Refused("msg_too_long")
    content = _content(slack, call.arguments)
    slack.check_rate(call.method, install.team)
    message.pop("blocks", None)
    message |= content | {"edits": message.get("edits", 0) + 1}
    return {"channel": place.id, "ts": message["ts"], "text": message["text"], "message": _seen(message)}


def post_ephemeral(slack: FakeSlack, call: Call) -> Payload:
    """chat.postEphemeral: only to who is in the channel."""
    install = who(slack, call, "chat:write")
    place = place_of(slack, install, call.arguments.get("channel"), post=True)
    user = str(call.arguments.get("user", ""))
    if user not in place.members:
        raise Refused("user_not_in_channel")
    if "metadata" in call.arguments:
        raise AssertionError("an ephemeral message has no metadata")
    content = _content(slack, call.arguments)
    slack.check_rate(call.method, place.id)
    ts = slack.ts()
    thread = call.arguments.get("thread_ts", "")
    slack.ephemerals.append({"channel": place.id, "user": user, "ts": ts, "thread_ts": thread, **content})
    return {"message_ts": ts}


def delete(slack: FakeSlack, call: Call) -> Payload:
    """chat.delete."""
    install = who(slack, call, "chat:write")
    place = place_of(slack, install, call.arguments.get("channel"))
    ts = str(call.arguments.get("ts"))
    if slack.message(place.id, ts) is None:
        raise Refused("message_not_found")
    slack.delete(place.id, ts)
    return {"channel": place.id, "ts": ts}


def permalink(slack: FakeSlack, call: Call) -> Payload:
    """chat.getPermalink."""
    install = who(slack, call)
    place = place_of(slack, install, call.arguments.get("channel"))
    ts = str(call.arguments.get("message_ts"))
    if slack.message(place.id, ts) is None:
        raise Refused("message_not_found")
    return {"permalink": f"https://example.slack.com/archives/{place.id}/p{ts.replace('.', '')}"}


def unfurl(slack: FakeSlack, call: Call) -> Payload:
    """chat.unfurl."""
    who(slack, call, "links:write")
    slack.unfurls.append(call.arguments)
    return {}


def history(slack: FakeSlack, call: Call) -> Payload:
    """conversations.history: newest first, without replies."""
    place = _readable(slack, call)
    return _page(call, [one for one in reversed(place.messages) if _top_level(one)])


def replies(slack: FakeSlack, call: Call) -> Payload:
    """conversations.replies: the parent, then oldest first."""
    place = _readable(slack, call)
    parent = str(call.arguments.get("ts"))
    found = [one for one in place.messages if parent in (one["ts"], one.get("thread_ts"))]
    if not found:
        raise Refused("thread_not_found")
    return _page(call, found)


def _top_level(message: Payload) -> bool:
    return not message.get("thread_ts") or bool(message.get("reply_broadcast"))


def _readable(slack: FakeSlack, call: Call) -> Place:
    install = who(slack, call)
    place = place_of(slack, install, call.arguments.get("channel"))
    who(slack, call, _HISTORY[place.kind])
    if install.bot_user not in place.members:
        raise Refused("not_in_channel")
    return place


def _page(call: Call, found: list[Payload]) -> Payload:
    oldest = float(call.arguments.get("oldest") or 0)
    limit = int(call.arguments.get("limit") or 100)
    start = int(call.arguments.get("cursor") or 0)
    every = str(call.arguments.get("include_all_metadata", "")).lower() in ("true", "1")
    chosen = [one for one in found if float(one["ts"]) > oldest]
    page = [_seen(one, metadata=every) for one in chosen[start : start + limit]]
    more = start + limit < len(chosen)
    cursor = {"response_metadata": {"next_cursor": str(start + limit)}} if more else {}
    return {"messages": page, "has_more": more, **cursor}


def _seen(message: Payload, *, metadata: bool = True) -> Payload:
    return {name: value for name, value in message.items() if metadata or name != "metadata"}


def post_by_url(slack: FakeSlack, key: str, arguments: Payload) -> Payload:
    """A message through a response_url: five within half an hour, wherever the bot is a member or not."""
    found = slack.response_urls.get(key)
    if found is None or slack.now() - found.at > RESPONSE_URL_AGE:
        raise Refused("expired_url")
    if found.uses >= RESPONSE_URL_USES:
        raise Refused("used_url")
    if "metadata" in arguments:
        raise AssertionError("whether metadata comes through a response_url is not known")
    if arguments.get("delete_original"):
        found.uses += 1
        return {}
    content = _content(slack, arguments)
    found.uses += 1
    found.said.append(arguments)
    ts, thread = slack.ts(), str(arguments.get("thread_ts") or "")
    if arguments.get("response_type", "ephemeral") == "ephemeral":
        shown = {"channel": found.channel, "user": found.user, "ts": ts, "thread_ts": thread}
        slack.ephemerals.append(shown | content)
        return {}
    message = {"type": "message", "bot_id": "B-by-url", "ts": ts, **content}
    slack.places[found.channel].messages.append(message | ({"thread_ts": thread} if thread else {}))
    return {}
