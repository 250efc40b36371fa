"""The methods of the fake Web API: each takes the server and a call, and answers or refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.channels import slack_posting as posting
from tests.channels import slack_schema
from tests.channels.slack_access import place_of, who
from tests.channels.slack_workspace import TRIGGER_AGE, Install, Payload, Person, Refused, Upload

if TYPE_CHECKING:
    from tests.channels.fake_slack import Call, FakeSlack

_READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read"}


def conversation(slack: FakeSlack, call: Call) -> Payload:
    """conversations.info."""
    install = who(slack, call)
    place = place_of(slack, install, call.arguments.get("channel"))
    who(slack, call, _READ[place.kind])
    return {
        "channel": {
            "id": place.id,
            "name": place.name,
            "is_channel": place.kind == "channel",
            "is_group": place.kind == "group",
            "is_im": place.kind == "im",
            "is_private": place.kind != "channel",
            "is_archived": place.archived,
            "is_member": install.bot_user in place.members,
            "is_ext_shared": place.shared,
        }
    }


def conversations(slack: FakeSlack, call: Call) -> Payload:
    """conversations.list."""
    install = who(slack, call, "channels:read")
    own = [one for one in slack.places.values() if one.team == install.team and one.kind == "channel"]
    return {
        "channels": [
            {
                "id": one.id,
                "name": one.name,
                "is_member": install.bot_user in one.members,
                "is_archived": one.archived,
            }
            for one in own
        ]
    }


def open_conversation(slack: FakeSlack, call: Call) -> Payload:
    """conversations.open, with one person."""
    install = who(slack, call, "im:write")
    user = str(call.arguments.get("users", ""))
    if user not in slack.people:
        raise Refused("user_not_found")
    return {"channel": {"id": slack.direct(install, user).id}}


def members(slack: FakeSlack, call: Call) -> Payload:
    """conversations.members."""
    install = who(slack, call)
    return {"members": sorted(place_of(slack, install, call.arguments.get("channel")).members)}


def user(slack: FakeSlack, call: Call) -> Payload:
    """users.info."""
    install = who(slack, call, "users:read")
    found = slack.people.get(str(call.arguments.get("user")))
    if found is None:
        raise Refused("user_not_found")
    return {"user": _profile(found, install)}


def user_by_email(slack: FakeSlack, call: Call) -> Payload:
    """users.lookupByEmail."""
    install = who(slack, call, "users:read.email")
    wanted = str(call.arguments.get("email"))
    for one in slack.people.values():
        if one.email == wanted and one.team == install.team and not one.deleted:
            return {"user": _profile(one, install)}
    raise Refused("users_not_found")


def _profile(person: Person, install: Install) -> Payload:
    email = {"email": person.email} if "users:read.email" in install.scopes and person.email else {}
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name.lower().replace(" ", "."),
        "real_name": person.name,
        "deleted": person.deleted,
        "tz": person.tz,
        "is_admin": person.admin,
        "is_restricted": person.restricted,
        "is_bot": person.id.startswith("UBOT"),
        "profile": {"real_name": person.name, "display_name": person.name, **email},
    }


def auth_test(slack: FakeSlack, call: Call) -> Payload:
    """auth.test."""
    install = who(slack, call)
    return {
        "url": "https://example.slack.com/",
        "team": "Example",
        "user": "slashjob",
        "team_id": install.team,
        "user_id": install.bot_user,
        "bot_id": install.bot_id,
        "is_enterprise_install": False,
    }


def revoke(slack: FakeSlack, call: Call) -> Payload:
    """auth.revoke."""
    who(slack, call).revoked = "token_revoked"
    return {"revoked": True}


def connect(slack: FakeSlack, call: Call) -> Payload:
    """apps.connections.open, with the token of the app."""
    if call.token != slack.app_token:
        raise Refused("not_allowed_token_type" if call.token in slack.installs else "invalid_auth")
    return {"url": f"{slack.address.replace('http', 'ws', 1)}/socket?ticket={slack.socket.ticket()}"}


def oauth_access(slack: FakeSlack, call: Call) -> Payload:
    """oauth.v2.access: each code is good for once."""
    answer = slack.oauth_codes.pop(str(call.arguments.get("code")), None)
    if answer is None:
        raise Refused("invalid_code")
    return answer


def _use_trigger(slack: FakeSlack, call: Call) -> None:
    found = slack.triggers.get(str(call.arguments.get("trigger_id")))
    if found is None:
        raise Refused("invalid_trigger_id")
    if slack.offset - found.at > TRIGGER_AGE:
        raise Refused("expired_trigger_id")
    if found.uses:
        raise Refused("exchanged_trigger_id")
    found.uses += 1


def _view(slack: FakeSlack, call: Call) -> Payload:
    view = call.arguments.get("view")
    ready = {one.id for one in slack.uploads.values() if one.complete}
    found = slack_schema.view_mistakes(view, ready)
    if found:
        told = {"messages": [f"[ERROR] {one}" for one in found]}
        raise Refused("invalid_arguments", response_metadata=told)
    return dict(view)  # type: ignore[arg-type]


def open_view(slack: FakeSlack, call: Call) -> Payload:
    """views.open: a trigger opens one view, within three seconds."""
    install = who(slack, call)
    view = _view(slack, call)
    _use_trigger(slack, call)
    kept = {**view, "id": slack.id("V"), "hash": f"{slack.number()}.hash", "team_id": install.team}
    kept["root_view_id"], kept["previous_view_id"] = kept["id"], None
    slack.views[kept["id"]] = kept
    return {"view": kept}


def push_view(slack: FakeSlack, call: Call) -> Payload:
    """views.push."""
    return open_view(slack, call)


def update_view(slack: FakeSlack, call: Call) -> Payload:
    """views.update, by the view's id."""
    who(slack, call)
    found = slack.views.get(str(call.arguments.get("view_id")))
    if found is None:
        raise Refused("not_found")
    if call.arguments.get("hash") not in (None, found["hash"]):
        raise Refused("hash_conflict")
    found |= _view(slack, call) | {"hash": f"{slack.number()}.hash"}
    return {"view": found}


def publish_view(slack: FakeSlack, call: Call) -> Payload:
    """views.publish: somebody's home tab."""
    who(slack, call)
    user_id = str(call.arguments.get("user_id"))
    if user_id not in slack.people:
        raise Refused("user_not_found")
    slack.homes[user_id] = _view(slack, call)
    return {"view": slack.homes[user_id]}


def upload_url(slack: FakeSlack, call: Call) -> Payload:
    """files.getUploadURLExternal."""
    who(slack, call, "files:write")
    name, length = str(call.arguments.get("filename") or ""), int(call.arguments.get("length") or 0)
    if not name or length <= 0:
        raise Refused("invalid_arguments")
    made = Upload(slack.id("F"), name, length, str(call.arguments.get("alt_txt") or ""))
    slack.uploads[made.id] = made
    return {"upload_url": f"{slack.address}/upload/{made.id}", "file_id": made.id}


def take_upload(slack: FakeSlack, call: Call, data: bytes) -> Payload:
    """The bytes of a file."""
    found = slack.uploads.get(call.arguments["id"])
    if found is None or len(data) != found.length:
        raise Refused("upload_failed")
    found.data = data
    return {"length": len(data)}


def complete_upload(slack: FakeSlack, call: Call) -> Payload:
    """files.completeUploadExternal: without a channel the file is the bot's own."""
    install = who(slack, call, "files:write")
    channel, thread = call.arguments.get("channel_id"), str(call.arguments.get("thread_ts") or "")
    found: list[Upload] = []
    for one in call.arguments.get("files") or []:
        upload = slack.uploads.get(one.get("id"))
        if upload is None or upload.data is None:
            raise Refused("file_not_found")
        upload.title = one.get("title") or upload.name
        found.append(upload)
    if channel:
        place = place_of(slack, install, channel, post=True)
        files = [{"id": one.id, "name": one.name, "title": one.title} for one in found]
        message = {"type": "message", "subtype": "file_share", "files": files, "bot_id": install.bot_id}
        message |= {"ts": slack.ts(), "text": str(call.arguments.get("initial_comment") or "")}
        place.messages.append(message | ({"thread_ts": thread} if thread else {}))
    for upload in found:
        upload.complete = True
        if channel:
            upload.shared.append((str(channel), thread))
    return {"files": [{"id": one.id, "title": one.title} for one in found]}


METHODS: dict[str, Callable[[FakeSlack, Call], Payload]] = {
    "api.test": lambda _slack, _call: {},
    "apps.connections.open": connect,
    "auth.revoke": revoke,
    "auth.test": auth_test,
    "chat.delete": posting.delete,
    "chat.getPermalink": posting.permalink,
    "chat.postEphemeral": posting.post_ephemeral,
    "chat.postMessage": posting.post_message,
    "chat.unfurl": posting.unfurl,
    "chat.update": posting.update,
    "conversations.history": posting.history,
    "conversations.info": conversation,
    "conversations.list": conversations,
    "conversations.members": members,
    "conversations.open": open_conversation,
    "conversations.replies": posting.replies,
    "files.completeUploadExternal": complete_upload,
    "files.getUploadURLExternal": upload_url,
    "oauth.v2.access": oauth_access,
    "users.info": user,
    "users.lookupByEmail": user_by_email,
    "views.open": open_view,
    "views.publish": publish_view,
    "views.push": push_view,
    "views.update": update_view,
}
