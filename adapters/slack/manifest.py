"""The app's manifest: what `manifest.yml` says, for HTTP or for Socket Mode, with the address filled in.

The scopes, events and commands stand here once; the code that needs each is named beside it.
"""

from __future__ import annotations

from typing import Any

from adapters.slack.http import PATH

SCOPES = {  # scope -> why
    "app_mentions:read": "to hear @slashjob, which is how jobs are started inside threads",
    "channels:read": "to know whether the bot is in a channel, and to find one by its name",
    "chat:write": "to post acknowledgements, results and alerts, and to edit them",
    "commands": "for /job and the two shortcuts",
    "files:write": "to upload charts and CSV files",
    "groups:read": "the same as channels:read for private channels that the bot is in",
    "im:history": "to hear what is said to the bot directly",
    "im:write": "to answer directly what was started from the App Home",
    "users:read": "to tell members from guests at their first contact, and to know their name",
    "users:read.email": "to find the owner of a job by the address in its file",
}
OPTIONAL = {
    "channels:history": "to look up whether an alert arrived, after the connection broke",
    "chat:write.public": "to post in public channels without being invited",
    "channels:join": "to join a public channel that a job names",
    "groups:history": "the same as channels:history for private channels",
}
EVENTS = {  # event -> the scope that it needs
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "app_uninstalled": "",
    "channel_left": "channels:read",
    "group_left": "groups:read",
    "member_joined_channel": "channels:read",
    "message.im": "im:history",
    "tokens_revoked": "",
}
INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
EXAMPLE = "https://slashjob.example.com"


def manifest(url: str = EXAMPLE, *, socket: bool = False) -> dict[str, Any]:
    """The manifest for this address; with `socket` it needs none."""
    base = url.rstrip("/")
    command: dict[str, Any] = {
        "command": "/job",
        "description": "Run and watch jobs",
        "usage_hint": "run weekly-report campaign_id=42 | list | status | help",
        "should_escape": True,
    }
    settings: dict[str, Any] = {
        "event_subscriptions": {"bot_events": sorted(EVENTS)},
        "interactivity": {"is_enabled": True},
        "org_deploy_enabled": False,
        "socket_mode_enabled": socket,
        "token_rotation_enabled": False,
    }
    oauth: dict[str, Any] = {"scopes": {"bot": sorted(SCOPES), "bot_optional": sorted(OPTIONAL)}}
    if not socket:
        command["url"] = f"{base}{PATH}"
        settings["event_subscriptions"]["request_url"] = f"{base}{PATH}"
        settings["interactivity"] |= {
            "request_url": f"{base}{PATH}",
            "message_menu_options_url": f"{base}{PATH}",
        }
        oauth["redirect_urls"] = [f"{base}{REDIRECT}"]
    return {
        "display_information": {
            "name": "slashjob",
            "description": "Run jobs that ask questions of your data, and hear how they ended",
            "long_description": _LONG,
            "background_color": "#1f2937",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "slashjob", "always_online": True},
            "shortcuts": [
                {
                    "name": "Run a job",
                    "type": "global",
                    "callback_id": "run_job",
                    "description": "Choose a job and where it reports",
                },
                {
                    "name": "Run a job here",
                    "type": "message",
                    "callback_id": "run_job_here",
                    "description": "Choose a job; it answers in this thread",
                },
            ],
            "slash_commands": [command],
        },
        "oauth_config": oauth,
        "settings": settings,
    }


_LONG = (
    "slashjob runs named, repeatable jobs that ask questions of your data or do something for you. Start one "
    "with /job run, by a schedule, a button or another system; the result, or the alert that it failed, "
    "comes back to the channel that it was started from. Your own server runs it, and your data stays there."
)
