"""`slashjob doctor slack`: token, scopes, signing secret, socket, membership, clock; and how to mend each."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import sqlalchemy as sa
from slack_sdk.errors import SlackApiError

from adapters.slack import faults, signatures
from adapters.slack.http import PATH
from adapters.slack.manifest import OPTIONAL, SCOPES
from adapters.slack.workspaces import FAULTS, Workspace, Workspaces, asked, error_of
from bot.app import Bot
from bot.doctor import Finding
from core.store import tables

SKEW = 60.0  # seconds: a request of Slack's is refused when it is five minutes old
CHANNELS = 20  # channels that are asked about
_OUTSIDE = ("channel_not_found", "not_in_channel")


async def examine(bot: Bot) -> list[Finding]:
    """Everything about Slack, in the order in which it is mended."""
    settings = bot.settings
    if bot.slack is None:
        how = "Make the app from `slashjob slack-manifest`, then set SLACK_BOT_TOKEN (README, Slack)."
        return [Finding("hint", "Slack is not configured.", how)]
    workspaces = bot.slack.open()
    found = [one async for one in _workspaces(bot, workspaces)]
    found.append(await _socket(workspaces, settings.slack_app_token))
    if settings.slack_signing_secret:
        found.append(await _door(settings.public_url, settings.slack_signing_secret, workspaces))
    return found


async def _workspaces(bot: Bot, workspaces: Workspaces) -> AsyncIterator[Finding]:
    try:
        every = await workspaces.every()
    except FAULTS as error:
        yield _refused("The token", error)
        return
    if not every:
        yield Finding("hint", "No workspace has installed the app yet.", "Open /slack/install in a browser.")
    for workspace in every:
        async for one in _workspace(bot, workspace):
            yield one


async def _workspace(bot: Bot, workspace: Workspace) -> AsyncIterator[Finding]:
    try:
        told: Any = await workspace.client.auth_test()
    except FAULTS as error:
        yield _refused(f"The token of {workspace.team}", error)
        return
    name = f"{told.get('team') or workspace.team}"
    yield Finding("well", f"The token speaks in {name} as @{told.get('user') or workspace.bot_user}.")
    yield _scopes(str(_header(told.headers, "x-oauth-scopes")), name)
    yield _clock(_header(told.headers, "date"))
    async for one in _membership(bot, workspace):
        yield one


def _scopes(given: str, name: str) -> Finding:
    has = {one.strip() for one in given.split(",") if one.strip()}
    missing = sorted(set(SCOPES) - has)
    if missing:
        why = "; ".join(f"{one}: {SCOPES[one]}" for one in missing)
        return Finding(
            "bad",
            f"Scopes are missing in {name}: {', '.join(missing)}.",
            f"Add them under OAuth & Permissions, then install the app again. ({why})",
        )
    without = sorted(set(OPTIONAL) - has)
    if without:
        why = "; ".join(f"{one}: {OPTIONAL[one]}" for one in without)
        return Finding("well", f"All scopes that are needed are there. Optional ones that are not: {why}.")
    return Finding("well", "All scopes are there.")


def _clock(date: str) -> Finding:
    try:
        apart = abs(parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError):
        return Finding("hint", "Slack did not say what time it is.", "Compare this machine's clock yourself.")
    if apart > SKEW:
        return Finding(
            "bad",
            f"This machine's clock and Slack's are {apart:.0f} s apart.",
            "Let it keep time by NTP: above five minutes every request of Slack is refused as too old.",
        )
    return Finding("well", "This machine's clock agrees with Slack's.")


async def _membership(bot: Bot, workspace: Workspace) -> AsyncIterator[Finding]:
    """Of the channels that were used here so far."""
    channels = tables.channels
    query = (
        sa.select(channels.c.address, channels.c.name)
        .where(channels.c.platform == "slack", channels.c.address.like("C%"))
        .distinct()
        .limit(CHANNELS)
    )
    async with bot.store.reading() as connection:
        known = [row.address for row in await connection.execute(query)]
    outside = []
    for address in known:
        try:
            told = await asked(workspace.client, "conversations.info", channel=address)
        except FAULTS as error:
            if isinstance(error, SlackApiError) and error_of(error) in _OUTSIDE:
                outside.append(address)
            continue
        if not (told.get("channel") or {}).get("is_member"):
            outside.append(f"#{told['channel'].get('name') or address}")
    if outside:
        yield Finding(
            "hint",
            f"The bot is no member of {', '.join(outside)}, where it was used.",
            "Say there: /invite @slashjob. Until then answers come by the command itself or directly.",
        )
    elif known:
        yield Finding("well", f"The bot is a member of the {len(known)} channels where it was used.")


async def _socket(workspaces: Workspaces, token: str) -> Finding:
    if not token:
        return Finding("well", "Socket Mode is off: Slack has to reach /slack/events by HTTPS.")
    try:
        await workspaces.client(token).apps_connections_open(app_token=token)
    except FAULTS as error:
        word = error_of(error)
        return Finding(
            "bad",
            f"Socket Mode does not open: {word}.",
            "Basic Information, App-Level Tokens: make one with connections:write, set SLACK_APP_TOKEN "
            "to it, and turn Socket Mode on.",
        )
    return Finding("well", "Socket Mode opens.")


async def _door(url: str, secret: str, workspaces: Workspaces) -> Finding:
    """Send what Slack sends to see whether an address is ours, signed with our secret."""
    if re.fullmatch(r"[0-9a-f]{32}", secret) is None:
        return Finding(
            "hint",
            "SLACK_SIGNING_SECRET does not look like one (32 hexadecimal digits).",
            "Copy it from Basic Information, App Credentials; it is neither the client secret nor a token.",
        )
    if not url:
        how = "Set SLASHJOB_PUBLIC_URL to the address that Slack calls, and ask again."
        return Finding("hint", "Whether Slack can reach this server is not known.", how)
    target = f"{url.rstrip('/')}{PATH}"
    body = json.dumps({"type": "url_verification", "challenge": "doctor"}).encode()
    headers = {**signatures.sign(secret, body, time.time()), "Content-Type": "application/json"}
    try:
        async with workspaces.session.post(target, data=body, headers=headers) as answer:
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        how = "Does `slashjob serve` run, and does the address lead to it, with a certificate that is right?"
        return Finding("bad", f"{target} does not answer ({type(error).__name__}).", how)
    if answer.status == 401:
        how = "The server there has another SLACK_SIGNING_SECRET, or its clock is wrong. Restart it."
        return Finding("bad", f"{target} refuses what is signed with this secret.", how)
    if answer.status != 200 or "doctor" not in text:
        how = "Something else answers there: check the proxy and SLASHJOB_PUBLIC_URL."
        return Finding("bad", f"{target} answers {answer.status}.", how)
    return Finding("well", f"{target} answers, with the same signing secret.")


def _refused(what: str, error: Exception) -> Finding:
    word = error_of(error)
    if isinstance(error, SlackApiError):
        mend = faults.PERMANENT.get(word, "Copy the token again from OAuth & Permissions.")
        return Finding("bad", f"{what} is refused: {word}.", mend)
    how = "Can this machine reach slack.com by HTTPS? Is SLACK_API_URL right?"
    return Finding("bad", f"Slack cannot be reached ({word}).", how)


def _header(headers: Any, name: str) -> str:
    for key, value in dict(headers or {}).items():
        if str(key).lower() == name:
            return str(value[0] if isinstance(value, list) else value)
    return ""
