"""`slashjob doctor teams`: credentials, signing keys, clock, endpoint, channels; and how to mend each."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from adapters.teams.faults import Unsent
from adapters.teams.http import PATH
from adapters.teams.keys import Away, Keys, UnknownKey
from adapters.teams.service import Teams
from adapters.teams.tokens import LoginRefused, Tokens
from bot.app import Bot
from bot.doctor import Finding
from core.store import tables

SKEW = 60.0  # seconds: a token of Teams is refused five minutes beside its time
SOON = timedelta(days=14)  # before a certificate ends
SHOWN = 5  # broken channels that are named
TIMEOUT = aiohttp.ClientTimeout(total=10.0)  # seconds of one look

_ANEW = "Entra, App registrations, the app, Certificates & secrets: make a new client secret, and set "
MENDS = {
    "AADSTS7000215": f"{_ANEW}MICROSOFT_APP_PASSWORD to its Value (not to its Secret ID).",
    "AADSTS7000222": f"The secret has expired. {_ANEW}MICROSOFT_APP_PASSWORD to its Value.",
    "AADSTS700016": "MICROSOFT_APP_ID and MICROSOFT_APP_TENANT_ID do not belong together: copy both from the "
    "Overview page of the app registration. The bot in Azure has to be of the type Single Tenant.",
    "AADSTS90002": "There is no such tenant: copy MICROSOFT_APP_TENANT_ID from the Overview page.",
    "AADSTS700027": "Entra does not know the certificate: upload it under Certificates & secrets.",
    "AADSTS7000112": "The app is disabled. Entra, Enterprise applications, the app, Properties: enable it.",
}
"""code of a refused login -> how to mend it"""


async def examine(bot: Bot) -> list[Finding]:
    """Everything about Teams, in the order in which it is mended."""
    if bot.teams is None:
        how = "Register a bot in Azure, then set MICROSOFT_APP_ID (README, Microsoft Teams)."
        return [Finding("hint", "Teams is not configured.", how)]
    teams = bot.teams
    found: list[Finding] = []
    if teams.tokens is None or teams.keys is None:
        how = "For trying it out on this machine only. TEAMS_AUTH=on before anybody else can reach the port."
        found.append(Finding("hint", "TEAMS_AUTH is off: nobody is asked who they are.", how))
    else:
        if bot.settings.microsoft_app_certificate:
            found.append(_certificate(bot.settings.microsoft_app_certificate))
        found.append(await _credentials(teams.tokens))
        found.append(await _keys(teams.keys))
        found.append(await _clock(teams, bot.settings.teams_openid_url))
        found.append(await _door(teams, bot.settings.public_url))
    return [*found, *[one async for one in _channels(bot)]]


def _certificate(pem: str) -> Finding:
    how = "MICROSOFT_APP_CERTIFICATE_FILE names a file with the certificate and its private key, both as PEM."
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        return Finding("bad", f"The certificate cannot be read ({type(error).__name__}).", how)
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    if left < timedelta(0):
        return Finding("bad", "The certificate has ended.", f"Upload a new one to Entra. {how}")
    if left < SOON:
        return Finding("hint", f"The certificate ends in {left.days} days.", f"Upload a new one. {how}")
    return Finding("well", f"The certificate holds for {left.days} days.")


async def _credentials(tokens: Tokens) -> Finding:
    try:
        await tokens.get()
    except LoginRefused as refused:
        how = MENDS.get(refused.code, "The code is explained at https://login.microsoftonline.com/error")
        return Finding("bad", f"Microsoft does not give the bot a token: {refused.code}.", how)
    except Unsent as unsent:
        how = "Can this machine reach login.microsoftonline.com by HTTPS? Is TEAMS_LOGIN_URL right?"
        return Finding("bad", unsent.sentence, how)
    return Finding("well", "Microsoft gives the bot a token.")


async def _keys(keys: Keys) -> Finding:
    try:
        await keys.get("doctor")
    except UnknownKey:  # the keys are there, and none is called so
        return Finding("well", "The keys that sign what Teams sends are there.")
    except Away:
        how = "Can this machine reach login.botframework.com by HTTPS? Until then every request gets 503."
        return Finding("bad", "The keys that sign what Teams sends cannot be fetched.", how)
    return Finding("well", "The keys that sign what Teams sends are there.")


async def _clock(teams: Teams, url: str) -> Finding:
    try:
        async with teams.session().get(url, timeout=TIMEOUT) as answer:
            apart = abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time())
    except (aiohttp.ClientError, TimeoutError, KeyError, TypeError, ValueError):
        how = "Compare this machine's clock yourself."
        return Finding("hint", "Microsoft did not say what time it is.", how)
    if apart > SKEW:
        how = "Let it keep time by NTP: above five minutes every request of Teams is refused as 401."
        return Finding("bad", f"This machine's clock and Microsoft's are {apart:.0f} s apart.", how)
    return Finding("well", "This machine's clock agrees with Microsoft's.")


async def _door(teams: Teams, url: str) -> Finding:
    """Knock without a token: a bot that runs there turns us away in its own words."""
    if not url:
        how = "Set SLASHJOB_PUBLIC_URL to the address of the bot's messaging endpoint, and ask again."
        return Finding("hint", "Whether Teams can reach this server is not known.", how)
    target = f"{url.rstrip('/')}{PATH}"
    knock = {"type": "message", "conversation": {"id": "doctor"}, "recipient": {"id": "doctor"}}
    try:
        async with teams.session().post(target, json=knock, timeout=TIMEOUT, allow_redirects=False) as answer:
            status, text = answer.status, (await answer.text())[:100]
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        how = "Does `slashjob serve` run, and does the address lead to it, with a certificate that is right?"
        return Finding("bad", f"{target} does not answer ({type(error).__name__}).", how)
    if (status, text) == (503, "not ready"):
        return Finding("hint", f"{target} is starting.", "Ask again in a moment.")
    if (status, text) != (401, "turned away"):
        how = "Something else answers there: check the proxy, SLASHJOB_PUBLIC_URL, and that TEAMS_AUTH is on."
        return Finding("bad", f"{target} answers {status}.", how)
    if not url.startswith("https://"):
        how = "Azure takes only https:// as messaging endpoint: put a proxy with a certificate in front."
        return Finding("hint", f"{target} answers, but not by HTTPS.", how)
    return Finding(
        "well", f"{target} answers, and turns away who has no token. It is the messaging endpoint."
    )


async def _channels(bot: Bot) -> AsyncIterator[Finding]:
    """Where the bot was used so far, and where it may not speak."""
    channels = tables.channels
    query = (
        sa.select(channels.c.address, channels.c.name, channels.c.state, channels.c.state_reason)
        .where(channels.c.platform == "teams", channels.c.thread == "")
        .order_by(channels.c.pk)
    )
    try:
        async with bot.store.reading() as connection:
            known = list(await connection.execute(query))
    except sa.exc.DBAPIError:
        yield Finding("hint", "The database is not there yet.", "See: slashjob doctor")
        return
    broken = [row for row in known if row.state == "broken"]
    for row in broken[:SHOWN]:
        yield Finding("hint", f"Nothing can be posted in {row.name or row.address}.", row.state_reason)
    if known and not broken:
        yield Finding("well", f"The bot may speak in all of the {len(known)} places where it was used.")
