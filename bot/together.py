"""What does not fit together in the settings, each of which may be right by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OAUTH = ("SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "SLASHJOB_PUBLIC_URL")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def mistakes(values: Mapping[str, str]) -> list[str]:
    """Sentences about what is missing or contradicts itself; `values` are the settings that are given."""
    return _slack(values) + _teams(values) + _mail(values) + _engine(values)


def _engine(values: Mapping[str, str]) -> list[str]:
    """The distributed engine needs its database."""
    if values.get("SLASHJOB_ENGINE") != "distributed" or values.get("DATABASE_URL", "").startswith(
        "postgres"
    ):
        return []
    return [
        "SLASHJOB_ENGINE: distributed needs PostgreSQL. Set DATABASE_URL to postgresql://…, "
        "or leave SLASHJOB_ENGINE out."
    ]


def _mail(values: Mapping[str, str]) -> list[str]:
    """Mail needs both of its settings."""
    names = ("SMTP_URL", "SMTP_FROM")
    missing = [name for name in names if name not in values]
    return [f"Mail is half configured: {missing[0]} is missing."] if len(missing) == 1 else []


def _slack(values: Mapping[str, str]) -> list[str]:
    """What does not fit together in the settings of Slack."""
    bot, app = values.get("SLACK_BOT_TOKEN", ""), values.get("SLACK_APP_TOKEN", "")
    client, signed = "SLACK_CLIENT_ID" in values, "SLACK_SIGNING_SECRET" in values
    found = []
    if bot and not bot.startswith("xoxb-"):
        found.append("SLACK_BOT_TOKEN: it begins with xoxb- (OAuth & Permissions, Bot User OAuth Token).")
    if app and not app.startswith("xapp-"):
        found.append("SLACK_APP_TOKEN: it begins with xapp- (Basic Information, App-Level Tokens).")
    if bot and not app and not signed:
        found.append(
            "SLACK_BOT_TOKEN hears nothing: set SLACK_SIGNING_SECRET too (HTTP), "
            "or SLACK_APP_TOKEN (Socket Mode)."
        )
    if (app or signed) and not bot and not client:
        found.append("Slack is half configured: SLACK_BOT_TOKEN (or SLACK_CLIENT_ID, for many) is missing.")
    if client and not all(values.get(name) for name in _OAUTH):
        missing = ", ".join(name for name in _OAUTH if not values.get(name))
        found.append(f"SLACK_CLIENT_ID: installing by OAuth needs {missing} as well.")
    if client and bot:
        found.append(
            "SLACK_CLIENT_ID and SLACK_BOT_TOKEN: one is for many workspaces, the other for one; "
            "set only one."
        )
    return found


def _teams(values: Mapping[str, str]) -> list[str]:
    """What does not fit together in the settings of Teams."""
    app, off = values.get("MICROSOFT_APP_ID", ""), values.get("TEAMS_AUTH") == "off"
    proof = "MICROSOFT_APP_PASSWORD" in values or "MICROSOFT_APP_CERTIFICATE" in values
    found = []
    for name in ("MICROSOFT_APP_ID", "MICROSOFT_APP_TENANT_ID"):
        if values.get(name) and not _GUID.fullmatch(values[name]):
            found.append(f"{name}: it is a GUID, from the Overview page of the app registration.")
    if off and values.get("SLASHJOB_HOST", "127.0.0.1") not in _LOOPBACK:
        found.append(
            "TEAMS_AUTH=off lets anybody who reaches the port speak as anybody: "
            "it needs SLASHJOB_HOST=127.0.0.1."
        )
    if app and not off and not proof:
        found.append(
            "MICROSOFT_APP_ID cannot speak: set MICROSOFT_APP_PASSWORD (a client secret) "
            "or MICROSOFT_APP_CERTIFICATE_FILE."
        )
    if app and not off and not values.get("MICROSOFT_APP_TENANT_ID"):
        found.append("MICROSOFT_APP_TENANT_ID is missing: the tenant whose people may speak to the bot.")
    if not app and (proof or "MICROSOFT_APP_TENANT_ID" in values):
        found.append("Teams is half configured: MICROSOFT_APP_ID is missing.")
    return found
