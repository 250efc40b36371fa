"""The app's package for Teams: its manifest, written from the table of commands, and two icons, in one zip.

The schema is 1.25: https://learn.microsoft.com/microsoft-365/extensibility/schema. No resource-specific
consent is asked for: the bot hears what is said to it and nothing else.
"""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

from adapters.teams import icons
from core.commands import COMMANDS, Name
from core.errors import Misconfigured

VERSION = "1.25"
SCHEMA = f"https://developer.microsoft.com/json-schemas/teams/v{VERSION}/MicrosoftTeams.schema.json"
MANIFEST, COLOUR, OUTLINE = "manifest.json", "color.png", "outline.png"
COMMANDS_LIMIT = 12  # commands of one list, by the schema
TITLE_LIMIT, DESCRIPTION_LIMIT = 128, 4_000  # characters of one command, by the schema
NAME_LIMIT, DEVELOPER_LIMIT = 30, 32  # characters, by the schema

_SHARED = (Name.RUN, Name.LIST, Name.STATUS, Name.SHOW, Name.HISTORY, Name.CANCEL, Name.RETRY)
OFFERED: dict[tuple[str, ...], tuple[Name, ...]] = {
    ("personal",): (*_SHARED, Name.NEW, Name.SCHEDULE, Name.SCHEDULES, Name.CSV, Name.HELP),
    ("team", "groupChat"): (*_SHARED, Name.NEW, Name.SCHEDULE, Name.SCHEDULES, Name.WHY, Name.HELP),
}
"""Which commands Teams offers while somebody types, by the places; of those that there are."""

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
_SHORT = "Run jobs that ask questions of your data, and hear how they ended."
_FULL = (
    "slashjob runs named, repeatable jobs that ask questions of your data or do something for you. Start one "
    "by saying: run weekly-report campaign_id=42. A schedule, a button or another system can start it too. "
    "The result, or the alert that it failed, comes back to the chat or channel that it was started from. "
    "Your own server runs it, and your data stays there."
)


@dataclass(frozen=True, slots=True)
class App:
    """What an admin decides about the app. `app_id`: of the bot's registration, a GUID; `domain`: where the
    bot is reached; the addresses are shown in Teams beside the app."""

    app_id: str
    domain: str
    name: str = "slashjob"
    developer: str = "slashjob"
    website: str = ""
    version: str = "1.0.0"


def package(app: App) -> bytes:
    """The zip that Teams takes; the same for the same app.

    Raises:
        Misconfigured: with every mistake.
    """
    written = json.dumps(manifest(app), indent=2, ensure_ascii=False) + "\n"
    files = {MANIFEST: written.encode(), COLOUR: icons.colour(), OUTLINE: icons.outline()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return made.getvalue()


def manifest(app: App) -> dict[str, Any]:
    """The manifest. Raises `Misconfigured`."""
    if found := mistakes(app):
        raise Misconfigured(found)
    app_id, domain = str(uuid.UUID(app.app_id)), app.domain.lower()
    website = app.website or f"https://{domain}"
    bot = {
        "botId": app_id,
        "scopes": ["personal", "team", "groupChat"],
        "supportsFiles": True,
        "isNotificationOnly": False,
        "commandLists": [
            {"scopes": list(scopes), "commands": commands(names)} for scopes, names in OFFERED.items()
        ],
    }
    return {
        "$schema": SCHEMA,
        "manifestVersion": VERSION,
        "version": app.version,
        "id": app_id,
        "developer": {
            "name": app.developer,
            "websiteUrl": website,
            "privacyUrl": website,
            "termsOfUseUrl": website,
        },
        "name": {"short": app.name, "full": f"{app.name}: jobs from chat"},
        "description": {"short": _SHORT, "full": _FULL},
        "icons": {"color": COLOUR, "outline": OUTLINE},
        "accentColor": icons.ACCENT,
        "bots": [bot],
        "validDomains": [domain],
    }


def commands(names: tuple[Name, ...]) -> list[dict[str, str]]:
    """What Teams offers: of these commands those that there are, each with what the help says."""
    there = [COMMANDS[name] for name in names if COMMANDS[name].available]
    return [{"title": str(one.name), "description": one.help} for one in there[:COMMANDS_LIMIT]]


def mistakes(app: App) -> list[str]:
    """Every mistake, as a sentence: what the schema finds, and what it does not (an address without TLS)."""
    found = []
    if not _is_guid(app.app_id):
        found.append(
            f"--app-id is the Microsoft App ID of the bot, such as 00000000-0000-0000-0000-000000000000, "
            f"not {app.app_id or 'empty'}."
        )
    if not _DOMAIN.fullmatch(app.domain):
        found.append(
            f"--domain is a public host alone, such as jobs.example.org, not {app.domain or 'empty'}."
        )
    if app.website and not re.fullmatch(r"https://[^\s/]+\S*", app.website):
        found.append(f"Teams shows only addresses that begin with https://, not {app.website}.")
    for what, text, limit in (
        ("--name", app.name, NAME_LIMIT),
        ("--developer", app.developer, DEVELOPER_LIMIT),
    ):
        if not 0 < len(text.strip()) <= limit:
            found.append(f"{what} has 1 to {limit} characters.")
    if not re.fullmatch(r"\d+\.\d+\.\d+", app.version):
        found.append(f"--app-version is a version such as 1.0.1, not {app.version}.")
    return found


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
