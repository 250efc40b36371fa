"""The manifest, the code and the commands say the same; and what Slack's own schema does not look at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.slack.http import PATH
from adapters.slack.listeners import EVENTS as HEARD
from adapters.slack.manifest import EVENTS, OPTIONAL, SCOPES, manifest
from bot.manifests import slack
from core.commands import parse
from core.errors import Misconfigured

ROOT = Path(__file__).parents[2]
CALLS = {  # method of the Web API that we call -> the scope that it needs
    "chat_postMessage": "chat:write",
    "chat_postEphemeral": "chat:write",
    "conversations_info": "channels:read",
    "conversations_open": "im:write",
    "files_completeUploadExternal": "files:write",
    "files_getUploadURLExternal": "files:write",
    "users_info": "users:read",
}


def test_the_manifest_at_the_root_is_what_the_program_prints() -> None:
    """Write it anew with: slashjob slack-manifest > manifest.yml"""
    assert (ROOT / "manifest.yml").read_text(encoding="utf-8") == slack()
    assert yaml.safe_load(slack()) == manifest()


def test_every_event_of_the_manifest_is_listened_to_and_the_other_way_round() -> None:
    assert {name.partition(".")[0] for name in EVENTS} == set(HEARD)
    assert set(manifest()["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)


def test_every_event_and_call_has_its_scope_and_no_scope_is_listed_twice() -> None:
    assert {scope for scope in EVENTS.values() if scope} <= set(SCOPES)
    assert set(CALLS.values()) <= set(SCOPES)
    assert not set(SCOPES) & set(OPTIONAL)
    assert not [scope for scope in {**SCOPES, **OPTIONAL} if scope.startswith("links:")]
    assert "users:read.email" in SCOPES
    assert all(re.fullmatch(r"[a-z_]+(:[a-z]+)?(\.[a-z]+)?", scope) for scope in {**SCOPES, **OPTIONAL})
    assert all(SCOPES.values())


def test_the_methods_of_the_sdk_that_are_called_have_a_known_scope() -> None:
    called = set()
    for file in (ROOT / "adapters" / "slack").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        called |= set(re.findall(r"client\.((?:chat|conversations|users|files|views)_\w+)\(", text))
        called |= {
            one.replace(".", "_", 1) for one in re.findall(r'client, "((?:users|conversations)\.\w+)"', text)
        }
    assert {one for one in called if not one.startswith("views_")} <= set(CALLS)


def test_over_http_every_address_is_there_and_in_socket_mode_none() -> None:
    made = manifest("https://jobs.example.org/")
    assert _addresses(made) == {
        "url": f"https://jobs.example.org{PATH}",
        "request_url": f"https://jobs.example.org{PATH}",
        "message_menu_options_url": f"https://jobs.example.org{PATH}",
    }
    assert made["oauth_config"]["redirect_urls"] == ["https://jobs.example.org/slack/oauth_redirect"]
    assert not made["settings"]["socket_mode_enabled"]
    socket = manifest(socket=True)
    assert _addresses(socket) == {}
    assert "redirect_urls" not in socket["oauth_config"]
    assert socket["settings"]["socket_mode_enabled"]
    assert "https" not in slack(socket=True).split("\n", 2)[2]


def test_slack_calls_no_address_without_tls() -> None:
    with pytest.raises(Misconfigured):
        slack("http://jobs.example.org")


def test_the_lengths_are_those_of_the_schema() -> None:
    made = manifest()
    shown = made["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    assert all(len(one["name"]) <= 24 for one in made["features"]["shortcuts"])
    assert all(len(one["description"]) <= 150 for one in made["features"]["shortcuts"])
    (command,) = made["features"]["slash_commands"]
    assert command["should_escape"] is True
    assert len(command["usage_hint"]) <= 1000


def test_the_hint_of_the_command_is_made_of_lines_that_can_be_said() -> None:
    (command,) = manifest()["features"]["slash_commands"]
    for line in command["usage_hint"].split(" | "):
        parse(line)


def _addresses(made: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    parts = [made["features"]["slash_commands"][0], made["settings"]["event_subscriptions"]]
    for part in [*parts, made["settings"]["interactivity"]]:
        found |= {name: value for name, value in part.items() if name.endswith("url")}
    return found
